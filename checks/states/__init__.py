"""Terraform states as plain data, what is wrong with one, and whose resources it holds."""

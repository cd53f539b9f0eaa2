"""Reads the Terraform states of the inventory: each version once, never writing, keeping names and nothing else."""

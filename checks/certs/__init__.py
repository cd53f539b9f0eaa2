"""Certificates: what is told of them as plain data, and how they are judged. Standard library only."""

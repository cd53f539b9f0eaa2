"""Tests of utilization."""

"""Prometheus' rules for Barograph itself as data, and their runbook: `python -m dashboards.rules`."""

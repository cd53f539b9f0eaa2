"""Dashboards and rules: generated, committed, tested."""

"""Prometheus' rules, held against real tools and against the catalogue."""

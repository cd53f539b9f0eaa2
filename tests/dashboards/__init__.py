"""Dashboards: right as text, answered by Prometheus, shown by Grafana's libraries."""

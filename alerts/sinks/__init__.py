"""Destinations that are no Slack channel. Each renders an event (alerts.events) into one HTTP request.

Rendering and judging answers is pure; alerts.sinks.http alone talks to the network.
"""

"""From findings to messages: tiers, the life of an incident, rendering, delivery."""

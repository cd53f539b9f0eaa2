"""Service quotas: what is used of them, from where that is known, and when they will be full."""

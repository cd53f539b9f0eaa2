"""Turns one watched instance into one PlanLook, read-only by construction."""

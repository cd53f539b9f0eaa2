"""Turns one watched instance into one PlanLook, read-only by construction."""

from daemon.planning.planner import Planner
from daemon.planning.settings import PlanningSettings, PlanRule, inherited, workers_for

__all__ = ["PlanRule", "Planner", "PlanningSettings", "inherited", "workers_for"]

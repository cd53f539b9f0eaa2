"""What the options of the check `security` say, as the looks take it."""

from __future__ import annotations

from dataclasses import dataclass

from checks.exposure.identity import Limits


@dataclass(frozen=True, slots=True)
class Settings:
    """Options, and nothing else."""

    sensitive_ports: tuple[int, ...]
    public_ports: tuple[int, ...]
    load_balancer_ports: tuple[int, ...]
    internal_listeners: bool
    required_services: tuple[str, ...]
    least_severity: str
    most_findings: int
    config_rules: tuple[str, ...]
    limits: Limits

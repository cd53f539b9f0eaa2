"""A question to the demo's AWS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from daemon.demo.standin.facts import Facts

if TYPE_CHECKING:
    from daemon.demo.standin.trail import Trail


@dataclass(frozen=True)
class Asked:
    """One request. *parameters* are named as the service model names them."""

    service: str  # botocore's name: "service-quotas"
    operation: str  # "ListServiceQuotas"
    region: str
    access_key: str
    parameters: Mapping[str, Any]
    now: datetime
    facts: Facts
    trail: Trail

    def with_parameters(self, parameters: Mapping[str, Any]) -> Asked:
        return replace(self, parameters=parameters)

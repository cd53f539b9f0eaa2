"""All six dashboards as the files that are committed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.board import Addresses, Board
from dashboards.cost import cost
from dashboards.drift import drift
from dashboards.executions import executions
from dashboards.expiries import expiries
from dashboards.fleet import fleet
from dashboards.itself import itself

BOARDS: tuple[Callable[[Addresses], Board], ...] = (fleet, drift, expiries, cost, executions, itself)

# What the SDK adds and Grafana does by itself, or should decide by itself.
_NOISE = {"placement": "inControlsMenu", "auto": False, "auto_count": 30, "auto_min": "10s"}


def written(addresses: Addresses) -> Mapping[str, str]:
    """File name -> JSON text, the same for every call."""
    made = [build(addresses).dashboard.build() for build in BOARDS]
    return {
        f"{each.uid}.json": json.dumps(plain(each), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        for each in made
    }


def plain(dashboard: Dashboard) -> Any:
    """A dashboard as data, as it is committed."""
    return _without_noise(json.loads(json.dumps(dashboard, cls=JSONEncoder)))


def _without_noise(value: object) -> object:
    if isinstance(value, dict):
        return {k: _without_noise(v) for k, v in value.items() if k not in _NOISE or _NOISE[k] != v}
    if isinstance(value, list):
        return [_without_noise(each) for each in value]
    return value

"""The checks. A module in this folder that defines a Check is the registration of it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checks.base import Check


def discover() -> Mapping[str, type[Check]]:
    """Give every check by its name, which is the name of its module.

    Raises RuntimeError where a module defines more than one check: its name could not tell them apart.
    """
    from checks.base import Check

    found: dict[str, type[Check]] = {}
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda i: i.name):
        if info.ispkg or info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{__name__}.{info.name}")
        own = [
            c
            for _, c in inspect.getmembers(module, inspect.isclass)
            if issubclass(c, Check) and c is not Check and c.__module__ == module.__name__
        ]
        if len(own) > 1:
            raise RuntimeError(f"checks/{info.name}.py defines {len(own)} checks; give each a module of its own")
        if own:
            found[info.name] = own[0]
    return MappingProxyType(found)

"""How much a database can take: the memory of its class, and the connections that follow from it. Pure.

Sources: the hardware table of the Amazon RDS user guide ("DB instance classes"), and its quotas ("Maximum number of
database connections"). Classes of families that are not here have no ceiling that we know of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

GIB = 2**30
_BURSTABLE = {"micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16, "2xlarge": 32}
# Family -> GiB of its size "large", which every larger size has as many times as it has more processors.
_LARGE = {
    **dict.fromkeys(("m4", "m5", "m5d", "m6g", "m6gd", "m6i", "m6id", "m7g", "m7gd", "m7i", "m8g", "m8gd"), 8.0),
    "r4": 15.25,
    **dict.fromkeys(("r5", "r5d", "r5b", "r6g", "r6gd", "r6i", "r6id", "r7g", "r7gd", "r7i", "r8g", "r8gd"), 16.0),
    **dict.fromkeys(("c6gd",), 4.0),
    **dict.fromkeys(("x2g",), 32.0),
}  # fmt: skip
_FORMULA = re.compile(r"\{DBInstanceClassMemory/(\d+)\}")
# What max_connections is where nobody set it: bytes of memory for each, and the most there can be.
_DEFAULTS: Mapping[str, tuple[int, float]] = {
    "mysql": (12_582_880, 100_000), "mariadb": (12_582_880, 100_000), "postgres": (9_531_392, 5_000),
    "aurora-postgresql": (9_531_392, 5_000),
}  # fmt: skip


def memory(instance_class: str) -> int | None:
    """Bytes of memory of a class such as "db.r6g.2xlarge"; None: not known."""
    match = re.fullmatch(r"db\.([a-z0-9]+)\.([0-9]*)(micro|small|medium|large|xlarge)", instance_class)
    if match is None:
        return None
    family, times, size = match.groups()
    if family in ("t2", "t3", "t4g"):
        gib = _BURSTABLE.get(times + size)
        return gib * GIB if gib else None
    large = _LARGE.get(family)
    if large is None or size not in ("large", "xlarge"):
        return None
    return int(large * GIB * (1 if size == "large" else 2 * int(times or 1)))


def connections(engine: str, instance_class: str, parameter: str) -> int | None:
    """How many connections a database takes at most; None: not known.

    *parameter*: its max_connections as its parameter group has it, empty where nobody set it. Memory is the whole of
    the class; RDS takes some for itself first, so that the true number is a few percent lower.
    """
    if parameter.isdecimal():
        return int(parameter) or None
    bytes_ = memory(instance_class)
    if bytes_ is None:
        return None
    if parameter:
        match = _FORMULA.fullmatch(parameter)
        return bytes_ // int(match[1]) if match and int(match[1]) else None
    each = _DEFAULTS.get(engine)
    return int(min(bytes_ // each[0], each[1])) if each else None

"""Durations and sizes as people write them: `6h`, `1h30m`, `512MiB`."""

from __future__ import annotations

import re
from datetime import timedelta

_SECONDS = {"w": 604_800.0, "d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION_PART = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|[wdhms])")
_DURATION = re.compile(rf"(?:{_DURATION_PART.pattern})+")

_BYTES = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "kB": 10**3, "MB": 10**6, "GB": 10**9}
_SIZE = re.compile(r"(\d{1,19}(?:\.\d{1,6})?)\s*([KMGTk]?i?B)")


def parse_duration(text: str) -> timedelta:
    """Give `90s`, `15m`, `6h`, `7d`, `2w`, `250ms` or a sum such as `1h30m`. Raises ValueError for anything else."""
    compact = text.strip().replace(" ", "")
    if not _DURATION.fullmatch(compact):
        raise ValueError("no duration")
    try:
        return timedelta(seconds=sum(float(n) * _SECONDS[unit] for n, unit in _DURATION_PART.findall(compact)))
    except OverflowError:
        raise ValueError("no duration") from None


def format_duration(value: timedelta) -> str:
    """Write a duration so that parse_duration gives it back, to the millisecond."""
    rest = round(value.total_seconds() * 1000)
    if rest % 604_800_000 == 0 and rest:
        return f"{rest // 604_800_000}w"
    text = ""
    for unit, milliseconds in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, rest = divmod(rest, milliseconds)
        if count:
            text += f"{count}{unit}"
    return text or "0s"


def parse_size(text: str) -> int:
    """Give the bytes of `512MiB`, `1.5GiB`, `200kB`. Raises ValueError for anything else."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or match[2] not in _BYTES:
        raise ValueError("no size")
    number = match[1]
    return round((float(number) if "." in number else int(number)) * _BYTES[match[2]])


def format_size(value: int) -> str:
    """Write bytes in the largest binary unit that needs no fraction."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if value and value % _BYTES[unit] == 0:
            return f"{value // _BYTES[unit]}{unit}"
    return f"{value}B"

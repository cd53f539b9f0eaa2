"""Pieces of SQL that the questions of a report share."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from daemon.store.codec import time_text

MOST = 2_000  # rows of incidents; the numbers count all
RANK = "case {} when 'critical' then 0 when 'warning' then 1 else 2 end"
WHERE = """case when json_extract(i.labels, '$.stack') is null then i.place
    else json_extract(i.labels, '$.stack') || coalesce('/' || json_extract(i.labels, '$.component'), '') end"""


def numbered(weeks: Iterable[tuple[datetime, datetime]], first: int = 0) -> str:
    """Weeks as a table of SQL. The texts are times of ours, made here."""
    values = ", ".join(
        f"({number}, '{time_text(start)}', '{time_text(end)}')" for number, (start, end) in enumerate(weeks, first)
    )
    return f"w (week, starts, ends) as (values {values})"

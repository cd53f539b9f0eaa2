"""The rows of a period as CSV and as JSON. Pure. What looks like a secret is taken out once more on the way."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time

from daemon.audit.redact import redacted, text
from daemon.report.as_csv import guarded
from daemon.store.rows import AuditRow

COLUMNS = ("seq", "at", "who", "action", "detail", "previous", "hash")


def parse_moment(value: str) -> datetime:
    """A day (its midnight, UTC), or a moment; without a zone it is UTC. Raises ValueError with what to give."""
    try:
        if len(value) == 10:
            return datetime.combine(date.fromisoformat(value), time(), UTC)
        found = datetime.fromisoformat(value)
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("give a day or a moment, such as 2026-03-01 or 2026-03-01T09:00:00Z") from None


def as_csv(rows: Iterable[AuditRow]) -> str:
    """With a header; a cell that a spreadsheet could take for a formula has an apostrophe in front."""
    kept = io.StringIO()
    writer = csv.writer(kept, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        cells = (_at(row.at), text(row.who), text(row.action), _detail(row), row.previous, row.hash)
        writer.writerow([row.id, *map(guarded, cells)])
    return kept.getvalue()


def as_json(rows: Sequence[AuditRow], since: datetime | None, until: datetime | None) -> str:
    """The period and its rows, each with its hashes. *text* is what was hashed as the row's detail."""
    said = {
        "from": None if since is None else _at(since),
        "to": None if until is None else _at(until),
        "rows": [
            {
                "seq": row.id, "at": _at(row.at), "who": text(row.who), "action": text(row.action),
                "detail": redacted(row.detail), "text": _detail(row), "previous": row.previous, "hash": row.hash,
            }
            for row in rows
        ],
    }  # fmt: skip
    return json.dumps(said, ensure_ascii=False, indent=1) + "\n"


def _detail(row: AuditRow) -> str:
    """The stored text, or, where a secret shows in it now, the same without: its hash then fits no more."""
    kept = redacted(row.detail)
    return row.text if kept == row.detail else json.dumps(kept, sort_keys=True, separators=(",", ":"), default=str)


def _at(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

"""A weekly report out of a large store: a million transitions of fifty thousand incidents, and what goes with them."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from daemon.report.period import Week
from daemon.reporting import made_of, rendered
from daemon.store import Store

Row = tuple[str, str, str]
WEEK = Week(2026, 47, ZoneInfo("Europe/Berlin"))
INCIDENTS, EACH, RUNS, VERDICTS, MESSAGES = 50_000, 20, 500_000, 300_000, 200_000
SPAN, LIFE = timedelta(days=390), timedelta(days=20)
KINDS = ("drift", "security_violation", "compliance", "backup_failure", "utilization", "monitoring")


def text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def seed(store: Store) -> None:
    """As many rows as an installation of years has, spread over the time that is kept."""
    dice, end = Random(5), WEEK.ends
    with store.transaction() as tx:
        db = tx.db.conn
        db.executemany(f"insert into incident values ({', '.join('?' * _width(db, 'incident'))})", _incidents(db))
        db.executemany(
            "insert into transition (fingerprint, seq, at, action, reason, before, after, tier, summary)"
            " values (?, ?, ?, ?, 'seen', '', ?, ?, 'something is wrong')",
            _transitions(),
        )
        db.executemany(
            "insert into run (check_name, place, labels, started, ended, outcome, reason, detail, next_due)"
            " values (?, ?, '{}', ?, ?, ?, ?, '', ?)",
            _runs(dice, end),
        )
        db.executemany(
            "insert into verdict_change (check_name, place, resource, at, outcome, verdict, summary)"
            " values (?, ?, ?, ?, ?, ?, 'so it was')",
            _verdicts(dice, end),
        )
        db.execute(
            "insert into thread (subject, channel, root_ts, created_at) values ('s', 'C1', '1.0', ?)",
            [text(end - SPAN)],
        )
        db.executemany(
            "insert into delivery (number, id, dedupe_key, subject, kind, channel, tier, tier_rank, body, state,"
            " attempt, created_at, not_before, intent_at, sent_at, ts, error_class, error) values"
            " (?, ?, ?, 's', 'post', 'C1', 'warning', 1, ?, 'sent', 1, ?, null, ?, ?, '1', '', '')",
            _messages(end),
        )


def _width(db: Any, table: str) -> int:
    return len(db.execute(f"pragma table_info({table})").fetchall())


def _life(number: int) -> tuple[datetime, datetime]:
    """When an incident was first and last heard of: some days, somewhere in the time that is kept."""
    start = WEEK.ends - SPAN + (SPAN - LIFE) * Random(number).random()
    return start, start + LIFE


def _incidents(db: Any) -> Iterator[tuple[Any, ...]]:
    columns = [row[1:5] for row in db.execute("pragma table_info(incident)")]
    labels = json.dumps({"stack": "acme-prod", "component": "service/shop", "stage": "production", "owner": "shop"})
    for number in range(INCIDENTS):
        live = number % 10 == 0
        first, last = _life(number)
        given = {
            "fingerprint": f"v1:{number:032x}", "check_name": KINDS[number % 6], "place": f"p{number % 500}",
            "resource": f"r{number}", "key": "k", "kind": KINDS[number % 6], "tier": _tier(number), "tier_reason": "so",
            "state": "open" if live else "resolved", "summary": f"{number} is not as it should be", "labels": labels,
            "first_seen": text(first), "opened_at": text(first), "last_seen": text(last), "changed_at": text(last),
            "occurrence": 3, "seq": EACH, "baseline": int(number % 7 == 0), "announced": 1,
            "evidence": json.dumps({"changes": ["x" * 200] * 3}), "addresses": "[]", "remedy": "terraform plan",
            "resolved_at": None if live else text(last),
        }  # fmt: skip
        yield tuple(given.get(name, _default(kind, required, default)) for name, kind, required, default in columns)


def _default(kind: str, required: int, default: str | None) -> Any:
    """What a column that this case does not fill has."""
    if default is not None:
        return default.strip("'")
    return (0 if kind.lower() == "integer" else "") if required else None


def _tier(number: int) -> str:
    return "critical" if number % 20 == 0 else "info" if number % 3 == 0 else "warning"


def _transitions() -> Iterator[tuple[Any, ...]]:
    """In the order in which they happened, as a store has them."""
    step = LIFE / (EACH - 1)
    lives = [_life(number)[0] for number in range(INCIDENTS)]
    ordered = sorted(
        (lives[number] + step * seq, number, seq + 1) for number in range(INCIDENTS) for seq in range(EACH)
    )
    for at, number, seq in ordered:
        action = ("open" if seq == 1 else "reopen") if seq % 2 else "resolve"
        if seq == EACH and number % 10 == 0:
            action = "update"
        after = "resolved" if action == "resolve" else "open"
        yield (f"v1:{number:032x}", seq, text(at), action, after, _tier(number))


def _runs(dice: Random, end: datetime) -> Iterator[tuple[Any, ...]]:
    step = SPAN / RUNS
    for number in range(RUNS):
        at = end - SPAN + step * number
        good = dice.random() < 0.97
        yield (KINDS[number % 6], f"p{number % 500}", text(at), text(at + timedelta(seconds=20)), "ok" if good
               else "failed", "" if good else "denied", text(at + step * 600))  # fmt: skip


def _verdicts(dice: Random, end: datetime) -> Iterator[tuple[Any, ...]]:
    step = SPAN / VERDICTS
    for number in range(VERDICTS):
        bad = dice.random() < 0.3
        verdict = ("unhealthy", "drift") if bad else ("healthy", "in_sync")
        check = "drift" if number % 2 else "security"
        yield (check, f"p{number % 500}", f"r{number % 20_000}", text(end - SPAN + step * number), *verdict)


def _messages(end: datetime) -> Iterator[tuple[Any, ...]]:
    step, body = SPAN / MESSAGES, json.dumps({"text": "t" * 400, "blocks": ["b" * 1500]})
    for number in range(MESSAGES):
        at = end - SPAN + step * number
        yield (number + 1, f"{number:032x}", f"k{number}", body, text(at), text(at), text(at + timedelta(seconds=0.4)))


def weekly() -> Iterator[Row]:
    """The facts, the whole report, and all its files."""
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "s.db", lambda: WEEK.ends) as store:
        seed(store)
        now = WEEK.ends + timedelta(hours=9)
        with store.read() as view:
            began, used = time.perf_counter(), time.process_time()
            report = made_of(view, WEEK, now)
            made, cpu = time.perf_counter() - began, time.process_time() - used
        used = time.process_time()
        files = rendered(report)
        drawn = time.process_time() - used
        size = store.path.stat().st_size / 1e6
    yield (
        f"weekly report of {INCIDENTS * EACH:,} transitions, {INCIDENTS:,} incidents, {RUNS:,} looks",
        f"{cpu:.1f} s of CPU", f"limit: 3 s; {made:.1f} s by the clock; store of {size:,.0f} MB",
    )  # fmt: skip
    yield "all its files", f"{drawn:.1f} s of CPU", f"page {len(files['report.html']) / 1e3:,.0f} kB"

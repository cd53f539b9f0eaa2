"""Numbers of a report worked out again from the raw tables, with plain sqlite3 and another method: a replay.

Nothing of the report's code is used here.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any


def numbers(path: Path, start: datetime, end: datetime, now: datetime) -> Mapping[str, float]:
    """Label -> value, of the week from *start* to *end*."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        db.row_factory = sqlite3.Row
        found = {**_incidents(db, start, end, now), **_looks(db, start, end), **_messages(db, start, end)}
        found |= _verdicts(db, end)
        found |= _production(db, start, end)
    db.close()
    return found


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _incidents(db: sqlite3.Connection, start: datetime, end: datetime, now: datetime) -> dict[str, float]:
    baseline = {row["fingerprint"] for row in db.execute("select fingerprint from incident where baseline = 1")}
    found: dict[str, float] = defaultdict(float)
    targets = {"critical": timedelta(minutes=15), "warning": timedelta(hours=24)}
    asked: dict[str, int] = defaultdict(int)
    inside: dict[str, int] = defaultdict(int)
    repairs: list[float] = []
    live: dict[str, str] = {}
    began: dict[str, datetime] = {}
    since_first_look: dict[str, bool] = {}
    unanswered: dict[str, tuple[str, datetime]] = {}  # fingerprint -> tier, when: opened in the week
    for row in db.execute("select * from transition order by at, id"):
        mark, action, at = row["fingerprint"], row["action"], _at(row["at"])
        of_week = start <= at < end
        first_look = action == "open" and (mark in baseline or "part of the baseline summary" in row["reason"])
        if action in ("open", "reopen"):
            began[mark] = at
            since_first_look[mark] = first_look
            if of_week and not first_look:
                found["Opened"] += 1
                if row["tier"] in targets:
                    unanswered[mark] = (row["tier"], at)
        if action == "resolve" and of_week:
            found["Ended"] += 1
            if not since_first_look[mark]:
                repairs.append((at - began[mark]).total_seconds())
        if action in ("resolve", "acknowledge", "retire") and mark in unanswered:
            tier, opened = unanswered.pop(mark)
            if action != "retire":
                asked[tier] += 1
                inside[tier] += at - opened <= targets[tier]
        if at < end:
            live[mark] = row["tier"] if row["after"] in ("open", "acknowledged") else ""
    for tier, opened in unanswered.values():
        asked[tier] += now - opened >= targets[tier]
    for tier in ("critical", "warning", "info"):
        found[f"Open {tier}"] = sum(each == tier for each in live.values())
    for tier in targets:
        if asked[tier]:
            found[f"Answered within target, {tier}"] = inside[tier] / asked[tier]
    if repairs:
        found["Mean time to repair"] = statistics.fmean(repairs)
    return {"Opened": 0.0, "Ended": 0.0, **found}


def _looks(db: sqlite3.Connection, start: datetime, end: datetime) -> dict[str, float]:
    runs = [row for row in db.execute("select * from run") if start <= _at(row["ended"]) < end]
    tried = {(row["check_name"], row["place"]) for row in runs}
    seen = {(row["check_name"], row["place"]) for row in runs if row["outcome"] == "ok"}
    known = {
        (row["check_name"], row["place"])
        for row in db.execute("select * from job")
        if row["first_ok"] is None or _at(row["first_ok"]) < end
    }
    return {
        "Looks": len(runs),
        "Looks that failed": sum(row["outcome"] != "ok" for row in runs),
        "Refused for lack of a permission": sum(row["reason"] == "denied" for row in runs),
        "Places looked at": len(seen) / len(tried | known),
    }


def _messages(db: sqlite3.Connection, start: datetime, end: datetime) -> dict[str, float]:
    rows: list[Any] = [
        row for row in db.execute("select * from delivery where sent_at is not null and kind in ('post', 'reply')")
        if start <= _at(row["sent_at"]) < end
    ]  # fmt: skip
    took = sorted((_at(row["sent_at"]) - _at(row["created_at"])).total_seconds() for row in rows)
    found: dict[str, float] = {"Messages": len(took)}
    if took:
        found["Delivered within, median"] = took[min(len(took) - 1, len(took) // 2)]
        found["Delivered within, 95 %"] = took[min(len(took) - 1, int(0.95 * len(took)))]
    return found


def _production(db: sqlite3.Connection, start: datetime, end: datetime) -> dict[str, float]:
    """What runs said themselves, and what is written down of their stacks."""
    runs: list[dict[str, Any]] = []
    for row in db.execute("select * from aftercare where state <> 'skipped'"):
        run: dict[str, Any] = {"health": row["health"], "cycle": row["cycle"], "stack": row["stack"], "wells": []}
        for each in json.loads(row["verdict"]).get("worse", []):
            run.setdefault("since", _at(each["since"]))
            run["wells"].append(_at(each["until"]) if each["until"] else None)
        events = db.execute("select * from execution_event where run_id = ? order by seq", (row["run_id"],))
        for event in events:
            body = json.loads(event["body"])
            if event["event"] == "run.start":
                run |= {"where": (body["stack"], body["component"]), "sha": body["git_sha"]}
                run["committed"] = _at(body["git_committed_at"]) if "git_committed_at" in body else None
            if event["event"] == "run.end":
                run |= {"end": _at(event["at"]), "good": body["rc"] == 0}
        runs.append(run)
    runs.sort(key=lambda run: run["end"])
    bad: list[float | None] = []
    for number, run in enumerate(runs):
        later = [each for each in runs[number + 1 :] if each["where"] == run["where"]]
        earlier = [each["sha"] for each in runs[:number] if each["where"] == run["where"]]
        undone = bool(later) and later[0]["good"] and later[0]["sha"] != run["sha"] and later[0]["sha"] in earlier
        if not start <= run["end"] < end:
            continue
        if not run["good"]:
            bad.append(next(((each["end"] - run["end"]).total_seconds() for each in later if each["good"]), None))
        elif run["health"] == "worse":
            wells = run["wells"]
            bad.append(None if None in wells else (max(wells) - run["since"]).total_seconds())
        elif undone:
            bad.append((later[0]["end"] - run["end"]).total_seconds())
    here = [run for run in runs if start <= run["end"] < end]
    leads = [(r["end"] - r["committed"]).total_seconds() for r in here if r["good"] and r["committed"]]
    strays = [
        row for row in db.execute("select * from incident where check_name = 'state' and kind = 'security_violation'")
        if start <= _at(row["first_seen"]) < end and row["state"] in ("open", "acknowledged")
    ]  # fmt: skip
    words = [run["cycle"] for run in here if run["cycle"] in ("kept", "broken")] + ["stray"] * len(strays)
    over = [each for each in bad if each is not None]
    found: dict[str, float] = {"Deployments to production": sum(run["good"] for run in here)}
    if leads:
        found["Lead time to production, median"] = statistics.median_low(leads)
    if here:
        found["Changes to production that failed"] = len(bad) / len(here)
    if over:
        found["Time to restore, median"] = statistics.median_low(over)
    if words:
        found["Through the recorded cycle"] = words.count("kept") / len(words)
    return found


def _verdicts(db: sqlite3.Connection, end: datetime) -> dict[str, float]:
    stood: dict[tuple[str, str, str], tuple[str, str]] = {}
    for row in db.execute("select * from verdict_change order by id"):
        if _at(row["at"]) < end:
            stood[row["check_name"], row["place"], row["resource"]] = (row["outcome"], row["verdict"])
    of_drift = [value for (check, _, _), value in stood.items() if check == "drift" and value[0]]
    found: dict[str, float] = {
        "Drifted": sum(verdict in ("drift", "drift+pending") for _, verdict in of_drift),
        "As the code says": sum(outcome == "healthy" for outcome, _ in of_drift),
    }
    of_security = [verdict for (check, _, _), (_, verdict) in stood.items() if check == "security"]
    if of_security:
        found["Accepted by a rule"] = of_security.count("suppressed")
    return found

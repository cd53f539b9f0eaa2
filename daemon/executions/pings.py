"""Pings as Healthchecks' clients send them: from one to the events that it stands for. Pure.

`start` begins a run, nothing or an exit code ends one, `fail` ends it badly, `log` says something. `rid` pairs the two
ends of a run; without it an end belongs to the start before it, and is a run of its own where there was none.
"""

from __future__ import annotations

import re
import uuid
from datetime import datetime

from checks.runs.listener import Listener
from checks.runs.model import Trouble
from checks.runs.record import Sent
from daemon.executions.intake import Offer
from daemon.executions.schedules import Schedule

PING = "ping"
BODY_LIMIT = 100_000  # bytes of a body that are read
TEXT = 4_000  # characters of it that are kept
_SPACE = uuid.UUID("5b4c5d43-6ab3-4f43-9d0e-8d0c3a4d6a1b")
_END = 2**62
_CODE = re.compile(r"\d{1,3}")
START, FAIL, LOG, SUCCESS = "start", "fail", "log", "success"


def action_of(word: str) -> str | int | None:
    """What the last part of an address asks for: a word, or an exit code from 0 to 255; None: nothing that is known."""
    if word in ("", START, FAIL, LOG):
        return word or SUCCESS
    return int(word) if word.isascii() and _CODE.fullmatch(word) and int(word) <= 255 else None


def is_rid(rid: str) -> bool:
    """Whether it is a UUID, as Healthchecks wants it."""
    try:
        return bool(rid) and str(uuid.UUID(rid)) == rid.lower()
    except ValueError:
        return False


def run_of(schedule: Schedule, rid: str, open_run: str, action: str | int, chance: str) -> str:
    """The id of the run that a ping belongs to. *chance*: of which a new id is made, where there is no *rid*."""
    if rid:
        return str(uuid.uuid5(_SPACE, f"rid/{schedule.name}/{rid.lower()}"))
    if open_run and action != START:
        return open_run
    return str(uuid.uuid5(_SPACE, f"new/{schedule.name}/{chance}"))


def offer(schedule: Schedule, action: str | int, run_id: str, body: bytes, now: datetime, host: str = "") -> Offer:
    """The events of one ping. Its body is read as the output of the run: an error of Terraform is found in it."""
    about = {"workflow": schedule.workflow, "stack": schedule.stack, "component": schedule.component, "host": host}
    moment = int(now.timestamp() * 1_000_000)
    events = [Sent(0, "run.start", now, now, about)]
    text = body[:BODY_LIMIT].decode("utf-8", "replace").replace("\0", "\ufffd").strip()
    code = action if isinstance(action, int) else 1 if action == FAIL else 0
    if text:
        failed = action not in (START, LOG) and code != 0
        told = list(_troubles(body[:BODY_LIMIT])) if failed else []
        events += [Sent(moment + 1 + n, "error", now, now, one) for n, one in enumerate(told)]
        if not told:
            events.append(Sent(moment, "log", now, now, {"message": text[-TEXT:]}))
    if action not in (START, LOG):
        events.append(Sent(_END, "run.end", now, now, {"rc": code}))
    return Offer(run_id, PING, tuple(events), schedule.grace)


def _troubles(body: bytes) -> list[dict[str, object]]:
    listener = Listener(lambda text: text)  # what is stored is redacted on its way in
    heard = [*listener.feed(body), *listener.close()]
    found = [one.event for one in heard if isinstance(one.event, Trouble)]
    return [
        {"summary": one.summary, "detail": one.detail, "address": one.address, "file": one.file, "line": one.line}
        for one in found[:20]
    ]

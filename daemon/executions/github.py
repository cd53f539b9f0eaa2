"""GitHub's webhooks `workflow_run` and `workflow_job` as events of runs. Pure.

One attempt of a workflow run is one run here. Each event has a number that what it says decides, so that a delivery
that comes twice, late, or out of order changes nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from checks.runs.record import Sent, State
from daemon.executions.intake import OLDEST, Offer, plausible

GITHUB = "github"
SIGNATURE, EVENT, DELIVERY = "x-hub-signature-256", "x-github-event", "x-github-delivery"
_SPACE = uuid.UUID("f2a8bb53-0e0b-4a53-9f1c-5f1f0f6a3c77")
_END = 2**62
_STEPS = 1_000  # of one job
_PAGE = re.compile(
    r"https://[^/\s]+/(?P<name>[\w.-]+/[\w.-]+)/actions/runs/(?P<number>\d{1,16})(?:/attempts/(?P<attempt>\d{1,6}))?"
)
_ENDS: Mapping[str, State] = {
    "success": State.SUCCEEDED,
    "failure": State.FAILED,
    "timed_out": State.FAILED,
    "startup_failure": State.FAILED,
    "stale": State.FAILED,
}  # of all else (cancelled, skipped, neutral, action_required) nobody can say that it failed, or ended well


@dataclass(frozen=True, slots=True)
class Mapped:
    """Which stack a workflow of a repository deploys. Patterns."""

    repository: str = "*"
    workflow: str = "*"
    stack: str = ""
    component: str = ""
    environment: str = ""  # pattern of environments whose approval counts; empty: none
    reviews: bool = False  # whether a review of a pull request approves its commit


def is_signed(secrets: Sequence[str], given: str, body: bytes) -> bool:
    """Whether *given*, the header X-Hub-Signature-256, was made of *body* with one of *secrets*."""
    offered = given.encode("utf-8", "replace")
    right = False
    for secret in filter(None, secrets):
        made = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        right |= hmac.compare_digest(made.encode(), offered)
    return right


def read(event: str, body: bytes, mapped: Sequence[Mapped], silence: timedelta, now: datetime) -> Offer | None:
    """What a delivery tells; None: nothing about a run. Raises ValueError that says what is wrong with it."""
    if event not in ("workflow_run", "workflow_job"):
        return None
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("this is no JSON") from None
    if not isinstance(told, dict):
        raise ValueError("this is no event")
    repository, one = map_in(told, "repository"), map_in(told, event)
    number, attempt = one.get("id" if event == "workflow_run" else "run_id"), one.get("run_attempt", 1)
    if not whole(number) or not whole(attempt) or not text_in(repository, "full_name"):
        raise ValueError(f"the {event} has no id, no attempt, or no repository")
    name = text_in(repository, "full_name")
    if _long_ago(one, now):
        return None  # of a run that may be kept no longer: its times would be taken for now
    run_id = run_of(name, number, attempt)
    events = tuple(_of_run(one, name, mapped, now) if event == "workflow_run" else _of_job(one, now))
    return Offer(run_id, GITHUB, events, silence)


def run_of(repository: str, number: object, attempt: object) -> str:
    """The id here of an attempt of a workflow run there."""
    return str(uuid.uuid5(_SPACE, f"{repository.lower()}/{number}/{attempt}"))


def run_of_page(url: str, attempt: int) -> str:
    """The same, of the page of a job that runs in it; empty: the page is not GitHub's, or which attempt is not told.

    *attempt*: as the job says; 0: it does not. What was agreed to of one attempt is not agreed to of the next.
    """
    found = _PAGE.fullmatch(url)
    which = (found["attempt"] or attempt) if found else 0
    return run_of(found["name"], found["number"], which) if found and which else ""


def _of_run(one: Mapping[str, Any], repository: str, mapped: Sequence[Mapped], now: datetime) -> Iterator[Sent]:
    workflow = text_in(one, "name") or text_in(one, "path") or "workflow"
    where = next(
        (row for row in mapped if fnmatchcase(repository, row.repository) and fnmatchcase(workflow, row.workflow)),
        Mapped(),
    )
    commit = map_in(one, "head_commit")
    start = {
        "workflow": workflow if where.stack else f"{repository}: {workflow}", "stack": where.stack,
        "component": where.component, "git_sha": text_in(one, "head_sha"), "git_branch": text_in(one, "head_branch"),
        "actor": text_in(map_in(one, "triggering_actor"), "login") or text_in(map_in(one, "actor"), "login"),
        "ci": GITHUB, "ci_url": text_in(one, "html_url"), "attempt": one.get("run_attempt", 1),
        "git_committed_at": text_in(commit, "timestamp"),
    }  # fmt: skip
    began = _moment(one, "run_started_at", now) or _moment(one, "created_at", now) or now
    yield Sent(0, "run.start", began, now, {name: value for name, value in start.items() if value not in ("", None)})
    if one.get("status") == "completed":
        ended = _moment(one, "updated_at", now) or now
        yield Sent(_END, "run.end", ended, now, {"result": _result(one)})


def _of_job(one: Mapping[str, Any], now: datetime) -> Iterator[Sent]:
    """The steps of a job, as far as they have come. Which job is first, nobody says: they are told by their ids."""
    job, name = one.get("id"), text_in(one, "name")
    if not isinstance(job, int) or not whole(job):
        raise ValueError("the workflow_job has no id")
    base = 1 + (job % 2**40) * _STEPS
    steps = one.get("steps")
    for position, step in enumerate(steps[: _STEPS // 2] if isinstance(steps, list) else ()):
        if not isinstance(step, dict):
            continue
        title = f"{name}: {text_in(step, 'name')}"
        number = base + position
        began, ended = _moment(step, "started_at", now), _moment(step, "completed_at", now)
        if began is not None:
            yield Sent(base + 2 * position, "step.start", began, now, {"index": number, "name": title})
        if step.get("status") == "completed" and step.get("conclusion") not in ("skipped", None):
            code = 0 if step.get("conclusion") == "success" else 1
            at = ended or now
            yield Sent(base + 2 * position + 1, "step.end", at, now, {"index": number, "name": title, "rc": code})


def _result(one: Mapping[str, Any]) -> str:
    return str(_ENDS.get(text_in(one, "conclusion"), State.CANCELLED))


def _long_ago(one: Mapping[str, Any], now: datetime) -> bool:
    """Whether the last that happened to it is longer ago than a time is believed."""
    found = []
    for name in ("updated_at", "completed_at", "run_started_at", "started_at", "created_at"):
        with suppress(ValueError):
            found.append(datetime.fromisoformat(text_in(one, name)))
    known = [at for at in found if at.tzinfo is not None]
    return bool(known) and max(known) < now - OLDEST


def _moment(told: Mapping[str, Any], name: str, now: datetime) -> datetime | None:
    try:
        found = datetime.fromisoformat(text_in(told, name))
    except ValueError:
        return None
    return plausible(found, now) if found.tzinfo is not None else None


def map_in(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object under *name*; an empty one where there is none."""
    found = told.get(name)
    return found if isinstance(found, dict) else {}


def text_in(told: Mapping[str, Any], name: str) -> str:
    """The text under *name*, bounded; empty where there is none."""
    found = told.get(name)
    return found[:1_000] if isinstance(found, str) else ""


def whole(value: object) -> bool:
    """Whether it is a number that JSON keeps whole."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53

"""GitHub's webhooks `deployment_review` and `pull_request_review` as approvals. Pure.

Each approval has a mark that what it is of decides, so that a delivery that comes twice, late, or out of order changes
nothing. Its time is the one in the delivery, never that of arrival: an old delivery sent again approves nothing anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from checks.runs.agreed import Approval
from checks.runs.record import Sent
from daemon.executions.github import GITHUB, Mapped, map_in, run_of, text_in, whole
from daemon.executions.intake import AHEAD, Offer

ENVIRONMENT, REVIEW = "GitHub environment", "GitHub pull request"
EVENTS = frozenset({"deployment_review", "pull_request_review"})
# Whoever can read a public repository can review there: only the word of these approves.
_TRUSTED = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
_WAITS = 2**61  # number of the event that says what a run waits for


@dataclass(frozen=True, slots=True)
class Heard:
    """What a delivery tells. *ended*: the mark of an approval that does not hold any more, when, by whom, why."""

    given: tuple[Approval, ...] = ()
    ended: tuple[tuple[str, datetime, str, str], ...] = ()
    withdrawn: tuple[Approval, ...] = ()  # by whom, of what, and when: what they approved of it before holds no more
    rejected: tuple[tuple[str, Mapping[str, str]], ...] = ()  # by whom, what
    offer: Offer | None = None  # what it says of a run


def read(event: str, body: bytes, mapped: Sequence[Mapped], now: datetime) -> Heard:
    """Raises ValueError that says what is wrong with it."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("this is no JSON") from None
    if not isinstance(told, dict):
        raise ValueError("this is no event")
    repository = text_in(map_in(told, "repository"), "full_name")
    if not repository:
        raise ValueError(f"the {event} has no repository")
    rows = [row for row in mapped if row.stack and fnmatchcase(repository, row.repository)]
    read_one = _environment if event == "deployment_review" else _review
    return read_one(told, repository, rows, now)


def _environment(told: Mapping[str, Any], repository: str, rows: Sequence[Mapped], now: datetime) -> Heard:
    """Somebody let a run of a workflow go on to an environment, or not."""
    run = map_in(told, "workflow_run")
    number, attempt = run.get("id"), run.get("run_attempt", 1)
    if not whole(number) or not whole(attempt):
        raise ValueError("the deployment_review has no workflow_run")
    names = text_in(run, "name"), text_in(run, "path")
    row = next((one for one in rows if any(name and fnmatchcase(name, one.workflow) for name in names)), None)
    if row is None or not row.environment:
        return Heard()
    jobs = told.get("workflow_job_runs")
    jobs = [one for one in (*(jobs if isinstance(jobs, list) else ()), told.get("workflow_job_run"))
            if isinstance(one, dict)]  # fmt: skip
    named = [*(text_in(one, "environment") for one in jobs), text_in(told, "environment")]
    environments = [name for name in dict.fromkeys(named) if name and fnmatchcase(name, row.environment)]
    if not environments:
        return Heard()
    run_id, action = run_of(repository, number, attempt), text_in(told, "action")
    if action == "requested":
        said = {"message": f"waits for an approval of {', '.join(environments)}", "waits": environments[0]}
        return Heard(offer=Offer(run_id, GITHUB, (Sent(_WAITS, "log", now, now, said),)))
    who = text_in(map_in(told, "approver"), "login") or text_in(map_in(told, "sender"), "login")
    if not who:
        raise ValueError("the deployment_review does not say who")
    page = text_in(run, "html_url")
    if action == "rejected":
        return Heard(rejected=((who, {"run": run_id, "environment": ", ".join(environments), "evidence": page}),))
    if action != "approved":
        return Heard()
    times = [_moment(run, "updated_at"), _moment(told, "since"), *(_moment(one, "updated_at") for one in jobs)]
    at = max((one for one in times if one is not None), default=None)
    if at is None:
        raise ValueError("the deployment_review does not say when")
    note = f"environment {', '.join(environments)}"
    comment = text_in(told, "comment")
    return Heard((
        Approval(
            who, _not_ahead(at, now), run_id, text_in(run, "head_sha").lower(), row.stack,
            f"{note}: {comment}" if comment else note, via=ENVIRONMENT, evidence=page,
            mark=_mark(ENVIRONMENT, repository, number, attempt, who.lower(), *environments),
        ),
    ))  # fmt: skip


def _review(told: Mapping[str, Any], repository: str, rows: Sequence[Mapped], now: datetime) -> Heard:
    """Somebody approved a pull request: the commit that they looked at, on the stacks that it is deployed to."""
    review, action = map_in(told, "review"), text_in(told, "action")
    if not whole(review.get("id")):
        raise ValueError("the pull_request_review has no id")
    stacks = list(dict.fromkeys(row.stack for row in rows if row.reviews))
    marks = {stack: _mark(REVIEW, repository, review["id"], stack) for stack in stacks}
    page = text_in(review, "html_url")
    if action == "dismissed":
        at = _moment(map_in(told, "pull_request"), "updated_at") or now
        who = f"{text_in(map_in(told, 'sender'), 'login') or 'somebody'} ({REVIEW})"
        return Heard(ended=tuple((mark, _not_ahead(at, now), who, f"dismissed: {page}") for mark in marks.values()))
    state = text_in(review, "state").lower()
    heard = action == "submitted" and state in ("approved", "changes_requested")
    if not heard or text_in(review, "author_association").upper() not in _TRUSTED:
        return Heard()
    who, commit = text_in(map_in(review, "user"), "login"), text_in(review, "commit_id").lower()
    at_submit = _moment(review, "submitted_at")
    if not who or at_submit is None or len(commit) < 40:
        raise ValueError("the pull_request_review does not say who, when, or of which commit")
    said = tuple(
        Approval(
            who, _not_ahead(at_submit, now), commit=commit, stack=stack, note=text_in(review, "body"), via=REVIEW,
            evidence=page, mark=mark,
        )
        for stack, mark in marks.items()
    )  # fmt: skip
    return Heard(said) if state == "approved" else Heard(withdrawn=said)


def _mark(*parts: object) -> str:
    return hashlib.sha256("\n".join(map(str, parts)).encode("utf-8", "replace")).hexdigest()[:32]


def _not_ahead(at: datetime, now: datetime) -> datetime:
    return at if at <= now + AHEAD else now


def _moment(told: Mapping[str, Any], name: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text_in(told, name))
        return found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None

"""Requests to agree to something as JSON, and their answers: one form for HTTP and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from alerts.escape import clean
from daemon.deskwork import BadRequestError, length_in, only, text_in, time_in
from daemon.executions.approving import Answer, Approving, Signed, Wanted

LONGEST = 4_000  # characters of one text that is sent
_SUBJECT = ("run", "workflow", "stack", "commit")


def give(desk: Approving, body: Mapping[str, Any], signed: Signed) -> Answer:
    """Agree to a run or a commit. Raises BadRequestError, StoreError."""
    only(body, *_SUBJECT, "evidence", "note", "for", "expires_at")
    if body.get("for") is not None and body.get("expires_at") is not None:
        raise BadRequestError("give for, or expires_at")
    wanted = replace(
        _named(body), evidence=_long(text_in(body, "evidence"), "evidence"), note=_text(body, "note"),
        expires_at=time_in(body, "expires_at"), lasts=length_in(body),
    )  # fmt: skip
    return desk.give(wanted, signed)


def review(desk: Approving, body: Mapping[str, Any], signed: Signed) -> Answer:
    """Give the review that an emergency owes. Raises BadRequestError, StoreError."""
    only(body, "run", "evidence", "note")
    evidence = _long(text_in(body, "evidence"), "evidence")
    wanted = Wanted(run_id=_long(text_in(body, "run"), "run"), evidence=evidence, note=_text(body, "note"), review=True)
    return desk.give(wanted, signed)


def revoke(desk: Approving, body: Mapping[str, Any], signed: Signed, mark: str = "", *, review: bool = False) -> Answer:
    """Take back what was agreed to: one by its id, or all of a subject. Raises BadRequestError, StoreError."""
    only(body, "why", *(() if mark else _SUBJECT))
    if mark:
        return desk.revoke(Wanted(note=_text(body, "why")), signed, mark)
    return desk.revoke(replace(_named(body), note=_text(body, "why"), review=review), signed)


def signed_in(name: str, via: str, told: object) -> Signed:
    """Who acts. Where nobody signs in, they are who they say. Raises BadRequestError where nobody says."""
    if not isinstance(told, str):
        raise BadRequestError("by must be a text")
    said = clean(" ".join(told.split()), 80)
    if not name:
        if not said:
            raise BadRequestError("by is missing: who agrees; nobody signs in here")
        return Signed(said, via)
    return Signed(name, via, said if said.casefold() != name.casefold() else "")


def _named(body: Mapping[str, Any]) -> Wanted:
    run, workflow, stack, commit = (_text(body, name) for name in _SUBJECT)
    if run and (workflow or stack or commit):
        raise BadRequestError("give a run, or a workflow or commit on a stack")
    return Wanted(run, workflow, stack, commit)


def _text(body: Mapping[str, Any], name: str) -> str:
    given = body.get(name, "")
    if given is None:
        return ""
    if not isinstance(given, str):
        raise BadRequestError(f"{name} must be a text")
    return _long(given, name)


def _long(given: str, name: str) -> str:
    if len(given) > LONGEST:
        raise BadRequestError(f"{name} has {LONGEST} characters at most")
    return given

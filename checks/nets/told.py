"""How findings of networks are put: one shape for all, with the guideline's kind that fits."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from checks.base import Fact, Finding, Json, Kind, Outcome, Owner, Reading

# The guideline has no kind for networks, so each finding takes the one whose answer time fits what it does.
RUNS_OUT = Kind.UTILIZATION  # warning: addresses, ports and prefixes that run out
BREAKS = Kind.UTILIZATION  # warning: what should carry traffic does not; a service's health is `utilization`'s matter
WEAKNESS = Kind.COMPLIANCE  # info: works today, and is not as the environment should be
TAKEOVER = Kind.SECURITY_VIOLATION  # critical in production: a stranger can answer under our name
ENDS = Kind.CERTIFICATE_EXPIRY  # warning, critical once over: the guideline's one kind for what expires


def healthy(resource: str, verdict: str, summary: str, **more: Any) -> Reading:
    """A reading of what is fine."""
    return Reading(resource, Outcome.HEALTHY, verdict, summary, **more)


def unknown(resource: str, verdict: str, summary: str, *, cause: str = "", **more: Any) -> Reading:
    """A reading of what could not be seen, with the finding that says so: told once for all that have one *cause*."""
    finding = Finding(Kind.MONITORING, "could_not_look", f"could not look: {summary}", cause=cause or verdict)
    return Reading(resource, Outcome.UNKNOWN, verdict, summary, (finding,), **more)


def unhealthy(
    resource: str,
    verdict: str,
    summary: str,
    kind: Kind,
    *,
    key: str,
    told: str = "",
    owner: Owner | None = None,
    remedy: str = "",
    cause: str = "",
    addresses: tuple[str, ...] = (),
    facts: frozenset[Fact] = frozenset(),
    shown: Mapping[str, Json] | None = None,
    **more: Any,
) -> Reading:
    """A reading with its one finding.

    *told*: the finding's own sentence, where *summary* has numbers of this look: a finding that moves is news each
    time. *shown*: the finding's evidence, for which the same holds.
    """
    finding = Finding(
        kind, key, told or summary, facts, cause=cause, remedy=remedy, addresses=addresses or (resource,), owner=owner,
        evidence=dict(shown or {}),
    )  # fmt: skip
    return Reading(resource, Outcome.UNHEALTHY, verdict, summary, (finding,), **more)


def command(region: str, why: str, *words: str) -> str:
    """A command of the AWS CLI for a shell, quoted, and behind # what it is for."""
    return f"{shlex.join(['aws', *words, '--region', region])}  # {why}"


def fact(what: str, **values: Json) -> Mapping[str, Json]:
    """Evidence that the whole estate is judged by, later and elsewhere: see checks.nets.estate."""
    return {"network": {"what": what, **values}}


def name_of(tags: Mapping[str, str]) -> str:
    """What people call it."""
    return str(tags.get("Name") or "")

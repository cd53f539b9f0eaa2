"""The fixtures of this folder: one policy, one place, and short ways to make readings and looks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from alerts.base import Change, Incident
from alerts.lifecycle import Look, changes
from alerts.policy import Policy
from alerts.routes import Route, Routes
from checks.base import Fact, Finding, Kind, Outcome, Reading, Tier

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PLACE = "acme-prod/service/payments"
LABELS = {"stack": "acme-prod", "component": "service/payments", "stage": "production", "owner": "team-pay"}
POLICY = Policy(
    routes=Routes("C-ops", (Route("C-crit", "<!here>", tiers=(Tier.CRITICAL,)),)),
    status_url="https://barograph.example",
)


def finding(summary: str = "aws_s3_bucket.logs has changed", **more: object) -> Finding:
    values: dict[str, object] = {"kind": Kind.DRIFT, "key": "drift", "summary": summary, **more}
    return Finding(**values)  # type: ignore[arg-type]  # a test names any field


DRIFT = finding()
DELETED = finding("aws_s3_bucket.logs was deleted out of band", facts=frozenset({Fact.DELETED}))
NOTE = finding("a change is merged and not applied", facts=frozenset({Fact.NOT_DRIFT}))


def reading(*findings: Finding, outcome: Outcome | None = None, resource: str = PLACE, verdict: str = "") -> Reading:
    outcome = outcome or (Outcome.UNHEALTHY if findings else Outcome.HEALTHY)
    return Reading(resource, outcome, verdict or ("drift" if findings else "in_sync"), f"it is {outcome}", findings)


def look(*readings: Reading, first: bool = False, place: str = PLACE, failure: tuple[str, str] | None = None) -> Look:
    return Look("drift", place, LABELS, readings, failure, first)


class History:
    """Incidents over several looks, as the store would keep them."""

    def __init__(self, policy: Policy = POLICY) -> None:
        self.policy = policy
        self.now = NOW
        self.known: dict[str, Incident] = {}

    def look(self, seen: Look, after: timedelta = timedelta(hours=1)) -> list[Change]:
        """Let time pass, look, keep what came of it."""
        self.now += after
        return self.keep(changes(self.known, seen, self.policy, self.now))

    def keep(self, made: list[Change]) -> list[Change]:
        self.known |= {change.incident.fingerprint: change.incident for change in made}
        return made

    @property
    def only(self) -> Incident:
        (incident,) = self.known.values()
        return incident


def sent(made: Iterable[Change]) -> list[tuple[str, str]]:
    """Kind and channel of every message of the changes."""
    return [(str(draft.kind), draft.channel) for change in made for draft in change.drafts]


def incident(**more: object) -> Incident:
    """An open incident with one message; any field can be given."""
    history = History()
    history.look(look(reading(DRIFT)))
    return replace(history.only, **more)  # type: ignore[arg-type]  # a test names any field

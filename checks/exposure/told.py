"""From what is wrong with a resource to its reading: whose it is, what is suppressed, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from checks.aws import VERDICTS as COMMON
from checks.aws import AwsPlace, owner_of
from checks.base import Finding, Json, Kind, Outcome, Owner, Reading
from checks.exposure.model import RULES, Suppression, Weakness, sift

FINE = "fine"
_TOLD = "told"  # what is kept from look to look: (rule, ARN)
VERDICTS: Mapping[str, str] = {
    FINE: "looked at, and nothing is wrong",
    "unattached": "what it opens or allows reaches nothing: nobody uses it",
    "over": "it was wrong at the last look, and is not any more",
    "internal": "it talks to clients inside its network only",
    "suppressed": "wrong, and a suppression of the configuration says until when it is accepted",
    "not_on": "there are no verdicts to read: the service is not on here",
    "passed_on": "what is inside is not known here: a load balancer passes it on as it comes",
    "no_switch": "the engine has no switch that forces encrypted connections",
    "report_not_ready": "could not look: AWS still writes the report; looked at again in a minute",
    "unreadable": "could not look: what AWS gave cannot be read",
    "too_many": "could not look at everything: there are more findings than are read",
    "partly_read": "could not look at everything: some of what a service has found was not given",
    **RULES,
    **COMMON,
}  # fmt: skip
MEASURES: Mapping[str, str] = {
    "resources": "Resources that were judged.",
    "violations": "Things that are wrong and not suppressed, verdicts of other services among them.",
    "violations_suppressed": "Things that are wrong and suppressed.",
    "public_data": "Resources whose data is open to everybody, suppressed or not.",
    "service_findings": "Verdicts of Security Hub, Config, GuardDuty and Access Analyzer that were read.",
}


@dataclass(frozen=True)
class Teller:
    """Makes the readings of one look at a place. Remembers what it told, so that nothing is told twice."""

    place: AwsPlace
    suppressions: Sequence[Suppression] = ()
    seen: set[tuple[str, str]] = field(default_factory=set)  # (rule, ARN), suppressed ones among them

    def judged(
        self,
        arn: str,
        weaknesses: Iterable[Weakness],
        summary: str,
        *ids: str,
        aspect: str = "",
        verdict: str = FINE,
        outcome: Outcome = Outcome.HEALTHY,
        evidence: Mapping[str, Json] | None = None,
        look_again_in: timedelta | None = None,
    ) -> Reading:
        """The reading of a resource. *summary* and *verdict* where nothing is wrong; *ids*: other names it has.

        *outcome* is for what there is no question to ask about. *aspect* keeps apart what one resource is asked in
        several questions: its reading is "ARN#aspect".
        """
        found = list(weaknesses)
        owner = owner_of(self.place, arn, *ids)
        self.seen.update((weakness.rule, arn) for weakness in found)
        told, silent, expired = sift(found, (arn, *ids), self.suppressions, self.place.now().date())
        findings = tuple(self._finding(arn, weakness, owner, expired) for weakness in told)
        values = {
            "resources": 0.0 if aspect else 1.0, "violations": float(len(told)),
            "violations_suppressed": float(len(silent)), "public_data": float(any(one.public_data for one in found)),
        }  # fmt: skip
        shown = dict(evidence or {})
        if silent:
            shown["suppressed"] = [rule.label for _, rule in silent]
        resource = f"{arn}#{aspect}" if aspect else arn
        if told:
            return Reading(
                resource, Outcome.UNHEALTHY, told[0].rule, "; ".join(one.summary for one in told), findings, values,
                shown, look_again_in,
            )  # fmt: skip
        if silent:
            return Reading(
                resource, Outcome.NOT_APPLICABLE, "suppressed", f"accepted: {silent[0][1].label}", values=values,
                evidence=shown,
            )  # fmt: skip
        return Reading(resource, outcome, verdict, summary, values=values, evidence=shown, look_again_in=look_again_in)

    def settle(self, readings: Iterable[Reading]) -> Iterator[Reading]:
        """Pass on what this check says itself, before other services say the same.

        What could not be seen now and was wrong at the last look counts as told: its incident is still open.
        """
        blind = False
        for reading in readings:
            blind |= reading.outcome is Outcome.UNKNOWN
            yield reading
        if blind:
            self.seen.update((str(rule), str(arn)) for rule, arn in self.place.recall(_TOLD) or ())
        self.place.keep(_TOLD, sorted([rule, arn] for rule, arn in self.seen))

    def over(self, name: str, present: Iterable[str]) -> Iterator[Reading]:
        """Readings of what was wrong at an earlier look and is not in a list that was read to its end: *present*.

        For lists of wrong things only. So an incident ends by being looked at, whatever else could not be seen.
        """
        now = sorted(set(present))
        for resource in self.place.recall(name) or ():
            if resource not in now:
                yield Reading(str(resource), Outcome.HEALTHY, "over", "it is not among what is wrong any more")
        self.place.keep(name, now)

    def _finding(self, arn: str, weakness: Weakness, owner: Owner | None, expired: Sequence[Suppression]) -> Finding:
        evidence = dict(weakness.evidence)
        if expired:
            evidence["expired_suppressions"] = [rule.label for rule in expired]
        # Public data and root use stand alone; of everything else, one message tells of all that has one rule.
        cause = "" if weakness.facts else f"security:{weakness.name}:{self.place.account}"
        return Finding(
            Kind.SECURITY_VIOLATION, weakness.name, weakness.summary, weakness.facts, cause, remedy(weakness, owner),
            (arn,), evidence, owner,
        )  # fmt: skip


def unreadable(resource: str, why: str, verdict: str = "unreadable", remedy: str = "") -> Reading:
    """The reading of what AWS gave and nobody can read, and the word of it for people."""
    told = f"not known: {why}"
    finding = Finding(Kind.MONITORING, "could_not_look", told, cause=f"security:{verdict}", remedy=remedy)
    return Reading(resource, Outcome.UNKNOWN, verdict, told, (finding,))


def remedy(weakness: Weakness, owner: Owner | None) -> str:
    """What to do: see it, then change it where it is declared."""
    where = ""
    if owner is not None and owner.managed:
        where = f"in Terraform: {owner.address or 'its code'}, component {owner.component} in stack {owner.stack}"
    elif owner is not None:
        where = "where it was made: no Terraform state holds it"
    then = " ".join(part for part in (weakness.change and f"Then {weakness.change}", where) if part)
    return "\n".join(part for part in (weakness.look, f"{then}." if then and weakness.change else "") if part)


__all__ = ["FINE", "MEASURES", "VERDICTS", "Teller", "remedy", "unreadable"]

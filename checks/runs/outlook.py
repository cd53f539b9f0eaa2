"""What the apply of a plan would meet: drift that it undoes, room that it takes, recovery points of what would go.

Pure: an impact held against what the checks saw last. Three answers: that it is so, that it is not, that nobody knows;
and the age of what it was known by.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from checks.base import Json, Outcome
from checks.kinds import DEVELOPMENT, STAGING
from checks.plans import effects
from checks.plans.model import DRIFTED, NOT_UNDONE
from checks.runs.impact import GOES, Impact, Planned, Source

ROOM_HOLDS = timedelta(hours=6)  # what quotas and subnets had then is still told
POINTS_HOLD = timedelta(hours=24)
DRIFT_HOLDS = timedelta(hours=48)
BALANCER_NEEDS = 8  # free addresses in each subnet of a load balancer, so that it can scale (ELB guide, "Subnets")
_SHOWN = 3
_SAFE = frozenset({"protected", "not_required", "nothing_to_lose", "exempt"})
_UNSAFE = frozenset({"new", "late", "partial", "never"})
_OWN_VERSIONS = "versioning keeps"  # what goes with the bucket


class Topic(StrEnum):
    """What a line is about."""

    DRIFT = "drift"
    QUOTA = "quota"
    SUBNET = "subnet"
    RECOVERY = "recovery"


class Answer(StrEnum):
    """FINE: somebody looked, and nothing stands against it. BAD: a person should know. UNKNOWN: nobody knows."""

    FINE = "fine"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that who approves should know. Everything in it is redacted; nothing in it is escaped."""

    topic: Topic
    subject: str
    answer: Answer
    told: str  # one sentence
    remedy: str = ""
    incident: str = ""  # fingerprint
    who: str = ""  # who likely did it


@dataclass(frozen=True, slots=True)
class Known:
    """What a check saw last of one resource."""

    resource: str
    outcome: Outcome
    verdict: str
    summary: str
    at: datetime
    values: Mapping[str, float] = field(default_factory=dict)
    stale: str = ""  # why it could not be looked at again

    def holds(self, now: datetime, within: timedelta) -> bool:
        return self.outcome is not Outcome.UNKNOWN and not self.stale and now - self.at <= within


@dataclass(frozen=True, slots=True)
class Drifted:
    """An open incident of hand-made drift. *differences*: as `checks.plans.evidence` tells them."""

    fingerprint: str
    summary: str
    since: datetime
    who: str = ""
    differences: Sequence[Mapping[str, Json]] = ()


@dataclass(frozen=True, slots=True)
class Around:
    """What is known of the place of an apply. Of what is not known, nothing is there."""

    stage: str = ""  # empty: not known, which counts as production
    place: str = ""  # "111111111111/eu-west-1"; empty: not known
    drift: Known | None = None
    incidents: tuple[Drifted, ...] = ()
    quotas: Mapping[tuple[str, str], Known] = field(default_factory=dict)  # by service and quota code
    subnets: Mapping[str, Known] = field(default_factory=dict)  # by id
    backups: Mapping[str, Known] = field(default_factory=dict)  # by ARN
    looked: Mapping[str, datetime] = field(default_factory=dict)  # check -> its last good look at the place

    @property
    def production(self) -> bool:
        return self.stage not in (STAGING, DEVELOPMENT)


def outlook(impact: Impact, around: Around, now: datetime) -> tuple[Line, ...]:
    """What to say of an apply, the worst first."""
    order = {Answer.BAD: 0, Answer.UNKNOWN: 1, Answer.FINE: 2}
    lines = [*_recovery(impact, around, now), *_drift(impact, around, now), *_quotas(impact, around, now),
             *_subnets(impact, around, now)]  # fmt: skip
    return tuple(sorted(lines, key=lambda line: order[line.answer]))


# Drift


def _drift(impact: Impact, around: Around, now: datetime) -> Iterator[Line]:
    rows = {row.address: row for row in impact.rows}
    named: set[str] = set()
    for incident in around.incidents:
        for each in incident.differences:
            address = str(each.get("address", ""))
            if each.get("class") in DRIFTED and address:
                named.add(address)
                yield _undone(impact, rows.get(address), incident, each)
    for row in impact.rows:
        if row.drifted and row.address not in named:
            named.add(row.address)
            told = "the plan saw that it was changed outside Terraform, and undoes that; no incident tells of it yet"
            yield Line(Topic.DRIFT, row.address, Answer.BAD, told)
    if not named:
        yield _no_drift(around, now)


def _undone(impact: Impact, row: Planned | None, incident: Drifted, each: Mapping[str, Json]) -> Line:
    address, what = str(each.get("address", "")), _what(each)
    by = f", likely by {incident.who}" if incident.who else ", by whom is not known"
    seen = f"{what} by hand, seen {_moment(incident.since)}{by}"

    def line(answer: Answer, told: str) -> Line:
        return Line(Topic.DRIFT, address, answer, told, incident=incident.fingerprint, who=incident.who)

    if str(each.get("note", "")).endswith(NOT_UNDONE):
        return line(Answer.FINE, f"{seen}: an apply leaves it as it is")
    if row is not None and row.action not in ("import", "forget", "move"):
        return line(Answer.BAD, f"this apply undoes what was {seen}")
    if impact.complete and impact.source is Source.PLAN:
        return line(Answer.FINE, f"{seen}: this plan leaves it as it is")
    why = impact.why or impact.partial or "the log alone tells of this plan"
    return line(Answer.UNKNOWN, f"{seen}: whether this apply undoes it is not known ({why})")


def _what(each: Mapping[str, Json]) -> str:
    """ "deleted", "changed (tags.Owner: a -> b)"; of values that are redacted already."""
    if each.get("action") in ("delete", "create"):
        return "deleted"
    paths = [one for one in each.get("paths") or () if isinstance(one, Mapping)]
    told = [f"{one.get('path')}: {_value(one.get('recorded'))} -> {_value(one.get('actual'))}" for one in paths]
    more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return f"changed ({'; '.join(told[:_SHOWN])}{more})" if told else "changed"


def _value(value: Json) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _no_drift(around: Around, now: datetime) -> Line:
    known = around.drift
    if known is None:
        return Line(Topic.DRIFT, "drift", Answer.UNKNOWN, "the check drift has not looked at it")
    if not known.holds(now, DRIFT_HOLDS):
        why = known.stale or known.summary if known.outcome is Outcome.UNKNOWN or known.stale else "that is long ago"
        told = f"whether anything was changed by hand is not known: last seen {_moment(known.at)}; {why}"
        return Line(Topic.DRIFT, "drift", Answer.UNKNOWN, told)
    told = f"nothing that was changed by hand is open ({known.verdict}, seen {_moment(known.at)})"
    return Line(Topic.DRIFT, "drift", Answer.FINE, told)


# Room


def _quotas(impact: Impact, around: Around, now: datetime) -> Iterator[Line]:
    if not impact.known:
        return
    wanted, unclear = _wanted(impact)
    for (service, code), (number, kinds) in sorted(wanted.items()):
        yield _room(f"{service}/{code}", number, kinds, around.quotas.get((service, code)), around, now)
    for subject, why in sorted(unclear.items()):
        yield Line(Topic.QUOTA, subject, Answer.UNKNOWN, f"whether there is room is not known: {why}")


def _wanted(impact: Impact) -> tuple[dict[tuple[str, str], tuple[int, str]], dict[str, str]]:
    """(quota -> how many more of it, of what), (type -> why nobody can tell)."""
    number, kinds, unclear = Counter[tuple[str, str]](), dict[tuple[str, str], list[str]](), dict[str, str]()

    def take(service: str, code: str, kind: str, count: int) -> None:
        if count > 0:
            number[service, code] += count
            kinds.setdefault((service, code), []).append(kind)

    coming = [row for row in impact.rows if row.action == "create" or row.order == "create_first"]
    for row in effects.QUOTAS:
        mine = [one for one in coming if one.type == row.type]
        if row.variant:
            take(row.service, row.code, row.type, sum(one.variant in (row.variant, "") for one in mine))
            if impact.created.get(row.type, 0) > sum(one.action == "create" for one in mine):
                unclear[row.type] = "not all of the plan's are told"
        else:
            swapped = sum(one.action != "create" for one in mine)
            take(row.service, row.code, row.type, impact.created.get(row.type, 0) + swapped)
    machines = [one for one in coming if one.type == effects.INSTANCE]
    for one in machines:
        found = effects.vcpus(one.variant)
        if found is None:
            unclear[effects.INSTANCE] = f"the plan does not tell how many vCPUs {one.address} has"
        else:
            take("ec2", found[0], f"{effects.INSTANCE} (vCPUs, at most)", found[1])
    if impact.created.get(effects.INSTANCE, 0) > sum(one.action == "create" for one in machines):
        unclear[effects.INSTANCE] = "not all instances of the plan are told"
    for kind, why in effects.PER_OTHER.items():
        if impact.created.get(kind):
            unclear[kind] = f"{impact.created[kind]} more; {why}, and the plan does not tell which"
    if impact.partial:
        unclear["plan"] = impact.partial
    told = {key: (count, ", ".join(dict.fromkeys(kinds[key]))) for key, count in number.items()}
    return told, unclear


def _room(
    subject: str, number: int, kinds: str, known: Known | None, around: Around, now: datetime
) -> Line:  # fmt: skip
    used, limit = (known.values.get("used"), known.values.get("limit")) if known is not None else (None, None)
    if known is None or used is None or limit is None or not known.holds(now, ROOM_HOLDS):
        return Line(Topic.QUOTA, subject, Answer.UNKNOWN, f"{number} more ({kinds}): {_no_room(known, around, now)}")
    told = f"{number} more ({kinds}); {used:g} of {limit:g} were in use {_ago(known.at, now)}"
    if used + number <= limit:
        return Line(Topic.QUOTA, subject, Answer.FINE, told)
    service, _, code = subject.partition("/")
    region = around.place.rpartition("/")[2]
    remedy = (
        f"aws service-quotas request-service-quota-increase --service-code {service} --quota-code {code} "
        f"--region {region} --desired-value {math.ceil(2 * (used + number))}  # before it is applied"
    )
    return Line(Topic.QUOTA, subject, Answer.BAD, f"{told}: the apply would be refused part of the way", remedy)


def _no_room(known: Known | None, around: Around, now: datetime) -> str:
    if known is not None:
        return f"not known; last seen {_ago(known.at, now)}{f' ({known.stale})' if known.stale else ''}"
    at = around.looked.get("quotas")
    if at is None:
        return "not known: the check quotas has not looked there"
    return f"not known exactly: it was not among the quotas that were well used {_ago(at, now)}"


def _subnets(impact: Impact, around: Around, now: datetime) -> Iterator[Line]:
    need, least = Counter[str](), dict[str, int]()
    lost = 0
    for row in impact.rows:
        if row.action != "create" and row.order != "create_first":
            continue
        lost += row.somewhere or (impact.source is Source.OUTPUT and effects.takes_addresses(row.type))
        for subnet in row.subnets:
            need[subnet] += math.ceil(row.takes / len(row.subnets))
            if row.type == "aws_lb":
                least[subnet] = BALANCER_NEEDS
    if impact.left_out:
        told_of = Counter(row.type for row in impact.rows if row.action == "create")
        lost += sum(
            max(0, number - told_of[kind]) for kind, number in impact.created.items() if effects.takes_addresses(kind)
        )  # fmt: skip
    for subnet, number in sorted(need.items()):
        yield _addresses(subnet, max(number, least.get(subnet, 0)), around.subnets.get(subnet), around, now)
    if lost:
        told = f"of {lost} new resources the subnets are not told: whether they have room is not known"
        yield Line(Topic.SUBNET, "subnets", Answer.UNKNOWN, told)


def _addresses(subnet: str, number: int, known: Known | None, around: Around, now: datetime) -> Line:
    free = known.values.get("subnet_addresses_free") if known is not None else None
    if known is None or free is None or not known.holds(now, ROOM_HOLDS):
        why = f"last seen {_ago(known.at, now)}" if known is not None else "the check network has not seen it"
        told = f"{number} more addresses: whether they are free is not known ({why})"
        return Line(Topic.SUBNET, subnet, Answer.UNKNOWN, told)
    told = f"{number} more addresses; {free:g} were free {_ago(known.at, now)}"
    return Line(Topic.SUBNET, subnet, Answer.FINE if number <= free else Answer.BAD, told)


# Recovery points


def _recovery(impact: Impact, around: Around, now: datetime) -> Iterator[Line]:
    if not around.production:
        return
    for row in impact.rows:
        if row.action in GOES and row.stateful:
            yield _point(row, around, now)
    if (
        impact.known
        and impact.left_out
        and impact.counts.get("delete", 0) + impact.counts.get("replace", 0)
        > sum(row.action in GOES for row in impact.rows)
    ):
        told = "not all of what goes is told: whether that can be restored is not known"
        yield Line(Topic.RECOVERY, "plan", Answer.UNKNOWN, told)


def _point(row: Planned, around: Around, now: datetime) -> Line:
    does = "would be destroyed" if row.action == "delete" else "would be replaced, and what it holds would be lost"
    last = "; Terraform takes a last snapshot of it" if row.final else ""
    remedy = "# take a recovery point, and see that it is whole, before this is approved"

    def line(answer: Answer, told: str) -> Line:
        return Line(
            Topic.RECOVERY, row.address, answer, f"{does}: {told}{last}", "" if answer is Answer.FINE else remedy
        )  # fmt: skip

    if not effects.STATEFUL[row.type]:
        return line(Answer.UNKNOWN, "nobody looks after recovery points of its type")
    if not row.id:
        return line(Answer.UNKNOWN, "by which name AWS knows it is not told: nobody knows whether it can be restored")
    known = around.backups.get(row.id)
    if known is None:
        at = around.looked.get("backups")
        why = "has not looked there" if at is None else f"did not list it {_ago(at, now)}"
        return line(Answer.UNKNOWN, f"whether it can be restored is not known: the check backups {why}")
    if known.verdict in _UNSAFE:
        return line(Answer.BAD, f"there is no recent recovery point: {known.summary} (seen {_ago(known.at, now)})")
    if known.verdict not in _SAFE or not known.holds(now, POINTS_HOLD):
        why = known.stale or known.summary
        return line(Answer.UNKNOWN, f"whether it can be restored is not known: {why} (seen {_ago(known.at, now)})")
    if known.summary.startswith(_OWN_VERSIONS):
        return line(Answer.BAD, "all that could be restored are its own versions, and they go with it")
    return line(Answer.FINE, f"{known.summary} (seen {_ago(known.at, now)})")


def marks(row: Planned) -> Iterator[str]:
    """What to mark a row with, in words."""
    if row.action == "replace":
        words = {"destroy_first": "destroyed before it is created", "create_first": "created before it is destroyed"}
        yield words.get(row.order, "what comes first is not told")
    yield from row.opens
    if row.unclear:
        yield "what it opens is known only after the apply"
    if row.drifted:
        yield "changed outside Terraform"


def worst(lines: Iterable[Line]) -> Answer:
    """BAD before UNKNOWN before FINE."""
    answers = {line.answer for line in lines}
    return next((one for one in (Answer.BAD, Answer.UNKNOWN) if one in answers), Answer.FINE)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _ago(at: datetime, now: datetime) -> str:
    minutes = max(0, int((now - at).total_seconds() // 60))
    if minutes < 120:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // 1440} days ago"

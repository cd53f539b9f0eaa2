"""Access: who came in and who changed what by hand, and whether it is recorded at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from checks.aws import VERDICTS, AwsPlace, could_not_look, guarded
from checks.base import UNMANAGED, Asks, Check, Finding, Json, Kind, Outcome, Owner, Reading, Scope
from checks.kinds import PRODUCTION
from checks.trail import trails
from checks.trail.looking import HISTORY, read_on
from checks.trail.memory import Case, Memory, from_json, to_json
from checks.trail.sorting import FACTS, KINDS, MEANING, Activity, Rules

KEPT = "events"
# Writes by name that change no resource: questions to services that keep what they were asked.
_NO_CHANGES = (
    "signin:*", "sts:*", "logs:StartQuery", "logs:StopQuery", "athena:StartQueryExecution",
    "athena:StopQueryExecution", "cloudshell:*", "support:*", "supportapp:*", "health:*", "notifications:*",
    "q:*", "ce:*", "trustedadvisor:*", "resource-explorer-2:*", "tagging:*",
)  # fmt: skip
_PRIVILEGED = (
    "*Admin*", "*admin*", "*PowerUser*", "*BreakGlass*", "*break-glass*", "OrganizationAccountAccessRole",
    "AWSControlTowerExecution",
)  # fmt: skip


@dataclass(frozen=True)
class Access(Check):
    """Sign-ins, privileged roles, root use and changes by hand, from CloudTrail; and whether a trail records it all."""

    deploy_roles: tuple[str, ...] = ("*terraform*", "*Terraform*", "*atmos*", "*spacelift*", "*gitops*", "*github*")
    """Patterns over names of roles and users, and role ARNs, of deployments: what they change is no change by hand."""
    privileged_roles: tuple[str, ...] = _PRIVILEGED
    """Patterns over names and ARNs of roles: that somebody takes one on is told."""
    stages: tuple[str, ...] = (PRODUCTION,)
    """Stages of accounts whose events are read; an account whose stage is not known counts as production."""
    ignore_events: tuple[str, ...] = _NO_CHANGES
    """Patterns over service:Operation of what is no change."""
    machines: bool = False  # whether what instances, functions, tasks and pods change is told too
    failed_sign_ins: int = 10  # so many of one name from one address in one day are told
    open_for: timedelta = timedelta(days=3)  # how long what was done stays open after nothing more of it came
    first_look: timedelta = timedelta(days=1)  # how far back the first look goes; at most 90d
    overlap: timedelta = timedelta(minutes=30)  # how late CloudTrail may list an event
    digest_within: timedelta = timedelta(hours=6)  # a trail's hourly digest is late after this

    more_scopes: ClassVar[tuple[Scope, ...]] = (Scope.ACCOUNT,)
    every: ClassVar[timedelta] = timedelta(hours=1)
    every_by_stage: ClassVar[Mapping[str, timedelta]] = {PRODUCTION: timedelta(minutes=30)}
    deadline: ClassVar[timedelta] = timedelta(minutes=20)
    asks: ClassVar[Mapping[Scope, Asks]] = {Scope.REGION: Asks(6, 0.02), Scope.ACCOUNT: Asks(3)}
    iam: ClassVar[tuple[str, ...]] = (
        "cloudtrail:DescribeTrails",
        "cloudtrail:GetTrailStatus",
        "cloudtrail:GetEventSelectors",
        "cloudtrail:LookupEvents",
    )
    measures: ClassVar[Mapping[str, str]] = {
        "looked_up_to_timestamp_seconds": "Up to when CloudTrail's events were read.",
        "trail_delivered_timestamp_seconds": "When the trail that covers the region last delivered a log file.",
        "root_uses": "What the root user did, in cases that are open.",
        "sensitive_changes": "Changes by hand of access, exposure, keys or the audit trail, in cases that are open.",
        "changes_by_hand": "Other changes by hand, in cases that are open.",
        "sign_ins": "Console sign-ins, in cases that are open.",
        "sign_ins_failed": "Console sign-ins that failed, in cases that are open.",
        "privileged_roles": "Privileged roles that were taken on, in cases that are open.",
    }
    verdicts: ClassVar[Mapping[str, str]] = {
        **{str(activity): meaning for activity, meaning in MEANING.items()},
        "over": "nothing more of it came; it is kept in the history",
        "read": "CloudTrail's events were read up to now",
        "gap": "a time that nobody looked at is out of CloudTrail's reach by now",
        "not_asked": "nobody asks for the events of this account, or they are read elsewhere",
        **trails.MEANING,
        **VERDICTS,
    }

    def __post_init__(self) -> None:
        if self.failed_sign_ins < 1:
            raise ValueError("failed_sign_ins must be at least 1")
        if not timedelta(0) < self.first_look <= HISTORY:
            raise ValueError(
                "first_look must be more than 0s and at most 90d, which is as far as CloudTrail looks back"
            )
        if self.open_for < timedelta(days=1):
            raise ValueError("open_for must be at least 1d: a warning has 24 hours to be answered")

    def run(self, place: AwsPlace) -> Iterable[Reading]:
        """Of a region: its trails and events. Of an account: the global events, where no watched region has them."""
        now = place.now()
        if place.key == place.account:
            if place.region in place.regions:
                told = f"the account's global events are read in {place.region}, which is watched"
                yield Reading(f"{place.key}/events", Outcome.NOT_APPLICABLE, "not_asked", told)
                return
        else:
            trail, what = f"{place.key}/trails", "whether a trail records what happens in the region"
            yield from guarded(trail, what, trails.of_region, place, self.digest_within, now)
        yield from self._events(place, now)

    def _events(self, place: AwsPlace, now: datetime) -> Iterator[Reading]:
        resource, stage = f"{place.key}/events", place.labels.get("stage") or PRODUCTION
        if stage not in self.stages:
            told = f"events of {stage} accounts are not asked for (option stages)"
            yield Reading(resource, Outcome.NOT_APPLICABLE, "not_asked", told)
            return
        before = from_json(place.recall(KEPT))
        after, error = read_on(place, before, self._rules(), self.first_look, self.overlap, now)
        after = after.aged(self.open_for)
        place.keep(KEPT, to_json(after))
        if error is None:
            yield _read(resource, after, now)
        else:
            since = f" since {after.mark:%Y-%m-%d %H:%M} UTC" if after.mark else ""
            yield could_not_look(resource, error, f"who did what{since}")
        for key, case in after.cases.items():
            if case.activity is Activity.FAILED_SIGN_INS and case.count < self.failed_sign_ins:
                continue
            if error is None or case != before.cases.get(key):
                yield _of_case(place, case)
            else:
                # Remembered, and not looked at: it must not pass for something that was seen just now.
                told = f"not known whether more came of it: {_summary(case)}"
                yield Reading(f"{place.key}/{key}", Outcome.UNKNOWN, str(error.error_class), told)

    def _rules(self) -> Rules:
        return Rules(self.deploy_roles, self.privileged_roles, self.ignore_events, self.machines)


def _read(resource: str, memory: Memory, now: datetime) -> Reading:
    values = {"looked_up_to_timestamp_seconds": now.timestamp()}
    if not memory.gaps:
        return Reading(resource, Outcome.HEALTHY, "read", "CloudTrail's events were read up to now", values=values)
    times = ", ".join(f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC" for start, end, _ in memory.gaps)
    summary = (
        f"nobody read CloudTrail's events of {times}, and CloudTrail lists them no more; a trail's files have them"
    )
    finding = Finding(Kind.MONITORING, "gap", summary)
    return Reading(resource, Outcome.UNHEALTHY, "gap", summary, (finding,), values)


_VALUES: Mapping[Activity, str] = {
    Activity.ROOT_USE: "root_uses", Activity.SENSITIVE_CHANGE: "sensitive_changes",
    Activity.CHANGE_BY_HAND: "changes_by_hand", Activity.SIGN_IN: "sign_ins",
    Activity.SIGN_IN_WITHOUT_MFA: "sign_ins", Activity.FAILED_SIGN_INS: "sign_ins_failed",
    Activity.PRIVILEGED_ROLE: "privileged_roles",
}  # fmt: skip


def _of_case(place: AwsPlace, case: Case) -> Reading:
    resource = f"{place.key}/{case.key}"
    if case.over:
        summary = f"nothing more came after {case.last:%Y-%m-%d %H:%M} UTC: {_summary(case)}"
        return Reading(resource, Outcome.HEALTHY, "over", summary)
    events, owner = [], None
    for event in case.events:
        owners = [(name, place.owner(name)) for name in event.get("resources", ())]
        owner = owner or next((found for _, found in owners if found is not None), None)
        owned = {name: str(found) for name, found in owners if found is not None}
        events.append({**event, "owned_by": owned} if owned else dict(event))
    evidence: dict[str, Json] = {"who": case.principal, "count": case.count, "what": dict(case.names), "events": events}
    names = dict.fromkeys(name for event in case.events for name in event.get("resources", ()))
    finding = Finding(
        KINDS[case.activity],
        str(case.activity),
        _summary(case),
        FACTS.get(case.activity, frozenset()),
        remedy=_remedy(place, case),
        addresses=tuple(names),
        evidence=evidence,
        owner=_owner(place, owner, bool(names)),
    )
    return Reading(
        resource, Outcome.UNHEALTHY, str(case.activity), finding.summary, (finding,),
        {_VALUES[case.activity]: float(case.count)}, evidence,
    )  # fmt: skip


def _owner(place: AwsPlace, owner: Owner | None, named: bool) -> Owner | None:
    """Whose it is: nobody's only where a resource is named, and every state was read."""
    return owner or (UNMANAGED if named and place.ownership_known else None)


def _summary(case: Case) -> str:
    who = case.principal
    times = f"{case.count} times" if case.count > 1 else "once"
    what = ", ".join(f"{name}{f' x{count}' if count > 1 else ''}" for name, count in list(case.names.items())[:5])
    more = f" and {len(case.names) - 5} more" if len(case.names) > 5 else ""
    sources = dict.fromkeys(event["from"] for event in case.events if event.get("from"))
    start = f" from {', '.join(list(sources)[:3])}" if sources else ""
    when = f"on {case.day}"
    match case.activity:
        case Activity.ROOT_USE:
            return f"the root user acted {times} {when}{start}: {what}{more}"
        case Activity.SIGN_IN_WITHOUT_MFA:
            return f"{who} signed in to the console without MFA {times} {when}{start}"
        case Activity.FAILED_SIGN_INS:
            return f"{case.count} sign-ins of {who} failed {when}{start}"
        case Activity.PRIVILEGED_ROLE:
            return f"{who} took on the role {case.family} {times} {when}{start}"
        case Activity.SIGN_IN:
            return f"{who} signed in to the console {times} {when}{start}"
        case Activity.SENSITIVE_CHANGE:
            changed = "access, exposure, keys or the audit trail"
            return f"{who} changed {changed} by hand in {case.family} {when}{start}: {what}{more}"
        case Activity.CHANGE_BY_HAND:
            return f"{who} changed {case.family} by hand {times} {when}{start}: {what}{more}"


def _remedy(place: AwsPlace, case: Case) -> str:
    if not case.events or not case.events[0].get("id"):
        return ""
    return (
        f"aws cloudtrail lookup-events --region {place.region} "
        f"--lookup-attributes AttributeKey=EventId,AttributeValue={case.events[0]['id']}  # the first event, whole"
    )

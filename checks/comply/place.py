"""One region or account: its resources held against the rules, and kept by stack for the score of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

from checks.aws import AwsPlace
from checks.base import Outcome, Owner, Reading
from checks.comply import services
from checks.comply.gather import Gatherer
from checks.comply.model import Resource
from checks.comply.rules import Expected, results
from checks.comply.tally import Tally, owned
from checks.kinds import DEVELOPMENT

UNMANAGED, UNKNOWN = "unmanaged", "of nobody knows which stack"
_OFF = "seen_off"  # what is kept: what ran outside working hours, of things that do not say since when they run
_LATE = timedelta(minutes=65)  # after working hours end: a little more than the hour that is let pass
_STEADY = frozenset({"ec2:instance", "rds:db", "rds:cluster"})


@dataclass(slots=True)
class _Group:
    """The resources of one stack at a place."""

    owner: Owner | None
    stage: str
    tally: Tally = field(default_factory=Tally)
    resources: int = 0
    steady: int = 0


@dataclass(frozen=True, slots=True)
class PlaceLook:
    """One look at a region, or at an account's global services."""

    place: AwsPlace
    expected: Expected

    def region(self) -> Iterator[Reading]:
        """What a region has."""
        gatherer = Gatherer(self.place)
        own = {
            "instances": gatherer.instances, "volumes": gatherer.volumes, "vpcs": gatherer.vpcs,
            "networks": gatherer.networks, "scaling-groups": gatherer.groups, "databases": gatherer.databases,
            "clusters": gatherer.clusters, "caches": gatherer.caches, "tables": gatherer.tables,
            "file-systems": gatherer.file_systems,
        }  # fmt: skip
        return self._judged(gatherer, {**own, **_of(gatherer, services.REGIONAL)})

    def account(self) -> Iterator[Reading]:
        """What an account has once."""
        gatherer = Gatherer(self.place)
        return self._judged(gatherer, _of(gatherer, services.ACCOUNT))

    def _judged(self, gatherer: Gatherer, lists: Mapping[str, Callable[[], Iterator[Resource]]]) -> Iterator[Reading]:
        resources = [one for what, look in lists.items() for one in gatherer.listed(what, look)]
        expected = replace(self.expected, seen_off=self._watched_off(resources))
        groups: dict[str, _Group] = {}
        for resource in resources:
            stack = owned(resource)
            group = groups.setdefault(
                UNKNOWN if stack is None else stack or UNMANAGED, _Group(resource.owner, resource.stage)
            )
            group.resources += 1
            group.steady += resource.type in _STEADY and bool(resource.facts.get("running"))
            for result in results(resource, expected):
                group.tally.add(result)
        yield from gatherer.trouble
        yield self._gathered(gatherer.holes, resources)
        for name, group in sorted(groups.items()):
            yield self._of_stack(name, group, gatherer.holes)

    def _watched_off(self, resources: Sequence[Resource]) -> Mapping[str, float]:
        """What ran outside working hours: by this look if it is outside them, else by the last that was."""
        hours, now = self.expected.hours, self.expected.now
        if hours.within(now) or now <= hours.last_ended(now) + timedelta(hours=1):
            return self.place.recall(_OFF) or {}
        seen = {one.arn: now.timestamp() for one in resources if _must_be_seen(one) and one.facts.get("running")}
        kept = {"looked": now.timestamp(), **seen}
        self.place.keep(_OFF, kept)
        return kept

    def _gathered(self, holes: Sequence[str], resources: Sequence[Resource]) -> Reading:
        hours, now, number = self.expected.hours, self.expected.now, len(resources)
        resource, again = f"{self.place.key}/resources", None
        if any(_must_be_seen(one) for one in resources):
            ended = hours.last_ended(now)
            if hours.within(now):
                again = hours.next_end(now) + _LATE - now
            elif now <= ended + timedelta(hours=1):
                again = ended + _LATE - now
        if holes:
            told = f"{number} resources were read, and not known is {'; '.join(holes[:3])}"
            return Reading(resource, Outcome.UNKNOWN, "partial", told, look_again_in=again)
        return Reading(resource, Outcome.HEALTHY, "gathered", f"{number} resources were read", look_again_in=again)

    def _of_stack(self, name: str, group: _Group, holes: Sequence[str]) -> Reading:
        words = group.tally.values()
        failed, unclear = int(words["rules_failed"]), group.tally.unclear
        evidence = {
            "compliance": {
                "stack": group.owner.stack if group.owner else "",
                "known": group.owner is not None,
                "stage": group.stage,
                "account": self.place.account,
                "resources": group.resources,
                "steady": group.steady,
                "rules": group.tally.kept(),
            }
        }
        told = f"{name}: {group.resources} resources, {failed} rules not kept, {unclear} results not known"
        resource = f"{self.place.key}/stack/{name}"
        if holes or unclear or group.owner is None:
            why = "the Terraform states could not all be read" if group.owner is None else "not all of it could be read"
            return Reading(resource, Outcome.UNKNOWN, "partial", f"{told}; {why}", evidence=evidence)
        if failed:
            return Reading(resource, Outcome.UNHEALTHY, "gaps", told, evidence=evidence)
        return Reading(resource, Outcome.HEALTHY, "kept", told, evidence=evidence)


def _must_be_seen(resource: Resource) -> bool:
    """Whether only a look outside working hours can tell that it runs then: it does not say since when it runs."""
    return resource.in_stage == DEVELOPMENT and resource.has("running") and not resource.has("running_since")


def _of(
    gatherer: Gatherer, lists: Mapping[str, Callable[[Gatherer], Iterator[Resource]]]
) -> Mapping[str, Callable[[], Iterator[Resource]]]:
    return {what: partial(look, gatherer) for what, look in lists.items()}

"""One look at a region, or at what an account has once: every resource there is, and whose it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from checks.aws import AwsError, AwsPlace, could_not_look, looked, not_enabled, setting, tags
from checks.base import UNMANAGED, Finding, Json, Kind, Outcome, Reading
from checks.plans.ignore import fits
from checks.strays import lists, once, wide
from checks.strays.lists import Listing
from checks.strays.makers import judged, maker_of
from checks.strays.model import AWS, Accepted, Judged, Thing, Word, accepting, tagged
from checks.strays.model import Kind as Sort

_SINCE = "since"  # what is kept: ARN -> since when it is known, of what no state held at the last look
_MOST = 2000  # of them; what comes when there are so many has no time of grace
_NAMED, _LISTED = 5, 200  # resources in a sentence, and in the evidence
_AGAIN = timedelta(minutes=15)  # by then the states that were not read are tried again
GLOBAL = "global"  # Resource Explorer's word for what has no region

REMEDY = (
    "For what is to stay, write an import block for each, and let `terraform plan -generate-config-out=found.tf` write"
    " its code. Delete what nobody needs. Name what is to stay as it is under checks.unmanaged.ignore."
)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the configuration says."""

    types: Sequence[str] = ("*",)
    tags: Sequence[str] = ()  # of what something else looks after
    ignore: Sequence[Accepted] = ()
    grace: timedelta = timedelta(days=1)
    explorer: bool = True

    def wants(self, kind: str) -> bool:
        return any(fits(each, kind) for each in self.types)


@dataclass
class StrayLook:
    """One look. *everywhere*: an account's own, for what it has once; else a region's."""

    place: AwsPlace
    choice: Choice
    everywhere: bool = False
    kinds: dict[str, Sort] = field(default_factory=dict)
    blind: dict[str, AwsError] = field(default_factory=dict)  # kind -> why not all of it is known
    trouble: list[Reading] = field(default_factory=list)  # readings of lists that are of no one kind
    limits: list[str] = field(default_factory=list)  # what nobody can see here, for people
    tags: Mapping[wide.Key, Mapping[str, str]] = field(default_factory=dict)
    untold: AwsError | None = None  # why tags are not known

    def readings(self) -> Iterator[Reading]:
        """A reading for each kind that is there, and one for the place."""
        if not self.place.ownership_known:
            yield self._states_unread()
            return
        things, direct = self._listed(), self._kinds()
        by_tag = self._by_tag()
        things += [one for one in self._wide(by_tag) if one.kind not in direct]
        self._judge(things)
        if not self.place.ownership_known:  # in between, a state could not be read any more
            yield self._states_unread()
            return
        yield from self.trouble
        for name in sorted({*self.kinds, *self.blind}):
            yield from self._kind(name)
        yield self._whole()

    @property
    def _partial(self) -> bool:
        """Whether something could not be read."""
        return bool(self.blind) or any(one.outcome is Outcome.UNKNOWN for one in self.trouble)

    # -- what there is ----------------------------------------------------------------------------------------------

    @property
    def _lists(self) -> tuple[Listing, ...]:
        return once.GLOBAL if self.everywhere else lists.REGIONAL

    def _kinds(self) -> frozenset[str]:
        """The kinds that have a list of their own: what else names one of them adds nothing."""
        return frozenset(one.kind for one in (*once.GLOBAL, *lists.REGIONAL))

    def _listed(self) -> list[Thing]:
        found: list[Thing] = []
        for listing in self._lists:
            if not self.choice.wants(listing.kind):
                continue
            try:
                found += listing.things(self.place)
            except AwsError as error:
                absent = not_enabled(f"{self.place.key}/{listing.kind}", error, f"which {listing.kind} there are")
                if absent.outcome is Outcome.UNKNOWN:
                    self.blind[listing.kind] = error
        return found

    def _by_tag(self) -> Mapping[wide.Key, tuple[str, Mapping[str, str]]]:
        try:
            found = wide.by_tag(self.place)
        except AwsError as error:
            self.untold = error
            told = could_not_look(f"{self.place.key}/tagged", error, "which resources have tags, and which")
            self.trouble.append(told)
            return {}
        self.trouble.append(looked(self.place, "tagged", len(found)))
        self.tags = {key: given for key, (_, given) in found.items()}
        return found

    def _wide(self, by_tag: Mapping[wide.Key, tuple[str, Mapping[str, str]]]) -> list[Thing]:
        """What has no list of its own here."""
        found: dict[wide.Key, Thing] = {}
        region = "" if self.everywhere else self.place.region
        for key, (arn, given) in by_tag.items():
            one = wide.found(arn, self.place, region, given)
            if one is not None:
                found[key] = one
        failed = self.untold
        if self.choice.explorer:
            try:
                seen = wide.explored(self.place, GLOBAL if self.everywhere else self.place.region)
            except AwsError as error:
                told = not_enabled(f"{self.place.key}/explorer", error, "what Resource Explorer has indexed")
                self.trouble.append(told)
                failed = failed or (error if told.outcome is Outcome.UNKNOWN else None)
            else:
                self._explored(seen)
                for arn in seen.arns:
                    one = wide.found(arn, self.place, region, None)
                    if one is not None:
                        found.setdefault(wide.key_of(arn), one)
        kinds = {one.kind for one in found.values()}
        wanted = {kind for kind in kinds if judged(kind) and self.choice.wants(kind)}
        things = [one for one in found.values() if one.kind in wanted]
        if failed is not None:  # either may name more of each kind
            own = self._kinds()
            self.blind.update({one.kind: failed for one in things if one.kind not in own})
        return things

    def _explored(self, seen: wide.Explored) -> None:
        resource = f"{self.place.key}/explorer"
        if seen.on:
            self.trouble.append(looked(self.place, "explorer", len(seen.arns)))
        else:
            self.trouble.append(Reading(resource, Outcome.NOT_APPLICABLE, "explorer_off", seen.gap))
        if seen.gap:
            self.limits.append(seen.gap)

    # -- whose it is ------------------------------------------------------------------------------------------------

    def _judge(self, things: Sequence[Thing]) -> None:
        now = self.place.now()
        kept = self.place.recall(_SINCE)
        since: Mapping[str, float] = kept or {}
        known: dict[str, float] = {}
        regions = self.place.regions if self.everywhere else (self.place.region,)
        stacks = wide.Stacks(self.place, regions)
        for thing in things:
            sort = self.kinds.setdefault(thing.kind, Sort(thing.kind))
            try:
                one = self._whose(thing, stacks, now)
            except AwsError as error:
                self.blind.setdefault(thing.kind, error)
                one = Judged(thing, Word.NOT_KNOWN)
            if one.word is Word.UNMANAGED:
                # Of what there was no room to remember nobody knows since when it is there: it has no time of grace.
                begun = wide.age(thing, since, now, first=kept is None or len(since) >= _MOST)
                if len(known) < _MOST:
                    known[thing.arn] = round(begun)
                if now.timestamp() - begun < self.choice.grace.total_seconds():
                    one = Judged(thing, Word.NEW)
            sort.judged.append(one)
        if self._partial:  # what nobody could see now is as old as it was
            known = {**dict(list(since.items())[:_MOST]), **known}
        self.place.keep(_SINCE, known)

    def _whose(self, thing: Thing, stacks: wide.Stacks, now: datetime) -> Judged:
        """Raises AwsError where what is needed to tell could not be read."""
        owner = next(filter(None, (self.place.owner(name) for name in (thing.arn, *thing.ids))), None)
        if owner is not None:
            return Judged(thing, Word.MANAGED, f"{owner.stack}/{owner.component}")
        if thing.maker:
            return Judged(thing, Word.MADE, thing.maker)
        given = self._tags_of(thing)
        # Asked before anything is said, so that what is said does not go by what could be read today.
        stack = stacks.of(thing)
        maker = maker_of(thing, given) or (f"CloudFormation stack {stack}" if stack else "")
        if maker:
            return Judged(thing, Word.MADE, maker)
        held = next((each for each in self.choice.tags if tagged(each, given)), "")
        if held:
            return Judged(thing, Word.MADE, f"who sets the tag {held}")
        live, over = accepting(self.choice.ignore, thing, self.place.account, given, now.date())
        if live is not None:
            return Judged(thing, Word.ACCEPTED, live.label)
        return Judged(thing, Word.UNMANAGED, over.label if over is not None else "")

    def _tags_of(self, thing: Thing) -> Mapping[str, str]:
        if thing.tags is not None:
            return thing.tags
        if thing.kind == "s3:bucket":  # a bucket is in a region of its own, watched or not
            answer = setting(self.place, "s3", "get_bucket_tagging", region=thing.region, Bucket=thing.name)
            return tags((answer or {}).get("TagSet"))
        if self.untold is not None:
            raise self.untold
        return self.tags.get(wide.key_of(thing.arn), {})

    # -- what is told -----------------------------------------------------------------------------------------------

    def _states_unread(self) -> Reading:
        told = "not known: what no Terraform state holds: not every state of the inventory was read lately"
        return Reading(
            f"{self.place.key}/states", Outcome.UNKNOWN, "states_not_read", told, look_again_in=_AGAIN,
            evidence={"what_to_do": "See the check `state`, or `barograph check state`, for the state and the reason."},
        )  # fmt: skip

    def _kind(self, name: str) -> Iterator[Reading]:
        resource = f"{self.place.key}/{name}"
        if name in self.blind:
            yield could_not_look(resource, self.blind[name], f"which {name} no Terraform state holds")
            return
        sort = self.kinds[name]
        if all(one.why == AWS for one in sort.judged):
            return  # what every account comes with; counted for the place
        strays = sort.of(Word.UNMANAGED)
        evidence: dict[str, Json] = {"type": name, "of_others": _counted(sort, Word.MADE)}
        evidence |= {
            word: [one.thing.arn for one in found[:_LISTED]]
            for word, found in (("accepted", sort.of(Word.ACCEPTED)), ("new", sort.of(Word.NEW)))
            if found
        }
        values, managed = sort.values(), len(sort.of(Word.MANAGED))
        if not strays:
            told = f"{name}: {managed} in Terraform, {len(sort.judged) - managed} of others, new or accepted"
            yield Reading(resource, Outcome.HEALTHY, "managed", told, values=values, evidence=evidence)
            return
        finding = self._finding(name, strays)
        yield Reading(
            resource, Outcome.UNHEALTHY, "unmanaged", finding.summary, (finding,), values,
            {**evidence, **finding.evidence},
        )  # fmt: skip

    def _finding(self, name: str, strays: Sequence[Judged]) -> Finding:
        number = len(strays)
        first = ", ".join(one.thing.name for one in strays[:_NAMED])
        more = f" and {number - _NAMED} more" if number > _NAMED else ""
        told = f"no Terraform state holds {number} {name} in {self.place.key}: {first}{more}"
        evidence: dict[str, Json] = {
            "type": name,
            "number": number,
            "resources": [
                {"arn": one.thing.arn, "name": one.thing.name}
                | ({"created": one.thing.created.isoformat()} if one.thing.created else {})
                for one in strays[:_LISTED]
            ],
        }
        expired = sorted({one.why for one in strays if one.why})
        if expired:
            evidence["expired_ignores"] = expired
        arns = tuple(one.thing.arn for one in strays[:_LISTED])
        cause = f"unmanaged:{name}:{self.place.account}"
        return Finding(
            Kind.COMPLIANCE, "unmanaged", told, cause=cause, remedy=REMEDY, addresses=arns, evidence=evidence,
            owner=UNMANAGED,
        )  # fmt: skip

    def _whole(self) -> Reading:
        every = [one for sort in self.kinds.values() for one in sort.judged]
        number = Counter(one.word for one in every)
        told = (
            f"{len(every)} resources of {len(self.kinds)} kinds: {number[Word.MANAGED]} in Terraform,"
            f" {number[Word.MADE]} of others, {number[Word.UNMANAGED]} in no state"
        )
        # Of kinds without a list of their own, nothing is seen that has no tag and is in no index.
        limits = ["other kinds than those listed are seen only where they have, or had, tags", *self.limits]
        resource = f"{self.place.key}/resources"
        evidence: dict[str, Json] = {"limits": limits}
        if self._partial:
            return Reading(resource, Outcome.UNKNOWN, "partial", f"{told}; not all was seen", evidence=evidence)
        return Reading(resource, Outcome.HEALTHY, "looked", told, evidence=evidence)


def _counted(sort: Sort, word: Word) -> Json:
    """Who made how many, the most first."""
    return dict(Counter(one.why for one in sort.of(word)).most_common(50))

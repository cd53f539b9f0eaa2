"""The contract between checks and AWS: what a place offers, and the few helpers that all AWS checks share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from checks.aws_errors import COULD_NOT_LOOK, AwsError, ErrorClass, classify
from checks.base import UNMANAGED, Finding, Json, Kind, Outcome, Owner, Place, Reading
from checks.kinds import PRODUCTION


class AwsPlace(Place, Protocol):
    """An account (Scope.ACCOUNT, key "111111111111"), or a region of one (Scope.REGION, "111111111111/eu-west-1").

    Only operations whose IAM action the check declares can be asked. Every method that asks AWS raises AwsError. What
    is given belongs to all who look: change nothing in it.
    """

    @property
    def account(self) -> str: ...  # "111111111111"

    @property
    def region(self) -> str: ...  # where it asks unless told otherwise; of an account: the one of its global services

    @property
    def regions(self) -> tuple[str, ...]: ...  # all of the account that are watched

    @property
    def partition(self) -> str: ...  # "aws", "aws-cn", "aws-us-gov"

    def call(self, service: str, operation: str, /, *, region: str = "", **parameters: Any) -> Mapping[str, Json]:
        """Ask once; *service* and *operation* as boto3 names them ("elbv2", "describe_listeners").

        An answer without any body is an error, never an empty answer. A missing setting is ABSENCE: see setting().
        """

    def pages(
        self, service: str, operation: str, key: str, /, *, region: str = "", **parameters: Any
    ) -> Iterator[Json]:
        """Ask page by page and give what stands under *key* ("Reservations", "DistributionList.Items") of each.

        Each page is asked for when it is needed, within the check's deadline; a page that fails ends nothing quietly.
        """

    def shared(
        self, service: str, operation: str, key: str, /, *, region: str = "", **parameters: Any
    ) -> tuple[Json, ...]:
        """As pages(), all of them, asked once per cycle for all checks that ask the same. A failure is shared too."""

    def emptied(self) -> Mapping[str, datetime]:
        """The lists that may rest (Check.rests) and were taken for empty since the last call -> when AWS said so."""

    def owner(self, identifier: str, /) -> Owner | None:
        """Whose Terraform state holds the ARN or id; None: no state does, if ownership_known. See owner_of()."""

    @property
    def ownership_known(self) -> bool: ...  # whether every state of the inventory was read

    def recall(self, name: str, /) -> Json | None:
        """What this check kept at this place under *name* in an earlier look that succeeded; None: nothing."""

    def keep(self, name: str, value: Json, /) -> None:
        """Keep a small value for the next look. Stored with this look, and only if it succeeds. Nothing secret."""


def setting(
    place: AwsPlace, service: str, operation: str, /, *, region: str = "", **parameters: Any
) -> Mapping[str, Json] | None:
    """As place.call(), for a setting that may not be there: None is AWS' definite answer that it is not."""
    try:
        return place.call(service, operation, region=region, **parameters)
    except AwsError as error:
        if error.error_class is ErrorClass.ABSENCE:
            return None
        raise


def unsaid(place: AwsPlace, service: str, operation: str, what: str) -> AwsError:
    """The error of an answer that does not say what it has to, or not all of it. *what* says so in words."""
    return AwsError(
        ErrorClass.ERROR, service=service, operation=operation, code=what, account=place.account, region=place.region
    )


EMPTY = "empty"

# For Check.verdicts: all that the helpers below can say.
VERDICTS: Mapping[str, str] = {
    "looked": "Looked; what is wrong is said of each resource.",
    EMPTY: "There was none when it was last asked for, within a day; it is not asked for again until then.",
    **COULD_NOT_LOOK,
}


def looked(place: AwsPlace, what: str, count: int) -> Reading:
    """The reading that a list was read to its end, be it empty: HEALTHY, of the resource "PLACE/what".

    Without it, a place where there is nothing would look like one that nobody has seen. Guard the list under the same
    name, so that the one reading takes the other's place: `guarded(f"{place.key}/volumes", …)`. Where nothing is there
    and its list rests (Check.rests), it is NOT_APPLICABLE, with the time at which AWS said so: not looking is not fine.
    """
    resource, emptied = f"{place.key}/{what}", place.emptied()
    if not emptied:
        return Reading(resource, Outcome.HEALTHY, "looked", f"{count} {what}")
    at = min(emptied.values())
    words = f"asked for at {at:%Y-%m-%d %H:%M} UTC, and again a day later: {', '.join(sorted(emptied))}"
    if count:
        return Reading(resource, Outcome.HEALTHY, "looked", f"{count} {what}; of these lists one was empty, {words}")
    return Reading(resource, Outcome.NOT_APPLICABLE, EMPTY, f"no {what}; {words}")


def could_not_look(resource: str, error: AwsError, what: str) -> Reading:
    """The reading of a resource that could not be seen: UNKNOWN, its verdict the error's class.

    *what* is what nobody knows now, as it reads in a sentence: "whether the bucket is public". Its finding is told
    once for the whole place, however many resources have one.
    """
    told = f"not known: {what}: {error}"
    finding = Finding(
        Kind.MONITORING,
        "could_not_look",
        told,
        cause=error.cause,
        remedy=_remedy(error),
    )
    return Reading(
        resource, Outcome.UNKNOWN, str(error.error_class), told, (finding,),
        evidence={"action": error.action, "code": error.code} if error.action else {},
    )  # fmt: skip


def _remedy(error: AwsError) -> str:
    if error.error_class is ErrorClass.PERMISSION and error.action:
        return f"Allow {error.action} for Barograph's role in account {error.account}."
    if error.error_class is ErrorClass.OTHER_ACCOUNT:
        return f"Give account {error.account} a role_arn that leads into it."
    if error.error_class is ErrorClass.ROLE_REFUSED:
        return (
            f"See that Barograph's role in account {error.account} is there, trusts the role that takes it on, and "
            "wants the external id that is configured."
        )
    return ""


def not_enabled(resource: str, error: AwsError, what: str) -> Reading:
    """As could_not_look(), for a service that an account need not have: NOT_APPLICABLE where it is not switched on."""
    if error.error_class is ErrorClass.NOT_ENABLED:
        return Reading(resource, Outcome.NOT_APPLICABLE, str(error.error_class), f"{what}: {error.words}")
    return could_not_look(resource, error, what)


def guarded(
    resource: str,
    what: str,
    look: Callable[..., Iterable[Reading]],
    *args: Any,
    optional: bool = False,
    listed: bool = False,
) -> Iterator[Reading]:
    """Give the readings of look(*args*); where AWS refuses in the midst of it, then an UNKNOWN one of *resource*.

    One refusal spoils one resource, not the place: `yield from guarded(arn, "its policy", self._policy, place, arn)`.
    *what* is as could_not_look() takes it. *optional*: the service may be off (not_enabled). *listed*: *resource* is
    from a list of this very look, so if it is gone by now there is nothing to read, and nothing is given.
    """
    try:
        yield from look(*args)
    except AwsError as error:
        if not (listed and error.error_class is ErrorClass.RACE):
            yield (not_enabled if optional else could_not_look)(resource, error, what)


def owner_of(place: AwsPlace, *identifiers: str) -> Owner | None:
    """What Finding.owner is to be: whose state holds any of the ARNs and ids, UNMANAGED, or None where nobody knows."""
    for identifier in identifiers:
        found = place.owner(identifier) if identifier else None
        if found is not None:
            return found
    return UNMANAGED if place.ownership_known else None


def production(labels: Mapping[str, str], owner: Owner | None = None) -> bool:
    """Whether the stage of the *owner*, else of the place, is production. One that is not known counts as that."""
    return ((owner.stage if owner else "") or labels.get("stage", "") or PRODUCTION) == PRODUCTION


_WORST_FIRST = (Outcome.UNHEALTHY, Outcome.UNKNOWN, Outcome.HEALTHY, Outcome.NOT_APPLICABLE)


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The worst of several; "could not look" is worse than healthy. Of none: UNKNOWN, for nothing was seen."""
    return min(outcomes, key=_WORST_FIRST.index, default=Outcome.UNKNOWN)


def tags(listed: Iterable[Mapping[str, str]] | Mapping[str, str] | None) -> Mapping[str, str]:
    """Tags as a mapping, in whichever way a service lists them: Key/Value, key/value, TagKey/TagValue, a mapping."""
    if isinstance(listed, Mapping):
        return dict(listed)
    found: dict[str, str] = {}
    for each in listed or ():
        name = each.get("Key", each.get("key", each.get("TagKey")))
        if name is not None:
            found[name] = each.get("Value", each.get("value", each.get("TagValue", "")))
    return found


@dataclass(frozen=True, slots=True)
class Arn:
    """An Amazon resource name. str() gives it back as it was."""

    partition: str
    service: str
    region: str
    account: str
    resource: str  # "certificate/1234", "db:main", "my-bucket"

    @classmethod
    def parse(cls, text: str) -> Arn | None:
        """None for what is no ARN."""
        parts = text.split(":", 5)
        return cls(*parts[1:]) if len(parts) == 6 and parts[0] == "arn" and parts[1] and parts[2] else None

    @property
    def name(self) -> str:
        """The last part of the resource: "1234", "main", "my-bucket"."""
        return self.resource.replace(":", "/").rpartition("/")[2]

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


def arn_at(
    place: AwsPlace, service: str, resource: str, *, region: str | None = None, account: str | None = None
) -> str:
    """An ARN in the place's partition, region and account. Empty *region* or *account* where its kind has none."""
    return str(
        Arn(
            place.partition, service, place.region if region is None else region,
            place.account if account is None else account, resource,
        )
    )  # fmt: skip


__all__ = [
    "COULD_NOT_LOOK", "VERDICTS", "Arn", "AwsError", "AwsPlace", "ErrorClass", "arn_at", "classify", "could_not_look",
    "guarded", "looked", "not_enabled", "owner_of", "production", "setting", "tags", "unsaid", "worst",
]  # fmt: skip

"""Lists the accounts of an AWS organization, and chooses those that are watched."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Protocol

from checks.aws import tags as tags_of
from checks.aws_errors import AwsError, ErrorClass
from checks.base import Json
from daemon.abreast import abreast
from daemon.accounts.model import Found, Listing, Organization
from daemon.accounts.roster import lost
from daemon.aws.account import GLOBAL_REGIONS

SERVICE = "organizations"
# All that is asked for. The units are asked for where the configuration names some, tags where it wants any.
ACTIONS = frozenset(
    {
        "organizations:ListAccounts", "organizations:ListAccountsForParent",
        "organizations:ListOrganizationalUnitsForParent", "organizations:ListTagsForResource",
    }
)  # fmt: skip
ACTIVE = "ACTIVE"
NAMED = "exclude names it"
GONE = "are not in it"  # in the code of the error
_AT_ONCE = 4  # accounts whose tags are read at the same time


class Pages(Protocol):
    """daemon.aws.asking.Asker."""

    def pages(
        self, service: str, method: str, key: str, region: str, parameters: Mapping[str, Json]
    ) -> Iterable[Json]: ...  # raises AwsError


def list_accounts(
    asker: Pages, wanted: Organization, before: Mapping[str, Found], ending: threading.Event | None = None
) -> Listing:
    """Ask for the accounts and choose. Raises AwsError where the list, or what it is chosen by, cannot be had.

    *before*: the accounts known so far. One whose tags cannot be read stays as it was then; *ending* gives up. A list
    that lacks most of them may be that of another organization: it is an error, unless `exclude` names those it lacks.
    """
    region = GLOBAL_REGIONS[wanted.partition]
    listed = {one["Id"]: one for one in asker.pages(SERVICE, "list_accounts", "Accounts", region, {})}
    if not listed:  # the management account is always there
        raise _untold("no account in the answer", wanted, region)
    states = {each: _state(one, wanted, region) for each, one in listed.items()}
    names = {each: str(one.get("Name", "")) for each, one in listed.items()}
    left_out = {each: f"it is {state}" for each, state in states.items() if state != ACTIVE}
    closed = frozenset(left_out)
    inside = below(asker, wanted.units, region) if wanted.units else None
    outside = below(asker, wanted.exclude_units, region)
    for each, name in names.items():
        if each not in left_out and (why := _not_wanted(each, name, wanted, inside, outside)):
            left_out[each] = why
    left_out |= {
        each: NAMED for each, one in before.items() if each not in listed and _excluded(each, one.name, wanted)
    }  # fmt: skip
    doubted = lost(before, {**listed, **left_out})
    if doubted:
        raise _untold(f"{len(doubted)} of {len(before)} known accounts {GONE}", wanted, region)
    chosen = [each for each in listed if each not in left_out]
    read, unread = _tags(asker, wanted, region, chosen, ending)
    accounts: dict[str, Found] = {}
    for each in chosen:
        if each in unread and each in before:
            accounts[each] = before[each]
        elif each in unread and wanted.filters_by_tag:
            left_out[each] = "its tags could not be read, and they decide"
        elif each in read and (why := _not_tagged(read[each], wanted)):
            left_out[each] = why
        else:
            accounts[each] = described(each, names[each], read.get(each, {}), wanted)
    return Listing(accounts, left_out, closed, unread)


def below(asker: Pages, units: Iterable[str], region: str) -> frozenset[str]:
    """The ids of all accounts in *units*, units within units included."""
    found: set[str] = set()
    waiting, seen = list(units), set[str]()
    while waiting:
        unit = waiting.pop()
        if unit in seen:
            continue
        seen.add(unit)
        parent = {"ParentId": unit}
        found |= {one["Id"] for one in asker.pages(SERVICE, "list_accounts_for_parent", "Accounts", region, parent)}
        inner = asker.pages(SERVICE, "list_organizational_units_for_parent", "OrganizationalUnits", region, parent)
        waiting += [one["Id"] for one in inner]
    return frozenset(found)


def described(account: str, name: str, tags: Mapping[str, str], wanted: Organization) -> Found:
    """What an account is: by its tags, else by the first pattern that fits and says so."""
    told = {key.lower(): _shown(value.strip()) for key, value in tags.items()}

    def first(names: tuple[str, ...]) -> str:
        return next((told[each.lower()] for each in names if told.get(each.lower())), "")

    fitting = [one for one in wanted.patterns if fits(one.account, account, name)]
    stages = (wanted.stage_words.get(told.get(each.lower(), "").lower(), "") for each in wanted.stage_tags)
    return Found(
        account,
        _shown(name),
        stage=next(filter(None, (*stages, *(one.stage for one in fitting))), ""),
        tenant=first(wanted.tenant_tags) or next(filter(None, (one.tenant for one in fitting)), ""),
        owner=first(wanted.owner_tags) or next(filter(None, (one.owner for one in fitting)), ""),
    )


def _shown(text: str) -> str:
    """Text that can be stored and shown: half of a surrogate pair can stand in JSON, and nowhere else."""
    return text.encode("utf-8", "backslashreplace").decode()


def fits(glob: str, account: str, name: str) -> bool:
    """Whether an account is meant by a glob of names or ids."""
    return fnmatchcase(account, glob) or (bool(name) and fnmatchcase(name, glob))


def _not_wanted(
    account: str, name: str, wanted: Organization, inside: frozenset[str] | None, outside: frozenset[str]
) -> str:
    """Why an account is left out by name or unit; empty: it is not."""
    if _excluded(account, name, wanted):
        return NAMED
    if not any(fits(glob, account, name) for glob in wanted.include):
        return "include does not name it"
    if account in outside:
        return "it is in one of exclude_units"
    if inside is not None and account not in inside:
        return "it is in none of the units"
    return ""


def _excluded(account: str, name: str, wanted: Organization) -> bool:
    return any(fits(glob, account, name) for glob in wanted.exclude)


def _not_tagged(tags: Mapping[str, str], wanted: Organization) -> str:
    for key, glob in wanted.exclude_tags.items():
        if key in tags and fnmatchcase(tags[key], glob):
            return f"exclude_tags names its tag {key}"
    for key, glob in wanted.tags.items():
        if key not in tags or not fnmatchcase(tags[key], glob):
            return f"its tag {key} is not what tags wants"
    return ""


def _tags(
    asker: Pages, wanted: Organization, region: str, accounts: list[str], ending: threading.Event | None
) -> tuple[Mapping[str, Mapping[str, str]], Mapping[str, str]]:
    """Give the tags of each account, and why those of some could not be read."""
    if not wanted.reads_tags:
        return {}, {}

    def read(account: str) -> Mapping[str, str] | AwsError:
        try:
            return tags_of(asker.pages(SERVICE, "list_tags_for_resource", "Tags", region, {"ResourceId": account}))
        except AwsError as error:
            return error

    answers = abreast(read, accounts, threads=_AT_ONCE, name="account tags", ending=ending)
    if answers is None:
        raise _untold("ended before it was done", wanted, region)
    told = dict(zip(accounts, answers, strict=True))
    return (
        {each: one for each, one in told.items() if not isinstance(one, AwsError)},
        {each: str(one) for each, one in told.items() if isinstance(one, AwsError)},
    )


def _state(account: Mapping[str, Json], wanted: Organization, region: str) -> str:
    """AWS' word for how the account stands. `State` takes the place of `Status`, which AWS gives up."""
    said = account.get("State") or account.get("Status")
    if not said:
        raise _untold("an account without a state", wanted, region)
    return str(said)


def _untold(what: str, wanted: Organization, region: str) -> AwsError:
    return AwsError(
        ErrorClass.ERROR, service=SERVICE, operation="ListAccounts", code=what, account=wanted.account, region=region
    )

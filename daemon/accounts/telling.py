"""What a refresh of accounts and regions says, as readings of a check of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from checks.aws_errors import AwsError, ErrorClass
from checks.base import Finding, Kind, Outcome, Reading
from daemon.accounts.directory import ORGANIZATION, Directory, Look
from daemon.accounts.model import Listing
from daemon.accounts.organization import GONE
from daemon.aws import Account

_NAMED = 200  # accounts in a reading's evidence
_REMEDY = "barograph preflight --aws says which rights are missing, and barograph iam-policy prints them."
_REMEDY_LOST = (
    "See that aws.discovery.organization.role_arn leads to the right organization. If these accounts have really left "
    "it, name them in its exclude."
)


def readings(look: Look, directory: Directory) -> tuple[Reading, ...]:
    """One reading for each list that was asked for, and one for each closed account."""
    accounts = directory.accounts()
    found = [*_of_organization(look.organization, directory)]
    found += [
        _of_regions(account, look.regions[account.id], directory) for account in accounts if account.id in look.regions
    ]
    found.append(_counted(accounts))
    return tuple(found)


def _counted(accounts: tuple[Account, ...]) -> Reading:
    number = sum(len(account.regions) for account in accounts)
    told = f"{len(accounts)} accounts are watched, with {number} regions"
    evidence = {"accounts": {one.id: _known(one) for one in accounts[:_NAMED]}}
    if not accounts:
        return Reading("accounts", Outcome.UNKNOWN, "none", "no account is known yet, so none is watched")
    return Reading("accounts", Outcome.HEALTHY, "watched", told, evidence=evidence)


def _known(account: Account) -> Mapping[str, object]:
    labels = {key: value for key, value in account.labels.items() if value and key != "account"}
    return {**labels, "regions": list(account.regions)}


def _of_organization(listing: Listing | AwsError | None, directory: Directory) -> Iterator[Reading]:
    if listing is None:
        return
    if isinstance(listing, AwsError):
        since = directory.since(ORGANIZATION)
        kept = "no account of it was ever listed" if since is None else f"the list of {_at(since)} is used"
        yield _blind("organization", listing, f"the accounts of the organization are not listed, and {kept}")
        return
    told = f"{len(listing.accounts)} accounts of the organization are watched, {len(listing.left_out)} are not"
    left_out = dict(sorted(listing.left_out.items())[:_NAMED])
    yield Reading(ORGANIZATION, Outcome.HEALTHY, "listed", told, evidence={"left_out": left_out})
    named = {one.id for one in directory.settings.static}
    for account in sorted(listing.closed):
        watched = "watched all the same, for the configuration names it" if account in named else "not watched"
        why = f"account {account} is {watched}: {listing.left_out[account]}"
        yield Reading(account, Outcome.NOT_APPLICABLE, "closed", why)
    if listing.unread:
        first = next(iter(listing.unread.values()))
        summary = f"the tags of {len(listing.unread)} accounts are not read; what they said before counts: {first}"
        yield Reading(
            "organization/tags", Outcome.UNKNOWN, "stale", summary,
            (Finding(Kind.MONITORING, "could_not_look", summary, cause="accounts tags", remedy=_REMEDY),),
            evidence={"accounts": sorted(listing.unread)[:_NAMED]},
        )  # fmt: skip


def _of_regions(account: Account, answer: tuple[str, ...] | AwsError, directory: Directory) -> Reading:
    resource = f"{account.id}/regions"
    if not isinstance(answer, AwsError):
        return Reading(resource, Outcome.HEALTHY, "listed", f"{len(answer)} regions", evidence={"regions": [*answer]})
    since = directory.since(account.id)
    kept = "none of them is watched" if since is None else f"the list of {_at(since)} is used"
    return _blind(resource, answer, f"the regions of account {account.id} are not listed, and {kept}")


def _blind(resource: str, error: AwsError, what: str) -> Reading:
    summary = f"{what}: {error}"
    remedy = _REMEDY if error.error_class in (ErrorClass.PERMISSION, ErrorClass.ROLE_REFUSED, ErrorClass.SCP) else ""
    remedy = _REMEDY_LOST if GONE in error.code else remedy
    finding = Finding(Kind.MONITORING, "could_not_look", summary, cause=error.cause, remedy=remedy)
    evidence = {"action": error.action, "code": error.code} if error.action else {}
    return Reading(resource, Outcome.UNKNOWN, str(error.error_class), summary, (finding,), evidence=evidence)


def trouble(look: Look, directory: Directory) -> Iterator[tuple[str, str]]:
    """What could not be listed, as (what, why): for one look from the command line."""
    for reading in readings(look, directory):
        if reading.outcome is Outcome.UNKNOWN:
            yield reading.resource, reading.summary


def _at(when: datetime) -> str:
    return when.strftime("%Y-%m-%d %H:%M UTC")

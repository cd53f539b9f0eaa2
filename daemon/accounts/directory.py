"""The accounts and regions that are watched now, from all sources, and what has become of the others.

What could not be listed stays as it was listed last, also over a restart. Only what two listings in a row lack is gone.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from checks.aws_errors import AwsError
from daemon.abreast import abreast
from daemon.accounts import organization, regions, stacks
from daemon.accounts.memory import Known, of_json, to_json
from daemon.accounts.model import ENABLED, Found, Listing, Settings
from daemon.accounts.roster import LISTINGS, Entry, after, present
from daemon.aws import Account, AwsContext, Watching
from daemon.aws.asking import Asker
from daemon.inventory.model import ABSTRACT, Inventory

log = logging.getLogger(__name__)

ORGANIZATION, STACKS = "organization", "stacks"
_SECONDS = 120.0  # for one list of regions
_LISTING_SECONDS = 900.0  # for the organization: at 4 requests a second, the tags of 3,500 accounts
_AT_ONCE = 8  # accounts whose regions are listed at the same time
_APART = timedelta(minutes=5)  # between two listings that are two
_KEY = re.compile(r"(?P<account>\d{12})(?:/(?P<region>[a-z0-9-]+))?")


@dataclass(frozen=True, slots=True)
class Look:
    """What one refresh came to. An AwsError stands where something could not be listed."""

    organization: Listing | AwsError | None = None  # None: it is no source
    regions: Mapping[str, tuple[str, ...] | AwsError] = field(default_factory=dict)  # account -> those switched on

    @property
    def whole(self) -> bool:
        """Whether everything could be listed."""
        listed = (self.organization, *self.regions.values())
        return not any(isinstance(one, AwsError) for one in listed) and not (
            isinstance(self.organization, Listing) and self.organization.unread
        )


class Directory:
    """Thread-safe. Nothing is asked when it is made; refresh() asks."""

    def __init__(self, settings: Settings, context: AwsContext, clock: Callable[[], datetime]) -> None:
        self.settings = settings
        self._context = context
        self._clock = clock
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._known = Known()
        self._gone: dict[str, str] = {}  # account, or account/region -> why
        self._whole = 0  # refreshes of this process in which everything could be listed
        self._stacks_of: datetime | None = None  # the listing that `stacks` is of
        self._stacks_seen = False

    # -- memory -------------------------------------------------------------------------------------------------

    def remember(self, text: str) -> None:
        """Take up what the process before this one knew: `memory` of that time."""
        try:
            known = of_json(text)
        except ValueError as error:
            log.warning("the accounts known before are not read: %s", error)
            return
        with self._lock:
            self._known = known

    @property
    def memory(self) -> str:
        """What is known, for the next process."""
        with self._lock:
            return to_json(self._known)

    def end(self) -> None:
        """Give up what is being listed."""
        self._ending.set()

    # -- looking ------------------------------------------------------------------------------------------------

    def take(self, inventory: Inventory) -> None:
        """Take in the accounts that the stacks name. One that is stale, or empty, changes nothing."""
        if not self.settings.stacks or inventory.stale_because or not inventory.watched:
            return
        with self._lock:
            found = stacks.accounts_of(watched.instance for watched in inventory.watched)
            if self._stacks_seen and inventory.loaded_at == self._stacks_of:
                return  # the same listing again: it counts once
            self._stacks_seen, self._stacks_of = True, inventory.loaded_at
            if not _says_all(inventory):
                found = {**present(self._known.stacks), **found}
            entries, gone = after(self._known.stacks, found)
            at = {**self._known.at, STACKS: self._clock()}
            self._known = replace(self._known, stacks=entries, at=at)
            self._lost(gone, "no stack names it any more")

    def refresh(self) -> Look:
        """List accounts and regions anew. Raises nothing for what AWS refuses: the Look has it."""
        listing = self._list_organization()
        asked = [one for one in self.accounts() if self._wants_regions(one.id)]
        answers = abreast(
            self._list_regions, asked, threads=_AT_ONCE, name="account regions", ending=self._ending
        )  # fmt: skip
        told = {} if answers is None else {one.id: answer for one, answer in zip(asked, answers, strict=True)}
        with self._lock:
            for account, answer in told.items():
                if not isinstance(answer, AwsError):
                    self._take_regions(account, answer)
            look = Look(listing, told)
            stacks_known = not self.settings.stacks or self._stacks_seen
            self._whole += look.whole and stacks_known and answers is not None
        return look

    def _list_organization(self) -> Listing | AwsError | None:
        wanted = self.settings.organization
        if wanted is None:
            return None
        with self._lock:
            before = {key: entry.what for key, entry in self._known.organization.items()}
        asker = Asker(
            wanted.account, wanted.identity, Watching("accounts", organization.ACTIONS), self._context,
            self._context.ticks() + _LISTING_SECONDS,
        )  # fmt: skip
        try:
            listing = organization.list_accounts(asker, wanted, before, self._ending)
        except AwsError as error:
            return error
        with self._lock:
            entries, gone = after(
                self._known.organization, listing.accounts, listing.left_out, counts=self._counts(ORGANIZATION)
            )
            at = {**self._known.at, ORGANIZATION: self._clock()}
            self._known = replace(self._known, organization=entries, at=at)
            self._lost(gone)
        return listing

    def _list_regions(self, account: Account) -> tuple[str, ...] | AwsError:
        asker = Asker(
            account.id, account.identity, Watching("accounts", regions.ACTIONS), self._context,
            self._context.ticks() + _SECONDS,
        )  # fmt: skip
        try:
            return regions.list_regions(asker, account, self.settings.region)
        except AwsError as error:
            return error

    def _take_regions(self, account: str, listed: tuple[str, ...]) -> None:
        before = self._known.regions.get(account, {})
        entries, gone = after(before, dict.fromkeys(listed), counts=self._counts(account))
        self._known = replace(
            self._known,
            regions={**self._known.regions, account: entries},
            at={**self._known.at, account: self._clock()},
        )
        for region in listed:
            self._gone.pop(f"{account}/{region}", None)
        for region in gone:
            self._gone[f"{account}/{region}"] = f"the account has not switched on {region} any more"

    def _counts(self, source: str) -> bool:
        """Whether a listing now is one of its own, and not the one before again."""
        last = self._known.at.get(source)
        return last is None or abs(self._clock() - last) >= min(_APART, self.settings.every / 2)

    def _lost(self, gone: Mapping[str, str], why: str = "") -> None:
        """Note accounts that a source has lost, unless another one still has them."""
        for account, told in gone.items():
            if account not in self._everywhere():
                self._gone[account] = f"account {account} is not watched any more: {why or told}"
                known = {each: one for each, one in self._known.regions.items() if each != account}
                self._known = replace(self._known, regions=known)
        for account in self._present():
            self._gone.pop(account, None)

    # -- what is watched ----------------------------------------------------------------------------------------

    def accounts(self) -> tuple[Account, ...]:
        """The accounts that are watched, with their regions as they are known."""
        with self._lock:
            return tuple(self._account(each) for each in self._present())

    def since(self, source: str) -> datetime | None:
        """When a source (ORGANIZATION, STACKS, an account's id for its regions) was last listed; None: never."""
        with self._lock:
            return self._known.at.get(source)

    def fate(self, key: str) -> str | None:
        """What has become of a place that is not watched now, by its key ("ID" or "ID/REGION").

        Why it is gone for good; empty: it is not told, or only once, and nothing may be concluded; None: this
        directory does not decide it.
        """
        match = _KEY.fullmatch(key)
        if match is None or not self.settings.discovers:
            return None
        account, region = match["account"], match["region"]
        with self._lock:
            if account not in self._present():
                if account in self._everywhere():
                    return ""
                told = f"account {account} is not watched any more"
                return self._gone.get(account) or (told if self._whole >= LISTINGS else "")
            if region is None or not self._discovered(account):
                return None
            entries = self._known.regions.get(account)
            if entries is None or region in entries:
                return ""
            told = f"{region} of account {account} is not watched any more"
            return self._gone.get(key) or (told if self._whole >= LISTINGS else "")

    def _rosters(self) -> list[Mapping[str, Entry[Found]]]:
        """What each source has; nothing of one that is switched off by now."""
        found: list[Mapping[str, Entry[Found]]] = []
        if self.settings.organization is not None:
            found.append(self._known.organization)
        if self.settings.stacks:
            found.append(self._known.stacks)
        return found

    def _present(self) -> Mapping[str, None]:
        """The ids of accounts that are watched."""
        static = (one.id for one in self.settings.static)
        return dict.fromkeys((*static, *(each for roster in self._rosters() for each in present(roster))))

    def _everywhere(self) -> Mapping[str, None]:
        """The same, with those of which one listing says that they are gone."""
        return dict.fromkeys((*self._present(), *(each for roster in self._rosters() for each in roster)))

    def _wants_regions(self, account: str) -> bool:
        with self._lock:
            return self._discovered(account)

    def _discovered(self, account: str) -> bool:
        """Whether the regions of an account are listed rather than configured."""
        return self._configured_regions(account) == (ENABLED,)

    def _configured_regions(self, account: str) -> tuple[str, ...]:
        static = next((one for one in self.settings.static if one.id == account), None)
        return (static.regions if static is not None else ()) or self.settings.regions

    def _account(self, account: str) -> Account:
        """All that is known of an account: the configuration first, then the organization, then the stacks."""
        static = next((one for one in self.settings.static if one.id == account), None)
        tellers: list[Account | Found] = [] if static is None else [static]
        tellers += self._tellers(account)

        def first(name: str) -> str:
            return next(filter(None, (str(getattr(one, name)) for one in tellers)), "")

        found = self._configured_regions(account)
        if found == (ENABLED,):
            found = tuple(sorted(present(self._known.regions.get(account, {}))))
        own = static is not None and (bool(static.identity.roles) or not self._tellers(account))
        identity = static.identity if static is not None and own else self.settings.identity(account)
        return Account(
            account, found, first("name"), first("stage"), first("tenant"), first("owner"), identity
        )  # fmt: skip

    def _tellers(self, account: str) -> list[Found]:
        return [roster[account].what for roster in self._rosters() if account in roster]


def _says_all(inventory: Inventory) -> bool:
    """Whether an account that no instance names is named by none: else an instance is not read, or its account."""
    unread = any(one.reason != ABSTRACT for one in inventory.left_out)
    vague = any(watched.unresolved and not watched.instance.account for watched in inventory.watched)
    return not (inventory.held or unread or vague)

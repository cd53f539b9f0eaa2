"""What is watched: from all sources, kept where it could not be listed, gone after two listings without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from checks.base import Instance, Outcome
from daemon.accounts.directory import Directory
from daemon.accounts.model import ENABLED
from daemon.accounts.telling import readings
from daemon.aws import Account, Identity
from daemon.inventory.model import Backend, Inventory, LeftOut, Watched
from tests.aws.fake import Fault
from tests.daemon.accounts.world import DEV, HUB, NOW, OLD, PROD, Cloud, identity, organization, settings

FAULTS = [Fault.DENIED, Fault.SCP, Fault.THROTTLED, Fault.TIMEOUT, Fault.NETWORK, Fault.EMPTY, Fault.MALFORMED]


def watched(directory: Directory) -> dict[str, tuple[str, ...]]:
    """Account -> regions, as they are watched now."""
    return {one.id: one.regions for one in directory.accounts()}


def after(cloud: Cloud, directory: Directory, times: int = 1) -> Directory:
    """The directory after refreshes an hour apart."""
    for _ in range(times):
        cloud.clock.hour()
        directory.refresh()
    return directory


def test_nothing_is_asked_where_nothing_is_to_be_found() -> None:
    """The configured accounts are there from the start, and a directory of them alone decides nothing."""
    cloud = Cloud()
    one = Account(PROD, ("eu-west-1",), identity=identity(PROD))
    directory = cloud.directory(settings(static=(one,), organization=None))
    assert directory.accounts() == (one,)
    assert not directory.settings.discovers
    assert directory.refresh().whole
    assert (cloud.aws.calls, directory.fate(OLD)) == ([], None)


def test_accounts_and_their_regions_appear() -> None:
    """Those of the organization, each with what it has switched on; a new one without a restart."""
    cloud = Cloud()
    directory = cloud.directory(settings())
    assert watched(directory) == {}
    assert directory.refresh().whole
    both = ("eu-west-1", "us-east-1")
    assert watched(directory) == {HUB: both, PROD: both, DEV: both}
    cloud.accounts[OLD] = "ACTIVE"
    cloud.regions[PROD] = {"eu-west-1": "opt-in-not-required", "af-south-1": "opted-in"}
    after(cloud, directory)
    assert watched(directory) == {HUB: both, PROD: ("af-south-1", "eu-west-1"), DEV: both, OLD: both}


@pytest.mark.parametrize("state", ["SUSPENDED", "gone"])
def test_an_account_is_gone_after_two_listings(state: str) -> None:
    """After one it is neither looked at nor given up; after two its places are told why they go."""
    cloud = Cloud()
    directory = after(cloud, cloud.directory(settings()))
    if state == "gone":
        del cloud.accounts[PROD]
    else:
        cloud.accounts[PROD] = state
    after(cloud, directory)
    assert PROD not in watched(directory)
    assert [directory.fate(key) for key in (PROD, f"{PROD}/eu-west-1", f"{PROD}/cn-north-1")] == ["", "", ""]
    after(cloud, directory)
    why = "it is not listed any more" if state == "gone" else "it is SUSPENDED"
    for key in (PROD, f"{PROD}/eu-west-1"):
        assert directory.fate(key) == f"account {PROD} is not watched any more: {why}"
    assert directory.fate(f"{DEV}/eu-west-1") == ""


def many(cloud: Cloud, number: int) -> list[str]:
    """So many more accounts in the organization, by id."""
    ids = [f"{900000000000 + each}" for each in range(number)]
    cloud.accounts |= dict.fromkeys(ids, "ACTIVE")
    return ids


def test_a_listing_that_lacks_most_accounts_gives_none_up() -> None:
    """A role that leads to another organization, however often: all stay watched, none is added, and that is told."""
    cloud = Cloud()
    many(cloud, 5)
    directory = after(cloud, cloud.directory(settings()))
    before = directory.accounts()
    cloud.accounts = {HUB: "ACTIVE", OLD: "ACTIVE"}
    look = after(cloud, directory, 4).refresh()
    assert directory.accounts() == before
    assert not look.whole
    told = next(one for one in readings(look, directory) if one.resource == "organization")
    assert told.outcome is Outcome.UNKNOWN
    assert "7 of 8 known accounts are not in it" in told.summary
    assert "name them in its exclude" in told.findings[0].remedy
    assert [directory.fate(one.id) for one in before if one.id != HUB] == [None] * 7


@pytest.mark.parametrize(("number", "gone"), [(5, 4), (10, 6)])
def test_a_listing_that_lacks_few_accounts_counts(number: int, gone: int) -> None:
    """Four at once, and half of them, may be closed or moved on one day."""
    cloud = Cloud()
    ids = many(cloud, number)
    directory = after(cloud, cloud.directory(settings()))
    for each in ids[:gone]:
        del cloud.accounts[each]
    assert directory.refresh().whole
    assert set(watched(directory)) == set(cloud.accounts)


def test_accounts_that_are_excluded_may_all_go_at_once() -> None:
    """Whoever moves most of an organization says so in the configuration."""
    cloud = Cloud()
    ids = many(cloud, 8)
    before = after(cloud, cloud.directory(settings())).memory
    for each in ids:
        del cloud.accounts[each]
    directory = after(cloud, cloud.directory(settings(organization=organization(exclude=("9000*",))), before), 2)
    assert set(watched(directory)) == {HUB, PROD, DEV}
    assert directory.fate(ids[0]) == f"account {ids[0]} is not watched any more: exclude names it"


def test_an_account_that_comes_back_is_watched_again() -> None:
    """Whether it was missed once, or given up."""
    cloud = Cloud()
    directory = after(cloud, cloud.directory(settings()))
    for missed in (1, 2, 3):
        del cloud.accounts[PROD]
        after(cloud, directory, missed)
        cloud.accounts[PROD] = "ACTIVE"
        after(cloud, directory)
        assert watched(directory)[PROD] == ("eu-west-1", "us-east-1")
        assert directory.fate(PROD) is None


def test_two_listings_at_once_are_one() -> None:
    """Who asks for a refresh twice in a minute has not seen that an account stays away."""
    cloud = Cloud()
    directory = after(cloud, cloud.directory(settings()))
    del cloud.accounts[PROD]
    after(cloud, directory)
    for _ in range(3):
        directory.refresh()
    assert directory.fate(PROD) == ""
    assert str(after(cloud, directory).fate(PROD)).endswith("it is not listed any more")


@pytest.mark.parametrize("fault", FAULTS)
def test_an_organization_that_cannot_be_listed_stays_as_it_was(fault: Fault) -> None:
    """For however long: no account goes, none comes, and none is given up."""
    cloud = Cloud()
    directory = after(cloud, cloud.directory(settings()))
    before = directory.accounts()
    del cloud.accounts[PROD]
    cloud.accounts[OLD] = "ACTIVE"
    with cloud.aws.failing("organizations", "list_accounts", fault):
        assert not after(cloud, directory, 4).refresh().whole
    assert directory.accounts() == before
    assert [directory.fate(f"{each}/eu-west-1") for each in (PROD, OLD)] == ["", ""]


@pytest.mark.parametrize("fault", FAULTS)
def test_regions_that_cannot_be_listed_stay_as_they_were(fault: Fault) -> None:
    """They are watched on; and an account of which none was ever listed gives none up that it had."""
    cloud = Cloud()
    directory = after(cloud, cloud.directory(settings()))
    before = directory.accounts()
    cloud.regions[PROD] = {"eu-west-1": "opt-in-not-required"}
    cloud.accounts[OLD] = "ACTIVE"
    with cloud.aws.failing("ec2", "describe_regions", fault):
        if fault in (Fault.DENIED, Fault.SCP):
            with cloud.aws.failing("account", "list_regions", fault):
                assert not after(cloud, directory, 3).refresh().whole
        else:
            assert not after(cloud, directory, 3).refresh().whole
    assert directory.accounts()[:3] == before
    assert watched(directory)[OLD] == ()
    assert directory.fate(f"{OLD}/eu-west-1") == ""
    assert directory.fate(f"{PROD}/sa-east-1") == ""


def test_a_region_is_gone_after_two_listings() -> None:
    """As an account is."""
    cloud = Cloud()
    directory = after(cloud, cloud.directory(settings()))
    cloud.regions[PROD] = {"eu-west-1": "opt-in-not-required", "us-east-1": "not-opted-in"}
    after(cloud, directory)
    assert watched(directory)[PROD] == ("eu-west-1",)
    assert directory.fate(f"{PROD}/us-east-1") == ""
    after(cloud, directory)
    assert directory.fate(f"{PROD}/us-east-1") == "the account has not switched on us-east-1 any more"
    assert watched(directory)[DEV] == ("eu-west-1", "us-east-1")


def test_what_is_known_survives_a_restart() -> None:
    """With what one listing has said already: the next one counts as the second."""
    cloud = Cloud(tags={PROD: {"stage": "prod"}})
    wanted = settings(organization=organization(stage_tags=("stage",), stage_words={"prod": "production"}))
    directory = after(cloud, cloud.directory(wanted))
    del cloud.accounts[DEV]
    after(cloud, directory)
    again = cloud.directory(wanted, directory.memory)
    assert again.accounts() == directory.accounts()
    assert again.accounts()[1].stage == "production"
    assert again.fate(DEV) == ""
    with cloud.aws.failing("organizations", "list_accounts", Fault.DENIED):
        after(cloud, again, 3)
    assert again.accounts() == directory.accounts()
    assert str(after(cloud, again).fate(DEV)).endswith("it is not listed any more")
    assert again.memory == cloud.directory(wanted, again.memory).memory


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"version": 99}', '{"version": 1, "organization": {"a": 1}}', "null"]
)
def test_a_memory_that_nobody_wrote_is_none(text: str) -> None:
    """It keeps nobody from starting."""
    assert Cloud().directory(settings(), text).accounts() == ()


def test_places_of_accounts_that_nobody_knows_go_after_two_whole_refreshes() -> None:
    """One that was in the configuration before; until then, the memory may only be lost."""
    cloud = Cloud()
    directory = cloud.directory(settings())
    assert directory.fate(f"{OLD}/eu-west-1") == ""
    with cloud.aws.failing("organizations", "list_accounts", Fault.THROTTLED):
        after(cloud, directory, 3)
    assert directory.fate(OLD) == ""
    after(cloud, directory, 1)
    assert directory.fate(OLD) == ""
    after(cloud, directory, 1)
    assert directory.fate(f"{OLD}/eu-west-1") == f"account {OLD} is not watched any more"
    assert directory.fate(f"{PROD}/sa-east-1") == f"sa-east-1 of account {PROD} is not watched any more"


@pytest.mark.parametrize("key", ["acme-prod/db", "estate", "payer", "example.com:443", "000000000011/EU", ""])
def test_other_places_are_none_of_its_business(key: str) -> None:
    """It decides about accounts and regions alone."""
    assert Cloud().directory(settings()).fate(key) is None


def test_the_configuration_wins_field_by_field() -> None:
    """What it does not say is as the organization says; its regions and role stand where it names some."""
    cloud = Cloud(tags={PROD: {"owner": "crew", "tenant": "acme"}})
    wanted = settings(
        organization=organization(owner_tags=("owner",), tenant_tags=("tenant",)),
        static=(
            Account(PROD, (), name="live", stage="production"),
            Account(DEV, ("eu-west-1",), owner="platform"),
            Account(OLD, (ENABLED,), identity=identity(OLD)),
        ),
    )
    found = {one.id: one for one in after(cloud, cloud.directory(wanted)).accounts()}
    both = ("eu-west-1", "us-east-1")
    assert found[PROD] == Account(PROD, both, "live", "production", "acme", "crew", identity(PROD))
    assert found[DEV] == Account(DEV, ("eu-west-1",), "acme-dev", owner="platform", identity=identity(DEV))
    assert found[OLD] == Account(OLD, both, identity=identity(OLD))
    own = Identity("ASIAFAKE" + DEV, "other", roles=())
    kept = settings(static=(Account(OLD, ("eu-west-1",), identity=own),))
    assert {one.id: one.identity for one in cloud.directory(kept).accounts()}[OLD] == own


def inventory(*instances: tuple[str, str, str], hours: int = 0, **more: object) -> Inventory:
    """A listing of (stack, account, stage), made *hours* after NOW."""
    made = tuple(
        Watched(Instance(stack, "db", "db", account=account, stage=stage, tenant="acme"), Backend(""))
        for stack, account, stage in instances
    )
    cloud = Cloud()
    cloud.clock.now = NOW
    for _ in range(hours):
        cloud.clock.hour()
    return replace(Inventory(made, loaded_at=cloud.clock.now), **more)  # type: ignore[arg-type]  # fields by name


BOTH = (("a", PROD, "production"), ("b", DEV, "staging"), ("c", DEV, "development"), ("d", "prod", "production"))


def test_accounts_that_stacks_name_are_watched() -> None:
    """What all stacks of one agree on is known of it; a word that is no id names no account."""
    cloud = Cloud()
    directory = cloud.directory(settings(organization=None, stacks=True))
    directory.take(inventory(*BOTH))
    directory.refresh()
    both = ("eu-west-1", "us-east-1")
    assert directory.accounts() == (
        Account(PROD, both, stage="production", tenant="acme", identity=identity(PROD)),
        Account(DEV, both, tenant="acme", identity=identity(DEV)),
    )


def test_an_account_that_no_stack_names_any_more_is_gone_after_two_listings() -> None:
    """The same listing twice is one."""
    cloud = Cloud()
    directory = cloud.directory(settings(organization=None, stacks=True))
    directory.take(inventory(*BOTH))
    for hours, expected in (
        (1, ""),
        (1, ""),
        (2, f"account {DEV} is not watched any more: no stack names it any more"),
    ):
        directory.take(inventory(BOTH[0], hours=hours))
        assert directory.fate(DEV) == expected
    assert list(watched(directory)) == [PROD]


DOUBTS: list[Callable[[Inventory], Inventory]] = [
    lambda listing: replace(listing, stale_because="git does not answer"),
    lambda listing: replace(listing, watched=()),
    lambda listing: replace(listing, held=frozenset({"b/db"})),
    lambda listing: replace(listing, left_out=(LeftOut("b", "db", "cannot be read"),)),
    lambda listing: replace(
        listing,
        watched=(*listing.watched, Watched(Instance("b", "db", "db"), Backend(""), unresolved=("account_id",))),
    ),
]


@pytest.mark.parametrize("doubt", DOUBTS)
def test_an_inventory_that_may_lack_something_gives_no_account_up(doubt: Callable[[Inventory], Inventory]) -> None:
    """Stale, empty, on hold, not readable, or with an account that only Atmos can compute."""
    cloud = Cloud()
    directory = cloud.directory(settings(organization=None, stacks=True))
    directory.take(inventory(*BOTH))
    for hours in range(1, 5):
        directory.take(doubt(inventory(BOTH[0], hours=hours)))
    assert list(watched(directory)) == [PROD, DEV]


def test_a_source_that_is_switched_off_is_not_remembered() -> None:
    """What it gave goes after two refreshes, with what it had said."""
    cloud = Cloud()
    first = after(cloud, cloud.directory(settings()))
    one = Account(HUB, (ENABLED,), identity=identity(HUB))
    second = cloud.directory(settings(organization=None, static=(one,)), first.memory)
    assert list(watched(second)) == [HUB]
    assert second.fate(PROD) == ""
    after(cloud, second, 2)
    assert second.fate(PROD) == f"account {PROD} is not watched any more"

"""Which accounts of an organization are watched, and what they are."""

from __future__ import annotations

from typing import Any

import pytest

from checks.aws_errors import AwsError, ErrorClass
from daemon.accounts.model import Found, Listing, Pattern
from daemon.accounts.organization import ACTIONS, described, list_accounts
from daemon.aws import Watching
from daemon.aws.asking import Asker
from tests.aws.fake import Fault
from tests.daemon.accounts.world import DEV, HUB, OLD, PROD, Cloud, identity, organization

WORDS = {"prod": "production", "dev": "development"}


def listed(cloud: Cloud, before: dict[str, Found] | None = None, **wanted: Any) -> Listing:
    """What the organization of *cloud* gives."""
    cloud.aws.accounts[f"ASIAFAKE{HUB}"] = HUB
    asker = Asker(HUB, identity(HUB), Watching("accounts", ACTIONS), cloud.context)
    return list_accounts(asker, organization(**wanted), before or {})


def test_all_pages_are_read() -> None:
    """An empty page with a token is no end."""
    cloud = Cloud()
    assert set(listed(cloud).accounts) == {HUB, PROD, DEV}
    assert sum(call.operation == "list_accounts" for call in cloud.aws.calls) == 4


@pytest.mark.parametrize("state", ["SUSPENDED", "PENDING_CLOSURE", "CLOSED", "PENDING_ACTIVATION"])
def test_a_closed_account_is_not_watched_and_said_so(state: str) -> None:
    """In AWS' own word for it."""
    cloud = Cloud()
    cloud.accounts[OLD] = state
    found = listed(cloud)
    assert OLD not in found.accounts
    assert (found.left_out, found.closed) == ({OLD: f"it is {state}"}, frozenset({OLD}))


def test_an_account_of_which_nothing_is_said_fails_the_list() -> None:
    """It is neither watched nor given up."""
    cloud = Cloud()
    cloud.accounts[OLD] = ""
    with pytest.raises(AwsError, match="an account without a state"):
        listed(cloud)


def test_no_account_at_all_is_no_list() -> None:
    """The management account is always in it."""
    cloud = Cloud(accounts={})
    with pytest.raises(AwsError, match="no account in the answer"):
        listed(cloud)


CASES: list[tuple[dict[str, Any], set[str]]] = [
    ({"include": ("acme-*",)}, {PROD, DEV}),
    ({"include": (PROD,)}, {PROD}),
    ({"exclude": ("*-dev", HUB)}, {PROD}),
    ({"include": ("acme-*",), "exclude": ("acme-prod",)}, {DEV}),
    ({"units": ("ou-ab12-11111111",)}, {PROD, DEV}),
    ({"units": ("ou-ab12-22222222",)}, {DEV}),
    ({"exclude_units": ("ou-ab12-22222222",)}, {HUB, PROD}),
    ({"units": ("ou-ab12-11111111",), "exclude_units": ("ou-ab12-22222222",)}, {PROD}),
    ({"tags": {"watch": "y*"}}, {PROD}),
    ({"exclude_tags": {"watch": "*"}}, {HUB, DEV}),
    ({"tags": {"watch": "*", "tier": "1"}}, set()),
]


@pytest.mark.parametrize(("wanted", "expected"), CASES)
def test_accounts_are_chosen_by_name_unit_and_tag(wanted: dict[str, Any], expected: set[str]) -> None:
    """What is left out is named with the option that does it."""
    cloud = Cloud(
        tags={PROD: {"watch": "yes"}},
        units={"ou-ab12-11111111": ((PROD,), ("ou-ab12-22222222",)), "ou-ab12-22222222": ((DEV,), ())},
    )
    found = listed(cloud, **wanted)
    assert set(found.accounts) == expected
    assert set(found.left_out) == {HUB, PROD, DEV} - expected
    assert found.closed == frozenset()


@pytest.mark.parametrize("fault", [Fault.DENIED, Fault.THROTTLED, Fault.TIMEOUT, Fault.EMPTY, Fault.MALFORMED])
@pytest.mark.parametrize("operation", ["list_accounts_for_parent", "list_organizational_units_for_parent"])
def test_units_that_cannot_be_read_fail_the_list(operation: str, fault: Fault) -> None:
    """An account is not left out because nobody knows in which unit it is."""
    cloud = Cloud(units={"ou-ab12-11111111": ((PROD,), ())})
    with cloud.aws.failing("organizations", operation, fault), pytest.raises(AwsError):
        listed(cloud, units=("ou-ab12-11111111",))


def test_tags_say_what_an_account_is() -> None:
    """Upper and lower case of their names are one; a word that is no stage says nothing; a pattern fills the rest."""
    patterns = (Pattern("*-prod", "production", "acme", "platform"), Pattern("*", "", "shared", "nobody"))
    wanted = organization(
        stage_tags=("Stage", "Environment"), tenant_tags=("tenant",), owner_tags=("team", "owner"),
        patterns=patterns, stage_words=WORDS,
    )  # fmt: skip
    tags = {"stage": "eu", "ENVIRONMENT": "Dev", "Owner": "crew"}
    assert described(DEV, "acme-dev", tags, wanted) == Found(DEV, "acme-dev", "development", "shared", "crew")
    assert described(PROD, "acme-prod", {}, wanted) == Found(PROD, "acme-prod", "production", "acme", "platform")
    assert described(OLD, "", {}, wanted) == Found(OLD, "", "", "shared", "nobody")


def test_no_tag_is_asked_for_where_none_counts() -> None:
    """One request per account and hour is saved."""
    cloud = Cloud()
    listed(cloud)
    assert ("organizations", "list_tags_for_resource") not in cloud.aws.asked


def test_tags_that_cannot_be_read_change_nothing() -> None:
    """An account stays what it was; a new one is watched unless tags decide about it, and why is told."""
    cloud = Cloud()
    before = {PROD: Found(PROD, "acme-prod", "production", "acme", "platform")}
    with cloud.aws.failing("organizations", "list_tags_for_resource", Fault.DENIED):
        plain = listed(cloud, before, stage_tags=("stage",))
        chosen = listed(cloud, before, tags={"watch": "yes"})
    assert plain.accounts == {HUB: Found(HUB, "management"), DEV: Found(DEV, "acme-dev"), **before}
    assert set(plain.unread) == {HUB, PROD, DEV}
    assert chosen.accounts == before
    assert chosen.left_out == dict.fromkeys((HUB, DEV), "its tags could not be read, and they decide")
    assert "the role lacks organizations:ListTagsForResource" in chosen.unread[PROD]


def test_no_organization_is_an_error_of_its_own() -> None:
    """Nobody may list it from an account that is no management account."""
    cloud = Cloud()
    with cloud.aws.failing("organizations", "list_accounts", Fault.DENIED), pytest.raises(AwsError) as failed:
        listed(cloud)
    assert (failed.value.error_class, failed.value.action) == (ErrorClass.PERMISSION, "organizations:ListAccounts")
    assert f"account {HUB}" in str(failed.value)


def test_text_that_cannot_be_stored_is_made_fit_for_it() -> None:
    """Whoever may tag an account must not end the program that reads its tags."""
    found = described(PROD, "acme", {"owner": "crew\ud800"}, organization(owner_tags=("owner",)))
    assert found.owner.encode() == b"crew\\ud800"

"""What checks say that a look costs is what a look costs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from checks import discover
from checks.base import Asks, Check, Scope
from daemon.aws import ClientPool
from tests.aws import places
from tests.aws.places import moto_place

OF_AWS = (Scope.ACCOUNT, Scope.REGION)
CASES = [(name, scope) for name, check in discover().items() for scope in check.scopes() if scope in OF_AWS]


@pytest.mark.parametrize(("name", "scope"), CASES)
def test_an_empty_place_is_asked_about_as_often_as_said(
    name: str, scope: Scope, moto: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look at a place with nothing in it makes no more requests than its check says, and not far fewer."""
    check: Check = discover()[name]()
    pools = []

    def remembered(*args: Any, **more: Any) -> Any:
        pools.append(ClientPool(*args, **more))
        return pools[-1]

    monkeypatch.setattr(places, "ClientPool", remembered)
    place = moto_place(check, moto, now=datetime.now(UTC), scope=scope, account="606060606060")

    tuple(check.run(place))

    # Taking on the role is the account's, whichever check looks at it first.
    counts = pools[0].ledger.counts().items()
    asked = sum(number for (service, *_), number in counts if service != "sts")
    said = check.asking(scope).requests
    assert asked <= said <= 3 * asked + 4, f"{asked} requests were made"


@pytest.mark.parametrize("name", sorted(discover()))
def test_every_check_that_asks_says_what_it_asks(name: str) -> None:
    """A scope at which a check may call AWS has its cost, and one at which it calls nothing has none."""
    check = discover()[name]()
    for scope in check.scopes():
        asks = bool(check.actions(scope)) and scope in (*OF_AWS, Scope.STATE, Scope.INSTANCE)
        assert asks == (check.asking(scope) != Asks()), scope

"""The accounts that the inventory's stacks name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from checks.base import Instance
from daemon.accounts.model import Found

_ID = re.compile(r"\d{12}")


def accounts_of(instances: Iterable[Instance]) -> Mapping[str, Found]:
    """Give the accounts by id. Stage, tenant and owner are what all instances in an account agree on, else empty."""
    by_account: dict[str, list[Instance]] = {}
    for one in instances:
        if _ID.fullmatch(one.account):
            by_account.setdefault(one.account, []).append(one)
    return {
        account: Found(
            account,
            stage=_agreed(one.stage for one in of_account),
            tenant=_agreed(one.tenant for one in of_account),
            owner=_agreed(one.owner for one in of_account),
        )
        for account, of_account in sorted(by_account.items())
    }


def _agreed(words: Iterable[str]) -> str:
    """The one word that all say. One that is not known agrees with none: a stage then counts as production."""
    said = set(words)
    return said.pop() if len(said) == 1 else ""

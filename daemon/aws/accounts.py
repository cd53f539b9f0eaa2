"""The places that accounts give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from checks.base import Check, Place, Role, Scope
from daemon.aws.account import Account
from daemon.aws.context import AwsContext, Watching
from daemon.aws.place import AwsAccountPlace, AwsRegionPlace, NoPayerPlace


def aws_places(
    accounts: Iterable[Account], scope: Scope, watching: Watching, context: AwsContext
) -> Mapping[str, Place]:
    """Give the places of one check by key: an account each, or a region of an account each."""
    if scope is Scope.ACCOUNT:
        found: list[Place] = [AwsAccountPlace(account, watching, context) for account in accounts]
    elif scope is Scope.REGION:
        found = [
            AwsRegionPlace(account, region, watching, context) for account in accounts for region in account.regions
        ]
    else:
        found = []
    return {place.key: place for place in found}


def places_of(
    name: str,
    check: Check | type[Check],
    accounts: tuple[Account, ...],
    payer: Account | None,
    context: AwsContext,
) -> Mapping[str, Place]:
    """Give the AWS places of every scope of a check, each with the actions that the check declares there.

    Of a check with the role PAYER the places of its first scope are the *payer*'s alone. Where accounts are watched
    and nobody said who pays, one place stands for the payer, so that the check can say that it did not look.
    """
    found: dict[str, Place] = {}
    for scope in check.scopes():
        pays = check.role is Role.PAYER and scope is check.scope
        if pays and payer is None:
            found |= {one.key: one for one in (NoPayerPlace(context.clock),) if accounts}
            continue
        where = (payer,) if pays and payer is not None else accounts
        found |= aws_places(where, scope, Watching(name, check.actions(scope), frozenset(check.rests)), context)
    return found

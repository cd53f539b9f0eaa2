"""Lists the regions that an account has switched on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from checks.aws_errors import AwsError, ErrorClass
from checks.base import Json
from daemon.aws import Account

ACTIONS = frozenset({"account:ListRegions", "ec2:DescribeRegions"})
_REFUSED = frozenset({ErrorClass.PERMISSION, ErrorClass.SCP, ErrorClass.REGION_OFF})
# EC2's words, then those of the account service. A region that is only being switched on is not yet.
_ON = frozenset({"opt-in-not-required", "opted-in", "ENABLED", "ENABLED_BY_DEFAULT"})


class Asking(Protocol):
    """daemon.aws.asking.Asker."""

    def call(
        self, service: str, method: str, region: str, parameters: Mapping[str, Json]
    ) -> Mapping[str, Json]: ...  # raises AwsError

    def pages(
        self, service: str, method: str, key: str, region: str, parameters: Mapping[str, Json]
    ) -> Iterable[Json]: ...  # raises AwsError


def list_regions(asker: Asking, account: Account, region: str = "") -> tuple[str, ...]:
    """Give the regions that *account* has switched on, sorted; never none. Raises AwsError.

    *region*: where to ask; empty: where its global services are. EC2 is asked first, and where it refuses, the account
    service. What neither tells is told as EC2's refusal.
    """
    where = region or account.global_region
    try:
        return _told(_of_ec2(asker, where), "DescribeRegions", "ec2", account, where)
    except AwsError as refusal:
        if refusal.error_class not in _REFUSED:
            raise
        try:
            return _told(_of_account(asker, account.global_region), "ListRegions", "account", account, where)
        except AwsError:
            raise refusal from None


def _of_ec2(asker: Asking, where: str) -> dict[str, str]:
    answer = asker.call("ec2", "describe_regions", where, {"AllRegions": True})
    return {one["RegionName"]: one.get("OptInStatus", "") for one in answer.get("Regions", ())}


def _of_account(asker: Asking, where: str) -> dict[str, str]:
    listed = asker.pages("account", "list_regions", "Regions", where, {})
    return {one["RegionName"]: one.get("RegionOptStatus", "") for one in listed}


def _told(
    regions: Mapping[str, str], operation: str, service: str, account: Account, where: str
) -> tuple[str, ...]:  # fmt: skip
    """Those that are on. No account is without any, and each says how it stands: else it is no answer."""
    found = tuple(sorted(name for name, status in regions.items() if status in _ON))
    unsaid = sorted(name for name, status in regions.items() if not status)
    if unsaid or not found:
        what = f"nothing said of {unsaid[0]}" if unsaid else "no region that is switched on"
        raise AwsError(
            ErrorClass.ERROR, service=service, operation=operation, code=what, account=account.id, region=where
        )
    return found

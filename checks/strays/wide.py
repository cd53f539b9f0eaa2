"""What is found without a list of its own: by tags, and in Resource Explorer; and what CloudFormation stacks hold.

The Resource Groups Tagging API lists what has tags, or once had; Resource Explorer what it supports and has indexed, be
it tagged or not ("Supported resource types" in its user guide), some of it after it is gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from checks.aws import Arn, AwsPlace, setting, tags
from checks.states.identifiers import names_in, parse_arn
from checks.strays.model import Thing, kind_of

# With the most that one page may hold, 1,000, ListResources gives no token and so no second page; Search never gives
# more than 1,000 in all (both by the service's API reference).
PAGE = 500
_EXPLORER = "resource-explorer-2"

Key = tuple[str, str]


def key_of(arn: str) -> Key:
    """What all ways of writing one resource's ARN have in common."""
    parsed = parse_arn(arn)
    return next(iter(names_in(parsed))) if parsed is not None else ("", arn)


def found(arn: str, place: AwsPlace, region: str, tagged: Mapping[str, str] | None) -> Thing | None:
    """The resource that an ARN names, if it is the account's and in *region*; empty: of what has no region."""
    parsed = Arn.parse(arn)
    if parsed is None or parsed.region != region or parsed.account not in ("", place.account):
        return None
    kind = kind_of(parsed)
    resource = parsed.resource.lstrip("/")
    name = resource[len(kind.partition(":")[2]) :].lstrip(":/") if ":" in kind else resource
    return Thing(arn, kind, name or resource, (), None, tagged)


def by_tag(place: AwsPlace) -> Mapping[Key, tuple[str, Mapping[str, str]]]:
    """What has tags, or once had: its ARN and its tags. Raises AwsError."""
    listed = place.shared("resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList")
    return {key_of(str(one["ResourceARN"])): (str(one["ResourceARN"]), tags(one.get("Tags"))) for one in listed}


@dataclass(frozen=True, slots=True)
class Explored:
    """What Resource Explorer knows. *gap*: why that is not all; empty: it is all that it supports."""

    arns: tuple[str, ...] = ()
    gap: str = ""
    on: bool = True


def explored(place: AwsPlace, region: str) -> Explored:
    """What its default view in the place's region shows of *region* ("global": of what has none). Raises AwsError."""
    index = setting(place, _EXPLORER, "get_index")
    if index is None or index.get("State") not in ("ACTIVE", "UPDATING"):
        return Explored(gap="Resource Explorer is not on here", on=False)
    view = place.call(_EXPLORER, "get_default_view").get("ViewArn")
    if not view:
        return Explored(gap="Resource Explorer has no default view here", on=False)
    told = place.call(_EXPLORER, "get_view", ViewArn=view)["View"]
    rule = str((told.get("Filters") or {}).get("FilterString") or "")
    rows = place.pages(
        _EXPLORER, "list_resources", "Resources", ViewArn=view, Filters={"FilterString": f"region:{region}"},
        MaxResults=PAGE,
    )  # fmt: skip
    arns = tuple(
        str(row["Arn"]) for row in rows
        if row.get("Region") == region and row.get("OwningAccountId", place.account) == place.account
    )  # fmt: skip
    return Explored(arns, "the default view of Resource Explorer leaves some out by a filter" if rule else "")


# Names of services in CloudFormation's types, where ARNs have another.
_SERVICES: Mapping[str, str] = {
    "apigatewayv2": "apigateway", "certificatemanager": "acm", "efs": "elasticfilesystem",
    "elasticloadbalancingv2": "elasticloadbalancing", "emr": "elasticmapreduce", "kinesisfirehose": "firehose",
    "opensearchservice": "es", "elasticsearch": "es", "stepfunctions": "states", "msk": "kafka", "amazonmq": "mq",
    "applicationautoscaling": "application-autoscaling",
}  # fmt: skip


@dataclass(slots=True)
class Stacks:
    """What CloudFormation stacks of some regions hold. Each is asked about once, and only if somebody wants to know."""

    place: AwsPlace
    regions: tuple[str, ...]
    _made: dict[tuple[str, str], str] | None = field(default=None)

    def of(self, thing: Thing) -> str:
        """The stack that holds a resource; empty: none does. Raises AwsError."""
        if self._made is None:
            self._made = dict(self._all())
        service = thing.kind.partition(":")[0]
        return next((self._made[service, name] for name in thing.names if (service, name) in self._made), "")

    def _all(self) -> Iterator[tuple[tuple[str, str], str]]:
        for region in self.regions:
            for stack in self.place.shared("cloudformation", "describe_stacks", "Stacks", region=region):
                rows = self.place.shared(
                    "cloudformation", "list_stack_resources", "StackResourceSummaries", region=region,
                    StackName=str(stack["StackId"]),
                )  # fmt: skip
                for row in rows:
                    service = str(row.get("ResourceType") or "").lower().split("::")
                    gone = row.get("ResourceStatus") in ("DELETE_COMPLETE", "DELETE_SKIPPED")
                    if row.get("PhysicalResourceId") and len(service) == 3 and not gone:
                        name = _SERVICES.get(service[1], service[1])
                        yield (name, str(row["PhysicalResourceId"])), str(stack["StackName"])


def age(thing: Thing, since: Mapping[str, float], now: datetime, first: bool) -> float:
    """Since when (Unix time) it is known: when it was made, or when it was first seen.

    What has no date of its own and is there at the *first* look is as old as can be. A date alone is not enough: that
    of an instance is when it was last started.
    """
    made = thing.created.timestamp() if thing.created is not None else (0.0 if first else now.timestamp())
    return min(made, since.get(thing.arn, made))

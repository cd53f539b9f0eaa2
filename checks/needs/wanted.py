"""What the new resources of a plan need, out of the plan as data: names that must be free, types, images, profiles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from checks.plans.impact import Reduced
from checks.plans.parse import change_entries
from checks.plans.redact import SENSITIVE, Scrubber, mask_at, merged, secrets_of

# Type -> the attribute with the name that must be free in its account, region, or, of a bucket, everywhere.
NAMES: Mapping[str, str] = {
    "aws_s3_bucket": "bucket", "aws_iam_role": "name", "aws_iam_instance_profile": "name",
    "aws_db_instance": "identifier", "aws_rds_cluster": "cluster_identifier", "aws_dynamodb_table": "name",
    "aws_lb": "name", "aws_lb_target_group": "name", "aws_ecr_repository": "name", "aws_cloudwatch_log_group": "name",
    "aws_kms_alias": "name", "aws_eks_cluster": "name",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Named:
    """A new resource that wants a name."""

    address: str
    type: str
    name: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of AWS before a plan is applied. Nothing in it is secret."""

    types: tuple[str, ...] = ()  # of instances
    images: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()  # names of instance profiles that the plan does not make itself
    names: tuple[Named, ...] = ()
    subnets: tuple[str, ...] = ()


def wanted(plan: Mapping[str, Any], found: Reduced) -> Wanted:
    """What *plan* needs, which was reduced to *found*. Raises NotJudgeable as `reduced` does."""
    rows = [row for row in found.rows if row["action"] in ("create", "replace")]
    names = tuple(_names(plan))
    made = {one.name for one in names if one.type == "aws_iam_instance_profile"}
    profiles = {str(row["profile"]).rpartition("/")[2] for row in rows if row.get("profile")} - made
    started = ("aws_instance", "aws_launch_template", "aws_launch_configuration")
    machines = [row for row in rows if row.get("variant") and row["type"] in started]
    return Wanted(
        tuple(sorted({str(row["variant"]) for row in machines})),
        tuple(sorted({str(row["image"]) for row in rows if row.get("image")})), tuple(sorted(profiles)), names,
        tuple(sorted({subnet for row in machines for subnet in row.get("subnets", ())})),
    )  # fmt: skip


def _names(plan: Mapping[str, Any]) -> Iterator[Named]:
    scrubber = Scrubber(secrets_of(plan))
    for change in change_entries(plan):
        attribute = NAMES.get(change.type)
        if attribute is None or change.action != "create" or change.importing or not isinstance(change.after, Mapping):
            continue
        name = change.after.get(attribute)
        hidden = mask_at(merged(change.after_sensitive), (attribute,))
        if isinstance(name, str) and name and not hidden and SENSITIVE not in scrubber.text(name):
            yield Named(scrubber.address(change.address), change.type, name)

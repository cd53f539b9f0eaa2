"""The kinds of resources that an account has once, whatever the region: how each is asked for, and what a row is."""

from __future__ import annotations

from checks.aws import AwsPlace, arn_at
from checks.strays.lists import Listing, Row, thing
from checks.strays.model import AWS, Thing

ALL_BUCKETS = 10_000  # MaxBuckets: with it, and only then, S3 says in which region a bucket is


def _role(place: AwsPlace, row: Row) -> Thing:
    path, maker = str(row.get("Path") or "/"), ""
    if path.startswith("/aws-service-role/"):
        maker = AWS
    elif path.startswith("/aws-reserved/sso.amazonaws.com/"):
        maker = "IAM Identity Center"
    elif path.startswith("/aws-reserved/"):
        maker = AWS
    arn, name, created = str(row["Arn"]), str(row["RoleName"]), row.get("CreateDate")
    return thing("iam:role", arn, name, created=created, tagged=row.get("Tags") or (), maker=maker)


def _user(place: AwsPlace, row: Row) -> Thing:
    created, tagged = row.get("CreateDate"), row.get("Tags") or ()
    return thing("iam:user", str(row["Arn"]), str(row["UserName"]), created=created, tagged=tagged)


def _people(place: AwsPlace, row: Row) -> Thing:
    return thing("iam:group", str(row["Arn"]), str(row["GroupName"]), created=row.get("CreateDate"), tagged=())


def _policy(place: AwsPlace, row: Row) -> Thing:
    return thing("iam:policy", str(row["Arn"]), str(row["PolicyName"]), created=row.get("CreateDate"))


def _bucket(place: AwsPlace, row: Row) -> Thing:
    name = str(row["Name"])
    arn = arn_at(place, "s3", name, region="", account="")
    return Thing(arn, "s3:bucket", name, created=row.get("CreationDate"), region=str(row.get("BucketRegion") or ""))


def _distribution(place: AwsPlace, row: Row) -> Thing:
    return thing("cloudfront:distribution", str(row["ARN"]), str(row["Id"]), str(row["Id"]))


def _zone(place: AwsPlace, row: Row) -> Thing:
    ident = str(row["Id"]).rpartition("/")[2]
    arn = arn_at(place, "route53", f"hostedzone/{ident}", region="", account="")
    linked = row.get("LinkedService") or {}
    return thing("route53:hostedzone", arn, str(row["Name"]), ident, maker=str(linked.get("ServicePrincipal") or ""))


_DETAILS = ("iam", "get_account_authorization_details")
GLOBAL: tuple[Listing, ...] = (
    Listing("iam:role", *_DETAILS, "RoleDetailList", _role, {"Filter": ["Role"]}),
    Listing("iam:user", *_DETAILS, "UserDetailList", _user, {"Filter": ["User"]}),
    Listing("iam:group", *_DETAILS, "GroupDetailList", _people, {"Filter": ["Group"]}),
    Listing("iam:policy", *_DETAILS, "Policies", _policy, {"Filter": ["LocalManagedPolicy"]}),
    Listing("s3:bucket", "s3", "list_buckets", "Buckets", _bucket, {"MaxBuckets": ALL_BUCKETS}),
    Listing("cloudfront:distribution", "cloudfront", "list_distributions", "DistributionList.Items", _distribution),
    Listing("route53:hostedzone", "route53", "list_hosted_zones", "HostedZones", _zone),
)

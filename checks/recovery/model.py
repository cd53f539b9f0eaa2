"""Data stores, their recovery points, and what is asked of them: plain data, the same for every service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from checks.aws_errors import AwsError


class StoreKind(StrEnum):
    """What holds data that somebody would miss."""

    RDS = "rds"
    AURORA = "aurora"
    DOCUMENTDB = "documentdb"
    NEPTUNE = "neptune"
    DYNAMODB = "dynamodb"
    EBS = "ebs"
    EFS = "efs"
    ELASTICACHE = "elasticache"
    S3 = "s3"
    REDSHIFT = "redshift"


class Origin(StrEnum):
    """Where a recovery point comes from."""

    CONTINUOUS = "continuous"  # point-in-time recovery: the newest time that can be restored
    SNAPSHOT = "snapshot"  # the service's own, automatic or by hand
    AWS_BACKUP = "aws_backup"
    LIFECYCLE_MANAGER = "lifecycle_manager"
    VERSIONING = "versioning"  # S3: what was overwritten or deleted is still there


@dataclass(frozen=True, slots=True)
class Point:
    """One recovery point that can be restored."""

    at: datetime  # the moment it brings back
    origin: Origin
    partial: bool = False  # AWS Backup could save only a part
    rule: str = ""  # id of the AWS Backup rule that made it


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of a data store in another region or account, and how new what it holds is (None: it holds nothing)."""

    region: str
    account: str
    at: datetime | None
    by: str  # "AWS Backup vault dr", "replica", in words


@dataclass(frozen=True, slots=True)
class DataStore:
    """One thing that holds data, as its own service describes it."""

    kind: StoreKind
    arn: str
    name: str
    also: tuple[str, ...] = ()  # other ARNs and ids it goes by
    account: str = ""
    region: str = ""
    created: datetime | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    points: tuple[Point, ...] = ()  # those its own description tells
    automatic: bool | None = None  # whether the service's own backups are on; None: it has none to switch on
    deletion_protection: bool | None = None  # None: the service has no such switch, or it was not read
    protection_unread: AwsError | None = None  # why nobody knows whether it is on
    idle: str = ""  # why nothing was written since its newest recovery point, whatever its age: "stopped"
    nothing_to_lose: str = ""  # why there is nothing to back up: "a replica of orders", "memcached keeps nothing"
    copies: tuple[Copy, ...] = ()  # those its own description tells
    doubts: tuple[AwsError, ...] = ()  # why something of it could not be read

    @property
    def identifiers(self) -> tuple[str, ...]:
        """ARN and ids that nothing else in any account goes by. Names of caches and tables are used more than once."""
        named = self.kind in (StoreKind.ELASTICACHE, StoreKind.DYNAMODB)
        return (self.arn,) if named else (self.arn, *self.also)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a copy is asked for. An empty account is the data store's own; an empty region is any."""

    region: str
    account: str = ""

    @property
    def words(self) -> str:
        """Where it is, for people: "eu-west-1", "eu-west-1 of account 222222222222", "account 222222222222"."""
        if not self.account:
            return self.region
        return f"{self.region} of account {self.account}" if self.region else f"account {self.account}"

    def has(self, copy: Copy, own_account: str) -> bool:
        """Whether *copy* is there."""
        return copy.account == (self.account or own_account) and self.region in ("", copy.region)


@dataclass(frozen=True, slots=True)
class Demand:
    """What is asked of one data store, and who asks it."""

    rpo: timedelta | None  # the longest time whose data may be lost; None: no backup is asked for
    why: str  # "settings.barograph of acme-prod/db", "the default for rds in production"
    copies: tuple[Destination, ...] = ()
    deletion_protection: bool = False

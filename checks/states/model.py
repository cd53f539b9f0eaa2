"""What one look at a state, or at the place where states are kept, gave: plain data without a secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

STATE, DIGEST, LOCK = "state", "digest", "lock"  # the parts of a look that can fail on their own


class Damage(StrEnum):
    """Why the content of a state object is of no use to Terraform."""

    NONE = ""
    EMPTY = "empty"  # no byte: Terraform takes it for no state
    UNPARSABLE = "unparsable"  # no JSON, cut off, or no state
    UNSUPPORTED = "unsupported_version"


@dataclass(frozen=True, slots=True)
class StateFacts:
    """What is known of one version of a state. No value of any resource is among it."""

    size: int  # bytes
    md5: str  # hex, of the whole object: what Terraform's S3 backend keeps as digest
    damage: Damage = Damage.NONE
    why: str = ""  # for people, where it is damaged
    version: int = 0  # of the format
    serial: int = 0
    lineage: str = ""
    terraform_version: str = ""
    resources: int = 0  # managed resource instances, deposed ones left out
    tainted: int = 0
    deposed: int = 0


@dataclass(frozen=True, slots=True)
class LockSeen:
    """A lock that is held. *kind* is dynamodb, s3 or file; *where* is for people."""

    kind: str
    where: str
    readable: bool  # False: its information cannot be read, and all of the rest is empty
    id: str = ""
    who: str = ""
    operation: str = ""
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that could not be read: *what*, for people; *reason*, as in LookFailed; the IAM *action* it takes."""

    what: str
    reason: str
    action: str


@dataclass(frozen=True, slots=True)
class Deleted:
    """A state whose object was deleted and can be brought back. What is empty or None is not known."""

    marker: str = ""  # version of the delete marker
    since: datetime | None = None
    last: str = ""  # the version below the marker
    before: StateFacts | None = None  # and what it was


@dataclass(frozen=True, slots=True)
class StateLook:
    """A state object, its digest and its locks, read one after the other: a writer may have been between them."""

    shown: str  # "s3://bucket/key"
    bucket: str = ""  # empty: a local file
    key: str = ""
    mark: str = ""  # changes whenever the object does; empty: there is none
    facts: StateFacts | None = None  # None: there is no object, or it could not be read
    modified_at: datetime | None = None
    deleted: Deleted | None = None
    table: str = ""  # the lock table; empty: none is configured
    digest: str = ""  # what the lock table says; empty: nothing
    locks: tuple[LockSeen, ...] = ()
    backup: str = ""  # a copy that lies beside it, of a local state
    gaps: Mapping[str, Gap] = field(default_factory=dict)  # by STATE, DIGEST, LOCK


@dataclass(frozen=True, slots=True)
class LifecycleRule:
    """An enabled rule of a bucket, as far as it removes objects below *prefix*. None: it does not."""

    id: str
    prefix: str = ""
    current_days: int | None = None  # removes objects themselves after so many days
    noncurrent_days: int | None = None  # removes earlier versions after so many days
    keeps_versions: int = 0  # but never the newest so many of them


@dataclass(frozen=True, slots=True)
class TableLook:
    """A lock table. A setting is None where the table is not there."""

    name: str
    there: bool | Gap
    point_in_time_recovery: bool | Gap | None = None
    deletion_protection: bool | Gap | None = None


@dataclass(frozen=True, slots=True)
class BackendLook:
    """The settings of a bucket that holds states, and its lock tables. A Gap stands for what could not be read."""

    bucket: str
    there: bool | Gap
    keys: tuple[str, ...] = ()  # of the states in it
    versioning: str | Gap = ""  # Enabled, Suspended; empty: never switched on
    encryption: str | Gap = ""  # AES256, aws:kms; empty: no default
    blocked: frozenset[str] | Gap = frozenset()  # which of the four parts of the public access block are on
    public: bool | Gap = False  # by its policy
    lifecycle: tuple[LifecycleRule, ...] | Gap = ()
    tables: tuple[TableLook, ...] = ()


class Held(NamedTuple):
    """One resource instance that a state holds. A tuple, as large states hold tens of thousands."""

    address: str  # module.db.aws_db_instance.this[0]
    type: str  # aws_db_instance
    provider: str  # registry.terraform.io/hashicorp/aws
    arn: str = ""
    ids: tuple[tuple[str, str], ...] = ()  # (family, id) beside the ARN: see checks.states.identifiers
    region: str = ""  # where the ARN names none; empty: not known
    tainted: bool = False
    deposed: bool = False

"""What one look at a state, or at the place where states are kept, gave: plain data without a secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


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
    """A state whose object was deleted and can be brought back."""

    marker: str = ""  # version of the delete marker; empty: not known
    since: datetime | None = None
    before: StateFacts | None = None  # the version below the marker; None: it could not be read


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
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class Aspect:
    """One setting of the place where states are kept. *good* None: it could not be read, and *gap* says why."""

    resource: str  # "s3://bucket versioning"
    good: bool | None
    told: str  # one sentence: how it is
    gap: Gap | None = None


@dataclass(frozen=True, slots=True)
class BackendLook:
    """The settings of a bucket, and of the lock tables used with it."""

    shown: str  # "s3://bucket"
    aspects: Mapping[str, tuple[Aspect, ...]] = field(default_factory=dict)  # by the words in checks.states.settings


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

"""States on moto's server: what people and Terraform do to them, and how the check sees that."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from checks.base import Instance, Json, Outcome, Reading
from checks.state import State
from daemon.aws import Aws, AwsSettings
from daemon.inventory.model import Backend, Watched
from daemon.states.library import Library, NoCache
from daemon.states.places import Reach, Shelf, StateBackend, StateOfInstance, state_places
from tests.worlds import REGION, Proxy, client, recording_proxy

BUCKET, TABLE, KEY = "acme-states", "acme-locks", "app.tfstate"
SECRET = "canary-hunter2-in-a-state"
LINEAGE = "11111111-2222-3333-4444-555555555555"
INSTANCE = Instance("acme-prod", "app", "app", stage="production", working_directory="components/app", atmos=False)
QUICK = AwsSettings(connect_timeout=2, read_timeout=3, attempts=1)


def bucket_arn(number: int) -> str:
    return f"arn:aws:s3:::acme-bucket-{number}"


def state(serial: int = 1, resources: int = 30, lineage: str = LINEAGE, **more: Any) -> bytes:
    """A state file whose resources are buckets, each with a secret beside its name."""
    listed = [
        {
            "mode": "managed", "type": "aws_s3_bucket", "name": f"b{number}",
            "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
            "instances": [
                {
                    "schema_version": 0, "sensitive_attributes": [[{"type": "get_attr", "value": "password"}]],
                    "attributes": {
                        "arn": bucket_arn(number), "id": f"acme-bucket-{number}", "bucket": f"acme-bucket-{number}",
                        "password": SECRET, "tags": {"token": SECRET},
                    },
                }
            ],
        }
        for number in range(resources)
    ]  # fmt: skip
    outputs = {"password": {"value": SECRET, "type": "string", "sensitive": True}}
    whole = {
        "version": 4, "terraform_version": "1.11.4", "serial": serial, "lineage": lineage, "outputs": outputs,
        "resources": listed, "check_results": None,
    }  # fmt: skip
    return json.dumps({**whole, **more}).encode()


class Clock:
    """A clock that moves when somebody waits by it."""

    def __init__(self) -> None:
        self.time = datetime.now(UTC)
        self.waited = 0.0

    def __call__(self) -> datetime:
        return self.time

    def wait(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        self.waited += seconds


@dataclass
class Remembered:
    """A memory of checks."""

    kept: dict[tuple[str, str, str], Json] = field(default_factory=dict)

    def recall(self, check: str, place: str, name: str) -> Json | None:
        return self.kept.get((check, place, name))


@dataclass
class StateWorld:
    """A bucket of states with its lock table on moto. What Barograph asks goes through *proxy*."""

    aws: str
    proxy: Proxy
    folder: Path
    clock: Clock = field(default_factory=Clock)
    memory: Remembered = field(default_factory=Remembered)

    def __post_init__(self) -> None:
        self.s3, self.tables = clients(self.aws)
        self.library = Library(NoCache(), self.clock)
        self.reach = Reach(self.folder, Aws(QUICK))

    # -- what others do ---------------------------------------------------------------------------------------

    def put(self, body: bytes, *, digest: bool | str = True, key: str = KEY, **options: Any) -> None:
        """Write a state as Terraform does: object, then digest. *digest*: another one, or False for none."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body, **options)
        if digest:
            self.item(f"{BUCKET}/{key}-md5", Digest=md5(body) if digest is True else digest)

    def item(self, lock_id: str, **values: str) -> None:
        item = {"LockID": {"S": lock_id}, **{name: {"S": value} for name, value in values.items()}}
        self.tables.put_item(TableName=TABLE, Item=item)

    def drop_item(self, lock_id: str) -> None:
        self.tables.delete_item(TableName=TABLE, Key={"LockID": {"S": lock_id}})

    def lock(self, age: timedelta, who: str = "ana@ci-7", info: str | None = None) -> None:
        self.item(f"{BUCKET}/{KEY}", Info=lock_info(self.clock() - age, who) if info is None else info)

    def unlock(self) -> None:
        self.drop_item(f"{BUCKET}/{KEY}")

    # -- what Barograph sees ----------------------------------------------------------------------------------

    def watched(self, *, key: str = KEY, instance: Instance = INSTANCE, locks: bool = True, **config: Any) -> Watched:
        url = self.proxy.url
        given: dict[str, Any] = {
            "bucket": BUCKET, "key": key, "region": REGION, "access_key": "id", "secret_key": SECRET,
            "use_path_style": True, "endpoints": {"s3": url, "dynamodb": url}, **config,
        }  # fmt: skip
        if locks:
            given["dynamodb_table"] = TABLE
        return Watched(instance, Backend("s3", given))

    def shelf(self, watched: Watched | None = None) -> Shelf:
        return self.reach.shelf(watched or self.watched())

    def place(self, watched: Watched | None = None) -> StateOfInstance:
        places = state_places([self.shelf(watched)], self.library, self.clock, self.clock.wait, self.memory)
        found = next(iter(places.values()))
        assert isinstance(found, StateOfInstance)
        return found

    def backend(self, *watched: Watched) -> StateBackend:
        shelves = [self.shelf(one) for one in watched or (self.watched(),)]
        places = state_places(shelves, self.library, self.clock, self.clock.wait, self.memory)
        found = places[f"s3://{BUCKET}"]
        assert isinstance(found, StateBackend)
        return found

    def look(self, watched: Watched | None = None, check: State | None = None) -> Reading:
        """One run of the check, remembered as the recorder does."""
        opened = self.place(watched).opened(timedelta(minutes=5))
        readings = tuple((check or State()).run(opened))
        assert len(readings) == 1
        if readings[0].outcome is not Outcome.UNKNOWN:
            self.memory.kept.update({("state", opened.key, name): value for name, value in opened.kept.items()})
        return readings[0]

    def settings(self, check: State | None = None) -> dict[str, Reading]:
        return {reading.resource: reading for reading in (check or State()).run(self.backend())}

    def gets(self) -> list[str]:
        """The objects that were downloaded so far."""
        return [call.path for call in self.proxy.calls if call.method == "GET" and f"/{BUCKET}/" in call.path]


def md5(body: bytes) -> str:
    return hashlib.md5(body).hexdigest()


def lock_info(created: datetime, who: str = "ana@ci-7", **more: str) -> str:
    told = {
        "ID": "5d8f3c1e-7a52-4b8e-9d1f-2c6a0b9e4f77", "Operation": "OperationTypeApply", "Info": SECRET, "Who": who,
        "Version": "1.11.4", "Created": f"{created:%Y-%m-%dT%H:%M:%S.%f}000Z", "Path": f"{BUCKET}/{KEY}", **more,
    }  # fmt: skip
    return json.dumps(told)


@functools.cache
def clients(aws: str) -> tuple[Any, Any]:
    """Clients for what others do, made once per server."""
    return client("s3", aws), client("dynamodb", aws)


@contextmanager
def state_world(moto: str, folder: Path, *, versioned: bool = True) -> Iterator[StateWorld]:
    """An empty bucket, versioned and closed to the public, and an empty lock table."""
    s3, tables = clients(moto)
    _remove_all(s3)
    if TABLE in tables.list_tables()["TableNames"]:
        tables.update_table(TableName=TABLE, DeletionProtectionEnabled=False)
        tables.delete_table(TableName=TABLE)
    s3.create_bucket(Bucket=BUCKET)
    if versioned:
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
    block = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=block)
    make_table(tables)
    with recording_proxy(moto) as proxy:
        yield StateWorld(moto, proxy, folder)


def make_table(tables: Any) -> None:
    tables.create_table(
        TableName=TABLE, BillingMode="PAY_PER_REQUEST", DeletionProtectionEnabled=True,
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
    )  # fmt: skip
    recovery = {"PointInTimeRecoveryEnabled": True}
    tables.update_continuous_backups(TableName=TABLE, PointInTimeRecoverySpecification=recovery)


def _remove_all(s3: Any) -> None:
    for bucket in s3.list_buckets()["Buckets"]:
        listed = s3.list_object_versions(Bucket=bucket["Name"])
        for one in (*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())):
            s3.delete_object(Bucket=bucket["Name"], Key=one["Key"], VersionId=one["VersionId"])
        s3.delete_bucket(Bucket=bucket["Name"])

"""A small check of the tests' own, written as checks are to be written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from checks.aws import VERDICTS, AwsError, AwsPlace, arn_at, could_not_look, guarded, looked, owner_of, setting
from checks.base import Check, Finding, Kind, Outcome, Owner, Reading, Scope
from tests.aws.blind import World
from tests.aws.places import ACCOUNT, REGION


@dataclass(frozen=True)
class Sample(Check):
    """Volumes and buckets without encryption."""

    scope: ClassVar[Scope] = Scope.REGION
    every: ClassVar[timedelta] = timedelta(hours=1)
    iam: ClassVar[tuple[str, ...]] = ("ec2:DescribeVolumes", "s3:ListAllMyBuckets", "s3:GetEncryptionConfiguration",
                                      "backup:ListBackupVaults")  # fmt: skip
    measures: ClassVar[Mapping[str, str]] = {"volume_size_bytes": "Size of the volume."}
    verdicts: ClassVar[Mapping[str, str]] = {
        "encrypted": "It is encrypted.", "plain": "It is not encrypted.", "locked": "The vault is locked.",
        **VERDICTS,
    }  # fmt: skip

    def run(self, place: AwsPlace) -> Iterable[Reading]:
        yield from guarded(f"{place.key}/volumes", "which volumes there are", self._volumes, place)
        yield from guarded(f"{place.key}/vaults", "which vaults there are", self._vaults, place, optional=True)
        try:
            buckets = place.shared("s3", "list_buckets", "Buckets")
        except AwsError as error:
            yield could_not_look(f"{place.key}/buckets", error, "which buckets there are")
            return
        for bucket in buckets:
            arn = arn_at(place, "s3", bucket["Name"], region="", account="")
            yield from guarded(arn, "whether it is encrypted", self._bucket, place, arn, bucket["Name"], listed=True)

    def _volumes(self, place: AwsPlace) -> Iterable[Reading]:
        count = 0
        for volume in place.pages("ec2", "describe_volumes", "Volumes"):
            count += 1
            arn = arn_at(place, "ec2", f"volume/{volume['VolumeId']}")
            size = {"volume_size_bytes": float(volume["Size"]) * 2**30}
            yield _judged(arn, bool(volume["Encrypted"]), owner_of(place, arn, volume["VolumeId"]), size)
        yield looked(place, "volumes", count)

    def _vaults(self, place: AwsPlace) -> Iterable[Reading]:
        names = [vault["BackupVaultName"] for vault in place.pages("backup", "list_backup_vaults", "BackupVaultList")]
        place.keep("vaults", names)
        for name in names:
            yield Reading(f"{place.key}/vault/{name}", Outcome.HEALTHY, "locked", "the vault is there")
        yield looked(place, "vaults", len(names))

    def _bucket(self, place: AwsPlace, arn: str, name: str) -> Iterable[Reading]:
        found = setting(place, "s3", "get_bucket_encryption", Bucket=name)
        yield _judged(arn, found is not None, owner_of(place, arn, name), {})


def _judged(arn: str, encrypted: bool, owner: Owner | None, values: Mapping[str, float]) -> Reading:
    if encrypted:
        return Reading(arn, Outcome.HEALTHY, "encrypted", "it is encrypted", values=values)
    finding = Finding(Kind.SECURITY_VIOLATION, "plain", "it is not encrypted", owner=owner)
    return Reading(arn, Outcome.UNHEALTHY, "plain", "it is not encrypted", (finding,), values)


def _encryption(call: Any) -> Mapping[str, Any]:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    return {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}


def volume(number: int, encrypted: bool) -> Mapping[str, Any]:
    return {"VolumeId": f"vol-{number}", "Size": 8, "Encrypted": encrypted, "State": "available"}


ANSWERS: Mapping[tuple[str, str], Any] = {
    ("ec2", "describe_volumes"): [
        {"Volumes": [volume(1, True)]}, {"Volumes": []}, {"Volumes": [volume(2, False)]},
    ],
    ("s3", "list_buckets"): {"Buckets": [{"Name": "logs"}]},
    ("s3", "get_bucket_encryption"): _encryption,
    ("backup", "list_backup_vaults"): {"BackupVaultList": [{"BackupVaultName": "main"}]},
}  # fmt: skip

WORLD = World(
    ANSWERS, owners={f"arn:aws:ec2:{REGION}:{ACCOUNT}:volume/vol-2": Owner("acme-dev", "db", "x.y", "development")}
)

"""Quotas of the demo's AWS. What is used of them is counted in moto."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from daemon.demo.api import ACCOUNT

REPORT = "b1f5a3c8-2d64-4e0f-9a77-5c1d8e3f6a20"


@dataclass(frozen=True, slots=True)
class DemoQuota:
    """A quota, and how much of it a region uses; None: nobody counts it."""

    service: str
    code: str
    name: str
    default: float
    applied: float
    used: Callable[[str], int] | None = None


def _ec2(region: str) -> Any:
    from moto.ec2.models import ec2_backends

    return ec2_backends[ACCOUNT][region]


def _addresses(region: str) -> int:
    return len(_ec2(region).addresses)


def _vpcs(region: str) -> int:
    return len(_ec2(region).vpcs)


def _groups(region: str) -> int:
    return sum(len(groups) for groups in _ec2(region).groups.values())


def _buckets(region: str) -> int:
    from moto.s3.models import s3_backends

    return len(s3_backends[ACCOUNT]["aws"].buckets)


QUOTAS: tuple[DemoQuota, ...] = (
    DemoQuota("ec2", "L-0263D0A3", "EC2-VPC Elastic IPs", 5, 5, _addresses),
    DemoQuota("vpc", "L-F678F1CE", "VPCs per Region", 5, 50, _vpcs),
    DemoQuota("vpc", "L-E79EC296", "VPC security groups per Region", 2500, 2500, _groups),
    DemoQuota("vpc", "L-0EA8095F", "Inbound or outbound rules per security group", 60, 60),
    DemoQuota("s3", "L-DC2B2D3D", "General purpose buckets", 10_000, 10_000, _buckets),
)


def report(region: str, now: datetime) -> dict[str, Any]:
    """GetQuotaUtilizationReport."""
    rows = [
        {
            "ServiceCode": one.service, "ServiceName": one.service, "QuotaCode": one.code, "QuotaName": one.name,
            "Namespace": "AWS/Usage", "DefaultValue": one.default, "AppliedValue": one.applied, "Adjustable": True,
            "Utilization": 100.0 * one.used(region) / one.applied,
        }
        for one in QUOTAS if one.used is not None
    ]  # fmt: skip
    return {"ReportId": REPORT, "Status": "COMPLETED", "GeneratedAt": now, "TotalCount": len(rows), "Quotas": rows}


def listed(region: str, service: str) -> list[dict[str, Any]]:
    """ListServiceQuotas of a service."""
    return [
        {
            "ServiceCode": one.service, "ServiceName": one.service, "QuotaCode": one.code, "QuotaName": one.name,
            "QuotaArn": f"arn:aws:servicequotas:{region}:{ACCOUNT}:{one.service}/{one.code}", "Value": one.applied,
            "Unit": "None", "Adjustable": True, "GlobalQuota": False, "QuotaAppliedAtLevel": "ACCOUNT",
        }
        for one in QUOTAS if one.service == service
    ]  # fmt: skip

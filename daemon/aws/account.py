"""An account that is watched, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from daemon.aws.sessions import OWN, Identity

# Where the global services of a partition (IAM, Organizations, Route 53, Cost Explorer) are asked.
GLOBAL_REGIONS: Mapping[str, str] = {
    "aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1", "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Account:
    """An AWS account that is watched."""

    id: str
    regions: tuple[str, ...]
    name: str = ""
    stage: str = ""
    tenant: str = ""
    owner: str = ""
    identity: Identity = field(default=OWN)

    @property
    def partition(self) -> str:
        """From the region's name, else from that of the role: "aws", "aws-cn"."""
        if not self.regions and self.identity.roles:
            return self.identity.roles[-1].arn.split(":")[1]
        region = self.regions[0] if self.regions else ""
        prefixes = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "us-iso-": "aws-iso", "us-isob-": "aws-iso-b"}
        return next((name for prefix, name in prefixes.items() if region.startswith(prefix)), "aws")

    @property
    def global_region(self) -> str:
        return GLOBAL_REGIONS[self.partition]

    @property
    def labels(self) -> Mapping[str, str]:
        return {
            "account": self.id, "account_name": self.name, "stage": self.stage, "tenant": self.tenant,
            "owner": self.owner,
        }  # fmt: skip

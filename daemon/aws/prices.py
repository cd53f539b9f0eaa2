"""What AWS charges for being asked: an estimate, by the list prices of us-east-1, free quotas left out of account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Price:
    """A price in US dollars of one request, or of each metric that one asks for."""

    service: str  # botocore's name
    operations: str  # a glob
    usd: float
    source: str
    per_metric: bool = False
    capped: bool = False  # it counts towards aws.paid_usd_per_day


# The first that fits; what fits none is free. Cents that come by the million are only told of, not capped: counting
# them beyond a restart would cost more than they do.
PRICES: tuple[Price, ...] = (
    Price("ce", "*", 0.01, "aws.amazon.com/aws-cost-management/aws-cost-explorer/pricing: each page", capped=True),
    Price(
        "cloudwatch", "GetMetricData", 0.01 / 1_000, "aws.amazon.com/cloudwatch/pricing: each 1,000 metrics",
        per_metric=True, capped=True,
    ),
    Price("cloudwatch", "*", 0.01 / 1_000, "aws.amazon.com/cloudwatch/pricing: each 1,000 API requests"),
    Price("s3", "List*", 0.005 / 1_000, "aws.amazon.com/s3/pricing: PUT, COPY, POST, LIST"),
    Price("s3", "*", 0.0004 / 1_000, "aws.amazon.com/s3/pricing: GET and all other requests"),
    Price("sns", "*", 0.50 / 1_000_000, "aws.amazon.com/sns/pricing"),
    Price("sqs", "*", 0.40 / 1_000_000, "aws.amazon.com/sqs/pricing"),
)  # fmt: skip


def price_of(service: str, operation: str, prices: Sequence[Price] = PRICES) -> Price | None:
    """The price of an operation ("GetMetricData"); None: it is free."""
    fits = (each for each in prices if each.service == service and fnmatchcase(operation, each.operations))
    return next(fits, None)

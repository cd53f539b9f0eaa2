"""What is asked of CloudWatch about one resource, as plain data, the same for every service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from checks.cloudwatch import Metric


class Service(StrEnum):
    """Whose resources are looked at."""

    EC2 = "ec2"
    EBS = "ebs"
    RDS = "rds"
    ELASTICACHE = "elasticache"
    LAMBDA = "lambda"
    ELB = "elb"  # classic load balancers
    ELBV2 = "elbv2"  # application and network load balancers
    NAT = "nat"
    DYNAMODB = "dynamodb"
    SQS = "sqs"
    EKS = "eks"


@dataclass(frozen=True, slots=True)
class Gauge:
    """Something of which a part is used, between 0 and 1 (of a queue, more than 1 is possible); more is worse.

    *warn* is where it is too much, *clear* where it is no longer, so that it does not come and go around one number.
    Raises ValueError where that cannot be.
    """

    name: str  # "cpu"
    warn: float
    clear: float
    what: str  # in a sentence, before a part: "of its processor in use"
    idle: float | None = None  # below this it is hardly used
    share: bool = False  # a part of what happened (errors of calls), not of what there is

    def __post_init__(self) -> None:
        if not 0 <= self.clear <= self.warn or self.warn <= 0:
            raise ValueError("clear_at is at most warn_at, and warn_at more than 0")


@dataclass(frozen=True, slots=True)
class Probe:
    """A gauge of a resource, and the metrics that show it.

    Of a level the one metric's values are taken, times *scale*, less than 1 where *inverse* (what is free, not what is
    used). Of a share the first metric is a part of the sum of the others, and of itself where *beside*.
    """

    service: Service
    gauge: str
    arn: str
    name: str
    metrics: tuple[Metric, ...]
    scale: float = 1.0
    inverse: bool = False
    portion: float = 1.0  # part of the whole that the metric speaks of: storage that grows by itself has more to come
    beside: bool = False
    quiet: bool = False  # CloudWatch publishes nothing while nothing happens: no datapoint says that it is idle
    ceiling: str = ""  # of what, for people: "200 GiB", "1700 connections"
    fills: bool = False  # it only grows, so that a day can be told when it is full
    born: datetime | None = None
    ids: tuple[str, ...] = ()  # what else it goes by in a Terraform state

    @property
    def resource(self) -> str:
        """What its reading goes by: a resource has one for each gauge."""
        return f"{self.arn}#{self.gauge}"


# (service, gauge) -> when it is too much. Every number can be changed by the option `thresholds`.
GAUGES: Mapping[tuple[Service, str], Gauge] = {
    (service, gauge.name): gauge
    for service, gauges in {
        Service.EC2: (Gauge("cpu", 0.9, 0.8, "of its processor in use", idle=0.05),),
        Service.EBS: (
            Gauge("queue", 1.0, 0.7, "of the queue at which each request waits 10 ms, however fast the volume is"),
            Gauge("burst", 0.8, 0.6, "of its burst credits used up"),
        ),
        Service.RDS: (
            Gauge("cpu", 0.9, 0.8, "of its processor in use", idle=0.05),
            Gauge("memory", 0.95, 0.9, "of its memory in use"),
            Gauge("storage", 0.85, 0.8, "of its storage in use"),
            Gauge("connections", 0.8, 0.7, "of its connections in use"),
            Gauge("capacity", 0.9, 0.8, "of its highest serverless capacity in use"),
        ),
        Service.ELASTICACHE: (
            Gauge("cpu", 0.9, 0.8, "of its processor in use", idle=0.03),
            Gauge("memory", 0.9, 0.85, "of its memory in use"),
        ),
        Service.LAMBDA: (
            Gauge("errors", 0.05, 0.02, "of its calls failed", share=True),
            Gauge("throttles", 0.01, 0.005, "of its calls refused for too many at once", share=True),
            Gauge("concurrency", 0.8, 0.7, "of the concurrent executions in use"),
        ),
        Service.ELB: (Gauge("errors", 0.05, 0.02, "of its requests answered with 5xx by itself", share=True),),
        Service.ELBV2: (
            Gauge("errors", 0.05, 0.02, "of its requests answered with 5xx by itself", share=True),
            Gauge("target_errors", 0.05, 0.02, "of its requests answered with 5xx by its targets", share=True),
        ),
        Service.NAT: (Gauge("drops", 0.0001, 0.00005, "of its packets dropped", share=True),),
        Service.DYNAMODB: (
            Gauge("read_capacity", 0.8, 0.7, "of its provisioned reads in use", idle=0.1),
            Gauge("write_capacity", 0.8, 0.7, "of its provisioned writes in use", idle=0.1),
            Gauge("read_throttles", 0.01, 0.005, "of its reads refused for too many at once", share=True),
            Gauge("write_throttles", 0.01, 0.005, "of its writes refused for too many at once", share=True),
        ),
        Service.SQS: (Gauge("age", 0.5, 0.4, "of its retention waited by the oldest message, which is lost after it"),),
    }.items()
    for gauge in gauges
}  # fmt: skip

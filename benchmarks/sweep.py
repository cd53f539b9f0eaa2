"""The sweep: 50 accounts x 17 regions x 12 services = 10,200 questions, each answered after 80 ms, over HTTP.

Ours goes the daemon's own way: Runner, Turns, places, the gate, shared answers, the pool of clients, roles taken on by
AssumeRole. The naive way, a fresh session and client per account, is timed on a part. Each runs in a process of its
own, whose peak memory and open sockets are told; the answering server is another.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import boto3

from benchmarks.stub import LATENCY, stub
from checks.aws import AwsPlace, looked
from checks.base import Check, Outcome, Reading
from daemon.aws import (
    Account,
    AwsContext,
    AwsSettings,
    ClientPool,
    Identity,
    RateGate,
    Role,
    Sessions,
    Watching,
    aws_places,
)
from daemon.commands.check import NoRecords
from daemon.runner import CheckPlan, Runner
from daemon.turns import LANES, THREADS, THREADS_PER_LANE, Turns

Row = tuple[str, str, str]
ACCOUNTS = 50
REGIONS = (
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
    "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1",
    "us-east-2", "us-west-1", "us-west-2",
)  # fmt: skip
ASKED: tuple[tuple[str, str, str], ...] = (
    ("acm", "list_certificates", "CertificateSummaryList"), ("backup", "list_backup_vaults", "BackupVaultList"),
    ("cloudtrail", "describe_trails", "trailList"), ("dynamodb", "list_tables", "TableNames"),
    ("ec2", "describe_volumes", "Volumes"), ("efs", "describe_file_systems", "FileSystems"),
    ("eks", "list_clusters", "clusters"), ("elasticache", "describe_cache_clusters", "CacheClusters"),
    ("elbv2", "describe_load_balancers", "LoadBalancers"), ("lambda", "list_functions", "Functions"),
    ("rds", "describe_db_instances", "DBInstances"), ("service-quotas", "list_services", "Services"),
)  # fmt: skip
ACTIONS = frozenset(
    {
        "acm:ListCertificates", "backup:ListBackupVaults", "cloudtrail:DescribeTrails", "dynamodb:ListTables",
        "ec2:DescribeVolumes", "elasticfilesystem:DescribeFileSystems", "eks:ListClusters",
        "elasticache:DescribeCacheClusters", "elasticloadbalancing:DescribeLoadBalancers", "lambda:ListFunctions",
        "rds:DescribeDBInstances", "servicequotas:ListServices",
    }
)  # fmt: skip
LIMITS = "limits: 40 s, 150 MB, 64 sockets, 0 left"


@dataclass(frozen=True)
class Sweeping(Check):
    """Asks each of twelve services one question."""

    iam: ClassVar[tuple[str, ...]] = tuple(sorted(ACTIONS))

    def run(self, place: AwsPlace) -> Iterator[Reading]:
        for service, operation, _ in ASKED:
            place.call(service, operation)
        yield looked(place, "services", len(ASKED))


def sweep() -> Iterator[Row]:
    """The whole sweep by ours; a part of it, one region of few accounts, by both."""
    with stub() as address:
        whole = _of("ours", address, ACCOUNTS, len(REGIONS))
        part = 4
        ours, naive = (_of(way, address, part, 1) for way in ("ours", "naive"))
    calls = ACCOUNTS * len(REGIONS) * len(ASKED)
    assert whole["calls"] == calls, whole
    size = f"{ACCOUNTS} accounts x {len(REGIONS)} regions x {len(ASKED)} services"
    yield (
        f"{calls:,} calls ({size}), answered after {LATENCY * 1000:.0f} ms",
        f"{whole['seconds']:.1f} s, {whole['memory']} MB, {whole['sockets']} sockets, {whole['left']} left open",
        f"{LIMITS}; {whole['cpu']:.0f} s of CPU, load {whole['load']:.1f}",
    )
    small = part * len(ASKED)
    yield (
        f"{small} of them, a fresh session and client per account, {THREADS} threads",
        f"{naive['seconds']:.1f} s, {naive['cpu'] / small * 1e3:.0f} ms of CPU a call, {naive['memory']} MB",
        f"{naive['cpu'] / naive['calls'] / (whole['cpu'] / whole['calls']):.0f} x the CPU a call of the sweep",
    )
    yield (
        f"the same {small} by ours", f"{ours['seconds']:.1f} s, {ours['memory']} MB",
        f"the naive way takes {naive['seconds'] / ours['seconds']:.1f} x the time",
    )  # fmt: skip


def _of(way: str, address: str, accounts: int, regions: int) -> Mapping[str, Any]:
    command = [sys.executable, "-m", "benchmarks.sweep", way, address, str(accounts), str(regions)]
    found: Mapping[str, Any] = json.loads(subprocess.check_output(command, text=True))
    return found


# -- in the process that sweeps ----------------------------------------------------------------------------------------


def _accounts(number: int, regions: int, address: str) -> list[Account]:
    return [
        Account(
            f"{n:012}", REGIONS[:regions],
            identity=Identity(
                "AKIABENCHMARK", "secret", roles=(Role(f"arn:aws:iam::{n:012}:role/sweep", sts_endpoint=address),)
            ),
        )
        for n in range(1, number + 1)
    ]  # fmt: skip


def _ours(address: str, accounts: int, regions: int) -> int:
    with_pool = ClientPool(Sessions(AwsSettings(region="eu-west-1", endpoint_url=address)))
    context = AwsContext(with_pool, _now, gate=RateGate())
    check = Sweeping()
    watched = _accounts(accounts, regions, address)
    places = aws_places(watched, check.scope, Watching("sweep", frozenset(check.iam)), context)
    plan = CheckPlan("sweep", check, lambda labels: timedelta(hours=1), check.deadline)
    runner, turns = Runner({"sweep": plan}, NoRecords(), _now), Turns(_now, on_end=with_pool.close_idle)

    def look(place: Any) -> None:
        run = runner.run("sweep", place)
        assert [reading.outcome for reading in run.readings] == [Outcome.HEALTHY], run.failure

    for place in places.values():
        turns.put(place.key, place.lane, "sweep", partial(look, place))  # type: ignore[attr-defined]  # all are AWS'
    turns.join()
    with_pool.close()
    counted = with_pool.ledger.counts()
    assert {result for *_, result in counted} == {"ok"}
    return sum(number for (service, *_), number in counted.items() if service != "sts")


def _naive(address: str, accounts: int, regions: int) -> int:
    """A session for each account and region, its clients made when they are needed."""
    from concurrent.futures import ThreadPoolExecutor

    def look(where: tuple[Account, str]) -> int:
        account, region = where
        session = boto3.Session("AKIABENCHMARK", "secret", region_name=region)
        role = session.client("sts", endpoint_url=address).assume_role(
            RoleArn=account.identity.roles[0].arn, RoleSessionName="naive"
        )["Credentials"]
        session = boto3.Session(role["AccessKeyId"], role["SecretAccessKey"], role["SessionToken"], region_name=region)
        for service, operation, _ in ASKED:
            getattr(session.client(service, endpoint_url=address), operation)()
        return len(ASKED)

    with ThreadPoolExecutor(THREADS) as threads:
        watched = _accounts(accounts, regions, address)
        return sum(threads.map(look, [(account, region) for account in watched for region in account.regions]))


def _now() -> datetime:
    return datetime.now(UTC)


def _sockets() -> int:
    found = 0
    for each in Path("/proc/self/fd").iterdir():
        try:
            found += os.readlink(each).startswith("socket:")
        except OSError:
            continue
    return found


@contextmanager
def _watched() -> Iterator[list[int]]:
    """Count open sockets every 10 ms; the largest number is the only item of the list."""
    most, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.01):
            most[0] = max(most[0], _sockets())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join()


def main(way: str, address: str, accounts: str, regions: str) -> None:
    load, cpu, began = os.getloadavg()[0], time.process_time(), time.perf_counter()
    with _watched() as most:
        calls = {"ours": _ours, "naive": _naive}[way](address, int(accounts), int(regions))
        seconds = time.perf_counter() - began
    peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])  # type: ignore[index]  # is there
    told = {
        "calls": calls, "seconds": seconds, "cpu": time.process_time() - cpu, "memory": peak * 1024 // 1_000_000,
        "sockets": most[0], "left": _sockets(), "load": load, "threads": (THREADS, LANES, THREADS_PER_LANE),
    }  # fmt: skip
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])

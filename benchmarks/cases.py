"""What is measured. Each case is a function that gives rows of (what, figure, beside it)."""

from __future__ import annotations

import copy
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_network
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

from alerts.delivery import Courier, Settings
from alerts.policy import Policy
from alerts.routes import Routes
from alerts.slack import SlackNotifier
from benchmarks import repositories
from benchmarks.execution import execution
from benchmarks.large import states
from benchmarks.pages import pages
from benchmarks.reports import weekly
from benchmarks.sweep import sweep
from benchmarks.tls import endpoints
from checks.base import Finding, Instance, Kind, Outcome, Reading
from checks.drift import Drift
from checks.nets.blocks import Block, Holding, clusters
from checks.nets.overlap import clashes
from checks.nets.reach import Table, domains
from checks.plans.judge import judge
from daemon.aws import Aws
from daemon.demo.fakeslack import FakeSlack, Rates, channel_id
from daemon.health import Health
from daemon.inventory.model import Backend, Watched
from daemon.metrics import OwnMetrics, Snapshots
from daemon.planning import Planner, PlanningSettings, inherited
from daemon.processes import Processes
from daemon.record import Recorder, Run
from daemon.store import Store, StoreOutbox

Row = tuple[str, str, str]
TOKEN = "xoxb-1-benchmark"  # of the fake Slack
PLAN = Path(__file__).parent.parent / "tests/fixtures/terraform-plans/1.plan.json"
MODULE = 'terraform {\n  backend "local" { path = "%s" }\n}\nresource "terraform_data" "thing" { input = "small" }\n'


def utc_now() -> datetime:
    return datetime.now(UTC)


def seconds(work: Callable[[], object], times: int = 5) -> float:
    """The median of *times* runs, after one that does not count."""
    work()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


@contextmanager
def store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "b.sqlite3", utc_now) as opened:
        yield opened


def drift(resource: str, size: int = 1) -> Reading:
    finding = Finding(Kind.DRIFT, "drift", f"{resource}: size small -> HUGE by hand", evidence={"n": size})
    return Reading(resource, Outcome.UNHEALTHY, "drift", "differs", (finding,), {"resources": float(size)})


def run(place: str, *readings: Reading) -> Run:
    stack, component, *_ = place.split("/")
    labels = {"stack": stack, "component": component, "stage": "staging", "tenant": "acme"}
    return Run("drift", place, labels, utc_now(), utc_now(), readings)


def verdict() -> Iterator[Row]:
    """One recorded plan with one drifted resource, made N times as large."""
    plan = json.loads(PLAN.read_text())

    def many(found: list[dict[str, Any]], number: int) -> list[dict[str, Any]]:
        return [{**copy.deepcopy(one), "address": f"{one['address']}{n}"} for one in found for n in range(number)]

    def grown(number: int) -> dict[str, Any]:
        large: dict[str, Any] = copy.deepcopy(plan)
        for array in ("resource_drift", "resource_changes"):
            large[array] = many(plan[array], number)
        for values in (large["prior_state"]["values"], large["planned_values"]):
            values["root_module"]["resources"] = many(values["root_module"]["resources"], number)
        return large

    small, large = (seconds(partial(judge, grown(number))) for number in (100, 1000))
    yield "judge a plan of 100 drifted resources", f"{small * 1000:.0f} ms", ""
    yield "judge a plan of 1,000 drifted resources", f"{large * 1000:.0f} ms", f"{large / small:.1f} x that of 100"


def transitions() -> Iterator[Row]:
    """A look that opens an incident, stored whole: run, reading, incident, transition, message; synchronous=FULL."""
    figures: list[float] = []
    for known in (0, 10_000):
        with store() as opened:
            recorder = Recorder(opened, Policy(Routes("C0123456789")))
            for number in range(0, known, 500):
                place = f"acme-old/c{number}"
                recorder.record(run(place, Reading(place, Outcome.HEALTHY, "in_sync", "")), utc_now())
                recorder.record(run(place, *(drift(f"{place}/{n}") for n in range(500))), utc_now())
            taken = []
            for number in range(200):
                place = f"acme-new/c{number}"
                recorder.record(run(place, Reading(place, Outcome.HEALTHY, "in_sync", "")), utc_now())
                began = time.perf_counter()
                recorder.record(run(place, drift(place)), utc_now())
                taken.append(time.perf_counter() - began)
            p50, p99 = percentile(taken, 0.5), percentile(taken, 0.99)
            figures.append(p50)
            beside = f"p50 {figures[-1] / figures[0]:.1f} x that of an empty store" if known else "goal: p99 <= 10 ms"
            yield f"state transition beside {known:,} incidents", f"p50 {p50 * 1e3:.1f}, p99 {p99 * 1e3:.1f} ms", beside


def _itself(health: Health) -> Health:
    return health


def metrics() -> Iterator[Row]:
    """The snapshot of a fleet: built when something changed; a scrape only copies it."""
    figures: list[float] = []
    for fleet in (100, 500):
        with store() as opened:
            recorder = Recorder(opened, Policy(Routes("C0123456789")))
            for number in range(fleet):
                place = f"acme-{number % 10}/c{number}"
                recorder.record(run(place, drift(place)), utc_now() + timedelta(hours=6))
            snapshots = Snapshots(
                opened, partial(_itself, Health(utc_now(), "bench")), {"drift": Drift}, OwnMetrics(), utc_now
            )
            built = seconds(snapshots.refresh, 3)
            figures.append(built)
            beside = f"{built / figures[0]:.1f} x that of 100" if len(figures) > 1 else ""
            yield (
                f"metrics snapshot, {fleet} instances, {snapshots.current.series:,} series",
                f"{built * 1e3:.0f} ms",
                beside,
            )


def delivery() -> Iterator[Row]:
    """From the end of a look to Slack's answer: real store, real courier, the fake Slack over HTTP without limits."""
    with store() as opened, FakeSlack(token=TOKEN, rates=Rates.unlimited()) as slack:
        recorder = Recorder(opened, Policy(Routes(channel_id("alerts"))))
        notifier = SlackNotifier(TOKEN, base_url=slack.base_url, timeout=10)
        courier = Courier(StoreOutbox(opened), notifier, utc_now, Settings(per_second=1000, burst=1000))
        stop = threading.Event()
        worker = threading.Thread(target=courier.run, args=(stop,))
        worker.start()
        taken = []
        for number in range(100):
            place = f"acme-prod/c{number}"
            recorder.record(run(place, Reading(place, Outcome.HEALTHY, "in_sync", "")), utc_now())
            recorder.record(run(place, drift(place)), utc_now())
            ended = time.perf_counter()
            while opened.backlog():
                time.sleep(0.002)
            taken.append(time.perf_counter() - ended)
        stop.set()
        worker.join()
    p50, p99 = percentile(taken, 0.5), percentile(taken, 0.99)
    yield "end of a look to Slack's answer", f"p50 {p50:.2f}, p99 {p99:.2f} s", "limit: p50 <= 0.5 s, p99 <= 2 s"


def planning() -> Iterator[Row]:
    """A whole look (state, private copy, guard, init, plan, show) against the same three commands of bare Terraform."""
    if shutil.which("terraform") is None:
        yield "a look against bare Terraform", "SKIP", "no terraform on the PATH"
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        module = root / "repo" / "network"
        module.mkdir(parents=True)
        (module / "main.tf").write_text(MODULE % (root / "network.tfstate"))
        config = root / "rc"
        config.touch()
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(root),
            "TF_CLI_CONFIG_FILE": str(config),
            "CHECKPOINT_DISABLE": "1",
        }

        def terraform(*argv: str) -> None:
            subprocess.run(["terraform", *argv], cwd=module, env=env, check=True, capture_output=True)

        terraform("init", "-input=false")
        terraform("apply", "-auto-approve", "-input=false")

        def bare() -> None:
            terraform("init", "-input=false", "-reconfigure")
            terraform("plan", "-input=false", "-lock=false", "-out=p")
            terraform("show", "-json", "p")

        unwatched = seconds(bare)
        shutil.rmtree(module / ".terraform")
        (module / "p").unlink()
        processes = Processes()
        settings = PlanningSettings(root / "scratch", inherited=inherited({"PATH": os.environ["PATH"]}, root))
        planner = Planner(settings, root / "repo", processes, Aws(), utc_now)
        watched = Watched(
            Instance("acme-dev", "network", "network", working_directory="network", atmos=False),
            Backend("local", {"path": str(root / "network.tfstate")}),
        )

        def look() -> None:
            seen = planner.look(watched, source_fingerprint="f")
            assert seen.status == "planned", seen.reason

        looked = seconds(look)
        planner.close()
        processes.close()
    yield "init, plan, show by bare Terraform, one built-in resource", f"{unwatched:.2f} s", ""
    yield "a whole look at the same", f"{looked:.2f} s", f"{looked / unwatched:.1f} x bare Terraform"


def starting() -> Iterator[Row]:
    """How long a command takes to start."""

    def of(*argv: str) -> float:
        return seconds(lambda: subprocess.run([sys.executable, *argv], check=True, capture_output=True))

    nothing, helps, judged = of("-c", "pass"), of("-m", "daemon", "--help"), of("-c", "import daemon.app")
    yield "`barograph --help`", f"{helps:.2f} s", f"{helps / nothing:.1f} x starting Python"
    yield "loading the whole daemon", f"{judged:.2f} s", f"{judged / nothing:.1f} x starting Python"


READING = """
import re, sys, time
from pathlib import Path
from daemon.repository import read
begun = time.process_time()
found = read(Path(sys.argv[1]))
taken = time.process_time() - begun
assert not found.faults
instances = sum(not one.abstract for stack in found.stacks for one in stack.components.values())
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024
print(taken, peak, instances)
"""


def reading() -> Iterator[Row]:
    """The static reading of N stacks x 50 components with three levels of imports, each in a new process."""
    first = 0.0
    for stacks in (20, 50, 100, 200):
        with tempfile.TemporaryDirectory() as folder:
            repositories.write(Path(folder), stacks)
            told = []
            for _ in range(3):
                done = subprocess.run(
                    [sys.executable, "-c", READING, folder], check=True, capture_output=True, text=True
                )  # fmt: skip
                told.append([float(word) for word in done.stdout.split()])
        taken, memory, instances = (statistics.median(column) for column in zip(*told, strict=True))
        first = first or taken / stacks
        yield (
            f"read {stacks} stacks x {repositories.COMPONENTS} components ({instances:,.0f} instances)",
            f"{taken:.2f} s of CPU, {memory:.0f} MiB",
            f"{taken / stacks / first:.1f} x the time per stack of 20" if stacks > 20 else "",
        )


def networks() -> Iterator[Row]:
    """5,000 CIDR blocks of as many VPCs, read from text and compared, beside comparing all pairs; then judged whole."""
    random = Random(1)
    texts = [
        f"10.{random.randrange(256)}.{random.randrange(256)}.0/{random.choice((16, 18, 20, 22, 24))}"
        for _ in range(5000)
    ]

    def held(number: int) -> list[Holding]:
        return [Holding(Block.parse(text), f"vpc-{n}", "vpc") for n, text in enumerate(texts[:number])]

    def naive(number: int) -> int:
        items = [ip_network(text, strict=False) for text in texts[:number]]
        return sum(one.overlaps(other) for one, other in combinations(items, 2))

    swept, tenth = seconds(lambda: list(clusters(held(5000)))), seconds(lambda: list(clusters(held(500))))
    pairs = seconds(lambda: naive(500), 1)
    yield "compare 5,000 CIDR blocks, read from text", f"{swept * 1e3:.0f} ms", "limit: 100 ms"
    beside = f"all pairs of 500 take {pairs * 1e3:.0f} ms, {pairs / tenth:.0f} x; of 5,000 a hundred times that"
    yield "compare 500 CIDR blocks", f"{tenth * 1e3:.1f} ms", beside
    joins = list(domains([], [Table(f"rtb-{n}", frozenset(f"vpc-{m}" for m in range(n, 5000, 20))) for n in range(20)]))
    judged = seconds(lambda: clashes(held(5000), joins, (), utc_now()))
    yield "the same judged by who reaches whom, 20 route tables of 250 VPCs each", f"{judged * 1e3:.0f} ms", ""


CASES = (
    verdict, transitions, metrics, delivery, planning, starting, execution, reading, endpoints, networks, states, sweep,
    weekly, pages,
)  # fmt: skip

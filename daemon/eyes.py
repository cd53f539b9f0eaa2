"""All that looking needs, put together: the same for the daemon and for one look from the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from checks.base import Place, Scope
from checks.estate import KEY as ESTATE
from checks.estate import Seen
from checks.repository import Repository
from checks.toolchain import Toolchain
from daemon.accounts.directory import Directory
from daemon.aws import (
    Account,
    Asked,
    Aws,
    AwsContext,
    ClientPool,
    Fact,
    Forgotten,
    Ledger,
    Memory,
    NoMemory,
    RateGate,
    Sessions,
    Spending,
    Waited,
    Whose,
    places_of,
)
from daemon.dns import Dns
from daemon.estate import Estate, Names
from daemon.inventory.loader import InventoryLoader
from daemon.inventory.model import Inventory, Watched
from daemon.inventory.settings import SourceKind
from daemon.places import PlannedInstance, places
from daemon.planning import Planner
from daemon.processes import Processes
from daemon.repository.place import WatchedRepository
from daemon.repository.tree import Tree
from daemon.runner import CheckPlan
from daemon.states.history import Histories
from daemon.states.library import Cache, NoCache
from daemon.states.places import Reach
from daemon.states.watching import States
from daemon.tls import Prober, make_place
from daemon.toolchain import Bench, Workshop
from daemon.wiring import (
    aws_settings,
    check_plans,
    discovery_settings,
    open_origin,
    payer_account,
    planning_settings,
    source_settings,
    toolchain_bench,
)

if TYPE_CHECKING:
    from daemon.config import Config


@dataclass(frozen=True, slots=True)
class Accounting:
    """Who is told of requests to AWS, and where it is written down what was paid for them today."""

    on_request: Callable[[Asked], None] = lambda asked: None
    on_wait: Callable[[Waited], None] = lambda waited: None
    paid: Fact = field(default_factory=Forgotten)


@dataclass(frozen=True, slots=True)
class Eyes:
    """All that looking needs, and no store: the same for the daemon and for one look from the command line."""

    loader: InventoryLoader
    planner: Planner
    plans: Mapping[str, CheckPlan]
    clock: Callable[[], datetime]
    end_children: Callable[[], None]  # ends what runs now, and starts no more; takes seconds
    children: Callable[[], Sequence[float]]  # for how many seconds each that is alive runs
    aws: AwsContext
    prober: Prober
    states: States
    bench: Bench
    directory: Directory  # the accounts that are watched now
    repository: WatchedRepository | None = None  # its files are looked at where it is one of Atmos
    seen: Callable[[str], Sequence[Seen]] = lambda check: ()  # what the estate's place gives of a check
    names: Names = field(default_factory=Dns)
    payer: Account | None = None
    spending: Spending | None = None  # on requests that AWS charges for

    def places(self, inventory: Inventory, tree: Tree) -> Mapping[str, Mapping[str, Place]]:
        """Give the places of every check by key. *tree* is the content that *inventory* was made from."""

        def make(watched: Watched) -> Place:
            return PlannedInstance(watched, tree.fingerprint, self.planner, self.clock, tree)

        self.states.take(inventory)
        self.directory.take(inventory)
        workshop = Workshop(self.bench, inventory, tree, self.clock)
        accounts = self.directory.accounts()

        def looked_at(name: str, plan: CheckPlan) -> Mapping[str, Place]:
            found = dict(places_of(name, plan.check, accounts, self.payer, self.aws))
            found |= {one.key: make_place(one, self.prober, self.clock) for one in plan.check.targets()}
            for scope in plan.check.scopes():
                found |= places(inventory, scope, make)
                if scope is Scope.STATE:
                    found |= self.states.places()
                if scope is Scope.ESTATE:
                    found[ESTATE] = Estate(name, self.seen, inventory, self.names, self.clock, self.aws.memory)
            if self.repository is not None and isinstance(plan.check, Repository) and self.repository.watched_in(tree):
                found[self.repository.key] = self.repository
            if isinstance(plan.check, Toolchain):
                found[workshop.key] = workshop
            return found

        return {name: looked_at(name, plan) for name, plan in self.plans.items()}

    def fate(self, check: str, key: str) -> str | None:
        """What has become of a place of *check* that is not among places(): as Directory.fate(), which decides it."""
        plan = self.plans.get(check)
        if plan is None or not {Scope.ACCOUNT, Scope.REGION} & set(plan.check.scopes()):
            return None
        return self.directory.fate(key)


@contextmanager
def open_eyes(
    config: Config,
    scratch: Path,
    environ: Mapping[str, str],
    clock: Callable[[], datetime],
    memory: Memory | None = None,
    seen: Callable[[str], Sequence[Seen]] = lambda check: (),
    known_states: Cache | None = None,
    accounting: Accounting | None = None,
    histories: Histories | None = None,
) -> Iterator[Eyes]:
    """Make what looking needs, and end every child when it is left. *scratch* is wiped.

    *memory*: what checks kept in earlier looks; *seen*: what each place of a check gave last; *known_states*: what was
    read of states. Nothing if not given.
    """
    with ExitStack() as stack:
        processes = Processes()
        stack.callback(processes.close)
        settings = planning_settings(config, scratch, environ)
        aws = Aws(aws_settings(config))
        planner = Planner(settings, config.source.path, processes, aws, clock)
        stack.callback(planner.close)
        origin = open_origin(config, scratch.with_name(f"{scratch.name}-repository"), processes, environ)
        listing = source_settings(config, environ)
        loader = InventoryLoader(listing, processes.run, clock, origin)
        stack.callback(loader.close)
        accounting = accounting or Accounting()
        spending = Spending(config.aws.paid_usd_per_day, accounting.paid, clock)
        pool = ClientPool(Sessions(aws_settings(config)), Ledger(spending, accounting.on_request))
        stack.callback(pool.close)
        bench = toolchain_bench(config, scratch, environ, processes.run, aws)
        remembered = memory or NoMemory()
        reach = Reach(config.source.path, aws, settings.rules, settings.inherited)
        states = States(reach, known_states or NoCache(), clock, remembered, histories)

        def end() -> None:
            states.end()
            directory.end()
            processes.close()

        stack.callback(states.end)
        context = AwsContext(
            pool,
            clock,
            owners=states.owners,
            memory=remembered,
            gate=RateGate(on_wait=accounting.on_wait),
            whose=Whose(pool, config.aws.region or ""),
        )
        directory = Directory(discovery_settings(config), context, clock)
        always = listing.kind is SourceKind.ATMOS
        repository = WatchedRepository(loader, clock, listing.config_path, listing.base_path, always=always)
        yield Eyes(
            loader, planner, check_plans(config), clock, end, processes.ages, context, Prober(), states, bench,
            directory, repository, seen, payer=payer_account(config), spending=spending,
        )  # fmt: skip
        # Planning waits for its children: they go first, or leaving would wait for a plan to end by itself.
        processes.close()

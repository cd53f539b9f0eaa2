"""Places that checks look at, made from the inventory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from checks.base import Instance, Place, Scope
from checks.plans.look import LookStatus, PlanLook

if TYPE_CHECKING:
    from daemon.inventory.model import Inventory, Watched
    from daemon.planning import Planner
    from daemon.repository.tree import Tree


@dataclass(frozen=True, slots=True)
class PlannedInstance:
    """A component instance that is planned by the planner it was given."""

    watched: Watched
    source_fingerprint: str
    planner: Planner
    clock: Callable[[], datetime]
    tree: Tree | None = None  # the content that is planned; None: the folder that the planner knows

    @property
    def key(self) -> str:
        return self.watched.instance.key

    @property
    def labels(self) -> Mapping[str, str]:
        return labels_of(self.watched.instance)

    @property
    def instance(self) -> Instance:
        return self.watched.instance

    def now(self) -> datetime:
        return self.clock()

    def plan(self) -> PlanLook:
        """Make one real plan. An instance that is switched off gives NOT_APPLICABLE and starts nothing."""
        if self.tree is None:
            return self.planner.look(self.watched, source_fingerprint=self.source_fingerprint)
        try:
            with self.tree.held() as code:
                look = self.planner.look(self.watched, source_fingerprint=self.source_fingerprint, code=code)
        except FileNotFoundError as gone:
            return PlanLook(LookStatus.BUSY, f"{gone}; another one is watched by now", cause="checkout gone")
        return replace(look, facts={**look.facts, **_commit(self.tree)})


def _commit(tree: Tree) -> Mapping[str, str]:
    """What a look tells of the commit that was planned."""
    if not tree.commit:
        return {}
    return {"commit": tree.commit if tree.is_commit else f"{tree.commit} with uncommitted changes"}


def labels_of(instance: Instance) -> Mapping[str, str]:
    """Give what routes, silences and metrics may match an instance by: text that can be shown, whatever it was."""
    labels = {
        "stack": instance.stack,
        "component": instance.component,
        "stage": instance.stage,
        "tenant": instance.tenant,
        "environment": instance.environment,
        "account": instance.account,
        "region": instance.region,
        "owner": instance.owner,
    }
    own = {"channel": instance.channel, "runbook": instance.runbook}
    labels |= {name: text for name, text in own.items() if text}
    # Half of a surrogate pair can stand in JSON, and in no page or metric.
    return {name: text.encode("utf-8", "backslashreplace").decode() for name, text in labels.items()}


def places(inventory: Inventory, scope: Scope, make: Callable[[Watched], Place]) -> Mapping[str, Place]:
    """Give the places of *scope* by key. Scopes whose places nothing provides yet give none."""
    if scope is not Scope.INSTANCE:
        return {}
    return {watched.instance.key: make(watched) for watched in inventory.watched}

"""What a source read, before it becomes the inventory: instances, what is left out, and the problems that follow."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from daemon.inventory.model import LeftOut, Problem, Watched
from daemon.inventory.versions import Wanted


class Why(StrEnum):
    """Why an instance is left out. All but ABSTRACT are problems that a person must hear of."""

    ABSTRACT = "abstract"
    NAME = "name_unusable"
    STACK = "stack_not_plannable"
    FOLDER = "component_folder_missing"
    BACKEND = "no_backend"
    UNRESOLVED = "backend_unresolved"
    MASKED = "masked"
    COMMAND = "command_not_guarded"
    SHARED = "state_shared"
    DIFFERS = "workspace_differs"
    UNCONFIRMED = "workspace_unconfirmed"


_SAID: Mapping[Why, tuple[str, str]] = {
    Why.NAME: (
        "have names that Terraform reads as flags, that cannot be shown or that are empty",
        "Rename them, or mend the stack name pattern in atmos.yaml.",
    ),
    Why.STACK: (
        "are in a stack that Atmos lists but cannot plan, because its name holds a /",
        "Let name_template or name_pattern in atmos.yaml give names without a /.",
    ),
    Why.FOLDER: (
        "point to a component folder that is not there",
        "Add the folder, or set metadata.component.",
    ),
    Why.BACKEND: (
        "have no backend",
        "Set backend_type and backend in a stack manifest (terraform.backend_type, terraform.backend.s3).",
    ),
    Why.UNRESOLVED: (
        "have backend settings that are only known after running a template or function",
        "Write bucket, key and prefix of the backend out in the stack manifests.",
    ),
    Why.MASKED: (
        "have something in their names or their backend that Atmos prints as <MASKED>",
        "Atmos masks what equals a credential in the environment: rename it, or take that credential away from Atmos.",
    ),
    Why.COMMAND: (
        "name a Terraform program by its path, which cannot be guarded against writing",
        "Set `command` to the name of a program on the PATH: terraform or tofu.",
    ),
    Why.SHARED: (
        "share one Terraform state with another instance",
        "Give each its own workspace (metadata.terraform_workspace) or its own key.",
    ),
    Why.DIFFERS: (
        "would be planned by Atmos in another workspace than computed",
        "Compare with `atmos describe component COMPONENT -s STACK -q .workspace`.",
    ),
    Why.UNCONFIRMED: (
        "could not have their workspace confirmed by Atmos",
        "Run `atmos describe component COMPONENT -s STACK -q .workspace` to see why.",
    ),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """One instance that will not be watched, and why."""

    stack: str
    component: str
    why: Why
    reason: str

    def left_out(self) -> LeftOut:
        return LeftOut(self.stack, self.component, self.reason)


@dataclass(frozen=True, slots=True)
class Draft:
    """What one source read."""

    watched: tuple[Watched, ...] = ()
    refused: tuple[Refusal, ...] = ()
    notes: tuple[str, ...] = ()
    stacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # stack -> the manifests it came from
    unlisted: frozenset[str] = frozenset()  # stack manifests on the disk that no stack came from
    problems: tuple[Problem, ...] = ()
    atmos: str = ""  # the version that listed; empty: none did
    wanted: tuple[Wanted, ...] = ()  # versions that the listing itself asks for

    def saying(self, problems: Iterable[Problem] = (), notes: Iterable[str] = ()) -> Draft:
        """The draft with more to be said."""
        return replace(self, problems=(*self.problems, *problems), notes=(*self.notes, *notes))

    @property
    def complete(self) -> bool:
        """False: something may be answered differently next time though no file changed."""
        return not any(refusal.why is Why.UNCONFIRMED for refusal in self.refused)


def without_shared_states(draft: Draft) -> Draft:
    """Leave out instances that would be planned on one state: whose resources they show cannot be told."""
    by_state: dict[str, list[Watched]] = defaultdict(list)
    for watched in draft.watched:
        if watched.instance.enabled:
            by_state[_state(watched)].append(watched)
    refused: dict[str, Refusal] = {}
    for sharing in by_state.values():
        if len(sharing) < 2:
            continue
        keys = sorted(watched.instance.key for watched in sharing)
        for watched in sharing:
            instance = watched.instance
            others = ", ".join(key for key in keys if key != instance.key)
            reason = f"its Terraform state is also that of {others}"
            refused[instance.key] = Refusal(instance.stack, instance.component, Why.SHARED, reason)
    kept = tuple(watched for watched in draft.watched if watched.instance.key not in refused)
    return replace(draft, watched=kept, refused=(*draft.refused, *refused.values()))


def problems(draft: Draft) -> tuple[Problem, ...]:
    """The problems of a draft, one per kind however many instances it has."""
    found = [*_refusals(draft.refused), *draft.problems]
    unknown = sorted({watched.instance.stack for watched in draft.watched if not watched.instance.stage})
    if unknown:
        found.append(
            Problem(
                "stage_unknown",
                f"{_count(unknown, 'stack')} of unknown stage: counted as production",
                tuple(unknown),
                "Set vars.stage in the stack, or a pattern for its name under stages in the configuration.",
            )
        )
    return tuple(found)


def _refusals(refused: Sequence[Refusal]) -> Iterable[Problem]:
    for why, (said, remedy) in _SAID.items():
        where = sorted(f"{one.stack}/{one.component}" for one in refused if one.why is why)
        if where:
            yield Problem(why.value, f"{_count(where, 'instance')} {said}; not watched", tuple(where), remedy)


def _count(things: Sequence[str], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


def _state(watched: Watched) -> str:
    """Equal for instances with one state."""
    backend = watched.backend
    if backend.type == "s3":
        return f"s3://{backend.bucket}/{backend.key}"
    if backend.type in ("", "local"):
        place = backend.config.get("path") or watched.instance.working_directory
        return f"local:{place}:{backend.workspace}"
    config = json.dumps(backend.config, sort_keys=True, default=str)
    return f"{backend.type}:{config}:{backend.workspace}"

"""Workflows that do nothing, open a terminal UI, or act on what does not exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from checks.manifests.affected import NAMED, WORKFLOW_USAGE, since, told, until
from checks.manifests.model import Case, Repository, RepositoryFinding, Spot, Stack, Workflow, WorkflowStep
from checks.manifests.rules.building import NAMING, UNREAD, computed_name, counted, finding, listed, quoted, where
from checks.manifests.rules.commands import Call, calls, parsed

# Step types that need no `command`: newer versions have them, and they say what they do in other keys.
_RUNS_COMMAND = ("atmos", "shell", "")
# Subcommands of `atmos terraform` whose next word is no component.
_NO_COMPONENT = frozenset({"version", "fmt", "login", "logout", "--help", "help", "backend"})
_REFUSE_ABSTRACT = frozenset({"plan", "apply", "deploy", "destroy", "refresh", "import"})


def inert_workflow(repository: Repository) -> Iterable[RepositoryFinding]:
    """Steps without a command: each runs `atmos` with nothing behind it."""
    found = [
        (workflow, step)
        for workflow in repository.workflows
        for step in workflow.steps
        if step.type in _RUNS_COMMAND and (step.command is None or not step.command.text.strip())
        and not (step.command is not None and step.command.value not in (None, ""))
    ]  # fmt: skip
    if not found:
        return
    # A command under another key says most clearly what was meant.
    found.sort(key=lambda one: (not _misplaced(one[1]), one[1].spot))
    names = list(dict.fromkeys(workflow.name for workflow, _ in found))
    empty = {(workflow.file, step.spot) for workflow, step in found}
    workflows = {(workflow.file, workflow.name): workflow for workflow, _ in found}
    whole = sum(all((one.file, step.spot) in empty for step in one.steps) for one in workflows.values())
    misplaced = next((_misplaced(step) for _, step in found if _misplaced(step)), "")
    why = f" It stands under `{misplaced}`, which Atmos does not read." if misplaced else ""
    yield finding(
        "inert_workflow",
        f"{counted(len(found), 'workflow step')} in {counted(len(names), 'workflow')} ({listed(names)}) "
        f"{'has' if len(found) == 1 else 'have'} no `command`, and {'does' if len(found) == 1 else 'do'} nothing.{why}",
        [
            Case(
                f"{quoted(workflow.name)}: {listed((step.name for step in steps), 4)}",
                tuple(step.spot for step in steps),
                tuple(
                    f"`{key}` in place of `command`" if (key := _misplaced(step)) else "no command" for step in steps
                ),
            )
            for workflow, steps in _by_workflow(found)
        ],
        says='it runs bare `atmos`, which asks for a terminal: "could not open a new TTY", exit 1. `describe '
        "workflows` lists the workflow as if it were whole.",
        remedy=f"At {where(found[0][1].spot)} "
        + (
            "put the text of `run.command` into a key `command` of the step itself"
            if misplaced == "run"
            else f"rename `{misplaced}` to `command`"
            if misplaced
            else "give the step a `command`, or delete it"
        )
        + "; for anything but a command of Atmos add `type: shell`."
        + (f" {counted(whole, 'workflow')} {'runs' if whole == 1 else 'run'} nothing at all." if whole else ""),
    )


def workflow_arguments(repository: Repository) -> Iterable[RepositoryFinding]:
    """`atmos workflow NAME key=value`: workflows take no arguments."""
    by_place: list[tuple[Spot, Call]] = [
        (step.command.spot, call)
        for workflow in repository.workflows
        for step in workflow.steps
        if step.command is not None
        for call in _calls_of(step)
        if _with_arguments(call)
    ]
    by_place += [(line.spot, call) for line in repository.calls for call in calls(line.text) if _with_arguments(call)]
    if by_place:
        by_place.sort(key=lambda one: one[0])
        files: dict[str, list[tuple[Spot, Call]]] = {}
        for spot, call in by_place:
            files.setdefault(spot.file, []).append((spot, call))
        keys = [key for _, call in by_place for key in call.pairs]
        yield finding(
            "workflow_arguments",
            f"{counted(len(by_place), 'call')} of `atmos workflow` {'gives' if len(by_place) == 1 else 'give'} "
            f"{listed(f'{key}=…' for key in keys)}: a workflow takes no arguments, and does not run.",
            [
                Case(f"{file}: {listed((' '.join(call.words[:2]) for _, call in found), 4)}",
                     tuple(dict.fromkeys(spot for spot, _ in found)))
                for file, found in files.items()
            ],
            says=told(
                repository.version,
                (until(WORKFLOW_USAGE), 'it opens its terminal UI, which hangs or fails in CI: "could not open a new '
                 'TTY", exit 1.'),
                (since(WORKFLOW_USAGE), '"Incorrect Usage: Unknown command", exit 1.'),
            ),
            remedy=f"At {where(by_place[0][0])} pass the stack with `-s`, the file with `-f`, and everything else as "
            "environment variables that `type: shell` steps read.",
        )  # fmt: skip


def workflow_target_unknown(repository: Repository) -> Iterable[RepositoryFinding]:
    """Steps that name a stack or a component that does not exist."""
    known = _Known(repository)
    faults = [
        (workflow, step, fault)
        for workflow in repository.workflows
        for step in workflow.steps
        if step.command is not None
        for call in _calls_of(step)
        for fault in known.faults(call, step.stack or workflow.stack or call.stack)
    ]
    for by_stack in (True, False):
        found = [one for one in faults if one[2][0] is by_stack]
        if not found:
            continue
        names = list(dict.fromkeys(fault[1] for _, _, fault in found))
        # A stack that a workflow names is missing for another reason, where names or files are broken.
        because = (*NAMING, *UNREAD) if by_stack else ()
        yield finding(
            "workflow_target_unknown",
            f"{counted(len(found), 'workflow step')} {'acts' if len(found) == 1 else 'act'} on "
            f"{'stacks' if by_stack else 'components'} that {'do' if len(names) > 1 else 'does'} not exist: "
            f"{listed(names)}."
            if len(names) > 1
            else f"{counted(len(found), 'workflow step')} {'acts' if len(found) == 1 else 'act'} on the "
            f"{'stack' if by_stack else 'component'} {quoted(names[0])}, which does not exist{found[0][2][2]}.",
            [
                Case(
                    f"{quoted(workflow.name)}, {quoted(step.name)}: {'stack' if by_stack else 'component'} "
                    f"{quoted(fault[1])}{fault[2]}",
                    (step.command.spot if step.command is not None else step.spot,),
                )
                for workflow, step, fault in found
            ],
            says='"Could not find the component … in the stack …", and the workflow ends at that step with exit 1; '
            "the steps before it have been run.",
            remedy=f"Correct the {'stack' if by_stack else 'component'} at "
            f"{where(found[0][1].command.spot if found[0][1].command is not None else found[0][1].spot)}"
            f"{known.near(names[0], stack=by_stack)}, or delete the step.",
            because=because,
            variant="stack" if by_stack else "",
        )


class _Known:
    """The stacks and components that there are."""

    def __init__(self, repository: Repository) -> None:
        self._stacks: dict[str, Stack] = {}
        path_is_a_name = repository.version is None or repository.version < NAMED
        for stack in repository.stacks:
            names = [stack.name]
            if path_is_a_name or not stack.name:
                names.append(stack.manifest)
            if repository.version is None:
                names.append(stack.manifest_name)
            for name in names:
                self._stacks.setdefault(name, stack)
        self._all_read = not any(stack.partial for stack in repository.stacks)
        self._components = {name for stack in repository.stacks for name in stack.components}
        self._any = bool(repository.stacks)
        self._all_named = not any(computed_name(repository, stack) for stack in repository.stacks)

    def faults(self, call: Call, stack: str) -> Iterator[tuple[bool, str, str]]:
        """What of a call does not exist: whether it is the stack, its name, and where it was looked for."""
        if not self._any or call.computed or "{{" in stack or "$" in stack:
            return
        if stack and stack not in self._stacks:
            if self._all_named and call.words[:1] in (("terraform",), ("describe",), ("validate",), ("helmfile",)):
                yield True, stack, ""
            return
        name = _component(call)
        if not name:
            return
        if not stack:
            if name not in self._components and self._all_read:
                yield False, name, " in any stack"
            return
        target = self._stacks[stack]
        found = target.components.get(name)
        if found is None and not target.partial:
            yield False, name, f" in stack {quoted(stack)}"
        elif found is not None and found.abstract and call.words[1] in _REFUSE_ABSTRACT:
            yield False, name, f" as anything but an abstract component in stack {quoted(stack)}"

    def near(self, name: str, *, stack: bool) -> str:
        """ " (is `network` meant?)"."""
        from difflib import get_close_matches

        near = get_close_matches(name, sorted(self._stacks if stack else self._components), 1, 0.75)
        return f" (is {quoted(near[0])} meant?)" if near else ""


def _component(call: Call) -> str:
    """The component that a call names; empty where it names none."""
    words = call.words
    if call.many or len(words) < 3:
        return ""
    if words[0] == "terraform":
        if words[1] in _NO_COMPONENT:
            return ""
        if words[1] == "generate":
            return words[3] if len(words) > 3 and words[2] in ("backend", "varfile", "planfile") else ""
        return words[2]
    return words[2] if words[:2] in (("describe", "component"), ("validate", "component")) else ""


def _calls_of(step: WorkflowStep) -> Iterator[Call]:
    """What a step calls of Atmos. A shell step is left alone unless it calls Atmos by name."""
    if step.command is None:
        return
    if step.type == "shell":
        yield from calls(step.command.text)
    elif step.type in ("atmos", ""):
        text = step.command.text.strip()
        yield parsed(text.removeprefix("atmos ") if text.startswith("atmos ") else text)


def _with_arguments(call: Call) -> bool:
    return call.words[:1] == ("workflow",) and bool(call.pairs)


def _misplaced(step: WorkflowStep) -> str:
    """The key under which a step's command stands, where that is not `command`."""
    for key in ("run", "cmd", "script", "shell", "exec", "commands"):
        node = step.node.get(key) if step.node is not None else None
        if node is not None and node.value:
            return key
    return ""


def _by_workflow(
    found: Iterable[tuple[Workflow, WorkflowStep]],
) -> list[tuple[Workflow, list[WorkflowStep]]]:
    by_key: dict[tuple[str, str], tuple[Workflow, list[WorkflowStep]]] = {}
    for workflow, step in found:
        by_key.setdefault((workflow.file, workflow.name), (workflow, []))[1].append(step)
    return list(by_key.values())

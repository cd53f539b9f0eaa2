"""From what the rules find to what a person reads: causes first, and what follows from each under it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from checks.manifests.affected import BY_NAME as BY_MANIFEST_NAME
from checks.manifests.affected import BY_PATTERN_ONLY, Affected
from checks.manifests.model import Examination, Repository, RepositoryFinding
from checks.manifests.older import before_names, since_names
from checks.manifests.rules import BY_NAME, RULES, affects
from checks.manifests.rules.building import computed_name, counted, listed
from checks.manifests.rules.files import EXPLAINED, HARMLESS, NOT_FOLLOWED
from checks.manifests.rules.states import state_of
from checks.manifests.rules.versions import version_contradiction

# The order within findings of equal weight: what is silently wrong before what fails aloud.
_ORDER = (
    "no_configuration", "broken_yaml", "duplicate_key", "unreadable_file", "missing_import", "inheritance_loop",
    "type_conflict", "root_metadata", "pattern_part_missing", "unknown_pattern_token", "ambiguous_component",
    "stack_name_collision", "state_collision", "varfile_collision", "name_cannot_be_planned",
    "workspace_name_unusable", "no_backend", "component_folder_missing", "literal_interpolation", "inert_workflow",
    "workflow_arguments", "workflow_target_unknown", "version_contradiction", "disabled_by_string",
    "depends_on_unknown", "unreachable_manifest",
)  # fmt: skip


def examine(
    repository: Repository, *, installed: Mapping[str, str] | None = None, notes: Sequence[str] = ()
) -> Examination:
    """Judge *repository*: at most one finding per cause, worst first, in an order that depends on nothing else.

    *installed* (tool -> version) is compared with the versions that the files state. *notes* are limitations that
    the reader of the repository wants told.
    """
    older = before_names(repository)
    found: list[RepositoryFinding] = []
    for rule in RULES:
        if rule is version_contradiction:
            told = version_contradiction(repository, installed)
        elif older is not None and rule in BY_NAME:
            told = _of_both(list(rule(since_names(repository))), list(rule(older)))
        else:
            told = rule(repository)
        found.extend(_owned(one, repository) for one in told if affects(one, repository))
    return Examination(
        findings=grouped(found),
        version=repository.version,
        stacks=repository.stacks,
        files_read=repository.files_read,
        notes=(*notes, *_notes(repository)),
        unread=tuple(_unread(repository)),
    )


def _of_both(newer: Sequence[RepositoryFinding], older: Sequence[RepositoryFinding]) -> Iterable[RepositoryFinding]:
    """What holds since stacks can name themselves, what held before, and what holds anyway."""
    for one in newer:
        yield one if _among(one, older) else _limited(one, BY_MANIFEST_NAME)
    for one in older:
        if not _among(one, newer):
            yield _limited(one, BY_PATTERN_ONLY)


def _among(one: RepositoryFinding, others: Sequence[RepositoryFinding]) -> bool:
    return any(one.code == other.code and one.cases == other.cases for other in others)


def _limited(one: RepositoryFinding, to: Affected) -> RepositoryFinding:
    if one.since is not None or one.before is not None:
        return one
    older = "older" if to.before is not None else ""
    variant = "_".join(filter(None, (one.variant, older)))
    return replace(one, since=to.since, before=to.before, affected=to.words, variant=variant)


def grouped(found: Iterable[RepositoryFinding]) -> tuple[RepositoryFinding, ...]:
    """Put what follows under its cause, and the rest in order: what blocks everything, what blinds, what else there is.

    Takes findings with causes before what can follow from them, as the rules give them.
    """
    roots: list[RepositoryFinding] = []
    below: dict[int, list[RepositoryFinding]] = {}
    for one in found:
        at = _cause(one, roots)
        if at is None:
            roots.append(one)
        else:
            below.setdefault(at, []).append(one)
    told = [
        replace(root, follows=(*root.follows, *sorted(below.get(index, ()), key=_rank)))
        for index, root in enumerate(roots)
    ]
    return tuple(sorted(told, key=_rank))


def _cause(one: RepositoryFinding, roots: Sequence[RepositoryFinding]) -> int | None:
    """Which of *roots* brings *one* about: the nearest cause that is there."""
    for code in one.because:
        for index, root in enumerate(roots):
            if root.code == code and _concern_each_other(one, root):
                return index
    return None


def _concern_each_other(one: RepositoryFinding, cause: RepositoryFinding) -> bool:
    """Whether both can be true of one Atmos version, and of one stack where both name some."""
    ends_before = one.before is not None and cause.since is not None and one.before <= cause.since
    begins_after = one.since is not None and cause.before is not None and cause.before <= one.since
    apart = bool(one.stacks) and bool(cause.stacks) and not set(one.stacks) & set(cause.stacks)
    return not (ends_before or begins_after or apart)


def _rank(one: RepositoryFinding) -> tuple[bool, bool, int, tuple[object, ...], str]:
    order = _ORDER.index(one.code) if one.code in _ORDER else len(_ORDER)
    first = (one.spots[0].file, one.spots[0].line, one.spots[0].column) if one.spots else ("", 0, 0)
    return not one.blocks_all, not one.blinds, order, first, one.summary


def _owned(one: RepositoryFinding, repository: Repository) -> RepositoryFinding:
    owner = next((repository.owners[spot.file] for spot in one.spots if repository.owners.get(spot.file)), "")
    return replace(one, owner=owner) if owner and not one.owner else one


def _unread(repository: Repository) -> Iterable[str]:
    """Why the reading is not complete. What a finding explains (a broken file, a missing import) is not told twice."""
    passed_over: dict[str, str] = {}
    for fault in repository.faults:
        if fault.code in EXPLAINED or fault.code in HARMLESS:
            continue
        for spot in fault.spots[:1]:
            place = str(spot) if fault.code in NOT_FOLLOWED else spot.file
            passed_over.setdefault(place, fault.detail or fault.code.replace("_", " "))
    yield from (f"{place}: {why}" for place, why in sorted(passed_over.items()))
    unresolved = sorted(
        {
            (one.spot.file, one.spot.line, one.path, one.remote)
            for manifest in repository.manifests.values()
            for one in manifest.imports
            if one.remote or (one.templated and not one.files)
        }
    )
    reached = {file for stack in repository.stacks for file in (*stack.reached, stack.file)}
    for remote, why in ((True, "lies elsewhere and was not fetched"), (False, "is made by a template")):
        named = [f"{file}:{line}" for file, line, _, is_remote in unresolved if is_remote is remote and file in reached]
        if named:
            yield f"{counted(len(named), 'import')} could not be followed, as what it names {why}: {listed(named)}"
    partial = [stack.manifest for stack in repository.stacks if stack.partial]
    if partial and not unresolved and not repository.faults:
        yield f"{counted(len(partial), 'stack')} could not be read whole: {listed(partial)}"


def _notes(repository: Repository) -> Iterable[str]:
    """What could not be judged, without being unread."""
    for fault in repository.faults:
        if fault.code in HARMLESS and fault.spots:
            yield f"{fault.spots[0]}: {fault.detail or fault.code.replace('_', ' ')}."
    unnamed = [stack.manifest for stack in repository.stacks if computed_name(repository, stack)]
    if unnamed:
        yield (
            f"The name of {counted(len(unnamed), 'stack')} is computed by Atmos ({listed(unnamed)}): what goes by it "
            "was not judged."
        )
    computed = sum(
        1
        for stack in repository.stacks
        for one in stack.components.values()
        if not one.abstract and one.enabled and one.backend_type and one.workspace and state_of(one) is None
    )
    if computed:
        yield (
            f"Where the state of {counted(computed, 'instance')} lies is computed by Atmos (a template or a function "
            "in the backend): whether two of them share one was not judged."
        )
    unknown = sum(
        1
        for stack in repository.stacks
        for one in stack.components.values()
        if not one.abstract and one.enabled and not one.workspace and stack.name
    )
    if unknown:
        yield (
            f"The workspace of {counted(unknown, 'instance')} is computed by Atmos: whether two of them share one was "
            "not judged."
        )

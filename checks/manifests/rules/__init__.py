"""The rules: each a pure function from a repository to what is wrong with it in one way."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from checks.manifests.affected import Affected
from checks.manifests.model import Repository, RepositoryFinding
from checks.manifests.rules.components import component_folder_missing, depends_on_unknown, disabled_by_string
from checks.manifests.rules.configuration import no_configuration
from checks.manifests.rules.files import (
    broken_yaml,
    duplicate_key,
    missing_import,
    root_metadata,
    unreachable_manifest,
    unreadable_file,
)
from checks.manifests.rules.literals import literal_interpolation
from checks.manifests.rules.merging import inheritance_loop, type_conflict
from checks.manifests.rules.names import (
    ambiguous_component,
    name_cannot_be_planned,
    pattern_part_missing,
    stack_name_collision,
    unknown_pattern_token,
)
from checks.manifests.rules.states import no_backend, state_collision, varfile_collision, workspace_name_unusable
from checks.manifests.rules.versions import version_contradiction
from checks.manifests.rules.workflows import inert_workflow, workflow_arguments, workflow_target_unknown

Rule = Callable[[Repository], Iterable[RepositoryFinding]]

# Causes before what can follow from them.
RULES: tuple[Rule, ...] = (
    no_configuration, broken_yaml, duplicate_key, unreadable_file, missing_import, inheritance_loop, type_conflict,
    root_metadata, pattern_part_missing, unknown_pattern_token, stack_name_collision, name_cannot_be_planned,
    ambiguous_component, state_collision, varfile_collision, workspace_name_unusable, no_backend,
    component_folder_missing, literal_interpolation, inert_workflow, workflow_arguments, workflow_target_unknown,
    version_contradiction, disabled_by_string, depends_on_unknown, unreachable_manifest,
)  # fmt: skip

# What these find depends on the names of stacks, which 1.204 began to take from the manifests' own `name:`.
BY_NAME: frozenset[Rule] = frozenset(
    {
        pattern_part_missing, unknown_pattern_token, stack_name_collision, name_cannot_be_planned,
        ambiguous_component, state_collision, varfile_collision, workspace_name_unusable, workflow_target_unknown,
    }
)  # fmt: skip


def affects(finding: RepositoryFinding, repository: Repository) -> bool:
    """Whether the Atmos version the repository was read for is affected; one that is not known may always be."""
    return Affected(finding.since, finding.before).includes(repository.version)

"""Whether Atmos finds any configuration and any stack at all."""

from __future__ import annotations

from collections.abc import Iterable

from checks.manifests.model import Case, Repository, RepositoryFinding, Spot
from checks.manifests.rules.building import finding, settings_file


def no_configuration(repository: Repository) -> Iterable[RepositoryFinding]:
    """There is no atmos.yaml, or it names no stacks folder, or its included paths match nothing."""
    settings = repository.settings
    file = settings_file(repository)
    if not settings.file or settings.root is None:
        yield finding(
            "no_configuration",
            f"There is no Atmos configuration: {file} is missing or empty, so Atmos knows no stacks folder.",
            [Case("no configuration", (Spot(file),), ("missing or empty",))],
            says=_SAYS,
            remedy=f"Write {file} with stacks.base_path, stacks.included_paths, stacks.name_pattern and "
            "components.terraform.base_path; or give the folder that holds it.",
            blocks_all=True,
        )
    elif not settings.stacks_path:
        spot = (settings.root.get("stacks") or settings.root).spot
        yield finding(
            "no_configuration",
            f"{file} does not say where the stacks are: stacks.base_path is not set.",
            [Case("stacks.base_path is not set", (spot,))],
            says=_SAYS,
            remedy=f"Set stacks.base_path in {file}, for example `base_path: stacks` under `stacks:`.",
            blocks_all=True,
        )
    elif not repository.stacks and not repository.faults:
        spots = tuple(node.spot for node in settings.included) or (Spot(file),)
        yield finding(
            "no_configuration",
            f"No manifest is matched by stacks.included_paths, so there is no stack below {settings.stacks_path}.",
            [Case("matches no manifest", spots)],
            says="it stops: no stack manifest is found in the configured paths.",
            remedy="Mend the included paths (they are relative to stacks.base_path, `**/*` reaches into folders), "
            "or the excluded ones that take all of them away.",
            blocks_all=True,
        )


_SAYS = "\"stack base path must be provided in 'stacks.base_path' config or ATMOS_STACKS_BASE_PATH' ENV variable\"."

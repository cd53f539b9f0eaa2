"""Reads a repository's files into checks.manifests.model.Repository. Runs nothing, writes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from checks.manifests.assemble import assemble, joined, reaching
from checks.manifests.model import Repository, Settings, Version, Workflow
from daemon.inventory import owners
from daemon.repository import settings as atmos_yaml
from daemon.repository import stated, texts
from daemon.repository.checkout import Checkout
from daemon.repository.limits import Limits
from daemon.repository.manifests import Manifests
from daemon.repository.workflows import workflows

_CODEOWNERS = 256 * 1024  # bytes
_LOOKUPS = 500_000  # of a file in a pattern of CODEOWNERS: more would take minutes, and no repository asks for it
_STARS = 20  # lookups that each star after a pattern's first counts for


def read(
    path: Path,
    version: Version | None = None,
    *,
    limits: Limits | None = None,
    config_path: str = "",
    base_path: str = "",
) -> Repository:  # fmt: skip
    """Read the Atmos repository in the folder *path* as Atmos *version* would; without one, as the newest known would.

    *config_path*: folder of atmos.yaml, relative to the repository. *base_path*: in place of that in atmos.yaml.
    What is wrong in the repository is a fault in the result; only where *path* is no folder that can be read,
    RepositoryError is raised.
    """
    limits = limits or Limits()
    checkout = Checkout.opened(path, limits)
    settings, faults = atmos_yaml.read(checkout, config_path, limits)
    settings = replace(settings, base_path=base_path) if base_path else settings
    stacks_path = joined(settings.base_path, settings.stacks_path) if settings.stacks_path else None
    manifests = Manifests(checkout, stacks_path, limits)
    components_path = joined(settings.base_path, settings.components_path)
    folders = _folders(checkout, components_path)
    found = _workflows(checkout, settings, manifests)
    assembled = assemble(manifests, settings, version, folders, work=limits.work)
    said = texts.read(checkout, limits)
    versions = (
        *stated.of_manifests(assembled.manifests.values(), settings),
        *said.versions,
        *stated.of_components(checkout, components_path, folders, limits),
    )
    spots = (*(line.spot for line in said.calls), *(one.spot for one in versions))
    concerned = (*assembled.manifests, *(one.file for one in found), *(spot.file for spot in spots))
    named = _owners(checkout, (settings.file, *concerned))
    faults += reaching((*manifests.faults, *checkout.faults), assembled.stacks, assembled.manifests)
    return Repository(
        settings=settings,
        version=version,
        manifests=assembled.manifests,
        stacks=assembled.stacks,
        workflows=found,
        component_folders=folders,
        calls=said.calls,
        versions=versions,
        faults=(*faults, *assembled.faults),
        files_read=checkout.files_read,
        bytes_read=checkout.bytes_read,
        owners=named,
    )


def _folders(checkout: Checkout, components_path: str) -> frozenset[str]:
    if not checkout.is_folder(components_path):
        checkout.listing(components_path)  # says so where it leads out of the repository
        return frozenset()
    _, folders = checkout.below(components_path)
    cut = len(components_path) + 1 if components_path else 0
    return frozenset(folder[cut:] for folder in folders)


def _owners(checkout: Checkout, files: Iterable[str]) -> dict[str, str]:
    """Whom CODEOWNERS names for each file that a finding may be about."""
    place = next((one for one in owners.PLACES if checkout.is_file(one)), "")
    text = checkout.text(place, _CODEOWNERS, optional=True) if place else None
    codeowners = owners.parse(text or "")
    wanted = sorted({file for file in files if file})
    if len(wanted) * sum(1 + _STARS * max(0, rule.glob.stars - 1) for rule in codeowners.rules) > _LOOKUPS:
        checkout.refuse(place, "too_much_work", "its patterns take too long to look up; no owners are told")
        return {}
    return {file: owner for file in wanted if (owner := codeowners.owner((file,)))}


def _workflows(checkout: Checkout, settings: Settings, manifests: Manifests) -> tuple[Workflow, ...]:
    if not settings.workflows_path:
        return ()
    folder = joined(settings.base_path, settings.workflows_path)
    if not checkout.is_folder(folder):
        checkout.listing(folder)  # says so where it leads out of the repository
        return ()
    files, _ = checkout.below(folder)
    return tuple(
        workflow
        for file in files
        if file.endswith((".yaml", ".yml"))
        for workflow in workflows(file, manifests.root(file, None)[0])
    )

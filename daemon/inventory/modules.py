"""The source `terraform`: a list of root modules, for those without Atmos."""

from __future__ import annotations

import os
from pathlib import Path

from checks.base import Instance, Json
from daemon.inventory import backends, owners
from daemon.inventory.draft import Draft, Refusal, Why
from daemon.inventory.model import Backend, InventoryError, Watched
from daemon.inventory.owners import Codeowners
from daemon.inventory.settings import RootModule, SourceSettings
from daemon.inventory.stage import stage_of


class ModulesSource:
    """Reads the modules' backends; runs nothing."""

    def fingerprint(self) -> str:
        """Nothing but the repository decides."""
        return ""

    def read(self, at: SourceSettings, fingerprint: str) -> Draft:
        """One instance per module and workspace. Raises InventoryError with everything that is missing."""
        settings = at
        missing = tuple(_missing(settings))
        if missing:
            raise InventoryError(
                f"{settings.title} lacks what the configuration lists under its source: {'; '.join(missing)}"
            )
        codeowners = owners.read(settings.path, settings.top)
        watched: list[Watched] = []
        refused: list[Refusal] = []
        seen: set[str] = set()
        for module in settings.modules:
            kind, config = _backend(settings.path, module)
            for workspace in module.workspaces:
                one = _watched(settings, module, Backend(kind or "local", config, workspace), codeowners)
                if refusal := _refusal(one, seen):
                    refused.append(refusal)
                else:
                    watched.append(one)
                seen.add(one.instance.key)
        return Draft(tuple(watched), tuple(refused))


def _folder(repository: Path, module: RootModule) -> str:
    """The module's folder relative to the repository, without detours. Raises InventoryError for one outside."""
    top = repository.resolve()
    path = os.path.normpath(os.path.join(top, module.path))
    if os.path.isabs(module.path) or not Path(path).is_relative_to(top):
        raise InventoryError(
            f"the root module {module.path} must be named relative to the repository {repository}, and lie in it"
        )
    return Path(path).relative_to(top).as_posix()


def _missing(settings: SourceSettings) -> list[str]:
    found = []
    for module in settings.modules:
        _folder(settings.path, module)
        folder = settings.path / module.path
        if not folder.is_dir():
            found.append(f"folder {module.path}")
            continue
        found.extend(
            f"file {module.path}/{file}"
            for file in (*module.var_files, *module.backend_files)
            if not (folder / file).is_file()
        )
    return found


def _backend(repository: Path, module: RootModule) -> tuple[str, dict[str, Json]]:
    """The module's own backend with the partial configuration laid over it, as `init -backend-config` does."""
    folder = repository / module.path
    kind, config = backends.backend_of(folder)
    if module.backend_type and module.backend_type != kind:
        kind, config = module.backend_type, {}
    for file in module.backend_files:
        config |= backends.values_of(folder / file)
    return kind, config | dict(module.backend_config)


def _watched(settings: SourceSettings, module: RootModule, backend: Backend, codeowners: Codeowners) -> Watched:
    several = len(module.workspaces) > 1
    name = f"{module.name}/{backend.workspace}" if several else module.name
    folder = _folder(settings.path, module)
    said = {"stage": module.stage or module.vars.get("stage"), "environment": module.environment}
    return Watched(
        instance=Instance(
            stack=module.stack,
            component=name,
            base=module.name,
            stage=stage_of(module.stack, said, settings.stage_patterns, settings.stage_words),
            tenant=module.tenant,
            environment=module.environment,
            region=module.region,
            account=module.account,
            owner=module.owner or codeowners.owner((f"{folder}/main.tf",)) or settings.owner,
            workspace=backend.workspace,
            working_directory=folder,
            var_files=module.var_files,
            atmos=False,
        ),
        backend=backend,
        vars=module.vars,
        command=module.command,
        var_files=module.var_files,
    )


def _refusal(watched: Watched, seen: set[str]) -> Refusal | None:
    instance = watched.instance
    for word, what in ((instance.stack, "stack"), (instance.component, "component"), (instance.workspace, "workspace")):
        if not word.isprintable():
            reason = f"the {what}'s name holds what cannot be shown"
            return Refusal(ascii(instance.stack), ascii(instance.component), Why.NAME, reason)
        if not word or word.startswith("-"):
            reason = f"the {what}'s name begins with -, which Terraform reads as a flag" if word else f"no {what} name"
            return Refusal(instance.stack, instance.component, Why.NAME, reason)
    if instance.key in seen:
        return Refusal(
            instance.stack, instance.component, Why.NAME, "its stack and component are those of another module"
        )
    return None

"""From the JSON of `atmos describe stacks` to instances. Reads folders, runs nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from checks.base import Instance, Json
from checks.manifests.workspace import base_of, workspace
from daemon.inventory import manifests
from daemon.inventory.atmosyaml import AtmosYaml
from daemon.inventory.capabilities import Atmos, Can
from daemon.inventory.draft import Draft, Refusal, Why
from daemon.inventory.model import Backend, InventoryError, Problem, Watched
from daemon.inventory.owners import Codeowners
from daemon.inventory.settings import SourceSettings
from daemon.inventory.stage import stage_of
from daemon.inventory.versions import Wanted

MASK = "<MASKED>"  # what Atmos >= 1.205 prints in place of values that look like credentials
_FUNCTION = re.compile(r"![a-zA-Z][\w.-]*(\s|$)")  # `!terraform.output network cidr`, `!env HOME`
_NO_VALUE = "<no value>"  # a template without a value
_COMPUTED = "(computed)"  # a function that failed
_ACCOUNT = re.compile(r"\d{12}")
_ROLE = re.compile(r"arn:aws[\w-]*:iam::(\d{12}):")
# Without these another object would be looked at. Who looks (a role, a profile, keys) changes no object: it is denied.
_STATE_ADDRESS = (
    "bucket", "key", "workspace_key_prefix", "workspace_dir", "region", "prefix", "path", "container_name",
    "endpoint", "endpoints", "storage_account_name",
)  # fmt: skip
_CHANNEL = re.compile(r"[CGD][A-Z0-9]{2,20}")
_ADDRESS = re.compile(r"https?://[^\s<>|\"`]{1,1000}")
_LOCKS = ("dynamodb_table", "dynamodb_endpoint", "use_lockfile")


@dataclass(frozen=True, slots=True)
class Repository:
    """What reading a listing needs to know around it."""

    root: Path
    settings: SourceSettings
    atmos_yaml: AtmosYaml
    codeowners: Codeowners
    templates_run: bool = True  # False: `{{ … }}` in a value is a template that nobody ran
    guard: str = ""  # what the component's `command` reads while the guard stands in for it
    atmos: Atmos = field(default_factory=Atmos)  # that listed


@dataclass(slots=True)
class _Reader:
    repository: Repository
    watched: list[Watched] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    masked: bool = False


def read_listing(listing: Json, repository: Repository) -> Draft:
    """Judge every Terraform component of every stack. Unknown component types and keys are ignored.

    Raises InventoryError where *listing* is not what `describe stacks` prints.
    """
    if not isinstance(listing, dict):
        raise InventoryError(
            "the listing is not a JSON object of stacks, as `atmos describe stacks --format json` prints"
        )
    reader = _Reader(repository)
    for stack, name, section in _components(listing):
        one = _judge(stack, name, section, reader)
        if isinstance(one, Watched):
            reader.watched.append(one)
        else:
            reader.refused.append(one)
    notes = ("Atmos masked credentials in backend settings; the ambient credentials are used",) if reader.masked else ()
    stacks = manifests.of_stacks(listing)
    yaml, settings = repository.atmos_yaml, repository.settings
    listed = {name for names in stacks.values() for name in names}
    lost = manifests.unlisted(repository.root, yaml, settings.base_path or yaml.base_path, listed)
    return Draft(
        tuple(reader.watched), tuple(reader.refused), notes, stacks, lost,
        (*_hooks(listing, repository), *_unusable(reader.watched)),
        wanted=_wanted(listing),
    )  # fmt: skip


def _hooks(listing: Mapping[str, Json], repository: Repository) -> tuple[Problem, ...]:
    """Hooks that would run with each plan of ours, where this Atmos cannot be kept from it."""
    if repository.atmos.does(Can.SKIPS_HOOKS):
        return ()
    where = [f"{stack}/{name}" for stack, name, section in _components(listing) if _plan_hooks(section)]
    if not where:
        return ()
    return (
        Problem(
            "hooks_run",
            f"{len(where)} instances have hooks that Atmos {repository.atmos} runs with every plan, also of ours",
            tuple(where[:50]),
            "Update Atmos to 1.220 or newer, or set source.atmos.driver: direct.",
        ),
    )


def _unusable(watched: Sequence[Watched]) -> Iterator[Problem]:
    """What settings.barograph says that no message can use; it is passed over."""
    wrong = {
        "channel": [one.instance for one in watched if not _CHANNEL.fullmatch(one.instance.channel or "C00")],
        "runbook": [one.instance for one in watched if not _ADDRESS.fullmatch(one.instance.runbook or "https://a")],
    }
    right = {
        "channel": "the ID of a Slack channel such as C0123456789",
        "runbook": "an address that begins with https://",
    }
    for name, instances in wrong.items():
        if instances:
            yield Problem(
                f"settings_{name}",
                f"settings.barograph.{name} of {len(instances)} instances is not {right[name]}, and is passed over",
                tuple(instance.key for instance in instances[:50]),
                f"Write {right[name]}, or remove it.",
            )


def _plan_hooks(section: Mapping[str, Json]) -> bool:
    for hook in _mapping(section.get("hooks")).values():
        events = _mapping(hook).get("events")
        if any("plan" in str(event) for event in (events if isinstance(events, list) else [events])):
            return True
    return False


def _wanted(listing: Mapping[str, Json]) -> tuple[Wanted, ...]:
    """Versions that components ask for: settings.atmos_cli_version, and required_version where Atmos sets that."""
    found: dict[tuple[str, str], Wanted] = {}
    for stack, name, section in _components(listing):
        asked = _text(_mapping(section.get("settings")).get("atmos_cli_version"))
        if asked and MASK not in asked:
            found.setdefault(("atmos", asked), Wanted("atmos", asked, f"{stack}/{name}", binding=False))
        required = _text(section.get("required_version"))
        if required and MASK not in required:
            tool = "opentofu" if "tofu" in _text(section.get("command")) else "terraform"
            found.setdefault((tool, required), Wanted(tool, required, f"{stack}/{name}"))
    return tuple(found.values())


def _components(listing: Mapping[str, Json]) -> Iterator[tuple[str, str, Mapping[str, Json]]]:
    for stack in sorted(listing):
        components = _mapping(_mapping(_mapping(listing[stack]).get("components")).get("terraform"))
        for name in sorted(components):
            yield stack, name, _mapping(components[name])


def _judge(stack: str, name: str, section: Mapping[str, Json], reader: _Reader) -> Watched | Refusal:
    """One component instance: watched, or left out and why."""
    metadata = _mapping(section.get("metadata"))
    if metadata.get("type") == "abstract":
        return Refusal(stack, name, Why.ABSTRACT, "abstract")
    if refusal := _unusable_name(stack, name):
        return refusal
    enabled = metadata.get("enabled") is not False  # only the boolean counts, as in Atmos
    folder, found = _folder(name, section, reader.repository)
    config, lost = _resolved(_mapping(section.get("backend")), reader.repository)
    reader.masked = reader.masked or _holds_mask(section.get("backend"))
    space = workspace(stack, name, section, reader.repository.atmos_yaml.naming)
    backend = Backend(_text(section.get("backend_type")), config, space)
    watched = _watched(stack, name, section, folder, backend, lost, reader.repository)
    if enabled and (refusal := _unplannable(watched, section, found, lost, reader.repository)):
        return refusal
    return watched


def _unusable_name(stack: str, name: str) -> Refusal | None:
    for word, what in ((stack, "stack"), (name, "component")):
        if not word.strip():
            return Refusal(stack, name, Why.NAME, f"the {what} has no name")
        if not word.isprintable():
            return Refusal(ascii(stack), ascii(name), Why.NAME, f"the {what}'s name holds what cannot be shown")
        if MASK in word:
            return Refusal(stack, name, Why.MASKED, f"Atmos masks a part of the {what}'s name")
        if word.startswith("-"):
            return Refusal(stack, name, Why.NAME, f"the {what}'s name begins with -, which Terraform reads as a flag")
    if "/" in stack:
        return Refusal(stack, name, Why.STACK, "the stack's name holds a /: Atmos lists it, but cannot plan it")
    return None


def _unplannable(
    watched: Watched, section: Mapping[str, Json], folder_found: bool, lost: tuple[str, ...], repository: Repository
) -> Refusal | None:  # fmt: skip
    instance, backend = watched.instance, watched.backend

    def refuse(why: Why, reason: str) -> Refusal:
        return Refusal(instance.stack, instance.component, why, reason)

    masked = _masked(watched, section)
    if masked:
        return refuse(Why.MASKED, f"Atmos masks {', '.join(masked)}: what it stands for is not known")
    if not folder_found:
        return refuse(Why.FOLDER, f"the component folder {instance.working_directory} is not there")
    if instance.workspace.startswith("-") or not instance.workspace:
        return refuse(Why.NAME, f"its workspace would be {instance.workspace!r}, which Terraform refuses")
    if not backend.type:
        return refuse(Why.BACKEND, "no backend is configured")
    if address := [name for name in lost if name in _STATE_ADDRESS]:
        return refuse(Why.UNRESOLVED, f"its backend's {', '.join(address)} is a template or function that was not run")
    command = _text(section.get("command"))
    if "/" in command and command != repository.guard:
        program = PurePosixPath(command).name
        return refuse(Why.COMMAND, f"its Terraform command is a path to {program}, which cannot be guarded")
    return None


def _masked(watched: Watched, section: Mapping[str, Json]) -> list[str]:
    """What decides where an instance's code and state are, and is masked: never taken for a value."""
    backend = _mapping(section.get("backend"))
    decisive = (*_STATE_ADDRESS, *_LOCKS)
    found = [f"its backend's {name}" for name, value in backend.items() if name in decisive and _holds_mask(value)]
    named = {
        "its workspace": watched.instance.workspace, "its backend's type": watched.backend.type,
        "its component's name": watched.instance.base, "its command": watched.command,
    }  # fmt: skip
    return [*sorted(found), *(what for what, value in named.items() if MASK in value)]


def _holds_mask(value: Json) -> bool:
    if isinstance(value, dict):
        return any(_holds_mask(inner) for inner in value.values())
    if isinstance(value, list):
        return any(_holds_mask(inner) for inner in value)
    return isinstance(value, str) and MASK in value


def _watched(
    stack: str,
    name: str,
    section: Mapping[str, Json],
    folder: str,
    backend: Backend,
    lost: tuple[str, ...],
    repository: Repository,
) -> Watched:
    variables = _mapping(section.get("vars"))
    known, unresolved = _resolved(variables, repository)
    environment, lost_env = _resolved(_mapping(section.get("env")), repository)
    providers, lost_providers = _resolved(_mapping(section.get("providers")), repository)
    command = _text(section.get("command"))
    masked = {key for key, value in _mapping(section.get("backend")).items() if value == MASK}
    return Watched(
        instance=_instance(stack, name, section, folder, backend, known, providers, repository),
        backend=backend,
        vars=known,
        env={key: _env_value(value) for key, value in environment.items() if value is not None},
        providers=providers,
        command=repository.atmos_yaml.command if command in ("", repository.guard) else command,
        unresolved=(
            *unresolved,
            *(f"env.{key}" for key in lost_env),
            *(f"providers.{key}" for key in lost_providers),
            *(f"backend.{key}" for key in lost if key not in masked),
        ),
        settings=_resolved(_mapping(_mapping(section.get("settings")).get("barograph")), repository)[0],
        manifest=_text(section.get("atmos_manifest")) or _text(section.get("atmos_stack_file")),
    )


def _instance(
    stack: str,
    name: str,
    section: Mapping[str, Json],
    folder: str,
    backend: Backend,
    variables: Mapping[str, Json],
    providers: Mapping[str, Json],
    repository: Repository,
) -> Instance:
    """Only these vars ever leave the inventory: the rest may be secret."""
    settings = repository.settings
    aws = _mapping(providers.get("aws"))
    by_file = repository.codeowners.owner(_files(folder, section, repository))
    own = _resolved(_mapping(_mapping(section.get("settings")).get("barograph")), repository)[0]
    return Instance(
        stack=stack,
        component=name,
        base=base_of(name, section),
        stage=stage_of(stack, variables, settings.stage_patterns, settings.stage_words),
        tenant=_text(variables.get("tenant")),
        environment=_text(variables.get("environment")),
        region=_text(variables.get("region")) or _text(variables.get("aws_region")) or _text(aws.get("region")),
        account=_account(variables, aws),
        owner=_text(own.get("owner")) or by_file or settings.owner,
        channel=_text(own.get("channel")),
        runbook=_text(own.get("runbook")),
        workspace=backend.workspace,
        working_directory=folder,
        enabled=_mapping(section.get("metadata")).get("enabled") is not False,
    )


def _account(variables: Mapping[str, Json], aws: Mapping[str, Json]) -> str:
    for name in ("account_id", "aws_account_id", "account"):
        if _ACCOUNT.fullmatch(value := str(variables.get(name, ""))):
            return value
    role = aws.get("assume_role")
    role = role[0] if isinstance(role, list) and role else role
    match = _ROLE.match(_text(_mapping(role).get("role_arn")))
    return match[1] if match else ""


def _files(folder: str, section: Mapping[str, Json], repository: Repository) -> tuple[str, ...]:
    """Files that stand for the instance in CODEOWNERS: one in its component folder, and its stack manifest."""
    yaml = repository.atmos_yaml
    manifest = _text(section.get("atmos_manifest")) or _text(section.get("atmos_stack_file"))
    base = repository.settings.base_path or yaml.base_path
    files = [_clean(f"{folder}/main.tf")]
    if manifest:
        files.append(_clean(f"{base}/{yaml.stacks_path}/{manifest}.yaml"))
    return tuple(files)


def _folder(name: str, section: Mapping[str, Json], repository: Repository) -> tuple[str, bool]:
    """The component's folder relative to the repository, and whether it is there.

    Atmos prints `component_info.component_path` from 1.205 on; where `metadata.component` is inherited it names a
    folder that Atmos does not use (recorded), so that `metadata.component` decides.
    """
    yaml = repository.atmos_yaml
    base = repository.settings.base_path or yaml.base_path
    own = base_of(name, section)
    candidates = [_clean(f"{base}/{yaml.components_path}/{own}"), _clean(f"{yaml.components_path}/{own}")]
    printed = _text(_mapping(section.get("component_info")).get("component_path"))
    if printed and printed.rstrip("/").endswith(own):
        relative = _within(printed, repository.root)
        candidates = [_clean(f"{base}/{relative}"), _clean(relative), *candidates] if relative else candidates
    for candidate in candidates:
        if not candidate.startswith("..") and (repository.root / candidate).is_dir():
            return candidate, True
    return candidates[0], False


def _within(path: str, root: Path) -> str:
    """*path* relative to *root*; empty where it lies elsewhere."""
    if not path.startswith("/"):
        return path
    try:
        return Path(path).relative_to(root).as_posix()
    except ValueError:
        return ""


def _clean(path: str) -> str:
    """Without `.`, `..` resolved by the letter; what would leave the repository keeps its leading `..`."""
    parts: list[str] = []
    for part in PurePosixPath(path).parts:
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in (".", "/"):
            parts.append(part)
    return "/".join(parts)


def _resolved(values: Mapping[str, Json], repository: Repository) -> tuple[dict[str, Json], tuple[str, ...]]:
    """The values that can be used, and the names of those that stand for something nobody ran, or are masked."""
    known, lost = {}, []
    for name, value in values.items():
        if _is_unresolved(value, repository):
            lost.append(name)
        else:
            known[name] = value
    return known, tuple(sorted(lost))


def _is_unresolved(value: Json, repository: Repository) -> bool:
    if isinstance(value, str):
        return (
            MASK in value
            or value == _NO_VALUE
            or (value == _COMPUTED and repository.atmos.does(Can.COMPUTED))
            or bool(_FUNCTION.match(value))
            or (not repository.templates_run and "{{" in value)
        )
    if isinstance(value, dict):
        return any(_is_unresolved(inner, repository) for inner in value.values())
    if isinstance(value, list):
        return any(_is_unresolved(inner, repository) for inner in value)
    return False


def _env_value(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""

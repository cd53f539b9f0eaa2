"""Which values must never be shown: everything a look is given that is not the instance's own public name."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from checks.plans.redact import secret_name
from daemon import hcl
from daemon.inventory.model import Watched
from daemon.planning.settings import Grant

_SHORTEST = 4
_READ_UNASKED = ("terraform.tfvars", "terraform.tfvars.json", "*.auto.tfvars", "*.auto.tfvars.json")
_BACKEND_SECRETS = frozenset({"access_key", "secret_key", "token", "external_id", "sse_customer_key"})


def secrets_of(watched: Watched, grant: Grant, inherited: Mapping[str, str]) -> frozenset[str]:
    """Values of variables, environment, providers, backend keys and credentials, without what names the instance."""
    named = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    found = {
        *strings(watched.vars),
        *strings(watched.env),
        *strings(watched.providers),
        *_backend(watched.backend.config),
        *strings(grant.environment),
        *strings(grant.variables),
        grant.external_id,
        *(inherited[name] for name in named if name in inherited),
    }
    return frozenset(value for value in found if len(value) >= _SHORTEST) - _public(watched)


def in_files(component: Path, watched: Watched) -> frozenset[str]:
    """Values in the variable files that Terraform reads for *watched* in its folder: an error may quote them."""
    own = [component / name for name in watched.var_files]
    if not watched.instance.atmos:
        own += [file for pattern in _READ_UNASKED for file in component.glob(pattern)]
    found: set[str] = set()
    for file in own:
        with contextlib.suppress(hcl.HclError):  # Terraform says what is wrong with it, and quotes no value
            found.update(value.strip('"') for value in strings(hcl.read(file)))
    return frozenset(value for value in found if len(value) >= _SHORTEST) - _public(watched)


def in_state(body: bytes) -> frozenset[str]:
    """The sensitive values of a Terraform state: marked ones, and those whose names say so."""
    try:
        state = json.loads(body)
    except (ValueError, RecursionError):
        return frozenset()  # judged where the state is read
    found = set(_by_name(state, ""))
    outputs = state.get("outputs") if isinstance(state, dict) else None
    for output in outputs.values() if isinstance(outputs, dict) else ():
        if isinstance(output, dict) and output.get("sensitive"):
            found.update(strings(output.get("value")))
    for instance in _instances(state):
        marked = instance.get("sensitive_attributes")
        for path in marked if isinstance(marked, list) else ():
            found.update(strings(_at(instance.get("attributes"), path)))
    return frozenset(value for value in found if len(value) >= _SHORTEST)


def _instances(state: Any) -> Iterator[Mapping[str, Any]]:
    resources = state.get("resources") if isinstance(state, dict) else None
    for resource in resources if isinstance(resources, list) else ():
        instances = resource.get("instances") if isinstance(resource, dict) else None
        for instance in instances if isinstance(instances, list) else ():
            if isinstance(instance, dict):
                yield instance


def _at(value: Any, path: Any) -> Any:
    """What a path of the state's `sensitive_attributes` leads to; the whole where a step does not fit."""
    for step in path if isinstance(path, list) else ():
        key = step.get("value") if isinstance(step, dict) else None
        key = key.get("value") if isinstance(key, dict) else key
        if isinstance(value, dict) and isinstance(key, str):
            value = value.get(key, value)
        elif isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
            value = value[key]
    return value


def _by_name(value: Any, name: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _by_name(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _by_name(inner, name)
    elif isinstance(value, str) and secret_name(name):
        yield value


def strings(value: Any) -> Iterator[str]:
    """All texts and numbers in a nest of mappings and lists, keys left out."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)


def _backend(config: Mapping[str, Any]) -> Iterator[str]:
    for name, value in config.items():
        if name in _BACKEND_SECRETS:
            yield from strings(value)
        elif isinstance(value, Mapping):
            yield from _backend(value)
        elif isinstance(value, list | tuple):
            yield from (found for item in value if isinstance(item, Mapping) for found in _backend(item))


def _public(watched: Watched) -> frozenset[str]:
    instance = watched.instance
    return frozenset(
        {
            instance.stack, instance.component, instance.base, instance.stage, instance.tenant, instance.environment,
            instance.region, instance.account, instance.owner, instance.workspace, instance.working_directory,
        }
    )  # fmt: skip

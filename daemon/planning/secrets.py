"""Which values must never be shown: everything a look is given that is not the instance's own public name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from daemon.inventory.model import Watched
from daemon.planning.settings import Grant

_SHORTEST = 4
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

"""Which options of the configuration changed, as rows of the audit trail. Of a secret, only that it did."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from checks.base import Json
from daemon.audit.redact import redacted
from daemon.config import Config
from daemon.config.problems import label
from daemon.config.secrecy import is_hidden, walk
from daemon.config.secrets import Secret
from daemon.config.show import plain
from daemon.store import Store, StoreError

log = logging.getLogger(__name__)

KEY = "audit.config"  # where the store keeps the options as they were, without secrets


class ConfigNotes:
    """Notes each configuration that is put to use, where it differs from the one before, over restarts too.

    That a secret has another value can only be told on a reload: nothing of it is kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._before: Mapping[str, str] | None = None  # the secrets, while this process runs

    def note(self, config: Config) -> None:
        """Add a row if anything changed. Where it cannot be stored the log says so, and the next start tells it."""
        try:
            self._note(config)
        except StoreError as error:
            log.error("audit: the configuration is not noted: %s", error)

    def _note(self, config: Config) -> None:
        options, secrets = options_of(config), dict(_secrets(config))
        reload = self._before is not None
        renewed = [name for name, text in secrets.items() if self._before and self._before.get(name, text) != text]
        with self._store.transaction() as tx:
            known = self._known()
            if known is None:
                tx.audit("barograph", "config.first", {"options": len(options)})
            else:
                changed = {
                    name: {"from": known.get(name), "to": options.get(name)}
                    for name in sorted({*known, *options}) if known.get(name) != options.get(name)
                }  # fmt: skip
                if changed or renewed:
                    action = "config.reload" if reload else "config.start"
                    tx.audit("barograph", action, {"changed": changed, "secrets_changed": sorted(renewed)})
            tx.set_meta(KEY, json.dumps(options, sort_keys=True))
        self._before = secrets

    def _known(self) -> dict[str, Json] | None:
        with self._store.read() as view:
            text = view.meta(KEY)
        return None if text is None else dict(json.loads(text))


def options_of(config: Config) -> dict[str, Json]:
    """Every option by its name, as it is in force; secrets as a word."""
    return {name: redacted(value, name) for name, value in _leaves(plain(config.file), ())}


def _leaves(value: Any, trail: tuple[str | int, ...]) -> Iterator[tuple[str, Json]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*trail, key))
    elif isinstance(value, list) and any(isinstance(item, (Mapping, list)) for item in value):
        for index, item in enumerate(value):
            yield from _leaves(item, (*trail, index))
    else:
        yield label(trail), value


def _secrets(config: Config) -> Iterator[tuple[str, str]]:
    for trail, value in walk(config.file):
        if is_hidden(trail, value):
            yield label(trail), value.reveal() if isinstance(value, Secret) else str(value)

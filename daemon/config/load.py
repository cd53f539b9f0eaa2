"""A configuration file -> one Config, or everything that is wrong with it."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, create_model

from checks.base import Check
from daemon.config import models
from daemon.config.explain import explain
from daemon.config.options import CheckSettings, Options, build, options_model
from daemon.config.problems import ConfigError, Problem
from daemon.config.reader import Document, read, read_text
from daemon.config.routing import disagreements
from daemon.config.secrecy import secret_texts, warnings
from daemon.config.section import Section
from daemon.config.values import Context


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration: valid, immutable, every check built."""

    path: Path
    source: models.Source
    stages: tuple[models.StageRule, ...]
    stage_words: Mapping[str, models.Stage]
    owners: models.Owners
    planning: models.Planning
    aws: models.Aws
    alerts: models.Alerts
    slack: models.Slack | None
    store: models.Store
    web: models.Web
    log: models.Log
    metrics: models.Metrics
    report: models.Reports
    executions: models.Executions
    audit: models.Audit
    timezone: ZoneInfo
    checks: Mapping[str, CheckSettings]
    file: models.Settings = field(repr=False)  # as the file says it, with what was given and what is a default
    warnings: tuple[Problem, ...] = ()

    def secrets(self) -> frozenset[str]:
        """Every secret text in it, for scrubbing what is written elsewhere."""
        return frozenset(secret_texts(self.file))


def file_model(checks: Mapping[str, type[Check]]) -> type[models.Settings]:
    """Give the model of the whole file, the options of these checks included."""
    groups: dict[str, Any] = {
        name: (options_model(name, check), Field(default_factory=dict, description=options_summary(check)))
        for name, check in checks.items()
    }
    group = create_model("Checks", __base__=Section, __doc__="The checks and their options.", **groups)
    all_groups: Any = Field(default_factory=dict, description="The checks and their options.")
    return create_model("Barograph", __base__=models.Settings, checks=(group, all_groups))


def options_summary(check: type[Check]) -> str:
    """The first line of a check's docstring."""
    return (check.__doc__ or "").strip().split("\n")[0]


def load(path: Path, env: Mapping[str, str], checks: Mapping[str, type[Check]]) -> Config:
    """Read the configuration at *path*, with variables from *env* and the options of *checks*.

    Raises ConfigError with every problem found. Nothing in it, nor in what is returned, prints a secret.
    """
    try:
        return _load(path, env, checks)
    except ConfigError as error:
        problems = error.problems
    # Raised anew, out here: the errors of the libraries, which hold what was read, are not chained to it.
    raise ConfigError(problems)


def _load(path: Path, env: Mapping[str, str], checks: Mapping[str, type[Check]]) -> Config:
    document = read(read_text(path), str(path), env)
    model = file_model(checks)
    settings, problems = _validate(model, document, path)
    problems += _across(document)
    if settings is not None:
        problems += _in_the_checkout(settings, document)
    built: dict[str, CheckSettings] = {}
    if settings is not None:
        for name, options in _groups(settings):
            try:
                built[name] = build(checks[name], options)
            except (TypeError, ValueError) as error:
                problems.append(_refused(name, str(error), document))
    if problems or settings is None:
        raise ConfigError(problems)
    values: dict[str, Any] = {name: getattr(settings, name) for name in models.Settings.model_fields}
    notes = tuple(sorted(set(warnings(settings, document, path))))
    return Config(path=path, checks=types.MappingProxyType(built), file=settings, warnings=notes, **values)


def _validate(
    model: type[models.Settings], document: Document, path: Path
) -> tuple[models.Settings | None, list[Problem]]:
    if not isinstance(document.root, dict):
        text = "must be a mapping at the top, such as `source:` with its options below"
        return None, [Problem(document.file, *document.value_at(()), text), *document.problems]
    try:
        settings = model.model_validate(document.root, context=Context(path.absolute().parent))
    except ValidationError as error:
        return None, [*document.problems, *explain(error, model, document)]
    return settings, list(document.problems)


def _refused(name: str, reason: str, document: Document) -> Problem:
    """What a check itself says of its options; at the option, where it begins with the option's name."""
    option = ("checks", name, reason.split(" ", 1)[0])
    spot = document.value_at(option if option in document.values else ("checks", name))
    return Problem(document.file, *spot, f"checks.{name} is not right: {reason}")


def _groups(settings: models.Settings) -> Iterator[tuple[str, Options]]:
    group = cast("Section", getattr(settings, "checks"))  # noqa: B009 - a field of the model made at run time
    for name in type(group).model_fields:
        yield name, getattr(group, name)


def _across(document: Document) -> Iterator[Problem]:
    """What two groups of options must agree on. Looks at the file itself, so that other mistakes do not hide it."""
    root = document.root
    for trail, text in disagreements(root.get("alerts") if isinstance(root, dict) else None):
        yield Problem(document.file, *document.value_at(trail), text)
    if not isinstance(root, dict) or not isinstance(root.get("slack"), dict):
        return
    alerts = root.get("alerts")
    if alerts is None or (isinstance(alerts, dict) and alerts.get("default_channel") is None):
        text = "slack needs alerts.default_channel: the ID of the channel for what no route fits"
        yield Problem(document.file, *document.key_at(("slack",)), text)


def _in_the_checkout(settings: models.Settings, document: Document) -> Iterator[Problem]:
    """The checkout is read and never planned in: copies in it would be copied too, and look like a change."""
    checkout = settings.source.path
    if settings.source.kind == "file" or checkout is None:
        return
    for name, path in (("scratch", settings.planning.scratch), ("plugin_cache", settings.planning.plugin_cache)):
        if path is not None and path.resolve().is_relative_to(checkout.resolve()):
            text = f"planning.{name} is in source.path, which is never written; give a path outside of it"
            yield Problem(document.file, *document.value_at(("planning", name)), text)

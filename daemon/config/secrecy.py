"""Which values of a configuration are secret, and what is careless about how they are kept."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from daemon.config.models import Settings
from daemon.config.problems import Problem, label
from daemon.config.reader import Document, Trail
from daemon.config.secrets import FromEnvironment, Secret, Source, looks_secret
from daemon.config.section import FILE_SUFFIX
from daemon.config.values import is_loopback

_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)?|pwd|(?:^|_|db)pw(?:$|_)|secret|token|credential|private|[a-z]_?key$|auth|conn(?:ection)?_?str"
    r"|dsn|encryption|headers?",
    re.IGNORECASE,
)
_SIGNED_IN = re.compile(r"://[^/\s@]*:[^/\s@]+@")  # a URL with a password
_OTHERS = 0o077  # permission bits of group and world
MIN_TOKEN = 16  # characters; shorter ones can be guessed


def walk(value: Any, trail: Trail = ()) -> Iterator[tuple[Trail, Any]]:
    """Give every leaf of a model with its place."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from walk(getattr(value, name), (*trail, name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from walk(item, (*trail, str(key)))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from walk(item, (*trail, index))
    else:
        yield trail, value


def is_hidden(trail: Trail, value: Any) -> bool:
    """Say whether a leaf is a secret whose text must not appear anywhere.

    A value for a child's environment that is written in clear (`AWS_REGION: eu-west-1`) is one only if its name or
    its form says so: else every log line with that word would lose it.
    """
    if isinstance(value, Secret):
        if value.source is not Source.CLEAR or not _is_variable(trail):
            return True
        text = value.reveal()
        return bool(_SECRET_NAME.search(str(trail[-1])) or _SIGNED_IN.search(text)) or looks_secret(text)
    if not _is_free(trail) or not isinstance(value, str):
        return False
    if isinstance(value, FromEnvironment) or _SIGNED_IN.search(value) or looks_secret(value):
        return True
    return any(_SECRET_NAME.search(str(part)) for part in trail[4:])


def _is_variable(trail: Trail) -> bool:
    return trail[:2] == ("planning", "rules") and trail[3:4] in (("variables",), ("environment",))


def _is_free(trail: Trail) -> bool:
    """Say whether the leaf is in a mapping whose content Terraform defines: what comes from outside may be a secret."""
    return trail[:2] == ("source", "roots") and bool({"vars", "backend_config"} & set(trail[3:4]))


def secret_texts(settings: Settings) -> Iterator[str]:
    """Give the text of every secret."""
    for trail, value in walk(settings):
        text = value.reveal() if isinstance(value, Secret) else str(value)
        if text and is_hidden(trail, value):
            yield text


def warnings(settings: Settings, document: Document, path: Path) -> Iterator[Problem]:
    """Give what works and is careless: secrets in clear, files that others may read, short tokens, plain HTTP."""
    clear = False
    for trail, value in walk(settings):
        if not isinstance(value, Secret) or not is_hidden(trail, value):
            continue
        name, place = label(trail), _written_at(trail, document)
        spot = document.value_at(place)
        if value.source is Source.CLEAR:
            clear = True
            yield Problem(document.file, *spot, f"{name} is written in clear; take it from ${{NAME}} or a file")
        elif value.source is Source.FILE:
            file = str(_value_at(place, document))
            if _open_to_others(path.absolute().parent / Path(file).expanduser()):
                text = f"{name} comes from a file that others than its owner may read; chmod 600 helps"
                yield Problem(document.file, *spot, text)
        if trail[:2] == ("web", "auth") and len(value.reveal()) < MIN_TOKEN:
            yield Problem(document.file, *spot, f"{name} is shorter than {MIN_TOKEN} characters and can be guessed")
    if clear and _open_to_others(path):
        yield Problem(
            document.file, 0, 0, "holds secrets in clear, and others than its owner may read it; chmod 600 helps"
        )
    yield from _plain_http(settings, document)
    yield from _not_there(settings, document)


def _written_at(trail: Trail, document: Document) -> Trail:
    """Where the file says a secret: the option itself, the `…_file` beside it, or the `file` below it."""
    beside, below = (*trail[:-1], f"{trail[-1]}{FILE_SUFFIX}"), (*trail, "file")
    return next((place for place in (beside, below) if place in document.values), trail)


def _value_at(trail: Trail, document: Document) -> Any:
    value = document.root
    for part in trail:
        value = value[part]
    return value


def _open_to_others(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & _OTHERS)
    except OSError:
        return False


def _plain_http(settings: Settings, document: Document) -> Iterator[Problem]:
    slack = settings.slack
    if slack is None or not slack.api_url.startswith("http://"):
        return
    host = slack.api_url.removeprefix("http://").split("/")[0]
    if not is_loopback(host if re.search(r":\d+$", host) else f"{host}:80"):
        spot = document.value_at(("slack", "api_url"))
        yield Problem(document.file, *spot, "slack.api_url is plain http: the token crosses the network in clear")


def _not_there(settings: Settings, document: Document) -> Iterator[Problem]:
    """Programs and folders that are named by path and are not there now."""
    planning = settings.planning
    named: list[tuple[Trail, str]] = [(("planning", "terraform", i), p) for i, p in enumerate(planning.terraform)]
    named += [(("planning", "rules", i, "terraform"), r.terraform or "") for i, r in enumerate(planning.rules)]
    named.append((("source", "atmos", "command"), settings.source.atmos.command))
    for trail, program in named:
        if "/" in program and not Path(program).is_file():
            yield Problem(document.file, *document.value_at(trail), f"{label(trail)} names no file on this machine")
    mirror = planning.provider_mirror
    if mirror is not None and not mirror.is_dir():
        spot = document.value_at(("planning", "provider_mirror"))
        yield Problem(document.file, *spot, "planning.provider_mirror names no folder on this machine")

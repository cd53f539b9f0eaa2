"""`${NAME}` and `${NAME:-default}` in the strings of a configuration; `$${` is a plain `${`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from daemon.config.secrets import FromEnvironment

_PARTS = re.compile(r"\$\$\{|\$\{(?P<inside>[^}]*)(?P<end>\}|\Z)")
_INSIDE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.DOTALL)


class InterpolationError(ValueError):
    """A `${…}` that cannot be replaced. The text is for people and holds no value."""


def interpolate(text: str, env: Mapping[str, str]) -> str:
    """Replace each `${NAME}` by the environment's value; the default counts where it is unset or empty.

    Raises InterpolationError for a variable that is not set and has no default, and for what is no variable's name.
    """
    if "${" not in text:
        return text
    names: list[str] = []
    pieces: list[str] = []
    end = 0
    for match in _PARTS.finditer(text):
        pieces.append(text[end : match.start()])
        end = match.end()
        if match.group() == "$${":
            pieces.append("${")
            continue
        value, name = _value(match, env)
        pieces.append(value)
        if name:
            names.append(name)
    pieces.append(text[end:])
    result = "".join(pieces)
    return FromEnvironment(result, tuple(names)) if names else result


def _value(match: re.Match[str], env: Mapping[str, str]) -> tuple[str, str]:
    """Give the value, and the name of the variable it comes from: empty where it is the default."""
    if not match["end"]:
        raise InterpolationError("${ without a closing }; write $${ for a plain ${")
    inside = _INSIDE.fullmatch(match["inside"])
    if inside is None:
        raise InterpolationError("${…} must hold the name of an environment variable; write $${ for a plain ${")
    name, default = inside["name"], inside["default"]
    value = env.get(name)
    if default is not None and not value:
        return default, ""
    if value is None:
        raise InterpolationError(f"the environment variable {name} is not set; set it, or write ${{{name}:-default}}")
    return value, name

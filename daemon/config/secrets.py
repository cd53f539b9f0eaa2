"""Values that must not be shown: how they are held, where they come from, what they look like."""

from __future__ import annotations

import re
from enum import StrEnum

HIDDEN = "<secret>"

# What credentials look like when they stand where none belongs. Each alternative is the documented form of one maker.
SECRET_LOOKS = re.compile(
    r"""
      xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{6,}            # Slack: bot, user, app, refresh, configuration tokens
    | xapp-[A-Za-z0-9-]{6,}                               # Slack: app-level tokens
    | https://hooks\.slack\.com/\S+                       # Slack: a webhook's address is its secret
    | \b(?:AKIA|ASIA)[A-Z0-9]{16}\b                       # AWS: access key ids
    | \b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}) # GitHub
    | \bglpat-[\w-]{16,}                                  # GitLab
    | \b[A-Za-z0-9]{14}\.atlasv1\.[\w-]{20,}              # Terraform Cloud
    | (?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*       # JSON web tokens
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----[\s\S]*?(?:-----END\ [A-Z ]*PRIVATE\ KEY-----|\Z)
    """,
    re.VERBOSE,
)


def looks_secret(text: str) -> bool:
    """Say whether something in *text* has the form of a well-known kind of credential."""
    return SECRET_LOOKS.search(text) is not None


class Source(StrEnum):
    """Where a secret was found."""

    ENVIRONMENT = "environment"
    FILE = "file"
    CLEAR = "clear"  # written in the configuration file itself


class FromEnvironment(str):
    """Text that holds the value of environment variables, *names*. Messages name those, never the text."""

    __slots__ = ("names",)
    names: tuple[str, ...]

    def __new__(cls, text: str, names: tuple[str, ...]) -> FromEnvironment:
        self = super().__new__(cls, text)
        self.names = names
        return self

    def __repr__(self) -> str:
        return f"<from {', '.join(self.names)}>"


class Secret:
    """A value that only reveal() gives. Its str, repr, format and serialised forms are `<secret>`."""

    __slots__ = ("_value", "source")

    def __init__(self, value: str, source: Source = Source.CLEAR) -> None:
        self._value = value
        self.source = source

    def reveal(self) -> str:
        """Give the value itself, for the one place that needs it."""
        return self._value

    def __str__(self) -> str:
        return HIDDEN

    def __repr__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled or copied")

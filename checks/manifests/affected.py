"""Which Atmos versions a finding affects, as data. The numbers were recorded or read from Atmos' own history."""

from __future__ import annotations

from dataclasses import dataclass

from checks.manifests.model import Version

NAMED: Version = (1, 204, 0)  # `name:` of a manifest became the stack's name
BACKEND_REQUIRED: Version = (1, 201, 0)  # an empty backend type became an error of Atmos' own
WORKFLOW_USAGE: Version = (1, 205, 0)  # a second word after the workflow's name became wrong usage


@dataclass(frozen=True, slots=True)
class Affected:
    """From *since* on and *before*; None: open."""

    since: Version | None = None
    before: Version | None = None
    words: str = "all versions"

    def includes(self, version: Version | None) -> bool:
        """Whether *version* is affected. One that is not known (None) always may be."""
        if version is None:
            return True
        return (self.since is None or version >= self.since) and (self.before is None or version < self.before)


ALL = Affected()
NO_LIST_OVER_STRING = Affected(before=(1, 215, 0), words="up to 1.205; 1.215 loads it, those between were not tried")
ROOT_METADATA = Affected(since=(1, 225, 0), words="from 1.225")
BY_NAME = Affected(since=NAMED, words="from 1.204, where `name:` of a manifest became the stack's name")
BY_PATTERN_ONLY = Affected(before=NAMED, words="up to 1.203; from 1.204 the `name:` of the manifests decides")


def told(version: Version | None, *answers: tuple[Affected, str]) -> str:
    """What Atmos says: the answer of *version*, or, where that is not known, each answer with its versions."""
    fitting = [(affected, words) for affected, words in answers if affected.includes(version)]
    if len(fitting) == 1:
        return fitting[0][1]
    return " ".join(f"{affected.words[:1].upper()}{affected.words[1:]}: {words}" for affected, words in fitting)


def until(version: Version) -> Affected:
    """Everything before *version*."""
    return Affected(before=version, words=f"before {version[0]}.{version[1]}")


def since(version: Version) -> Affected:
    """*version* and everything after."""
    return Affected(since=version, words=f"from {version[0]}.{version[1]}")

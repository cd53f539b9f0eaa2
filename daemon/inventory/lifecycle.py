"""From one listing to the next: what appeared, vanished and changed, and whether what vanished is really gone.

Atmos can list a part of a repository only, with exit code 0: of two manifests with one stack name it takes one, not
the same one each time (recorded). So an instance is gone when two listings in a row lack it, a minute apart where they
are of the same content; and never while its manifest is still there, or the listing contradicts itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from checks.base import Json
from daemon.inventory.model import ABSTRACT, Changes, Inventory, Problem, Watched

APART = timedelta(minutes=1)
_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Missing:
    """An instance that the last listing lacks."""

    since: datetime
    manifest: str = ""  # the stack manifest it came from
    content: str = ""  # of the last listing that counted
    counted_at: datetime | None = None
    times: int = 0


@dataclass(frozen=True, slots=True)
class Memory:
    """What is kept of the last listing. Nothing in it is secret."""

    content: str = ""  # fingerprint of repository and program
    commit: str = ""
    at: datetime | None = None
    instances: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)  # key -> what may be shown of it
    listed: frozenset[str] = frozenset()  # keys that were listed and are not watched
    stacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # stack -> the manifests it came from
    missing: Mapping[str, Missing] = field(default_factory=dict)
    flaps: tuple[str, ...] = ()  # what contradicted what, of this very content
    gone: frozenset[str] = frozenset()  # in no listing any more; not written down

    def to_json(self) -> str:
        """What outlives the process."""
        return json.dumps(
            {
                "content": self.content,
                "commit": self.commit,
                "at": self.at.isoformat() if self.at else None,
                "instances": {key: dict(face) for key, face in self.instances.items()},
                "listed": sorted(self.listed),
                "stacks": {stack: list(files) for stack, files in self.stacks.items()},
                "missing": {key: [one.since.isoformat(), one.manifest] for key, one in self.missing.items()},
                "flaps": list(self.flaps),
            },
            sort_keys=True,
        )

    @staticmethod
    def from_json(text: str) -> Memory:
        """The opposite; an empty memory where *text* is none: then nothing is known, and nothing is claimed."""
        try:
            known = json.loads(text)
            return Memory(
                content=known["content"],
                commit=known["commit"],
                at=datetime.fromisoformat(known["at"]) if known["at"] else None,
                instances=dict(known["instances"]),
                listed=frozenset(known["listed"]),
                stacks={stack: tuple(files) for stack, files in known["stacks"].items()},
                missing={
                    key: Missing(datetime.fromisoformat(since), manifest)
                    for key, (since, manifest) in known["missing"].items()
                },
                flaps=tuple(known["flaps"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return Memory()

    def knowing(self, keys: Iterable[str], now: datetime) -> Memory:
        """The memory with *keys* added that somebody else remembers: if they are not listed, they are missing."""
        known = {*self.instances, *self.listed, *self.missing}
        added = {key: Missing(now) for key in keys if key not in known}
        return replace(self, missing={**self.missing, **added})


@dataclass(frozen=True, slots=True)
class Listing:
    """One listing as this module sees it."""

    content: str
    commit: str
    at: datetime
    watched: tuple[Watched, ...]
    left_out: frozenset[str]  # keys that are listed and not watched
    stacks: Mapping[str, tuple[str, ...]]
    unlisted: frozenset[str] = frozenset()  # stack manifests on the disk that no stack came from


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a listing comes to, seen from the one before."""

    memory: Memory
    changes: Changes
    problems: tuple[Problem, ...] = ()
    held: frozenset[str] = frozenset()  # not listed, and not gone

    @property
    def settled(self) -> bool:
        """Whether listing the same content again would teach nothing."""
        return not self.held


def judge(before: Memory, listing: Listing, was: Mapping[str, Watched]) -> Judgement:
    """Compare *listing* with what is remembered. *was*: the instances of the last listing of this process, if any."""
    here = {one.instance.key: one for one in listing.watched}
    listed = {*here, *listing.left_out}
    known = {*before.instances, *before.listed}
    vanished = frozenset(known - listed)
    faces = {key: face(one) for key, one in here.items()}
    changes = Changes(
        before=before.commit,
        appeared=tuple(sorted(listed - known - before.missing.keys())) if before.at else (),
        vanished=tuple(sorted(vanished)),
        changed=_changed(before.instances, faces, was, here),
    )
    flaps = _flaps(before, listing, vanished, listed - known)
    missing, gone = _missing(before, listing, vanished, listed, bool(flaps))
    memory = Memory(
        listing.content, listing.commit, listing.at, faces, listing.left_out, listing.stacks, missing, flaps,
        (before.gone | gone) - listed,
    )  # fmt: skip
    return Judgement(memory, changes, _problems(memory, listing), frozenset(missing))


def face(watched: Watched) -> dict[str, Json]:
    """What may be shown of an instance, and tells one version of it from another. No vars, no environment."""
    instance, backend = watched.instance, watched.backend
    return {
        "workspace": instance.workspace, "working_directory": instance.working_directory, "stage": instance.stage,
        "region": instance.region, "account": instance.account, "owner": instance.owner, "enabled": instance.enabled,
        "backend": backend.type, "bucket": backend.bucket, "key": backend.key, "manifest": watched.manifest,
    }  # fmt: skip


def listed_keys(inventory: Inventory) -> frozenset[str]:
    """Keys of what is listed and cannot be looked at now. Abstract components are never looked at."""
    return frozenset(f"{one.stack}/{one.component}" for one in inventory.left_out if one.reason != ABSTRACT)


def _changed(
    before: Mapping[str, Mapping[str, Json]],
    after: Mapping[str, Mapping[str, Json]],
    was: Mapping[str, Watched],
    now: Mapping[str, Watched],
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Which instances are not as they were, and in what. Values are never told: they may be secret."""
    found = []
    for key in sorted(before.keys() & after.keys()):
        what = [name for name, value in after[key].items() if before[key].get(name, value) != value]
        if key in was:
            old, new = was[key], now[key]
            hidden = ("vars", "env", "providers", "command", "var_files", "settings")
            what += [name for name in hidden if getattr(old, name) != getattr(new, name)]
            what += ["backend settings"] if old.backend.config != new.backend.config else []
        if what:
            found.append((key, tuple(what)))
    return tuple(found)


def _flaps(before: Memory, listing: Listing, vanished: frozenset[str], appeared: set[str]) -> tuple[str, ...]:
    """What two listings of the very same content say otherwise; nothing for another content."""
    if before.content != listing.content or before.at is None:
        return ()
    found = [
        f"the stack {stack} came from {' and '.join(files)}, then from {' and '.join(listing.stacks[stack])}"
        for stack, files in sorted(before.stacks.items())
        if stack in listing.stacks and listing.stacks[stack] != files
    ]
    lost = sorted(vanished | appeared - before.missing.keys())
    if not found and lost:
        found = [f"{key} is in one listing and not in the other" for key in lost[:_SHOWN]]
    return tuple(dict.fromkeys((*before.flaps, *found)))[:_SHOWN]


def _missing(
    before: Memory, listing: Listing, vanished: frozenset[str], listed: set[str], flaps: bool
) -> tuple[dict[str, Missing], frozenset[str]]:
    """What is missing and not given up yet, and what is given up now."""
    missing: dict[str, Missing] = {}
    gone = set()
    for key in sorted((vanished | before.missing.keys()) - listed):
        manifest = str(before.instances.get(key, {}).get("manifest", ""))
        one = before.missing.get(key) or Missing(listing.at, manifest)
        apart = one.counted_at is None or listing.at - one.counted_at >= APART or one.content != listing.content
        if apart:
            one = replace(one, content=listing.content, counted_at=listing.at, times=one.times + 1)
        if one.times >= 2 and not flaps and not _shadowed(key, one, listing):
            gone.add(key)
        else:
            missing[key] = one
    return missing, frozenset(gone)


def _shadowed(key: str, one: Missing, listing: Listing) -> bool:
    """Whether the manifest of a missing instance is there, and another one may have won over it."""
    if one.manifest in listing.unlisted:
        return True
    stack = key.partition("/")[0]
    renamed = any(one.manifest in files for name, files in listing.stacks.items() if name != stack)
    return bool(listing.unlisted) and renamed


def _problems(memory: Memory, listing: Listing) -> tuple[Problem, ...]:
    found = []
    if memory.flaps:
        found.append(
            Problem(
                "listing_flaps",
                "Atmos lists the same content differently from call to call: " + "; ".join(memory.flaps[:3]),
                memory.flaps,
                "Two manifests have the same stack name, and one of them wins at random: give each its own.",
            )
        )
    if listing.unlisted:
        names = tuple(sorted(listing.unlisted))
        found.append(
            Problem(
                "manifests_not_listed",
                f"{len(names)} stack manifests gave no stack: another manifest with the same stack name may have won",
                names[:_SHOWN],
                "Give each manifest its own stack name (vars, or `name:` from Atmos 1.204 on); one that is no stack "
                "belongs under excluded_paths in atmos.yaml.",
            )
        )
    if memory.missing:
        since = min(one.since for one in memory.missing.values())
        where = f"Commit {listing.commit[:12]}" if listing.commit else "The repository"
        number = len(memory.missing)
        found.append(
            Problem(
                "lists_fewer",
                f"{where} lists {number} instance{'' if number == 1 else 's'} fewer than before, since "
                f"{since:%Y-%m-%d %H:%M} UTC; they are kept until another listing says the same",
                tuple(sorted(memory.missing))[:_SHOWN],
                "If they were removed on purpose, nothing is to be done.",
            )
        )
    return tuple(found)

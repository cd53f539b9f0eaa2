"""Loads the inventory, once per content of the repository, and keeps the last good one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from checks.manifests.model import Version
from daemon.inventory.atmos import AtmosSource
from daemon.inventory.draft import Draft, problems, without_shared_states
from daemon.inventory.lifecycle import Judgement, Listing, Memory, judge, listed_keys
from daemon.inventory.model import Inventory, InventoryError, Problem
from daemon.inventory.modules import ModulesSource
from daemon.inventory.saved import SavedSource
from daemon.inventory.session import Run
from daemon.inventory.settings import SourceKind, SourceSettings
from daemon.inventory.tools import Tools
from daemon.repository.faults import FetchError
from daemon.repository.folder import Origin, PlainFolder
from daemon.repository.tree import Tree

_CONTENTS = 4  # whose listings are kept: a branch that is set back is not listed again


class Source(Protocol):
    """What lists instances."""

    def fingerprint(self) -> str: ...  # of what decides beside the repository's content

    def read(self, at: SourceSettings, fingerprint: str) -> Draft: ...  # raises InventoryError


class InventoryLoader:
    """The inventory of one source. Thread-safe: one load at a time."""

    def __init__(
        self, settings: SourceSettings, run: Run, clock: Callable[[], datetime], origin: Origin | None = None
    ) -> None:
        """*origin* gives the repository's content; None: the folder of *settings*, as it is."""
        self._settings = settings
        self._clock = clock
        self._origin = origin or PlainFolder(settings.path, run, settings.environment)
        self._source = _source(settings, run)
        self._tools = Tools(settings, run)
        self._lock = threading.Lock()
        self._good: Inventory | None = None
        self._listing = Inventory(())  # the one that _good shows
        self._loaded = ""  # fingerprint of what it was made from; empty: list again
        self._drafts: dict[str, Draft] = {}
        self._memory = Memory()
        self._tree = Tree(settings.path)
        self._latest: Tree | None = None
        self._unreachable = ""
        self._holding = ExitStack()

    @property
    def tree(self) -> Tree:
        """The content that the last inventory belongs to, which is kept; before the first load, nothing's."""
        return self._tree

    @property
    def latest(self) -> Tree | None:
        """The content that was had last, whether it could be listed or not; None before the first."""
        return self._latest

    @property
    def unreachable(self) -> str:
        """Why the last try gave no content; empty where it did."""
        return self._unreachable

    @property
    def atmos_version(self) -> Version | None:
        """The version of Atmos that lists; None where there is none, or none was asked yet."""
        return self._source.version if isinstance(self._source, AtmosSource) else None

    @property
    def source_fingerprint(self) -> str:
        """Names that content; empty before the first load."""
        return self._tree.fingerprint

    @property
    def current(self) -> Inventory | None:
        """The last good inventory, without looking again."""
        return self._good

    @property
    def memory(self) -> Memory:
        """What is to be remembered of the last listing."""
        with self._lock:
            return self._memory

    def remember(self, text: str, known: Iterable[str]) -> None:
        """Take up what an earlier process remembered (Memory.to_json), and keys of instances it watched."""
        with self._lock:
            self._memory = Memory.from_json(text).knowing(known, self._clock())

    def load(self) -> Inventory:
        """The inventory of the repository as it is now; the cached one while nothing changed.

        Where it does not load: the last good one, marked stale, with a problem that says why. Raises InventoryError
        where there is none.
        """
        with self._lock:
            return self._load()

    def refresh(self) -> Inventory:
        """As load(), but listed anew even where nothing changed."""
        with self._lock:
            self._loaded = ""
            self._drafts.clear()
            return self._load()

    def close(self) -> None:
        """Let go of the content."""
        with self._lock:
            self._holding.close()
            self._origin.close()

    def _load(self) -> Inventory:
        tree = None
        try:
            tree = self._latest = self._content()
            fingerprint = f"{tree.fingerprint}|{self._settings.fingerprint}|{self._source.fingerprint()}"
            anew = self._good is None or self._loaded != fingerprint
            if anew:
                draft = self._drafts.get(fingerprint) or self._listed(tree, fingerprint)
                judgement = self._judged(draft, tree, fingerprint)
                self._cache(fingerprint, draft, judgement)
                self._listing = _inventory(draft, tree, judgement, self._clock())
            self._take(tree)
        except (InventoryError, FetchError, OSError, RecursionError) as error:
            if tree is not None and tree.base is None and self._good is not None:
                self._take(tree)  # a folder that is planned as it is
            text = self._said(error)
            if tree is None:
                self._unreachable = text
            self._loaded = ""
            if self._good is None:
                raise InventoryError(text) from None
            return _stale(self._good, text)
        return self._shown(tree, anew=anew)

    def _content(self) -> Tree:
        """What the origin gives now. Until it has given something, nothing else may pass for that."""
        try:
            tree = self._origin.now()
        except Exception as error:
            self._unreachable = f"having the content ended with {type(error).__name__}; the log has the details"
            raise
        self._unreachable = ""
        return tree

    def _shown(self, tree: Tree, *, anew: bool) -> Inventory:
        """The listing, with what is to be said of its content now."""
        notes, found = (*self._listing.notes, *tree.notes), (*self._listing.problems, *tree.problems)
        shown = replace(self._listing, dirty=tree.dirty, notes=notes, problems=found)
        if self._good is None or anew or self._good != shown:
            self._good = shown
        return self._good

    def _listed(self, tree: Tree, fingerprint: str) -> Draft:
        settings = replace(self._settings, path=tree.path, top=tree.base, name=self._settings.name or self._origin.name)
        with tree.held():
            draft = without_shared_states(self._source.read(settings, fingerprint))
            return self._tools.compared(settings, draft)

    def _judged(self, draft: Draft, tree: Tree, fingerprint: str) -> Judgement:
        left_out = listed_keys(Inventory((), tuple(refusal.left_out() for refusal in draft.refused)))
        listing = Listing(
            fingerprint, tree.commit, self._clock(), draft.watched, left_out, draft.stacks, draft.unlisted
        )  # fmt: skip
        was = {} if self._good is None else {one.instance.key: one for one in self._good.watched}
        return judge(self._memory, listing, was)

    def _cache(self, fingerprint: str, draft: Draft, judgement: Judgement) -> None:
        self._memory = judgement.memory
        sure = draft.complete and judgement.settled
        self._loaded = fingerprint if sure else ""
        self._drafts.pop(fingerprint, None)
        if sure:
            self._drafts[fingerprint] = draft
        for old in list(self._drafts)[:-_CONTENTS]:
            del self._drafts[old]

    def _take(self, tree: Tree) -> None:
        """Keep *tree* until another takes its place."""
        before, self._holding = self._holding, ExitStack()
        if tree.base is not None:
            self._holding.enter_context(tree.held())
        self._tree = tree
        before.close()

    def _said(self, error: Exception) -> str:
        if isinstance(error, RecursionError):
            return f"{self._settings.file or self._origin.name}: what is listed is nested too deeply to be read"
        return _system(error) if isinstance(error, OSError) else str(error)


def _source(settings: SourceSettings, run: Run) -> Source:
    if settings.kind is SourceKind.ATMOS:
        return AtmosSource(settings, run)
    if settings.kind is SourceKind.FILE:
        return SavedSource(settings)
    return ModulesSource()


def _inventory(draft: Draft, at: Tree, judgement: Judgement, now: datetime) -> Inventory:
    left_out = sorted((refusal.left_out() for refusal in draft.refused), key=lambda one: (one.stack, one.component))
    return Inventory(
        watched=tuple(sorted(draft.watched, key=lambda one: one.instance.key)),
        left_out=tuple(left_out),
        problems=(*judgement.problems, *problems(draft)),
        commit=at.commit,
        loaded_at=now,
        notes=draft.notes,
        changes=judgement.changes,
        held=judgement.held,
        gone=judgement.memory.gone,
    )


def _stale(good: Inventory, why: str) -> Inventory:
    at = f"commit {good.commit[:12]}" if good.commit else f"{good.loaded_at:%Y-%m-%d %H:%M} UTC"
    problem = Problem(
        "stale",
        f"The inventory does not load; the last good one ({at}) is used: {why}",
        remedy="Mend the repository; Barograph loads it again by itself.",
    )
    return replace(good, stale_because=why, problems=(*good.problems, problem))


def _system(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)

"""Has Atmos confirm the computed workspaces: a difference is an inventory error, never a verdict."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from daemon.inventory.draft import Draft, Refusal, Why
from daemon.inventory.listing import MASK
from daemon.inventory.model import InventoryError, Watched
from daemon.inventory.session import Session

_WITHOUT_TEMPLATES = "--process-templates=false"


class Confirmations:
    """What Atmos said, per content of the repository and version of Atmos. Thread-safe; keeps one content only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key = ""
        self._said: dict[str, str] = {}

    def get(self, key: str, instance: str) -> str | None:
        with self._lock:
            return self._said.get(instance) if key == self._key else None

    def put(self, key: str, instance: str, workspace: str) -> None:
        with self._lock:
            if key != self._key:
                self._key, self._said = key, {}
            self._said[instance] = workspace


def confirmed(draft: Draft, session: Session, known: Confirmations, key: str) -> Draft:
    """The draft without the instances whose workspace Atmos does not confirm. Disabled ones are not asked about."""
    watched: list[Watched] = []
    refused: list[Refusal] = list(draft.refused)
    with ThreadPoolExecutor(max_workers=session.settings.workers, thread_name_prefix="inventory") as pool:
        answers = pool.map(lambda one: _doubt(one, session, known, key), draft.watched)
        for one, doubt in zip(draft.watched, answers, strict=True):
            if doubt is None:
                watched.append(one)
            else:
                refused.append(doubt)
    return replace(draft, watched=tuple(watched), refused=tuple(refused))


def _doubt(watched: Watched, session: Session, known: Confirmations, key: str) -> Refusal | None:
    """Why an instance's workspace is not to be relied on; None: Atmos says the same."""
    instance = watched.instance
    if not instance.enabled:
        return None
    said = known.get(key, instance.key)
    if said is None:
        try:
            said = _asked(instance.component, instance.stack, session)
        except InventoryError as error:
            return Refusal(instance.stack, instance.component, Why.UNCONFIRMED, f"workspace not confirmed: {error}")
        known.put(key, instance.key, said)
    if said == instance.workspace:
        return None
    reason = f"Atmos plans it in workspace {said!r}, but {instance.workspace!r} is what follows from its stack and name"
    return Refusal(instance.stack, instance.component, Why.DIFFERS, reason)


def _asked(component: str, stack: str, session: Session) -> str:
    arguments = ("describe", "component", component, "-s", stack, "-q", ".workspace", "--format", "json")
    finished = session.call(*arguments, "--process-functions=false")
    if finished.rc != 0 and session.tried_terraform(finished):  # for a template, which the workspace does not need
        finished = session.call(*arguments, "--process-functions=false", _WITHOUT_TEMPLATES)
    if finished.rc != 0:
        raise InventoryError(session.explain(finished))
    try:
        said = json.loads(finished.stdout)
    except ValueError:
        said = None
    if isinstance(said, str) and MASK in said:
        raise InventoryError(f"Atmos answers {said!r}, and masks a part of it")
    if not isinstance(said, str) or not said:
        raise InventoryError("`atmos describe component -q .workspace` did not give a name")
    return said

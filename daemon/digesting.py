"""The daily digest of what is informational: once for each day, whatever restarts there are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from alerts.base import Incident
from alerts.digest import Digest, digest_message, last_due
from alerts.next_steps import no_runbook
from checks.base import Tier
from daemon.store import Store

MARK = "digest.until"  # up to when the last digest tells


class Digester:
    """`tick` is safe to miss and to run twice: what was told, and up to when, is one transaction."""

    def __init__(self, store: Store, digest: Digest, clock: Callable[[], datetime], status_url: str = "",
                 runbook_of: Callable[[Incident], str] = no_runbook) -> None:  # fmt: skip
        self._store = store
        self._digest = digest
        self._clock = clock
        self._status_url = status_url
        self._runbook_of = runbook_of

    def tick(self) -> None:
        """Post what opened since the last digest, if one is due; a day on which nothing did has none."""
        due = last_due(self._digest, self._clock())
        with self._store.read() as view:
            told = view.meta(MARK)
            since = datetime.fromisoformat(told) if told else due - timedelta(days=1)
            if since >= due:
                return
            found = [
                one for one in view.incidents()
                if one.tier is Tier.INFO and since <= one.opened_at < due and not one.channel and not one.baseline
                and not one.silence
            ]  # fmt: skip
        with self._store.transaction() as tx:
            if found:
                tx.enqueue(digest_message(self._digest, found, since, due, self._status_url, self._runbook_of))
            tx.set_meta(MARK, due.isoformat())

"""Changes to production, out of the store: how they reached it, by stack."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from checks.runs.dora import BACK, Figures, by_stack
from daemon.store import Reader, aftercare


def production(view: Reader, start: datetime, end: datetime) -> Mapping[str, Figures]:
    """The figures of each stack that was changed from *start* to *end*."""
    applied = aftercare.applied(view.db, start - BACK, end)
    return by_stack(applied, aftercare.unrecorded(view.db, start, end), start, end)

"""The permanent record of every request, accepted or not; never pruned, optionally on disk as JSON lines."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One request. `accepted` says that it was carried out, whatever the caller got to hear about it."""

    number: int
    at: datetime
    method: str
    channel: str  # its id where it is known, else as it was sent
    accepted: bool
    error: str  # Slack's word for the refusal, empty if accepted
    ts: str  # of the message posted or edited
    metadata_id: str  # event_payload["id"] of the request's metadata
    fault: str  # the kind of the scripted fault that struck, if one did
    arguments: Mapping[str, Any] = field(repr=False)  # as sent, without the token


@dataclass
class Journal:
    """Append-only. With *path*, each entry is also a line there before the caller gets an answer."""

    path: Path | None = None
    _entries: list[Entry] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, at: datetime, method: str, channel: str, arguments: Mapping[str, Any], **outcome: Any) -> Entry:
        """Record one request; *outcome* are the other fields of Entry."""
        metadata = arguments.get("metadata")
        payload = metadata.get("event_payload") if isinstance(metadata, dict) else None
        metadata_id = str(payload.get("id", "")) if isinstance(payload, dict) else ""
        with self._lock:
            entry = Entry(
                len(self._entries) + 1, at, method, channel, metadata_id=metadata_id, arguments=arguments, **outcome
            )
            self._entries.append(entry)
            if self.path is not None:
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({**asdict(entry), "at": at.isoformat()}) + "\n")
            return entry

    def entries(self) -> tuple[Entry, ...]:
        with self._lock:
            return tuple(self._entries)


def read_journal(path: Path) -> list[Entry]:
    """The entries another process wrote. A last line that was cut off by a kill is left out."""
    entries = []
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            row = json.loads(line)
            entries.append(Entry(**{**row, "at": datetime.fromisoformat(row["at"])}))
    return entries

"""Changes of the configuration in the audit trail: which options, from what to what, and nothing of a secret."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from checks import discover
from daemon.audit.configured import ConfigNotes
from daemon.config import load
from daemon.store import Store
from tests.daemon.store.world import open_store

TEXT = """
source: {{kind: atmos, path: repo}}
alerts: {{default_channel: {channel}}}
slack: {{token: "{token}"}}
store: {{path: b.db}}
"""
ONE, OTHER = "xoxb-1-first-canary-aaaa", "xoxb-1-second-canary-bbbb"


class Folder:
    def __init__(self, path: Path, store: Store) -> None:
        self.path, self.store = path, store
        (path / "repo").mkdir()

    def note(self, notes: ConfigNotes, channel: str = "C0000000001", token: str = ONE) -> None:
        file = self.path / "barograph.yml"
        file.write_text(TEXT.format(channel=channel, token=token))
        notes.note(load(file, {}, discover()))

    def told(self) -> list[tuple[str, Any]]:
        with self.store.read() as view:
            return [(line.action, line.detail) for line in view.audit(100)][::-1]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    with open_store(tmp_path) as store:
        yield Folder(tmp_path, store)


def test_what_changed_is_told_at_a_start_and_at_a_reload(folder: Folder) -> None:
    """The first time, that there is one; then only what differs, over a restart too."""
    notes = ConfigNotes(folder.store)
    folder.note(notes)
    folder.note(notes)
    folder.note(notes, "C0000000002")
    restarted = ConfigNotes(folder.store)
    folder.note(restarted, "C0000000002")
    again = ConfigNotes(folder.store)
    folder.note(again, "C0000000003")
    first, reload, start = folder.told()
    assert first[0] == "config.first"
    change = {"alerts.default_channel": {"from": "C0000000001", "to": "C0000000002"}}
    assert reload == ("config.reload", {"changed": change, "secrets_changed": []})
    change = {"alerts.default_channel": {"from": "C0000000002", "to": "C0000000003"}}
    assert start == ("config.start", {"changed": change, "secrets_changed": []})


def test_that_a_secret_was_changed_is_told_by_its_name_alone(folder: Folder) -> None:
    """Neither value is anywhere in the store."""
    notes = ConfigNotes(folder.store)
    folder.note(notes)
    folder.note(notes, token=OTHER)
    assert folder.told()[1] == ("config.reload", {"changed": {}, "secrets_changed": ["slack.token"]})
    content = b"".join(part.read_bytes() for part in folder.path.glob("b*.db*"))
    assert content
    assert b"canary" not in content

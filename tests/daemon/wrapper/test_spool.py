"""Files in which events wait: whole lines only, locked while somebody lives, and bounded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daemon.wrapper import spool
from daemon.wrapper.spool import Spool, folder, left

BYTES = 10_000


def ended(place: Path, name: str, content: bytes) -> Path:
    path = place / f"{name}.jsonl"
    path.write_bytes(content)
    return path


def test_a_line_that_was_cut_off_is_no_event(tmp_path: Path) -> None:
    """Its writer was killed in the middle of it."""
    ended(tmp_path, "a", b'{"seq":0}\n{"seq":1}\n{"se')
    (found,) = left(tmp_path)
    lines = found.waiting(500, BYTES)
    assert lines == [b'{"seq":0}\n', b'{"seq":1}\n']
    found.taken(lines)
    assert found.waiting(500, BYTES) == []
    found.close(whole=True)
    assert not list(tmp_path.iterdir())


def test_a_damaged_stretch_is_passed_over(tmp_path: Path) -> None:
    """What comes after it is not lost with it."""
    ended(tmp_path, "a", b"\0" * (3 * BYTES) + b'\n{"seq":1}\n')
    (found,) = left(tmp_path)
    given: list[bytes] = []
    while lines := found.waiting(500, BYTES):
        found.taken(lines)
        given += lines
    assert given[-1] == b'{"seq":1}\n'
    found.close(whole=True)


def test_what_was_taken_is_not_sent_again(tmp_path: Path) -> None:
    """The next sender goes on where the last one ended."""
    ended(tmp_path, "a", b"1\n2\n3\n")
    (found,) = left(tmp_path)
    found.taken(found.waiting(2, BYTES))
    found.close(whole=False)
    (found,) = left(tmp_path)
    assert found.waiting(500, BYTES) == [b"3\n"]
    found.close(whole=False)


def test_the_file_of_a_living_run_is_left_alone(tmp_path: Path) -> None:
    """It has its own sender."""
    living = Spool(tmp_path, "run")
    living.add(b"1\n")
    assert list(left(tmp_path)) == []
    living.close()
    (found,) = left(tmp_path)
    found.close(whole=True)


def test_a_run_keeps_its_end_where_its_middle_was_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left out is counted."""
    monkeypatch.setattr(spool, "RUN_MOST", 100)
    run = Spool(tmp_path, "run")
    for number in range(40):
        run.add(b'{"event":"resource","seq":%d}\n' % number)
    run.add(b'{"event":"run.end","seq":40}\n')
    run.close()
    lines = (tmp_path / "run.jsonl").read_bytes().splitlines()
    assert lines[-1] == b'{"event":"run.end","seq":40}'
    assert 0 < run.dropped < 40


def test_a_link_in_the_folder_is_not_followed(tmp_path: Path) -> None:
    """Neither when sending nor when writing."""
    secret = tmp_path / "secret"
    secret.write_text("x\n")
    place = tmp_path / "spool"
    place.mkdir(mode=0o700)
    (place / "a.jsonl").symlink_to(secret)
    (place / ".run").symlink_to(secret)
    assert list(left(place)) == []
    run = Spool(place, "run")
    run.add(b"1\n")
    assert (run.on_disk, run.waiting(9, BYTES), secret.read_text()) == (False, [b"1\n"], "x\n")


def test_the_folder_is_ours_alone(tmp_path: Path) -> None:
    """The first place that can be used, made with no rights for others."""
    found = folder({"XDG_STATE_HOME": str(tmp_path)})
    assert found == tmp_path / "barograph" / "spool"
    assert oct(os.stat(found).st_mode & 0o777) == "0o700"

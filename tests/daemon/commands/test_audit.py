"""`barograph audit`, as people type it."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from daemon.audit.chain import Link
from daemon.audit.export import as_csv, as_json
from daemon.cli import cli
from daemon.store import AuditRow, Store
from tests.daemon.store.test_audit import SECRETS, tampering
from tests.daemon.store.world import NOW


def typed(*words: str) -> Result:
    found = CliRunner().invoke(cli, ["audit", *words])
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    now = [NOW]
    with Store.open(tmp_path / "b.db", lambda: now[0]) as store:
        for number in range(5):
            now[0] = NOW + timedelta(days=number)
            with store.transaction() as tx:
                tx.audit("=anna", "thing.done", {"n": number})
    return tmp_path / "b.db"


def test_a_whole_trail_ends_with_0_and_says_what_it_could_not_compare(path: Path) -> None:
    """As text and as JSON."""
    done = typed("verify", "--store", str(path))
    assert done.exit_code == 0
    assert "WHOLE" in done.stdout
    assert "not compared: no configuration was given that names anchors" in done.stdout
    done = typed("verify", "--json", "--store", str(path))
    said = json.loads(done.stdout)
    assert (said["outcome"], said["rows"], said["head"]["seq"], said["broken"]) == ("whole", 5, 5, None)


def test_a_broken_trail_ends_with_1_and_the_row(path: Path) -> None:
    """The first of all that is wrong."""
    with tampering(path) as db:
        db.execute("update audit set who = 'bob' where id in (2, 4)")
    done = typed("verify", "--store", str(path))
    assert done.exit_code == 1
    assert "first broken link, row 2" in done.stdout
    assert json.loads(typed("verify", "--json", "--store", str(path)).stdout)["broken"]["row"] == 2


def test_what_cannot_be_read_ends_with_3(path: Path, tmp_path: Path) -> None:
    """No store, or none of ours; a wrong anchor and a missing configuration are wrong usage."""
    assert typed("verify", "--store", str(tmp_path / "none.db")).exit_code == 3
    (tmp_path / "other.db").write_text("no database at all, but long enough to be read as if it were one" * 20)
    assert typed("verify", "--store", str(tmp_path / "other.db")).exit_code == 3
    assert typed("export", "--store", str(tmp_path / "none.db")).exit_code == 3
    assert typed("verify", "--store", str(path), "--anchor", "5").exit_code == 2
    assert typed("verify", "-c", str(tmp_path / "none.yml")).exit_code == 2


def test_an_anchor_that_somebody_gives_is_compared(path: Path) -> None:
    """As the receiver of the webhook has it."""
    head = json.loads(typed("verify", "--json", "--store", str(path)).stdout)["head"]
    assert typed("verify", "--store", str(path), "--anchor", f"{head['seq']}:{head['hash']}").exit_code == 0
    assert typed("verify", "--store", str(path), "--anchor", f"{head['seq']}:{'0' * 64}").exit_code == 1


def test_an_export_has_the_rows_of_its_period(path: Path) -> None:
    """From the first moment on, and before the last; a day is its midnight."""
    done = typed("export", "--store", str(path), "--from", "2026-03-02", "--to", "2026-03-04T09:00Z")
    assert [row[0] for row in csv.reader(io.StringIO(done.stdout))] == ["seq", "2", "3"]
    assert typed("export", "--store", str(path), "--from", "2026-03-04", "--to", "2026-03-02").exit_code == 2
    assert typed("export", "--store", str(path), "--from", "yesterday").exit_code == 2


def test_an_export_as_json_is_enough_to_check_the_hashes(path: Path, tmp_path: Path) -> None:
    """By the formula of the documentation, without this program's store."""
    target = tmp_path / "audit.json"
    assert typed("export", "--store", str(path), "--format", "json", "-o", str(target)).exit_code == 0
    said = json.loads(target.read_text())
    assert len(said["rows"]) == 5
    for row in said["rows"]:
        link = Link(*(row[name] for name in ("seq", "at", "who", "action", "text", "previous", "hash")))
        assert link.computed() == row["hash"]


def test_an_export_that_cannot_be_written_ends_with_3(path: Path, tmp_path: Path) -> None:
    """And says where."""
    assert typed("export", "--store", str(path), "-o", str(tmp_path / "none" / "x.csv")).exit_code == 3


@given(
    who=st.text() | st.sampled_from(("=1+1", "@x", "\t=1", *SECRETS)),
    detail=st.sampled_from(("=cmd|' /C calc'!A0", "+1", *SECRETS)),
)
def test_no_cell_is_a_formula_and_no_secret_leaves(who: str, detail: str) -> None:
    """Whatever stands in a row, also one of before redaction."""
    row = AuditRow(1, datetime(2026, 3, 1, tzinfo=NOW.tzinfo), who, "a.b", detail, json.dumps(detail), "p", "h")
    text = as_csv([row])
    (_, cells) = list(csv.reader(io.StringIO(text, newline="")))
    assert not [cell for cell in cells[1:] if cell[:1] in tuple("=+-@|%\t\r\n")]
    assert not [one for one in SECRETS if one in text + as_json([row], None, None)]

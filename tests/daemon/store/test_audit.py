"""The audit trail: chained as it is written, seen to be broken wherever it is touched, let go only from the front."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from daemon.audit.chain import NONE, RETENTION, Walk, digest, walk
from daemon.store import Store, audit, backup, open_reader, restore
from tests.daemon.store.world import NOW, open_store

FIELDS = ("at", "who", "action", "detail", "previous", "hash")
TRIGGERS = ("audit_is_never_changed", "audit_is_never_removed", "audit_is_chained")


def filled(folder: Path, count: int = 9) -> Path:
    with open_store(folder) as store:
        for number in range(count):
            with store.transaction() as tx:
                tx.audit(f"user-{number}", "thing.done", {"number": number, "text": "ä"})
        return store.path


def walked(path: Path) -> Walk:
    with open_reader(path) as view:
        return walk(audit.links(view.db), (), audit.written(view.db))


@contextmanager
def tampering(path: Path) -> Iterator[sqlite3.Connection]:
    """Whoever can write the file can drop its triggers."""
    connection = sqlite3.connect(path)
    connection.text_factory = bytes
    for name in TRIGGERS:
        connection.execute(f"drop trigger if exists {name}")
    yield connection
    connection.commit()
    connection.close()


def test_a_trail_is_whole_as_it_is_written(tmp_path: Path) -> None:
    """Numbered from 1 without a gap, each row with the hash of the one before."""
    found = walked(filled(tmp_path))
    assert (found.rows, found.first, found.broken) == (9, 1, "")
    with open_reader(tmp_path / "barograph.db") as view:
        lines = view.audit()[::-1]
    assert [NONE, *(line.hash for line in lines)][:-1] == [line.previous for line in lines]
    assert lines[3].detail == {"number": 3, "text": "ä"}
    assert found.head is not None
    assert found.head.hash == lines[-1].hash


def test_the_hash_is_the_one_that_the_documentation_gives() -> None:
    """Anybody can compute it with what every language has."""
    import hashlib

    text = '["barograph.audit",1,7,"2026-03-01T09:00:00.000000Z","anna","a.b","{\\"t\\":\\"\\u00e4\\"}","' + NONE + '"]'
    expected = hashlib.sha256(text.encode()).hexdigest()
    assert expected == digest(7, "2026-03-01T09:00:00.000000Z", "anna", "a.b", '{"t":"ä"}', NONE)


def test_rows_go_with_the_transaction_that_they_record(tmp_path: Path) -> None:
    """What was rolled back leaves neither a row nor a gap."""
    with open_store(tmp_path) as store:
        with pytest.raises(TypeError), store.transaction() as tx:
            tx.audit(f"row {tx.audit('anna', 'never').seq}", "never", object())
        with store.transaction() as tx:
            assert tx.audit("anna", "first", "").seq == 1
            assert tx.audit("anna", "second", "").seq == 2
    assert (walked(tmp_path / "barograph.db").rows, walked(tmp_path / "barograph.db").broken) == (2, "")


def test_many_threads_make_one_chain(tmp_path: Path) -> None:
    """One writes at a time, whoever asks."""
    with open_store(tmp_path) as store:

        def write(who: str) -> None:
            for number in range(20):
                with store.transaction() as tx:
                    tx.audit(who, "thing.done", number)

        threads = [threading.Thread(target=write, args=(f"user-{number}",)) for number in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    found = walked(tmp_path / "barograph.db")
    assert (found.rows, found.broken) == (100, "")


@pytest.mark.parametrize("field", FIELDS)
def test_an_edit_of_any_field_is_seen_at_its_row(tmp_path: Path, field: str) -> None:
    """By the row's own hash, or by the row after."""
    path = filled(tmp_path)
    with tampering(path) as db:
        db.execute(f"update audit set {field} = 'x' where id = 4")
    found = walked(path)
    assert found.broken_at == 4
    assert found.broken


def test_text_that_is_no_text_any_more_is_an_edit(tmp_path: Path) -> None:
    """Bytes that nobody can decode do not keep the rest from being looked at."""
    path = filled(tmp_path)
    with tampering(path) as db:
        db.execute("update audit set who = cast(x'ff' as text) where id = 5")
    assert walked(path).broken_at == 5


@pytest.mark.parametrize(
    ("statements", "at"),
    [
        (("delete from audit where id = 4",), 5),
        (("delete from audit where id <= 3",), 4),
        (("delete from audit where id >= 8",), 8),
        (("delete from audit",), 1),
        (("update audit set id = 100 where id = 3", "update audit set id = 3 where id = 4",
          "update audit set id = 4 where id = 100"), 3),
        (("update audit set id = -id where id >= 5", "update audit set id = 1 - id where id < 0",
          "insert into audit select 5, at, who, action, detail, previous, hash from audit where id = 4"), 5),
    ],
    ids=["removed", "front cut", "tail cut", "emptied", "reordered", "inserted"],
)  # fmt: skip
def test_rows_that_are_taken_out_moved_or_put_in_are_seen(tmp_path: Path, statements: tuple[str, ...], at: int) -> None:
    """A cut tail too, as long as nobody sets back the counter of the table."""
    path = filled(tmp_path)
    with tampering(path) as db:
        for statement in statements:
            db.execute(statement)
    assert walked(path).broken_at == at


def test_a_cut_tail_stays_seen_when_rows_follow(tmp_path: Path) -> None:
    """Numbers are never given twice."""
    path = filled(tmp_path)
    with tampering(path) as db:
        db.execute("delete from audit where id >= 8")
    with open_store(tmp_path) as store, store.transaction() as tx:
        assert tx.audit("anna", "later").seq == 10
    assert walked(path).broken_at == 10


PIECES = st.tuples(st.integers(1, 9), st.sampled_from(FIELDS), st.text(max_size=70))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("original"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(PIECES, min_size=1, max_size=4))
@example(edits=[(9, "hash", NONE)])
def test_no_edit_goes_unseen(original: Path, tmp_path: Path, edits: list[tuple[int, str, str]]) -> None:
    """Whatever is written wherever: broken at the first row that differs, and whole if none does."""
    path = tmp_path / "edited.db"
    shutil.copy(original, path)
    before = rows(path)
    with tampering(path) as db:
        for seq, field, text in edits:
            value = text.encode("utf-8", "replace").replace(b"\0", b"").decode()
            db.execute(f"update audit set {field} = ? where id = ?", (value, seq))
    differing = [new[0] for old, new in zip(before, rows(path), strict=True) if old != new]
    found = walked(path)
    # A last row's hash that is changed breaks that row; every other change breaks its row or is found there.
    assert (bool(differing), min(differing, default=0)) == (bool(found.broken), found.broken_at)


def rows(path: Path) -> list[tuple[int, ...]]:
    connection = sqlite3.connect(path)
    try:
        return list(connection.execute("select * from audit order by id"))
    finally:
        connection.close()


def test_the_front_is_let_go_and_the_chain_stays_whole(tmp_path: Path) -> None:
    """One row says which rows left, and with which hash they ended; again later, and the first such row goes too."""
    moment = [NOW]
    with Store.open(tmp_path / "b.db", lambda: moment[0]) as store:
        for number in range(30):
            moment[0] = NOW + timedelta(days=number)
            with store.transaction() as tx:
                tx.audit("anna", "thing.done", number)
        assert store.let_go_of_audit(moment[0], timedelta(days=10)) == 19
        assert store.let_go_of_audit(moment[0], timedelta(days=10)) == 0
        with store.read() as view:
            assert [line.detail for line in view.audit()[1:]] == list(range(29, 18, -1))
            said = view.audit()[0]
        assert isinstance(said.detail, dict)
        assert (said.action, said.detail["through"], said.detail["rows"]) == (RETENTION, 19, 19)
        first = walked(store.path)
        assert (first.first, first.broken, first.left_at) == (20, "", said_at(moment[0]))
        assert store.let_go_of_audit(moment[0] + timedelta(days=100), timedelta(days=10)) == 12
        assert (walked(store.path).first, walked(store.path).rows, walked(store.path).broken) == (32, 1, "")
        assert store.let_go_of_audit(moment[0] + timedelta(days=200), timedelta(days=10)) == 0


def said_at(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def test_what_no_row_tells_of_cannot_be_removed(tmp_path: Path) -> None:
    """Only rows before the end of what was let go, and never by hand."""
    with open_store(tmp_path) as store:
        for number in range(5):
            with store.transaction() as tx:
                tx.audit("anna", "thing.done", number)
        store.let_go_of_audit(NOW + timedelta(days=1), timedelta(hours=1))
        for statement in ("delete from audit", "insert into audit values (9, '', 'x', 'y', '', 'z', '')"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                store._db.execute(statement)


@pytest.mark.parametrize("change", ["through", "hash"])
def test_a_front_that_does_not_fit_what_was_let_go_is_seen(tmp_path: Path, change: str) -> None:
    """More was taken than was said, or something else."""
    with open_store(tmp_path) as store:
        for number in range(5):
            with store.transaction() as tx:
                tx.audit("anna", "thing.done", number)
        store.let_go_of_audit(NOW + timedelta(days=1), timedelta(hours=1))
        with store.transaction() as tx:
            tx.audit("anna", "thing.done", 6)
    with tampering(store.path) as db:
        if change == "through":
            db.execute("delete from audit where id = 6")
        else:
            db.execute(
                "update audit set detail = json_set(cast(detail as text), '$.hash', 'x') where action = ?", (RETENTION,)
            )
    assert walked(store.path).broken


def test_rows_of_before_the_chain_are_chained_by_the_upgrade(tmp_path: Path) -> None:
    """As they stand, without what looks like a secret."""
    from sqlite_utils import Database
    from sqlite_utils.migrations import Migrations

    from daemon.store.migrations import steps
    from daemon.store.sql import connect_writer

    path = tmp_path / "b.db"
    db = connect_writer(path)
    names = [step.name for step in steps().pending(Database(memory=True))]
    migrations: Migrations = steps()
    migrations.apply(db, stop_before=next(name for name in names if name.endswith("_audit")))
    for number in range(3):
        db.execute(
            "insert into audit (at, who, action, detail) values (?, 'anna', 'acknowledge', ?)",
            (said_at(NOW), f'v1:{number} "in hand" password=hunter2hunter2'),
        )
    db.close()
    with Store.open(path, lambda: NOW) as store:
        with store.transaction() as tx:
            tx.audit("bob", "later", {})
        with store.read() as view:
            lines = view.audit()[::-1]
    assert [line.id for line in lines] == [1, 2, 3, 4]
    assert str(lines[0].detail).startswith('v1:0 "in hand" password=')
    assert "hunter2" not in str(lines)
    assert walked(path).broken == ""


def test_a_restore_is_told_in_the_trail(tmp_path: Path) -> None:
    """How far the copy's trail went, and how far the one that it replaced."""
    path = filled(tmp_path, 3)
    backup(path, tmp_path / "copy")
    with open_store(tmp_path) as store, store.transaction() as tx:
        replaced = tx.audit("anna", "thing.done", "lost")
    restore(path, tmp_path / "copy", lambda: NOW)
    found = walked(path)
    (told,) = found.restores
    assert found.broken == ""
    assert json.loads(told.detail)["copy"]["seq"] == 3
    assert json.loads(told.detail)["replaced"] == {"seq": 4, "hash": replaced.hash}


SECRETS = ("AKIAIOSFODNN7EXAMPLE", "xoxb-123456789012-abcdef", "ghp_abcdefghijklmnopqrstuvwxyz012345",
           "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkw.abc")  # fmt: skip
TREE = st.recursive(
    st.sampled_from(("plain", 1, None, True)) | st.sampled_from(SECRETS).map(lambda one: f"it was {one} then"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("a", "b", *SECRETS)), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(detail=TREE, who=st.sampled_from(("anna", *SECRETS)))
def test_no_secret_reaches_the_trail(secret_store: Store, detail: object, who: str) -> None:
    """Wherever in a detail it stands, also as a name."""
    with secret_store.transaction() as tx:
        tx.audit(who, "thing.done", detail)
    with secret_store.read() as view:
        (line,) = view.audit(1)
    stored = f"{line.who} {line.text}"
    assert not [secret for secret in SECRETS if secret in stored]


@pytest.fixture(scope="module")
def secret_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("secrets")) as store:
        yield store


def test_what_is_named_as_a_secret_is_not_kept(tmp_path: Path) -> None:
    """A name is enough, whatever its value looks like, and for all that is below it."""
    with open_store(tmp_path) as store:
        with store.transaction() as tx:
            tx.audit("anna", "x", {"password": "correct horse", "token": {"a": ["b", 12]}, "seq": 12})
        with store.read() as view:
            (line,) = view.audit()
    assert line.detail == {"password": "(sensitive)", "token": {"a": ["(sensitive)", "(sensitive)"]}, "seq": 12}

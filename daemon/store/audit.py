"""The audit trail as rows: appended in the transaction of what they record, never changed, let go only from the front.

*detail* is stored as JSON with sorted keys. Everything is redacted before its hash is made.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlite_utils import Database

from checks.base import Json
from daemon.audit.chain import NONE, RETENTION, Head, Link, digest
from daemon.audit.redact import redacted, text
from daemon.store.codec import bind, dump, load, time, time_text
from daemon.store.rows import AnchorRow, AuditRow
from daemon.store.sql import row, rows, run

if TYPE_CHECKING:
    from daemon.store.transaction import Transaction

_BATCH = 5_000  # rows that one transaction lets go

# A row may go only once a later row says so: what is let go stays accounted for.
_GUARDED = (
    """create trigger audit_is_never_changed before update on audit
        begin select raise(abort, 'the audit trail is append-only'); end""",
    f"""create trigger audit_is_never_removed before delete on audit
        when not exists (select 1 from audit k where k.action = '{RETENTION}' and k.id > old.id
            and json_extract(k.detail, '$.through') >= old.id)
        begin select raise(abort, 'the audit trail is append-only'); end""",  # noqa: S608 - a literal of ours
    f"""create trigger audit_is_chained before insert on audit
        when new.previous is not coalesce((select hash from audit order by id desc limit 1), '{NONE}')
        begin select raise(abort, 'the audit trail is append-only'); end""",  # noqa: S608 - a literal of ours
)


def _chain_what_is_there(db: Database) -> None:
    """Give the rows of a trail without hashes theirs, as they stand, in the order of their numbers."""
    previous = NONE
    for seq, at, who, action, detail in db.execute(
        "select id, at, who, action, detail from audit order by id"
    ).fetchall():
        said = dump(redacted(detail))
        who, action = text(who), text(action)
        mark = digest(seq, at, who, action, said, previous)
        db.execute(
            "update audit set who = ?, action = ?, detail = ?, previous = ?, hash = ? where id = ?",
            (who, action, said, previous, mark, seq),
        )
        previous = mark


MIGRATION: tuple[str | Callable[[Database], None], ...] = (
    "drop trigger audit_is_never_changed",
    "drop trigger audit_is_never_removed",
    "alter table audit add column previous text not null default ''",
    "alter table audit add column hash text not null default ''",
    _chain_what_is_there,
    f"create index audit_retention on audit (id) where action = '{RETENTION}'",
    *_GUARDED,
    "create index audit_by_age on audit (at)",
    """create table audit_anchor (
        id integer primary key autoincrement, at text not null, target text not null, seq integer not null,
        hash text not null, place text not null) strict""",
    "create index audit_anchor_of on audit_anchor (target, id)",
    """create trigger audit_anchor_is_never_changed before update on audit_anchor
        begin select raise(abort, 'anchors are append-only'); end""",
    """create trigger audit_anchor_is_never_removed before delete on audit_anchor
        begin select raise(abort, 'anchors are append-only'); end""",
)


def append(db: Database, at: datetime, who: str, action: str, detail: Json) -> Head:
    """Add a row to the open transaction; give the new head."""
    last = head(db)
    # Numbers are never given twice, so that rows that were cut off leave a gap.
    seq = max(written(db), last.seq if last is not None else 0) + 1
    link = bind({
        "id": seq, "at": at, "who": text(who), "action": text(action), "detail": dump(redacted(detail)),
        "previous": last.hash if last is not None else NONE,
    })  # fmt: skip
    mark = digest(seq, *(str(link[name]) for name in ("at", "who", "action", "detail", "previous")))
    run(
        db,
        """insert into audit (id, at, who, action, detail, previous, hash)
        values (:id, :at, :who, :action, :detail, :previous, :hash)""",
        {**link, "hash": mark},
    )
    return Head(seq, mark)


def is_chained(db: Database) -> bool:
    """Whether the rows have hashes; a copy that an older Barograph made may have none."""
    return any(each["name"] == "hash" for each in rows(db, "select name from pragma_table_info('audit')"))


def head(db: Database) -> Head | None:
    found = row(db, "select id, hash from audit order by id desc limit 1")
    return None if found is None else Head(found["id"], found["hash"])


def written(db: Database) -> int:
    """The highest number that a row was ever given, whether or not the row is still there."""
    found = row(db, "select seq from sqlite_sequence where name = 'audit'")
    return 0 if found is None else int(found["seq"])


def links(db: Database) -> Iterator[Link]:
    """All rows in order, as they stand: text that is no UTF-8 any more is told as what it is, and fits no hash."""
    names = ", ".join(f"cast({name} as blob)" for name in ("at", "who", "action", "detail", "previous", "hash"))
    for seq, *texts in db.execute(f"select id, {names} from audit order by id"):  # noqa: S608 - literals of ours
        yield Link(seq, *(part.decode("utf-8", "backslashreplace") for part in texts))


def between(db: Database, since: datetime | None, until: datetime | None) -> list[AuditRow]:
    """Rows from *since* on and before *until*, oldest first; None: no bound."""
    found = rows(
        db,
        """select * from audit where (:since is null or at >= :since) and (:until is null or at < :until)
        order by id""",
        {"since": since, "until": until},
    )
    return [audit_row(each) for each in found]


def audit_row(found: dict[str, object]) -> AuditRow:
    seq, detail = found["id"], str(found["detail"])
    assert isinstance(seq, int)
    try:
        said = load(detail)
    except json.JSONDecodeError:
        said = detail  # somebody changed it; verify tells where
    return AuditRow(
        seq, time(str(found["at"])), str(found["who"]), str(found["action"]), said, detail, str(found["previous"]),
        str(found["hash"]),
    )  # fmt: skip


def let_go(transaction: Callable[[], AbstractContextManager[Transaction]], now: datetime, keep: timedelta) -> int:
    """Remove the rows at the front that are older than *keep*; one row that says so takes their place.

    Gives how many rows left. Raises StoreError; what is done stays done.
    """
    removed = 0
    while True:
        with transaction() as tx:
            count = _let_go(tx.db, now, now - keep)
        removed += count
        if count < _BATCH:
            return removed


def _let_go(db: Database, now: datetime, cutoff: datetime) -> int:
    kept = row(db, "select min(id) as id from audit where at >= :cutoff", {"cutoff": cutoff})
    bound = kept["id"] if kept is not None and kept["id"] is not None else written(db) + 1
    found = rows(
        db, "select id, at, hash from audit where id < :bound order by id limit :batch",
        {"bound": bound, "batch": _BATCH},
    )  # fmt: skip
    if not found or (len(found) == 1 and found[0]["id"] == written(db)):
        return 0  # a lone last row would only be replaced by one that says so
    first, last = found[0], found[-1]
    append(db, now, "barograph", RETENTION, {
        "through": last["id"], "hash": last["hash"], "rows": len(found), "from": first["at"], "to": last["at"],
        "before": time_text(cutoff),
    })  # fmt: skip
    return run(db, "delete from audit where id <= :through", {"through": last["id"]})


def save_anchor(db: Database, anchor: AnchorRow) -> None:
    run(
        db,
        "insert into audit_anchor (at, target, seq, hash, place) values (:at, :target, :seq, :hash, :place)",
        {"at": anchor.at, "target": anchor.target, "seq": anchor.seq, "hash": anchor.hash, "place": anchor.place},
    )


def anchors(db: Database) -> list[AnchorRow]:
    """All anchors that were set, oldest first."""
    return [_anchor(each) for each in rows(db, "select * from audit_anchor order by id")]


def anchored(db: Database) -> dict[str, int]:
    """The number of the newest row that each target was told."""
    found = rows(db, "select target, max(seq) as seq from audit_anchor group by target")
    return {str(each["target"]): int(each["seq"]) for each in found}


def last_anchor(db: Database, target: str) -> AnchorRow | None:
    found = row(db, "select * from audit_anchor where target = :target order by id desc limit 1", {"target": target})
    return None if found is None else _anchor(found)


def _anchor(found: dict[str, object]) -> AnchorRow:
    seq = found["seq"]
    assert isinstance(seq, int)
    return AnchorRow(time(str(found["at"])), str(found["target"]), seq, str(found["hash"]), str(found["place"]))

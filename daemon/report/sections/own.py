"""Barograph itself: whether it looked everywhere, what it may not do, how messages went; how good the data are."""

from __future__ import annotations

from dataclasses import replace

from checks.base import Kind
from daemon.report.book import Book, incidents_table
from daemon.report.model import Column, Light, Section, Table, Unit
from daemon.report.words import duration, moment, number, plural

MONITORING = (Kind.MONITORING,)
DENIED = ("denied", "permission", "credentials")
SHOWN = 50


def barograph(book: Book) -> Section:
    name, title = "barograph", "Barograph itself"
    last = book.last
    coverage = _coverage(book, last)
    if coverage is None:
        return Section(name, title, Light.GREY, "No data: nothing was looked at in this week.",
                       tables=(_checks(book),))  # fmt: skip
    missed = int(_missed(book, last) or 0)
    failed = sum(book.looks(check).runs - book.looks(check).ok for check in _names(book))
    sent = next((each for each in book.facts.sent if each.week == last), None)
    dead, repeated = (sent.dead, sent.repeated) if sent else (0, 0)
    light = Light.AMBER if coverage < 1 or missed or dead else Light.GREEN
    summary = f"{number(coverage, Unit.RATIO)} of all places were looked at with success"
    summary += f"; {plural(failed, 'look')} failed, {missed:,} came late or never."
    return Section(
        name, title, light, summary,
        figures=(
            book.figure("Places looked at", Unit.RATIO, lambda w: _coverage(book, w), "more"),
            book.figure("Looks", Unit.COUNT, lambda w: _runs(book, w)),
            book.figure("Looks that failed", Unit.COUNT, lambda w: _failed(book, w), "less"),
            book.figure("Refused for lack of a permission", Unit.COUNT, lambda w: _denied(book, w), "less"),
            replace(book.figure("Looks late or missed", Unit.COUNT, lambda w: _missed(book, w), "less"),
                    mean=None, mean_of=0),
            book.figure("Messages", Unit.COUNT, lambda w: _sent(book, w, "sent")),
            book.figure("Delivered within, median", Unit.SECONDS, lambda w: _sent(book, w, "p50"), "less"),
            book.figure("Delivered within, 95 %", Unit.SECONDS, lambda w: _sent(book, w, "p95"), "less"),
            book.figure("Perhaps sent twice", Unit.COUNT, lambda w: _sent(book, w, "repeated"), "less"),
            book.figure("Could not be delivered", Unit.COUNT, lambda w: _sent(book, w, "dead"), "less"),
        ),
        tables=(
            _checks(book), _blind(book),
            incidents_table(book, "Could not look", book.items(kinds=MONITORING), book.standing(last, kinds=MONITORING),
                            "Nothing is open."),
        ),
        notes=(f"{plural(repeated, 'message was', 'messages were')} sent again because nobody could tell whether it had"
               " arrived; each says so.",) if repeated else (),
    )  # fmt: skip


def _names(book: Book) -> list[str]:
    return sorted({check for week, check in book.facts.looks if week == book.last} | {j.check for j in book.facts.jobs})


def _coverage(book: Book, week: int) -> float | None:
    """The part of the places, each counted for each check, that were looked at with success at least once."""
    if not book.began_by(week):
        return None
    found = [looks for (number_, _), looks in book.facts.looks.items() if number_ == week]
    places, blind = sum(each.places for each in found), sum(len(each.blind) for each in found)
    if week == book.last:
        places += _untouched(book)
        blind += _untouched(book)
    return (places - blind) / places if places else None


def _untouched(book: Book) -> int:
    """How many places were known in the week, and no run of it reached them."""
    return sum(book.untouched(check) for check in _names(book))


def _runs(book: Book, week: int) -> float | None:
    return float(sum(v.runs for (w, _), v in book.facts.looks.items() if w == week)) if book.began_by(week) else None


def _failed(book: Book, week: int) -> float | None:
    if not book.began_by(week):
        return None
    return float(sum(v.runs - v.ok for (w, _), v in book.facts.looks.items() if w == week))


def _denied(book: Book, week: int) -> float | None:
    if not book.began_by(week):
        return None
    found = (v.failed.items() for (w, _), v in book.facts.looks.items() if w == week)
    return float(sum(count for reasons in found for reason, count in reasons if reason in DENIED))


def _missed(book: Book, week: int) -> float | None:
    if week < book.last - 1 or not book.began_by(week):
        return None  # asked of the last two weeks only
    return float(sum(count for (w, _), count in book.facts.late.items() if w == week))


def _sent(book: Book, week: int, what: str) -> float | None:
    if not book.began_by(week):
        return None
    found = next((each for each in book.facts.sent if each.week == week), None)
    value = None if found is None else getattr(found, what)
    return None if value is None else float(value)


def _checks(book: Book) -> Table:
    rows = []
    for check in _names(book):
        looks, before = book.looks(check), book.looks(check, book.last - 1)
        known = max(looks.places, sum(job.check == check for job in book.facts.jobs))
        seen = looks.places - len(looks.blind)
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in looks.failed.items()) or "none"
        rows.append((
            check, float(known), float(seen), seen / known if known else None, float(looks.runs),
            float(before.runs) if book.began_by(book.last - 1) else None, reasons,
            float(book.facts.late.get((book.last, check), 0)),
        ))  # fmt: skip
    rows.sort(key=lambda row: (row[3] if row[3] is not None else -1.0, row[0]))
    columns = (
        Column("check"), Column("places", Unit.COUNT), Column("looked at", Unit.COUNT), Column("part", Unit.RATIO),
        Column("looks", Unit.COUNT), Column("last week", Unit.COUNT), Column("failures by reason"),
        Column("late or missed", Unit.COUNT),
    )  # fmt: skip
    return Table("Looks by check", columns, tuple(rows), len(rows), "No check is known.")


def _blind(book: Book) -> Table:
    found = [(check, place, why) for check in _names(book) for place, why in book.looks(check).blind.items()]
    columns = (Column("check"), Column("place"), Column("why"), Column("next step"))
    rows = tuple((*each, f"barograph check {each[0]}") for each in found[:SHOWN])
    return Table("Not seen once in this week", columns, rows, len(found), "Every place that was due was seen.")


def quality(book: Book) -> Section:
    """As of when the data are, and what they lack."""
    zone = book.week.zone
    gaps = gaps_of(book)
    start, end = book.facts.weeks[-1]
    rows = []
    for check in _names(book):
        last = max((job.last_ok for job in book.facts.jobs if job.check == check and job.last_ok), default=None)
        rows.append((check, last if last is not None else "never looked with success", _lag(check)))
    columns = (Column("data of"), Column("newest good look", Unit.MOMENT), Column("to know"))
    hours = f", {book.week.hours:g} hours long as clocks changed in it" if book.week.hours != 168 else ""
    return Section(
        "quality", "Data as of, and gaps", Light.AMBER if gaps else Light.GREEN,
        f"From {moment(start, zone)} to {moment(end, zone)}{hours}; read at {moment(book.facts.as_of, zone)}."
        + (f" {plural(len(gaps), 'gap')}." if gaps else " No gaps."),
        tables=(Table("How new the data are", columns, tuple(rows), len(rows), "Nothing was looked at yet."),),
        notes=(*gaps, *_known(book)),
    )  # fmt: skip


def _lag(check: str) -> str:
    return "Cost Explorer lags up to 24 hours; a day is closed after two" if check == "cost" else ""


def gaps_of(book: Book) -> list[str]:
    """What the numbers lack, in sentences."""
    zone = book.week.zone
    found = []
    began = book.facts.began
    if began is None:
        return ["Nothing has been looked at yet: there are no data at all."]
    start, end = book.facts.weeks[-1]
    if began >= end:
        return [f"Barograph began to watch at {moment(began, zone)}, after this week."]
    if began > start:
        found.append(f"Barograph began to watch at {moment(began, zone)}: the time before is not in here.")
    found += [
        f"Nothing was looked at from {moment(a, zone)} to {moment(b, zone)} ({duration((b - a).total_seconds())})."
        for a, b in book.facts.silent
        if b > began
    ]
    watched = {job.check for job in book.facts.jobs}
    found += [
        f"The check {check} did not look with success once in this week."
        for check in sorted(watched) if not book.looks(check).ok
    ]  # fmt: skip
    if not book.readings_hold:
        found.append("This week is long over: what resources read like at its end is not kept, only what happened.")
    return found


def _known(book: Book) -> list[str]:
    weeks = sum(book.began_by(week) for week in range(book.last))
    if weeks == 0:
        return ["There is no complete week before this one to compare with."]
    return [f"Means are of the {plural(weeks, 'complete week')} before."] if weeks < book.last else []

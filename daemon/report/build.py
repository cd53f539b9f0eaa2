"""From the facts to the report: the sections, then what of them a reader must know and decide first. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from checks.base import Kind, Tier
from daemon.report.book import Book, next_step, owner_of, place_of
from daemon.report.model import Decision, Light, Report, Section, Unit, worst
from daemon.report.period import Week, history
from daemon.report.scrub import scrubbed
from daemon.report.sections import SECTIONS
from daemon.report.words import duration, number, plural
from daemon.store.week_rows import Facts, Item
from daemon.store.weeks import TARGETS

DECISIONS = 5
FULL_SOON = 30.0  # days
SAVING = 100.0  # USD a month: less is for the list
# Sections that the light is made of. What is grey there is not known, and so is not fine.
_JUDGED = (
    "incidents", "drift", "expiries", "backups", "cost", "quotas", "utilization", "security", "state", "deployments",
    "barograph", "quality",
)  # fmt: skip
_TOP = (("incidents", "Opened"), ("incidents", "Ended"), ("incidents", "Open critical"), ("incidents", "Open warning"),
        ("cost", "Spent"), ("barograph", "Places looked at"))  # fmt: skip


def build(facts: Facts, week: Week, status_url: str = "") -> Report:
    """The report about *week*, which the last of the facts' weeks is."""
    book = Book(facts, history(week, facts.last))
    sections = tuple(_honest(book, section(book)) for section in SECTIONS)
    by_name = {section.id: section for section in sections}
    decisions = list(_decisions(book, by_name))
    light = _light(book, sections)
    figures = tuple(figure for name, label in _TOP for figure in by_name[name].figures if figure.label == label)
    return scrubbed(Report(
        week=week, made_at=facts.as_of, light=light, headline=_headline(book, sections, light),
        decisions=tuple(decisions[:DECISIONS]), decisions_left=max(0, len(decisions) - DECISIONS), sections=sections,
        figures=figures, status_url=status_url,
    ))  # fmt: skip


# The checks that a section rests on: what they did not see, it does not know.
_CHECKS = {
    "drift": ("drift",), "backups": ("backups",), "cost": ("cost",), "quotas": ("quotas",),
    "utilization": ("utilization",), "security": ("security", "compliance", "access"), "state": ("state",),
    "deployments": ("execution",),
}  # fmt: skip


def _honest(book: Book, section: Section) -> Section:
    """Nothing is green of which a part was not looked at."""
    unseen = book.unseen(_CHECKS.get(section.id, ()))
    if not section.watched or not unseen or not section.figures:
        return section
    light = Light.GREY if section.light is Light.GREEN else section.light
    were = plural(unseen, "place was", "places were")
    return replace(section, light=light, summary=f"{section.summary} {were} not seen in this week.")


def _light(book: Book, sections: tuple[Section, ...]) -> Light:
    if not book.began_by(book.last):
        return Light.GREY
    # What is not watched was a choice; what is watched and not known is not fine.
    return worst([each.light for each in sections if each.watched and each.id in _JUDGED])


def _headline(book: Book, sections: tuple[Section, ...], light: Light) -> str:
    """One sentence: what is open, what happened, what nobody knows."""
    if not book.began_by(book.last):
        return "Nothing is known of this week: Barograph did not watch."
    last = book.last
    opened = sum(each.count for each in book.facts.moved if each.week == last and each.action in ("open", "reopen")
                 and not each.first_look)  # fmt: skip
    ended = sum(each.count for each in book.facts.moved if each.week == last and each.action == "resolve")
    critical, warning = (book.standing(last, tier=tier) for tier in (Tier.CRITICAL, Tier.WARNING))
    unknown = [each.title for each in sections if each.watched and each.light is Light.GREY]
    parts = []
    if critical or warning:
        words = [plural(critical, "critical incident")] * bool(critical) + [plural(warning, "warning")] * bool(warning)
        verb = "is" if critical + warning == 1 else "are"
        parts.append(f"{' and '.join(words)} {verb} open")
    elif not opened and not ended:
        parts.append("Nothing happened")
    else:
        parts.append("No critical incident and no warning is open")
    if opened or ended:
        parts.append(f"{opened:,} opened and {ended:,} ended in the week")
    if unknown:
        parts.append(f"no data for {', '.join(title.lower() for title in unknown)}")
    elif light is Light.GREEN and not (opened or ended):
        return "Nothing happened, and everything that is watched was looked at. Nice."
    return "; ".join(parts) + "."


def _decisions(book: Book, sections: dict[str, Section]) -> Iterator[Decision]:
    """What needs a person, the most urgent first. Only what is still so now."""
    items = [each for each in book.facts.open if book.still(each)]
    now = book.facts.as_of
    for alike in _alike([each for each in items if each.tier is Tier.CRITICAL and not each.acknowledged]):
        item = alike[0]
        age = duration((now - item.opened_at).total_seconds())
        if len(alike) > 1:
            yield Decision(f"{len(alike):,} critical of one sort, the oldest for {age}: {item.incident.summary}",
                           owner_of(item), next_step(item), place_of(item), str(item.incident.kind))  # fmt: skip
        else:
            yield Decision(f"Critical for {age}: {item.incident.summary}", owner_of(item), next_step(item),
                           place_of(item), str(item.incident.kind))  # fmt: skip
    for item in items:
        if item.tier is Tier.CRITICAL and item.acknowledged:
            yield Decision(f"Critical, acknowledged and still open: {item.incident.summary}", owner_of(item),
                           next_step(item), place_of(item), str(item.incident.kind))  # fmt: skip
    missed = [
        item for item in items
        if item.tier is Tier.WARNING and not item.acknowledged
        and not item.incident.baseline and not book.silenced(item)
        and now - item.opened_at > TARGETS[Tier.WARNING] and item.incident.kind is not Kind.MONITORING
    ]  # fmt: skip
    if len(missed) > 3:
        oldest = min(missed, key=lambda each: each.opened_at)
        age = duration((now - oldest.opened_at).total_seconds())
        yield Decision(
            f"{len(missed):,} warnings are past their 24 hours, the oldest for {age}: {oldest.incident.summary}",
            owner_of(oldest), next_step(oldest), place_of(oldest), str(oldest.incident.kind),
        )  # fmt: skip
    else:
        for item in sorted(missed, key=lambda each: each.opened_at):
            age = duration((now - item.opened_at - timedelta(hours=24)).total_seconds())
            yield Decision(f"{age} past its 24 hours: {item.incident.summary}", owner_of(item), next_step(item),
                           place_of(item), str(item.incident.kind))  # fmt: skip
    yield from _of_numbers(book, sections)


def _alike(items: Sequence[Item]) -> list[list[Item]]:
    """Items of one check, kind and sort together: a thousand of them are one decision."""
    found: dict[tuple[str, str, str], list[Item]] = {}
    for item in items:
        found.setdefault((item.incident.check, str(item.incident.kind), item.incident.key), []).append(item)
    return list(found.values())


def _of_numbers(book: Book, sections: dict[str, Section]) -> Iterator[Decision]:
    platform = "who runs Barograph"
    for check in sorted({job.check for job in book.facts.jobs}):
        looks = book.looks(check)
        if looks.blind:
            place, why = next(iter(looks.blind.items()))
            what = "was blind all week" if not looks.ok else f"did not see {plural(len(looks.blind), 'place')} all week"
            yield Decision(f"The check {check} {what}: {why}", platform, f"barograph check {check}", place)
    for row in _rows(sections["quotas"], "The fullest"):
        left = row[4]
        if isinstance(left, float) and left <= FULL_SOON:
            yield Decision(f"Quota {row[0]} is full in {plural(left, 'day')}", platform, str(row[5]), str(row[1]))
    for row in _rows(sections["cost"], "Budgets"):
        if row[4] in ("over", "will be over"):
            how = "is over" if row[4] == "over" else "will be over"
            amounts = f"{number(_float(row[2]), Unit.USD)} spent, {number(_float(row[3]), Unit.USD)} forecast"
            yield Decision(f"The budget {row[0]} {how}: {amounts}, of {number(_float(row[1]), Unit.USD)}",
                           "who holds the budget", "Cost Explorer: group by service, this month")  # fmt: skip
    for row in _rows(sections["expiries"], "The next to end"):
        left = row[5]
        if isinstance(left, float) and left <= 14:
            verb = "has ended" if left < 0 else f"ends in {plural(int(left), 'day')}"
            yield Decision(f"The {row[0]} {row[1]} {verb}", str(row[3]), str(row[6]))
    savings = next((f for f in sections["cost"].figures if f.label == "Could be saved in a month"), None)
    if savings is not None and savings.this is not None and savings.this >= SAVING:
        yield Decision(f"${savings.this:,.0f} a month could be saved", "who holds the budget",
                       "aws cost-optimization-hub list-recommendations --region us-east-1")  # fmt: skip


def _float(value: object) -> float | None:
    return value if isinstance(value, float) else None


def _rows(section: Section, title: str) -> tuple[tuple[object, ...], ...]:
    return next((table.rows for table in section.tables if table.title == title), ())

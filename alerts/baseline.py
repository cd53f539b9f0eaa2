"""The first look at everything, summed up in one message for all checks instead of one per finding: pure.

One summary stands for a day: what first looks find later on that day is written into the same messages, which are
edited in place. So however many checks there are, and however slowly they get round, the first day is four messages.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from alerts.base import LIVE, Change, DeliveryKind, Draft, Incident
from alerts.blocks import MAX_SECTION, Block, Body, code_section, context, fields, header, message, plain_section
from alerts.escape import clean, defanged, length, link, mrkdwn, one_line
from alerts.next_steps import runbook, runbook_links
from alerts.policy import Policy
from alerts.render import MARKS, where
from alerts.tiers import RANK, effective_stage
from checks.base import Tier

WORST = 10  # named in the summary itself
COUNTED = 20  # checks, kinds, tiers or stages with a count of their own
LISTS = 3  # lists in its thread, so that even thousands of findings are four messages
SECTIONS = 3  # blocks of code in one of them
PAGE = 2_900  # characters in one of those
STANDS = timedelta(days=1)  # how long what is found later joins a summary


@dataclass(frozen=True, slots=True)
class Begun:
    """The latest summary. *said*: how many of its messages there are, itself included."""

    subject: str
    channel: str
    since: datetime  # when the first finding that it tells of was seen
    opened_at: datetime
    said: int

    def stands(self, now: datetime) -> bool:
        """Whether what is found now joins it. A clock that was set back since does not keep it for ever."""
        return abs(now - self.opened_at) < STANDS


@dataclass(frozen=True, slots=True)
class Summary:
    """What a summary does: the incidents that it tells of are announced, and the first change has its messages."""

    begun: Begun
    changes: tuple[Change, ...]


def due(waiting: int, oldest: datetime | None, policy: Policy, now: datetime) -> tuple[bool, str]:
    """Whether to sum up now, and why.

    *waiting*: places that a check has not had a first look at yet. *oldest*: when the first finding that no message
    tells of was seen; None: there is none.
    """
    if oldest is None:
        return False, "nothing was found at a first look"
    if waiting <= 0:
        return True, "every place has had its first look"
    if now - oldest >= policy.baseline_wait:
        return True, f"waited long enough for {waiting} places that have not had their first look"
    return False, f"{waiting} places have not had their first look yet"


def summarise(
    incidents: Iterable[Incident], waiting: int, policy: Policy, now: datetime, begun: Begun | None = None
) -> Summary | None:
    """Given the live incidents of first looks, sum up those that no message has told of; None: there is nothing to do.

    *begun*: the latest summary there was. While it stands, it is edited to tell of the new ones too, so *incidents* are
    to hold what it told of already. What a silence hides is summed up when that has ended.
    """
    found = [one for one in incidents if one.baseline and one.state in LIVE]
    found = [one for one in found if one.announced or policy.silences.hiding(one, now) is None]
    fresh = [one for one in found if not one.announced]
    yes, _ = due(waiting, min((one.first_seen for one in fresh), default=None), policy, now)
    if not yes:
        return None
    if begun is None or not begun.stands(now):
        told, begun = fresh, _new(fresh, policy, now)
    else:
        told = [one for one in found if not one.announced or one.first_seen >= begun.since]
    told.sort(key=lambda i: (-RANK[i.tier], effective_stage(i.labels) != "production", i.kind, where(i), i.fingerprint))
    drafts = _drafts(begun, told, waiting, policy)
    begun = replace(begun, said=max(begun.said, len(drafts)))
    changes = [Change(replace(i, announced=True), None, drafts if n == 0 else ()) for n, i in enumerate(fresh)]
    return Summary(begun, tuple(changes))


def list_of(subject: str, number: int) -> str:
    """The subject of a summary's list: a message below it, in its thread."""
    return f"{subject}/{number}"


def _new(fresh: Sequence[Incident], policy: Policy, now: datetime) -> Begun:
    since = min(one.first_seen for one in fresh)
    return Begun(f"baseline:*:{_digest(fresh)[:16]}", policy.routes.default, since, now, 0)


def _digest(incidents: Iterable[Incident]) -> str:
    marks = sorted(f"{one.fingerprint} {one.seq}" for one in incidents)
    return hashlib.sha256("\n".join(marks).encode()).hexdigest()


def _drafts(begun: Begun, told: Sequence[Incident], waiting: int, policy: Policy) -> tuple[Draft, ...]:
    """All its messages as they are to read now: posted where there is none yet, else edited."""
    lists, left_over = _lists(told)
    lists += [["Nothing any more."] for _ in range(begun.said - 1 - len(lists))]
    mark = f"{_digest(told)[:32]} {waiting}"
    bodies = [(begun.subject, _summary(told, waiting, policy, f"{begun.subject}.{mark[:16]}"))]
    for number, pages in enumerate(lists, start=1):
        subject = list_of(begun.subject, number)
        bodies.append((subject, _list(pages, f"{subject}.{mark[:16]}", number, len(lists), left_over)))
    drafts = []
    for number, (subject, body) in enumerate(bodies):
        key = hashlib.sha256(f"{begun.channel}\n{subject}\n{mark}".encode()).hexdigest()
        kind = DeliveryKind.UPDATE if number < begun.said else DeliveryKind.POST
        drafts.append(Draft(key, subject, kind, begun.channel, told[0].tier, body))
    return tuple(drafts)


def _summary(fresh: Sequence[Incident], waiting: int, policy: Policy, mark: str) -> Body:
    title = f"📋 Baseline: {_count(len(fresh), 'finding')} at the first look"
    told = "They were there before Barograph was, and are not posted one by one. The weekly report shows them shrink."
    if waiting:
        told += f" {_count(waiting, 'place')} could not be looked at yet."
    counts = [
        ("By tier", _counted(i.tier for i in sorted(fresh, key=lambda i: -RANK[i.tier]))),
        ("By check", _counted(i.check for i in fresh)),
        ("By kind", _counted(i.kind for i in fresh)),
        ("By stage", _counted(i.labels.get("stage") or "stage not known" for i in fresh)),
    ]
    worst = [_line(i) for i in fresh[:WORST]]
    if len(fresh) > WORST:
        worst.append(f"+{len(fresh) - WORST} more, in the thread")
    blocks: list[Block] = [
        header(title, 150),
        plain_section(told, 500),
        fields(counts, 600),
        code_section("The worst", "\n".join(worst), MAX_SECTION - 50),
    ]
    books = runbook_links(fresh, partial(runbook, policy=policy))
    links = [one for one in (link(policy.status_url, "Status page"), *books) if one]
    if links:
        blocks.append(context(links))
    lines = [defanged(title, 300), defanged(told, 600)]
    lines += [f"{label}: {defanged(value, 600)}" for label, value in counts]
    lines += books
    lines += [defanged(line, 250) for line in worst]
    return message(lines, blocks, mark)


def _list(pages: Sequence[str], mark: str, number: int, of: int, left_over: int) -> Body:
    title = f"List {number} of {of}"
    last = (
        f"+{left_over} more that no message lists; the status page has them all" if left_over and number == of else ""
    )
    blocks = [code_section(title, page, PAGE) for page in pages]
    if last:
        blocks.append(context([mrkdwn(last, 200)]))
    lines = [title, *(defanged(line, 250) for page in pages for line in page.split("\n"))]
    # The fallback is cut from its end, and this must survive the cut.
    return message([lines[0], last, *lines[1:]] if last else lines, blocks, mark)


def _lists(incidents: Sequence[Incident]) -> tuple[list[list[str]], int]:
    """One line each, spread over messages, sections and pages; also give how many did not fit."""
    pages: list[list[str]] = [[]]
    room = PAGE
    for number, line in enumerate(map(_line, incidents)):
        need = length(mrkdwn(line, PAGE)) + 1
        if need > room:
            if len(pages) == LISTS * SECTIONS:
                return _chunks(pages), len(incidents) - number
            pages.append([])
            room = PAGE
        pages[-1].append(line)
        room -= need
    return _chunks(pages), 0


def _chunks(pages: Sequence[Sequence[str]]) -> list[list[str]]:
    texts = ["\n".join(page) for page in pages if page]
    return [texts[i : i + SECTIONS] for i in range(0, len(texts), SECTIONS)]


def _line(incident: Incident) -> str:
    return one_line(f"{MARKS[incident.tier]} {where(incident)}: {clean(incident.summary)[:500]}")[:200]


def _counted(names: Iterable[Tier | str]) -> str:
    found = list(Counter(map(str, names)).items())
    more = [f"+{len(found) - COUNTED} more"] if len(found) > COUNTED else []
    return ", ".join([f"{clean(name, 60).replace('_', ' ')} {count}" for name, count in found[:COUNTED]] + more)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"

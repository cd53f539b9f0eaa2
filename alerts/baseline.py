"""The first look at everything, summed up in one message per check instead of one per finding: pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from alerts.base import LIVE, Change, DeliveryKind, Draft, Incident
from alerts.blocks import MAX_SECTION, Block, Body, code_section, context, fields, header, message, plain_section
from alerts.escape import clean, defanged, length, link, mrkdwn, one_line
from alerts.policy import Policy
from alerts.render import MARKS, where
from alerts.tiers import RANK, effective_stage
from checks.base import Tier

WORST = 10  # named in the summary itself
COUNTED = 20  # kinds, tiers or stages with a count of their own
REPLIES = 3  # lists in its thread, so that even thousands of findings are four messages
SECTIONS = 3  # blocks of code in a reply
PAGE = 2_900  # characters in one of them


def due(waiting: int, oldest: datetime | None, policy: Policy, now: datetime) -> tuple[bool, str]:
    """Whether to sum up now, and why.

    *waiting*: places of the check that have not had a first look yet. *oldest*: when the first finding that no
    message tells of was seen; None: there is none.
    """
    if oldest is None:
        return False, "nothing was found at a first look"
    if waiting <= 0:
        return True, "every place has had its first look"
    if now - oldest >= policy.baseline_wait:
        return True, f"waited long enough for {waiting} places that have not had their first look"
    return False, f"{waiting} places have not had their first look yet"


def summarise(check: str, incidents: Iterable[Incident], waiting: int, policy: Policy, now: datetime) -> list[Change]:
    """Given the incidents of a check, give the change that marks its unannounced baseline as announced.

    The messages (one summary, at most three replies in its thread) hang on the first change. An empty list: there is
    nothing to announce, or it is not due yet.
    """
    fresh = [i for i in incidents if i.check == check and i.baseline and not i.announced and i.state in LIVE]
    fresh.sort(
        key=lambda i: (-RANK[i.tier], effective_stage(i.labels) != "production", i.kind, where(i), i.fingerprint)
    )
    oldest = min((i.first_seen for i in fresh), default=None)
    yes, _ = due(waiting, oldest, policy, now)
    if not yes:
        return []
    drafts = _drafts(check, fresh, waiting, policy)
    return [Change(replace(i, announced=True), None, drafts if n == 0 else ()) for n, i in enumerate(fresh)]


def _drafts(check: str, fresh: Sequence[Incident], waiting: int, policy: Policy) -> tuple[Draft, ...]:
    mark = hashlib.sha256("\n".join(sorted(i.fingerprint for i in fresh)).encode()).hexdigest()[:16]
    subject = f"baseline:{check}:{mark}"
    channel, tier = policy.routes.default, fresh[0].tier
    lists, left_over = _lists(fresh)
    bodies = [_summary(check, fresh, waiting, policy, subject)]
    bodies += [_reply(pages, f"{subject}.{n}", n, len(lists), left_over) for n, pages in enumerate(lists, start=1)]
    drafts = []
    for number, body in enumerate(bodies):
        key = hashlib.sha256(f"{channel}\n{subject}\n{number}".encode()).hexdigest()
        kind = DeliveryKind.REPLY if number else DeliveryKind.POST
        drafts.append(Draft(dedupe_key=key, subject=subject, kind=kind, channel=channel, tier=tier, body=body))
    return tuple(drafts)


def _summary(check: str, fresh: Sequence[Incident], waiting: int, policy: Policy, subject: str) -> Body:
    title = f"📋 Baseline of {check}: {_count(len(fresh), 'finding')} at the first look"
    told = "They were there before Barograph was, and are not posted one by one. The weekly report shows them shrink."
    if waiting:
        told += f" {_count(waiting, 'place')} could not be looked at yet."
    counts = [
        ("By tier", _counted(i.tier for i in sorted(fresh, key=lambda i: -RANK[i.tier]))),
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
    url = link(policy.status_url, "Status page")
    if url:
        blocks.append(context([url]))
    lines = [defanged(title, 300), defanged(told, 600)]
    lines += [f"{label}: {defanged(value, 600)}" for label, value in counts]
    lines += [defanged(line, 250) for line in worst]
    return message(lines, blocks, subject)


def _reply(pages: Sequence[str], mark: str, number: int, of: int, left_over: int) -> Body:
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
    """One line each, spread over replies, sections and pages; also give how many did not fit."""
    pages: list[list[str]] = [[]]
    room = PAGE
    for number, line in enumerate(map(_line, incidents)):
        need = length(mrkdwn(line, PAGE)) + 1
        if need > room:
            if len(pages) == REPLIES * SECTIONS:
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

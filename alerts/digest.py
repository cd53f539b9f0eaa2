"""What opened at tier info since the last digest, as one message: pure. Info is never posted alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from alerts.base import DeliveryKind, Draft, Incident
from alerts.blocks import MAX_SECTION, Block, code_section, context, header, message
from alerts.calendars import local_instant
from alerts.escape import clean, defanged, link, one_line
from alerts.next_steps import no_runbook, runbook_links
from alerts.render import where
from checks.base import Tier

SHOWN = 15  # incidents by name
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Digest:
    """Once a local day, at a local time, into a channel."""

    at: time
    zone: ZoneInfo
    channel: str


def last_due(digest: Digest, now: datetime) -> datetime:
    """The latest moment, not after *now*, at which a digest was due."""
    today = now.astimezone(digest.zone).date()
    moments = (local_instant(today - _DAY * back, digest.at, digest.zone) for back in range(3))
    return next(moment for moment in moments if moment <= now)


def digest_message(
    digest: Digest, found: Sequence[Incident], since: datetime, until: datetime, status_url: str,
    runbook_of: Callable[[Incident], str] = no_runbook,
) -> Draft:  # fmt: skip
    """The message, known by the moment at which it was due: made twice, it is stored once."""
    subject = f"digest:{until:%Y-%m-%dT%H:%M}"
    title = f"🔵 {len(found)} for the weekly review, since {since:%Y-%m-%d %H:%M} UTC"
    lines = [one_line(f"{where(one)}: {clean(one.summary, 500)}")[:200] for one in found[:SHOWN]]
    if len(found) > SHOWN:
        lines.append(f"+{len(found) - SHOWN} more, in the weekly report")
    blocks: list[Block] = [header(title, 150), code_section("What opened", "\n".join(lines), MAX_SECTION - 50)]
    books = runbook_links(found, runbook_of)
    if links := [one for one in (link(status_url, "Status page"), *books) if one]:
        blocks.append(context(links))
    body = message([defanged(title, 300), *books, *(defanged(line, 250) for line in lines)], blocks, subject)
    key = hashlib.sha256(f"{digest.channel}\n{subject}".encode()).hexdigest()
    return Draft(key, subject, DeliveryKind.POST, digest.channel, Tier.INFO, body)

"""What a look at a file of certificates says."""

from __future__ import annotations

from datetime import datetime

from checks.certs.judge import judge
from checks.certs.model import Card, Held, Limits, PemLook, Told, Verdict
from checks.certs.strength import weaknesses


def problems(look: PemLook, limits: Limits, now: datetime) -> tuple[Told, ...]:
    """Everything a person should hear of one file, the worst first. Each certificate of a bundle is judged."""
    order = {verdict: number for number, verdict in enumerate(Verdict)}
    found = [Told(Verdict.UNREADABLE, f"{look.path}: {problem}", alarm=True) for problem in look.problems]
    for number, card in enumerate(look.cards):
        told = judge(_held(look, card, number), limits, now)
        if told.alarm:
            found.append(told)
        weak = tuple(weaknesses(card))
        if weak:
            found.append(Told(Verdict.WEAK, f"{look.path}: {card.label}: {'; '.join(weak)}", alarm=True))
    if not found and not look.cards and not look.private_key:
        found.append(Told(Verdict.NO_CERTIFICATE, f"{look.path} holds no certificate", alarm=True))
    return tuple(sorted(found, key=lambda told: (order[told.verdict], told.reason)))


def _held(look: PemLook, card: Card, number: int) -> Held:
    place = f" (number {number + 1} of {len(look.cards)})" if len(look.cards) > 1 else ""
    return Held(f"{card.label} in {look.path}{place}", card.not_before, card.not_after, authority=card.authority)

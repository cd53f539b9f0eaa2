"""What a look at a TLS endpoint says: every problem, the worst first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from checks.certs.judge import judge, moment
from checks.certs.model import Card, Held, Limits, NotServed, Served, TlsLook, Told, Verdict
from checks.certs.names import is_for
from checks.certs.strength import weaknesses_served

_ORDER = {verdict: number for number, verdict in enumerate(Verdict)}


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is right for an endpoint."""

    name: str  # what clients ask for: DNS name or IP address
    trusted: bool = True
    matching: bool = True
    renewed_by: str = ""


def problems(look: TlsLook, expected: Expectation, limits: Limits, now: datetime) -> tuple[Told, ...]:
    """Everything that is wrong, one entry per kind of problem, the worst first; empty: all is well.

    The same problem at several addresses is one; which addresses have it is said where not all do.
    """
    found: dict[tuple[Verdict, str], tuple[Told, list[str]]] = {}
    for served in look.served:
        for told in _of_address(served, expected, limits, now):
            found.setdefault((told.verdict, told.reason), (told, []))[1].append(served.address)
    result = [_placed(told, at, len(look.served)) for told, at in found.values()]
    result += _differing(look.served)
    result += _unseen(look)
    return tuple(sorted(result, key=lambda told: (_ORDER[told.verdict], told.reason)))


def _placed(told: Told, addresses: Sequence[str], of: int) -> Told:
    if len(addresses) == of:
        return told
    return Told(told.verdict, f"{told.reason} (at {', '.join(sorted(addresses))})", told.alarm)


def _of_address(served: Served, expected: Expectation, limits: Limits, now: datetime) -> Iterator[Told]:
    leaf = served.chain[0]
    told = judge(_held(leaf, expected.renewed_by), limits, now)
    if told.alarm:
        yield told
    if expected.matching and not is_for(leaf, expected.name):
        yield Told(Verdict.WRONG_NAME, f"the certificate is for {_names(leaf)}, not for {expected.name}", alarm=True)
    if expected.trusted:
        yield from _trust(served)
    yield from _chain(served, limits, now, expected.trusted)
    weak = tuple(dict.fromkeys(weaknesses_served(served)))
    if weak:
        yield Told(Verdict.WEAK, "; ".join(weak), alarm=True)


def _held(card: Card, renewed_by: str = "") -> Held:
    return Held(f"the certificate {card.label}", card.not_before, card.not_after, renewed_by=renewed_by)


def _names(card: Card) -> str:
    names = [*card.names, *card.addresses]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more if names else "no host (it has no subjectAltName)"


def _trust(served: Served) -> Iterator[Told]:
    trust, leaf = served.trust, served.chain[0]
    if not leaf.for_servers:
        yield Told(Verdict.UNTRUSTED, "the certificate may not be used by servers (extended key usage)", alarm=True)
    elif trust.status == "incomplete":
        yield Told(Verdict.INCOMPLETE_CHAIN, trust.reason, alarm=True)
    elif trust.status == "untrusted":
        yield Told(Verdict.UNTRUSTED, trust.reason, alarm=True)
    elif trust.status == "unknown":
        yield Told(Verdict.UNVERIFIED, trust.reason, alarm=True)


def _chain(served: Served, limits: Limits, now: datetime, trusted: bool) -> Iterator[Told]:
    """Dates of what stands above the leaf, as far as it is needed: the path to the root, else what was sent.

    A certificate that was sent and that no path needs is no alarm: an old cross-signed one expires and harms nobody.
    """
    needed = served.trust.path[1:] if served.trust.path else (() if trusted else served.chain[1:])
    for card in needed:
        if card.not_after is None:
            yield Told(
                Verdict.NO_DATE, f"{card.label}, which the chain needs, has no date that can be read", alarm=True
            )
        elif card.not_before is not None and now < card.not_before:
            reason = f"{card.label}, which the chain needs, is valid from {moment(card.not_before)} on, and not before"
            yield Told(Verdict.UNTRUSTED, reason, alarm=True)
        elif now >= card.not_after:
            reason = f"{card.label}, which the chain needs, expired on {moment(card.not_after)}"
            yield Told(Verdict.CHAIN_EXPIRED, reason, alarm=True)
        elif card.not_after - now <= limits.warn_before(_life(card), authority=False):
            reason = f"{card.label}, which the chain needs, ends on {moment(card.not_after)}"
            yield Told(Verdict.CHAIN_EXPIRING, reason, alarm=True)


def _life(card: Card) -> timedelta | None:
    if card.not_before is None or card.not_after is None:
        return None
    return card.not_after - card.not_before


def _differing(served: Iterable[Served]) -> list[Told]:
    """Several certificates behind one name: half of the addresses were forgotten at the last renewal."""
    by_leaf: dict[str, tuple[Card, list[str]]] = {}
    for one in served:
        by_leaf.setdefault(one.chain[0].fingerprint, (one.chain[0], []))[1].append(one.address)
    if len(by_leaf) < 2:
        return []
    ends = {card.not_after for card, _ in by_leaf.values()}
    subjects = {(card.subject, card.issuer) for card, _ in by_leaf.values()}
    parts = [
        f"{card.label} until {moment(card.not_after) if card.not_after else 'no known day'} at {', '.join(sorted(at))}"
        for card, at in sorted(by_leaf.values(), key=lambda item: (str(item[0].not_after), item[0].fingerprint))
    ]
    # Where each machine has one of its own from the same issuer and for the same name, that is how it was meant.
    meant = len(subjects) == 1 and None not in ends and _close(ends)
    return [Told(Verdict.DIFFERS, f"the addresses serve different certificates: {'; '.join(parts)}", alarm=not meant)]


def _close(ends: Iterable[datetime | None]) -> bool:
    known = [end for end in ends if end is not None]
    return max(known) - min(known) <= timedelta(days=3)


def _unseen(look: TlsLook) -> list[Told]:
    missed = unseen(look)
    if not missed or not look.served:
        return []
    at = "; ".join(f"{one.address}: {one.message}" for one in missed)
    return [Told(Verdict.PARTLY_SEEN, f"not every address could be looked at: {at}", alarm=True)]


def unseen(look: TlsLook) -> tuple[NotServed, ...]:
    """The addresses that nobody could look at and that somebody should have.

    Where this machine has no way to IPv6 (or IPv4) at all, and the other family answered, that is no gap of theirs.
    """
    return tuple(one for one in look.not_served if not (one.no_route and look.served))


def dates(look: TlsLook) -> Mapping[str, float]:
    """The dates that the metrics show: the earliest of all addresses. What is not known is left out, never 0."""
    leaves = [served.chain[0] for served in look.served]
    ends = [card.not_after for card in leaves]
    begins = [card.not_before for card in leaves]
    chains = [_end_of(served.chain) for served in look.served]
    verified = [_end_of(served.trust.path) for served in look.served if served.trust.path]
    values = {}
    for name, moments in (
        ("not_after_timestamp_seconds", ends),
        ("not_before_timestamp_seconds", begins),
        ("chain_not_after_timestamp_seconds", chains),
        ("verified_not_after_timestamp_seconds", verified),
    ):
        known = [each for each in moments if each is not None]
        if known and len(known) == len(moments):
            values[name] = min(known).timestamp()
    return values


def _end_of(chain: Sequence[Card]) -> datetime | None:
    ends = [card.not_after for card in chain]
    known = [end for end in ends if end is not None]
    return min(known) if known and len(known) == len(ends) else None

"""From what was judged to readings: outcome, findings, values. The same for every place certificates are held in."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from checks.base import Fact, Finding, Json, Kind, LookFailed, Outcome, Reading
from checks.certs import endpoints, files
from checks.certs.judge import judge, left_for_people
from checks.certs.model import Card, Held, Limits, PemLook, TlsLook, Told, Verdict
from checks.certs.targets import Endpoint

# Could not look: nothing of the resource resolves by such a look.
_BLIND = frozenset(
    {Verdict.NO_DATE, Verdict.UNVERIFIED, Verdict.PARTLY_SEEN, Verdict.UNREADABLE, Verdict.NO_CERTIFICATE}
)
# What a finding is kept under: a certificate that nears its end and then expires is one incident, not two.
_KEYS: Mapping[Verdict, str] = {
    Verdict.WRONG_NAME: "name", Verdict.UNTRUSTED: "trust", Verdict.INCOMPLETE_CHAIN: "trust",
    Verdict.CHAIN_EXPIRED: "chain", Verdict.CHAIN_EXPIRING: "chain", Verdict.DIFFERS: "differs", Verdict.WEAK: "weak",
}  # fmt: skip
_UNUSED = frozenset({Verdict.EXPIRED_UNUSED, Verdict.NOT_ISSUED})
_EXPIRED = frozenset({Verdict.EXPIRED, Verdict.CHAIN_EXPIRED})
_NEAR = frozenset({Verdict.EXPIRING, Verdict.CHAIN_EXPIRING, Verdict.RENEWAL_LATE})
_RENEWAL = frozenset({Verdict.RENEWAL_FAILED, Verdict.RENEWAL_BLOCKED, Verdict.RENEWAL_LATE})
_CHAIN = frozenset({Verdict.WRONG_NAME, Verdict.UNTRUSTED, Verdict.INCOMPLETE_CHAIN})
SHOWN = 20  # certificates or problems that one piece of evidence lists


def of_endpoint(endpoint: Endpoint, look: TlsLook, limits: Limits, now: datetime) -> Reading:
    """The reading of one endpoint. Raises LookFailed where none of its addresses could be looked at."""
    if not look.served:
        first = look.not_served[0]
        more = f", and {len(look.not_served) - 1} more addresses" if len(look.not_served) > 1 else ""
        raise LookFailed(first.reason, f"{endpoint.key}: {first.message} ({first.address}{more})")
    told = endpoints.problems(look, endpoint.expectation, limits, now)
    leaf = min((one.chain[0] for one in look.served), key=lambda card: str(card.not_after or ""))
    well = judge(Held(f"the certificate {leaf.label}", leaf.not_before, leaf.not_after,
                      renewed_by=endpoint.renewed_by), limits, now)  # fmt: skip
    evidence: dict[str, Json] = {
        "addresses": [
            {"address": one.address, "protocol": one.protocol, "note": one.note, "trust": one.trust.status,
             "chain": [shown(card) for card in one.chain[:SHOWN]]}
            for one in look.served[:SHOWN]
        ],
        "not_looked_at": [{"address": one.address, "why": one.message} for one in look.not_served[:SHOWN]],
    }  # fmt: skip
    values = endpoints.dates(look)
    return reading(endpoint.key, told, well, values, evidence, remedy=_openssl(endpoint), now=now)


def of_file(look: PemLook, limits: Limits, now: datetime) -> Reading:
    """The reading of one file."""
    told = files.problems(look, limits, now)
    if not told and not look.cards:
        summary = "a private key and no certificate: it was passed over, not read"
        return Reading(look.path, Outcome.NOT_APPLICABLE, Verdict.NO_CERTIFICATE.value, summary)
    ends = [card.not_after for card in look.cards]
    begins = [card.not_before for card in look.cards]
    known = [end for end in ends if end is not None]
    values: dict[str, float] = {}
    if known and len(known) == len(ends):
        first = min(look.cards, key=lambda card: card.not_after or now)
        well = judge(Held(f"{first.label} in {look.path}", first.not_before, first.not_after), limits, now)
        values["not_after_timestamp_seconds"] = min(known).timestamp()
        begun = [begin for begin in begins if begin is not None]
        if begun:
            values["not_before_timestamp_seconds"] = min(begun).timestamp()
    else:
        well = Told(Verdict.NO_DATE, f"{look.path}: no date can be read")
    evidence: dict[str, Json] = {"certificates": [shown(card) for card in look.cards[:SHOWN]]}
    if len(look.cards) > SHOWN:
        evidence["more"] = len(look.cards) - SHOWN
    remedy = f"openssl storeutl -noout -text -certs {shlex.quote(look.path)}  # see what is in it"
    return reading(look.path, told, well, values, evidence, remedy=remedy, now=now, count=len(look.cards))


def reading(
    resource: str,
    told: Sequence[Told],
    well: Told,
    values: Mapping[str, float],
    evidence: Mapping[str, Json],
    *,
    remedy: str,
    now: datetime,
    in_use: bool | None = True,
    addresses: tuple[str, ...] = (),
    count: int = 1,
) -> Reading:
    """Put a reading together: *told* is what is wrong, the worst first; *well* how it stands where nothing is."""
    blind = any(one.verdict in _BLIND for one in told)
    alarms = [one for one in told if one.alarm]
    outcome = Outcome.UNKNOWN if blind else Outcome.UNHEALTHY if alarms else Outcome.HEALTHY
    head = next((one for one in alarms if not blind or one.verdict in _BLIND), well)
    return Reading(
        resource=resource,
        outcome=outcome,
        verdict=head.verdict.value,
        summary=_summary(head, values, now),
        findings=tuple(findings(alarms, in_use, remedy, addresses)),
        values={**values, **_counts(alarms, in_use, count)},
        evidence={**evidence, "reasons": [one.reason for one in told[:SHOWN]]} if told else evidence,
    )


def _summary(head: Told, values: Mapping[str, float], now: datetime) -> str:
    end = values.get("not_after_timestamp_seconds")
    if end is None:
        return head.reason
    return f"{head.reason} (the first end is {left_for_people(datetime.fromtimestamp(end, now.tzinfo), now)})"


def _counts(alarms: Sequence[Told], in_use: bool | None, count: int) -> Mapping[str, float]:
    verdicts = [one.verdict for one in alarms]

    def number(which: frozenset[Verdict]) -> float:
        return float(sum(verdict in which for verdict in verdicts))

    return {
        "seen": float(count),
        "unused": float(count if in_use is False else 0),
        "expired": number(_EXPIRED),
        "near_end": number(_NEAR),
        "renewals_troubled": number(_RENEWAL),
        "misplaced": number(_CHAIN),
        "weak": number(frozenset({Verdict.WEAK})),
    }


def findings(
    alarms: Sequence[Told], in_use: bool | None, remedy: str, addresses: tuple[str, ...] = ()
) -> Iterable[Finding]:
    """One finding per kind of problem: what is wrong of the same kind in one resource is told together."""
    groups: dict[tuple[Kind, str], list[Told]] = {}
    for one in alarms:
        groups.setdefault((_kind(one.verdict), _key(one.verdict)), []).append(one)
    for (kind, key), group in groups.items():
        more = f"; and {len(group) - 3} more" if len(group) > 3 else ""
        evidence: dict[str, Json] = {"reasons": [one.reason for one in group[:SHOWN]]} if len(group) > 3 else {}
        yield Finding(
            kind,
            key,
            "; ".join(one.reason for one in group[:3]) + more,
            _facts(group, in_use) if kind is Kind.CERTIFICATE_EXPIRY else frozenset(),
            remedy=remedy,
            addresses=addresses,
            evidence=evidence,
        )


def _kind(verdict: Verdict) -> Kind:
    if verdict in _BLIND:
        return Kind.MONITORING
    return Kind.COMPLIANCE if verdict is Verdict.WEAK else Kind.CERTIFICATE_EXPIRY


def _key(verdict: Verdict) -> str:
    return "could_not_look" if verdict in _BLIND else _KEYS.get(verdict, "expiry")


def _facts(group: Sequence[Told], in_use: bool | None) -> frozenset[Fact]:
    if in_use is False or all(one.verdict in _UNUSED for one in group):
        return frozenset({Fact.UNUSED})
    return frozenset({Fact.EXPIRED}) if any(one.verdict in _EXPIRED for one in group) else frozenset()


def shown(card: Card) -> Json:
    """A certificate for the page."""
    names = [*card.names, *card.addresses]
    return {
        "subject": card.subject,
        "issuer": card.issuer,
        "not_before": card.not_before.isoformat() if card.not_before else None,
        "not_after": card.not_after.isoformat() if card.not_after else None,
        "names": names[:SHOWN] + ([f"+{len(names) - SHOWN} more"] if len(names) > SHOWN else []),
        "key": f"{card.key_type} {card.key_bits}" if card.key_bits else card.key_type,
        "signature": card.signature_hash,
        "sha256": card.fingerprint,
    }


def _openssl(endpoint: Endpoint) -> str:
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    words = ["openssl", "s_client", "-connect", f"{host}:{endpoint.port}", "-showcerts"]
    words += ["-servername", endpoint.sni] if endpoint.sni else []
    words += ["-starttls", endpoint.starttls] if endpoint.starttls != "none" else []
    return f"{shlex.join(words)} </dev/null  # see what it serves"

"""What is known of a certificate, wherever it is held, and the words for how it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType


class Verdict(StrEnum):
    """How a certificate, an endpoint or a file stands; the worst first."""

    EXPIRED = "expired"
    CHAIN_EXPIRED = "chain_expired"
    NOT_YET_VALID = "not_yet_valid"
    REVOKED = "revoked"
    INACTIVE = "inactive"
    WRONG_NAME = "wrong_name"
    UNTRUSTED = "untrusted"
    INCOMPLETE_CHAIN = "incomplete_chain"
    RENEWAL_FAILED = "renewal_failed"
    RENEWAL_BLOCKED = "renewal_blocked"
    RENEWAL_LATE = "renewal_late"
    EXPIRING = "expiring"
    CHAIN_EXPIRING = "chain_expiring"
    DIFFERS = "differs"
    WEAK = "weak"
    NOT_ISSUED = "not_issued"
    EXPIRED_UNUSED = "expired_unused"
    NO_DATE = "no_date"
    UNVERIFIED = "unverified"
    PARTLY_SEEN = "partly_seen"
    UNREADABLE = "unreadable"
    NO_CERTIFICATE = "no_certificate"
    RENEWING = "renewing"
    PENDING = "pending"
    UNUSED = "unused"
    VALID = "valid"


MEANING: Mapping[Verdict, str] = MappingProxyType(
    {
        Verdict.VALID: "valid, and for long enough",
        Verdict.RENEWING: "near its end, and whoever renews it is in time",
        Verdict.UNUSED: "near its end, and used by nobody",
        Verdict.PENDING: "requested, and not issued yet",
        Verdict.EXPIRING: "near its end, and nobody is known to renew it",
        Verdict.RENEWAL_LATE: "near its end, and the renewal that should have come by itself has not",
        Verdict.RENEWAL_BLOCKED: "the renewal waits for somebody: a domain is not validated",
        Verdict.RENEWAL_FAILED: "the renewal failed",
        Verdict.EXPIRED: "past its end, and in use",
        Verdict.EXPIRED_UNUSED: "past its end, and used by nobody",
        Verdict.NOT_YET_VALID: "its time has not begun",
        Verdict.REVOKED: "revoked, and in use",
        Verdict.INACTIVE: "switched off, and in use",
        Verdict.NOT_ISSUED: "requested, and never issued",
        Verdict.WRONG_NAME: "the endpoint's certificate is for other names",
        Verdict.UNTRUSTED: "the endpoint's chain leads to no root that is trusted here",
        Verdict.INCOMPLETE_CHAIN: "the endpoint does not send the certificate of the issuer",
        Verdict.CHAIN_EXPIRED: "a certificate that the chain needs is past its end",
        Verdict.CHAIN_EXPIRING: "a certificate that the chain needs is near its end",
        Verdict.DIFFERS: "addresses behind one name serve different certificates",
        Verdict.WEAK: "a key, a signature or a protocol that is too weak today",
        Verdict.NO_DATE: "could not look: it names no date, or none that can be read",
        Verdict.UNVERIFIED: "could not look: there are no trusted roots on this machine to verify the chain with",
        Verdict.PARTLY_SEEN: "could not look at every address behind the name",
        Verdict.UNREADABLE: "could not look: the file cannot be read, or not in its format",
        Verdict.NO_CERTIFICATE: "there is no certificate in the file",
    }
)


@dataclass(frozen=True, slots=True)
class Limits:
    """When a certificate is near its end, relative to its whole life."""

    fraction: float = 1 / 3  # of its life that is left
    at_least: timedelta = timedelta(days=7)  # never less than this is left, for one that lives three times as long
    at_most: timedelta = timedelta(days=60)
    authority_at_most: timedelta = timedelta(days=180)  # replacing an authority takes longer
    late: float = 0.5  # part of that time after which a renewal that comes by itself is late

    def warn_before(self, life: timedelta | None, *, authority: bool = False) -> timedelta:
        """How long before its end a certificate of this *life* is near it. None: how long it lives is not known."""
        most = self.authority_at_most if authority else self.at_most
        if life is None or life <= timedelta(0):
            return min(most, UNKNOWN_LIFE)
        return min(most, max(life * self.fraction, min(self.at_least, life / 3)))


UNKNOWN_LIFE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Renewal:
    """What whoever renews a certificate says of it. Words as in ACM's RenewalSummary."""

    status: str  # PENDING_AUTO_RENEWAL, PENDING_VALIDATION, SUCCESS, FAILED
    reason: str = ""  # why it did not succeed: CAA_ERROR, PCA_ACCESS_DENIED …
    waits_for: tuple[str, ...] = ()  # domains that are not validated


@dataclass(frozen=True, slots=True)
class Held:
    """A certificate, as the place that holds it tells of it."""

    what: str  # for people: "ACM certificate example.com"
    not_before: datetime | None
    not_after: datetime | None
    in_use: bool | None = True  # None: nobody can say, which counts as used
    status: str = "ISSUED"  # as in ACM
    status_reason: str = ""
    renewed_by: str = ""  # who renews it without being asked: "ACM", "RDS"; empty: nobody is known to
    hint: str = ""  # why nobody does: "it was imported"
    renewal: Renewal | None = None
    authority: bool = False

    @property
    def life(self) -> timedelta | None:
        """From its first to its last moment; None where one of them is not known."""
        if self.not_before is None or self.not_after is None:
            return None
        return self.not_after - self.not_before


@dataclass(frozen=True, slots=True)
class Card:
    """One X.509 certificate, read."""

    subject: str
    issuer: str
    not_before: datetime | None
    not_after: datetime | None
    fingerprint: str  # SHA-256, hex
    serial: str = ""  # hex
    names: tuple[str, ...] = ()  # DNS names of the subjectAltName
    addresses: tuple[str, ...] = ()  # IP addresses of it
    key_type: str = ""  # RSA, EC, Ed25519 …
    key_bits: int = 0
    signature_hash: str = ""  # sha256, sha1, md5; empty: the algorithm has none of its own
    authority: bool = False
    self_issued: bool = False
    for_servers: bool = True  # its extended key usage, if it has one, names servers

    @property
    def label(self) -> str:
        """What people call it."""
        return self.subject or (self.names[0] if self.names else self.serial) or self.fingerprint[:16]


@dataclass(frozen=True, slots=True)
class Trust:
    """Whether a chain leads to a root that is trusted here, its dates left aside."""

    status: str  # trusted, untrusted, incomplete, unknown (there are no roots here to compare with)
    reason: str = ""
    path: tuple[Card, ...] = ()  # from the leaf to the root, where there is one


@dataclass(frozen=True, slots=True)
class Served:
    """What one address of an endpoint served."""

    address: str
    chain: tuple[Card, ...]  # as sent, the leaf first; never empty
    trust: Trust
    protocol: str  # TLSv1.3
    note: str = ""  # why the handshake did not end, where it did not


@dataclass(frozen=True, slots=True)
class NotServed:
    """Why one address of an endpoint could not be looked at."""

    address: str
    reason: str  # timeout, unavailable, failed
    message: str
    no_route: bool = False  # this machine has no way to addresses of this family


@dataclass(frozen=True, slots=True)
class TlsLook:
    """One look at an endpoint: every address that its name stands for."""

    served: tuple[Served, ...] = ()
    not_served: tuple[NotServed, ...] = ()


@dataclass(frozen=True, slots=True)
class PemLook:
    """One look at a file. Nothing but its certificates was kept of it."""

    path: str
    cards: tuple[Card, ...] = ()
    problems: tuple[str, ...] = ()  # blocks that cannot be read, formats that are not supported
    private_key: bool = False  # there is one in it, which was passed over


@dataclass(frozen=True, slots=True)
class Told:
    """How something stands, with its reason, and whether a person should hear of it."""

    verdict: Verdict
    reason: str  # stable from look to look: dates, never "in 12 days"
    alarm: bool = False

"""Certificates: everywhere they are held, judged by the part of their life that is left and by who renews them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

from checks.aws import VERDICTS, AwsPlace, guarded
from checks.base import Asks, Check, Place, Reading, Scope, Target
from checks.certs import holders, readings, serving
from checks.certs.model import MEANING, Limits, PemLook, TlsLook
from checks.certs.targets import Endpoint, FilesTarget, LiveTarget


@runtime_checkable
class TlsPlace(Place, Protocol):
    """A live endpoint."""

    @property
    def endpoint(self) -> Endpoint: ...

    def look_at_tls(self) -> TlsLook: ...


@runtime_checkable
class FilesPlace(Place, Protocol):
    """Files with certificates."""

    def look_at_files(self) -> Iterable[PemLook]: ...


# Kinds of holders, each apart: its name in a reading that could not look, what nobody knows then, who looks, and
# whether the service may be off.
_Holder = tuple[str, str, Callable[[AwsPlace, Limits, datetime], Iterator[Reading]], bool]
REGIONAL: tuple[_Holder, ...] = (
    ("acm", "which certificates ACM holds", holders.of_acm, False),
    ("acm-n2", "which certificates of Amazon's N2 roots ACM holds", holders.of_acm_n2, False),
    ("acm-pca", "which private authorities there are", holders.of_authorities, True),
    ("rds", "which databases there are", holders.of_rds, False),
)
GLOBAL: tuple[_Holder, ...] = (("iam", "which certificates the account serves", serving.of_account, False),)


@dataclass(frozen=True)
class Certificates(Check):
    """Certificates near their end, or wrong: in ACM, IAM, RDS and private authorities, at live endpoints, in files."""

    warn_fraction: float = 0.333  # a certificate is near its end when less than this part of its life is left
    warn_at_least: timedelta = timedelta(days=7)  # near its end at this, for one that lives three times as long
    warn_at_most: timedelta = timedelta(days=60)  # never near its end before this
    authority_warn_at_most: timedelta = timedelta(days=180)  # the same for authorities, which take longer to replace
    late_fraction: float = 0.5  # a renewal that comes by itself is late when this part of the warning time is left
    endpoints: tuple[Endpoint, ...] = ()  # live TLS endpoints: host:port, or a mapping
    files: tuple[Path, ...] = ()  # PEM files, folders of them, or patterns, on the machine that Barograph runs on
    timeout: timedelta = timedelta(seconds=10)  # how long one address of an endpoint may take

    more_scopes: ClassVar[tuple[Scope, ...]] = (Scope.ACCOUNT, Scope.ENDPOINT, Scope.FILES)
    every: ClassVar[timedelta] = timedelta(hours=6)
    asks: ClassVar[Mapping[Scope, Asks]] = {Scope.REGION: Asks(4, 0.1), Scope.ACCOUNT: Asks(2)}
    iam: ClassVar[tuple[str, ...]] = (
        "acm:ListCertificates",
        "acm:DescribeCertificate",
        "acm-pca:ListCertificateAuthorities",
        "iam:ListServerCertificates",
        "cloudfront:ListDistributions",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeListenerCertificates",
        "rds:DescribeDBInstances",
        "rds:DescribeCertificates",
    )
    measures: ClassVar[Mapping[str, str]] = {
        "not_after_timestamp_seconds": "When the first certificate in use ends.",
        "not_before_timestamp_seconds": "When the first certificate in use began.",
        "chain_not_after_timestamp_seconds": "When the first certificate of the chain ends, as the endpoint sends it.",
        "verified_not_after_timestamp_seconds": "When the first certificate of the chain ends, as clients verify it.",
        "seen": "Certificates that were looked at.",
        "unused": "Certificates that nobody uses.",
        "expired": "Certificates in use that are past their end, those of a chain included.",
        "near_end": "Certificates in use that are near their end, with nobody to renew them or with a late renewal.",
        "renewals_troubled": "Renewals that failed, wait for somebody, or are late.",
        "misplaced": "Wrong host names, chains that are incomplete or not trusted.",
        "weak": "Resources with a key, a signature or a protocol that is too weak.",
    }
    verdicts: ClassVar[Mapping[str, str]] = {
        **{str(word): meaning for word, meaning in MEANING.items()},
        **VERDICTS,
    }

    def __post_init__(self) -> None:
        for name in ("warn_fraction", "late_fraction"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be more than 0 and at most 1: a part of the whole")
        keys = [target.key for target in self.targets()]
        twice = sorted({key for key in keys if keys.count(key) > 1}) if len(set(keys)) < len(keys) else []
        if twice:
            option = "files" if twice[0].startswith("files:") else "endpoints"
            raise ValueError(f"{option} names {twice[0].removeprefix('files:')} twice; keep one")

    def targets(self) -> Iterator[Target]:
        """One place for each endpoint and each pattern of files."""
        for endpoint in self.endpoints:
            yield LiveTarget(endpoint, self.timeout.total_seconds())
        for pattern in self.files:
            yield FilesTarget(pattern)

    def run(self, place: TlsPlace | FilesPlace | AwsPlace) -> Iterable[Reading]:
        """A reading for every certificate, endpoint or file of the place."""
        limits, now = self._limits(), place.now()
        if isinstance(place, TlsPlace):
            return [readings.of_endpoint(place.endpoint, place.look_at_tls(), limits, now)]
        if isinstance(place, FilesPlace):
            return [readings.of_file(look, limits, now) for look in place.look_at_files()]
        return _of_aws(place, limits, now)

    def _limits(self) -> Limits:
        return Limits(
            self.warn_fraction, self.warn_at_least, self.warn_at_most, self.authority_warn_at_most, self.late_fraction
        )


def _of_aws(place: AwsPlace, limits: Limits, now: datetime) -> Iterator[Reading]:
    """Of a region, or of an account as a whole. One refusal hides one kind of holder."""
    holders_of = REGIONAL if place.key != place.account else GLOBAL
    found: dict[str, Reading] = {}
    for name, what, look, optional in holders_of:
        for reading in guarded(f"{place.key}/{name}", what, look, place, limits, now, optional=optional):
            found.setdefault(reading.resource, reading)
    yield from found.values()

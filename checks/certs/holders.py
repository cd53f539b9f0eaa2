"""Certificates in AWS, as their holders list them: ACM, private authorities, RDS."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from checks.aws import Arn, AwsError, AwsPlace, ErrorClass, could_not_look, looked, owner_of
from checks.base import UNMANAGED, Json, Kind, Owner, Reading
from checks.certs.judge import judge
from checks.certs.model import Held, Limits, Renewal, Verdict
from checks.certs.readings import reading

# Without these, ACM lists only RSA certificates that it or a person made, and none of its newer roots.
KEY_TYPES = ("RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1")
ORIGINS = ("AWS_MANAGED", "ACME", "CUSTOMER_PROVIDED")
N2_ROOTS = ("N2_AMAZON_MANAGED", "N2_SFG2_AMAZON_MANAGED")
# No renewal has begun earlier than this; before, nothing more than the list says can be wrong with it.
RENEWAL_WINDOW = timedelta(days=90)
SHOWN_USERS = 3
# Authorities of RDS whose server certificates RDS renews by itself: rds-ca-rsa2048-g1 and those after it.
_RDS_RENEWS = re.compile(r"-g[0-9]+$")
_PCA_STATUS: Mapping[str, str] = {
    "ACTIVE": "ISSUED", "CREATING": "PENDING_VALIDATION", "PENDING_CERTIFICATE": "PENDING_VALIDATION",
    "EXPIRED": "EXPIRED", "DISABLED": "ISSUED", "FAILED": "FAILED",
}  # fmt: skip


def told_of(
    place: AwsPlace, arn: str, held: Held, users: Sequence[str], remedy: str, limits: Limits, now: datetime,
    evidence: Mapping[str, Json] | None = None,
) -> Reading:  # fmt: skip
    """The reading of one certificate that AWS holds, with its owner, and who uses it with theirs."""
    told = judge(held, limits, now)
    owners = [(user, place.owner(user)) for user in sorted(users)]
    if told.alarm and owners:
        told = replace(told, reason=f"{told.reason}; used by {_named(owners)}")
    values: dict[str, float] = {}
    if held.in_use is not False:
        for name, moment in (("not_after", held.not_after), ("not_before", held.not_before)):
            if moment is not None:
                values[f"{name}_timestamp_seconds"] = moment.timestamp()
    shown: dict[str, Json] = {
        "status": held.status,
        "not_before": held.not_before.isoformat() if held.not_before else None,
        "not_after": held.not_after.isoformat() if held.not_after else None,
        "renewed_by": held.renewed_by,
        "renewal": held.renewal.status if held.renewal else None,
        "used_by": [{"arn": user, "owner": str(owner or "")} for user, owner in owners[:50]],
        **(evidence or {}),
    }
    found = reading(
        arn, (told,) if told.alarm else (), told, values, shown, remedy=remedy, now=now, in_use=held.in_use,
        addresses=(arn, *(user for user, _ in owners[:50])),
    )  # fmt: skip
    return _owned(found, _responsible(owner_of(place, arn), [owner for _, owner in owners]))


def _named(owners: Sequence[tuple[str, Owner | None]]) -> str:
    names = [f"{_short(user)}{f' ({owner})' if owner else ''}" for user, owner in owners[:SHOWN_USERS]]
    more = [f"{len(owners) - SHOWN_USERS} more"] if len(owners) > SHOWN_USERS else []
    return ", ".join([*names, *more])


def _short(arn: str) -> str:
    """`elasticloadbalancing loadbalancer/app/web/50dc6c49`, of an ARN."""
    parsed = Arn.parse(arn)
    return f"{parsed.service} {parsed.resource}" if parsed else arn


def _responsible(own: Owner | None, users: Iterable[Owner | None]) -> Owner | None:
    """Its own owner; of a certificate that no state holds, the first of those who use it."""
    if own is not UNMANAGED:
        return own
    return next((user for user in users if user is not None), own)


def _owned(found: Reading, owner: Owner | None) -> Reading:
    return replace(found, findings=tuple(replace(finding, owner=owner) for finding in found.findings))


def blind(found: Reading, error: AwsError, what: str) -> Reading:
    """*found* was judged without what *error* hid: its findings hold, and nothing of it is healthy or resolved."""
    unknown = could_not_look(found.resource, error, what)
    known = (finding for finding in found.findings if finding.kind is not Kind.MONITORING)
    return replace(unknown, findings=(*unknown.findings, *known))


# -- ACM ----------------------------------------------------------------------------------------------------------


def of_acm(place: AwsPlace, limits: Limits, now: datetime) -> Iterator[Reading]:
    """Every certificate of ACM in the place's region, apart from those of Amazon's N2 roots."""
    yield from _listed("acm", place, limits, now, CertificateKeyPairOrigins=list(ORIGINS))


def of_acm_n2(place: AwsPlace, limits: Limits, now: datetime) -> Iterator[Reading]:
    """The certificates of Amazon's N2 roots, which ACM lists alone or not at all."""
    yield from _listed("acm-n2", place, limits, now, RootHierarchyTypes=list(N2_ROOTS))


def _listed(name: str, place: AwsPlace, limits: Limits, now: datetime, **filters: Json) -> Iterator[Reading]:
    includes, count = {"keyTypes": list(KEY_TYPES)}, 0
    for summary in place.pages("acm", "list_certificates", "CertificateSummaryList", Includes=includes, **filters):
        count += 1
        yield from acm_certificate(place, summary, limits, now)
    yield looked(place, name, count)


def acm_certificate(
    place: AwsPlace, summary: Mapping[str, Json], limits: Limits, now: datetime, region: str = ""
) -> Iterator[Reading]:
    """The reading of one certificate of ACM's list; nothing where it is gone by now."""
    arn = summary["CertificateArn"]
    more: Mapping[str, Json] = {}
    error: AwsError | None = None
    if _worth_describing(summary, limits, now):
        try:
            more = place.call("acm", "describe_certificate", CertificateArn=arn, region=region)["Certificate"]
        except AwsError as caught:
            if caught.error_class is ErrorClass.RACE:
                return
            error = caught
    held = _held_by_acm(summary, more)
    remedy = f"aws acm describe-certificate --region {region or place.region} --certificate-arn {arn}  # look at it"
    records = tuple(_records(more))
    if records:
        remedy += "\n" + "\n".join(f"# put into DNS: {record}" for record in records[:5])
    found = told_of(
        place, arn, held, tuple(more.get("InUseBy", ())), remedy, limits, now,
        {"domain": summary.get("DomainName", ""), "type": summary.get("Type", ""),
         "key": summary.get("KeyAlgorithm", ""), "reason": held.renewal.reason if held.renewal else ""},
    )  # fmt: skip
    yield found if error is None else blind(found, error, "how its renewal stands, and who uses it")


def _worth_describing(summary: Mapping[str, Json], limits: Limits, now: datetime) -> bool:
    """Whether what the list leaves out (renewal, reasons, users) can matter."""
    status, end = summary.get("Status", ""), summary.get("NotAfter")
    if status != "ISSUED":
        return status in ("FAILED", "PENDING_VALIDATION", "REVOKED", "INACTIVE") or summary.get("InUse") is not False
    if end is None or summary.get("InUse") is None:
        return True
    if summary.get("InUse") is False and not _elsewhere(summary):
        return False
    begin = summary.get("NotBefore")
    life = end - begin if begin is not None else None
    window = RENEWAL_WINDOW if life is None else min(RENEWAL_WINDOW, life * 2 / 3)
    left: timedelta = end - now
    return left <= max(window, limits.warn_before(life))


def _elsewhere(summary: Mapping[str, Json]) -> bool:
    """Whether it may be used outside of AWS, where ACM cannot see it."""
    return bool(summary.get("Exported")) or summary.get("CertificateKeyPairOrigin") == "ACME"


def _held_by_acm(summary: Mapping[str, Json], more: Mapping[str, Json]) -> Held:
    both = {**summary, **{name: value for name, value in more.items() if value is not None}}
    in_use = both.get("InUse")
    if more and "InUseBy" in more:
        in_use = bool(more["InUseBy"])
    if not in_use and _elsewhere(both):
        in_use = None
    eligible = both.get("RenewalEligibility") == "ELIGIBLE"
    return Held(
        what=f"ACM certificate {both.get('DomainName') or _name(both['CertificateArn'])}",
        not_before=both.get("NotBefore"),
        not_after=both.get("NotAfter"),
        in_use=in_use,
        status=both.get("Status", ""),
        status_reason=both.get("FailureReason") or both.get("RevocationReason") or "",
        renewed_by="ACM" if eligible else "",
        hint=_hint(both, eligible),
        renewal=_renewal(more.get("RenewalSummary")),
    )


def _hint(both: Mapping[str, Json], eligible: bool) -> str:
    if both.get("Type") == "IMPORTED":
        return "it was imported, and nobody renews it: import the next one in time"
    if both.get("CertificateKeyPairOrigin") == "ACME":
        return "an ACME client is to renew it"
    return "" if eligible else "ACM does not renew it (not eligible)"


def _renewal(summary: Mapping[str, Json] | None) -> Renewal | None:
    if not summary or not summary.get("RenewalStatus"):
        return None
    waits = [
        option.get("DomainName", "")
        for option in summary.get("DomainValidationOptions", ())
        if option.get("ValidationStatus") != "SUCCESS"
    ]
    return Renewal(summary["RenewalStatus"], summary.get("RenewalStatusReason", ""), tuple(sorted(filter(None, waits))))


def _records(more: Mapping[str, Json]) -> Iterator[str]:
    """The DNS records that ACM waits for. They are public by their nature."""
    options = (more.get("RenewalSummary") or more).get("DomainValidationOptions", ())
    for option in options:
        record = option.get("ResourceRecord")
        if record and option.get("ValidationStatus") != "SUCCESS":
            yield f"{record['Name']} {record['Type']} {record['Value']}"


def _name(arn: str) -> str:
    parsed = Arn.parse(arn)
    return parsed.name if parsed else arn


# -- private authorities -------------------------------------------------------------------------------------------


def of_authorities(place: AwsPlace, limits: Limits, now: datetime) -> Iterator[Reading]:
    """The private authorities of the account: when one ends, all that it issued end with it."""
    count = 0
    for authority in place.pages("acm-pca", "list_certificate_authorities", "CertificateAuthorities"):
        count += 1
        status, arn = authority.get("Status", ""), authority["Arn"]
        if status == "DELETED":
            continue
        held = Held(
            what=f"private authority {_authority_name(authority)}",
            not_before=authority.get("NotBefore"),
            not_after=authority.get("NotAfter"),
            in_use=status not in ("DISABLED", "CREATING", "PENDING_CERTIFICATE", "FAILED"),
            status=_PCA_STATUS.get(status, status),
            status_reason=authority.get("FailureReason", ""),
            hint="an authority is renewed by hand, and what it issues ends no later than it does",
            authority=True,
        )
        remedy = (
            f"aws acm-pca describe-certificate-authority --region {place.region} "
            f"--certificate-authority-arn {arn}  # look at it"
        )
        yield told_of(place, arn, held, (), remedy, limits, now, {"type": authority.get("Type", "")})
    yield looked(place, "acm-pca", count)


def _authority_name(authority: Mapping[str, Json]) -> str:
    subject = (authority.get("CertificateAuthorityConfiguration") or {}).get("Subject") or {}
    return str(subject.get("CommonName") or subject.get("Organization") or _name(authority["Arn"]))


# -- RDS -----------------------------------------------------------------------------------------------------------


def of_rds(place: AwsPlace, limits: Limits, now: datetime) -> Iterator[Reading]:
    """The server certificate of every database instance (RDS, Aurora, DocumentDB, Neptune)."""
    instances = place.shared("rds", "describe_db_instances", "DBInstances")
    authorities: Mapping[str, Json] = {}
    if any(_valid_till(instance) is None for instance in instances):
        # An instance that does not say when its own ends is bound by the end of its authority at least.
        listed = place.pages("rds", "describe_certificates", "Certificates")
        authorities = {one.get("CertificateIdentifier", ""): one.get("ValidTill") for one in listed}
    for instance in instances:
        yield _rds_instance(place, instance, authorities, limits, now)
    yield looked(place, "rds", len(instances))


def _valid_till(instance: Mapping[str, Json]) -> datetime | None:
    end: datetime | None = (instance.get("CertificateDetails") or {}).get("ValidTill")
    return end


def _rds_instance(
    place: AwsPlace, instance: Mapping[str, Json], authorities: Mapping[str, Json], limits: Limits, now: datetime
) -> Reading:
    name, authority = instance["DBInstanceIdentifier"], instance.get("CACertificateIdentifier", "")
    authority = (instance.get("CertificateDetails") or {}).get("CAIdentifier") or authority
    own = _valid_till(instance)
    by_itself = bool(_RDS_RENEWS.search(authority)) and own is not None
    held = Held(
        what=f"the server certificate of database {name}",
        not_before=None,
        not_after=own or authorities.get(authority),
        renewed_by="RDS" if by_itself else "",
        hint=f"its authority {authority or '(not named)'} does not renew by itself: choose a newer one",
    )
    remedy = (
        f"aws rds modify-db-instance --region {place.region} --db-instance-identifier {name} "
        "--ca-certificate-identifier rds-ca-rsa2048-g1  # after clients trust it; may restart the database"
    )
    found = told_of(place, instance["DBInstanceArn"], held, (), remedy, limits, now, {"authority": authority})
    return _told_late(found, name) if found.verdict == Verdict.RENEWAL_LATE else found


def _told_late(found: Reading, name: str) -> Reading:
    remedy = (
        f"aws rds describe-pending-maintenance-actions --filters Name=db-instance-id,Values={name}"
        "  # a rotation may wait for its window"
    )
    return replace(found, findings=tuple(replace(finding, remedy=remedy) for finding in found.findings))

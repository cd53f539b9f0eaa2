"""Certificates of IAM and those that CloudFront serves: of an account as a whole, joined with who uses them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from checks.aws import Arn, AwsError, AwsPlace, ErrorClass, looked
from checks.base import Json, Reading
from checks.certs.holders import acm_certificate, blind, told_of
from checks.certs.model import Held, Limits

_TLS_LISTENERS = frozenset({"HTTPS", "TLS", "SSL"})
Bindings = dict[str, set[str]]  # certificate (ARN, or id of IAM's) -> ARNs of those who use it


def of_account(place: AwsPlace, limits: Limits, now: datetime) -> Iterator[Reading]:
    """IAM's server certificates, and certificates of ACM that CloudFront serves from a region that nobody watches."""
    certificates = place.shared("iam", "list_server_certificates", "ServerCertificateMetadataList")
    distributions, error = _distributions(place)
    users: Bindings = {}
    for distribution in distributions:
        viewer = distribution.get("ViewerCertificate") or {}
        for name in (viewer.get("IAMCertificateId"), viewer.get("ACMCertificateArn")):
            if name:
                users.setdefault(name, set()).add(distribution["ARN"])
    errors = [error] if error is not None else []
    if certificates:
        # Asked only where IAM holds any, which is rare: this is a call for each load balancer and listener.
        for region in place.regions:
            errors += _of_balancers(place, region, users)
    for certificate in certificates:
        yield _server_certificate(place, certificate, users, errors, limits, now)
    if error is not None:
        raise error
    for name in sorted(users):
        arn = Arn.parse(name)
        if arn is not None and arn.service == "acm" and arn.region not in place.regions:
            listed = {"CertificateArn": name, "Status": "ISSUED"}
            yield from acm_certificate(place, listed, limits, now, region=arn.region)
    yield looked(place, "iam", len(certificates))


def _distributions(place: AwsPlace) -> tuple[Sequence[Mapping[str, Json]], AwsError | None]:
    try:
        return place.shared("cloudfront", "list_distributions", "DistributionList.Items"), None
    except AwsError as error:
        # Some partitions have no CloudFront at all.
        return (), None if error.error_class is ErrorClass.NOT_ENABLED else error


def _server_certificate(
    place: AwsPlace, certificate: Mapping[str, Json], users: Bindings, errors: Sequence[AwsError], limits: Limits,
    now: datetime,
) -> Reading:  # fmt: skip
    arn, name = certificate["Arn"], certificate["ServerCertificateName"]
    used_by = users.get(arn, set()) | users.get(certificate.get("ServerCertificateId", ""), set())
    held = Held(
        what=f"IAM server certificate {name}",
        not_before=None,  # IAM tells when it was uploaded, not when its time began
        not_after=certificate.get("Expiration"),
        in_use=True if used_by else None if errors else False,
        hint="IAM renews nothing: move it to ACM, or upload the next one in time",
    )
    remedy = f"aws iam get-server-certificate --server-certificate-name {name}  # look at it"
    found = told_of(place, arn, held, tuple(used_by), remedy, limits, now)
    return found if used_by or not errors else blind(found, errors[0], "whether anybody uses it")


def _of_balancers(place: AwsPlace, region: str, users: Bindings) -> list[AwsError]:
    """Add who uses what in one region; give what kept it from seeing all."""
    errors: list[AwsError] = []
    for look in (_of_new_balancers, _of_classic_balancers):
        try:
            for certificate, user in look(place, region):
                users.setdefault(certificate, set()).add(user)
        except AwsError as error:
            errors.append(error)
    return errors


def _of_new_balancers(place: AwsPlace, region: str) -> Iterator[tuple[str, str]]:
    """(certificate, load balancer) of application and network load balancers, SNI certificates included."""
    for balancer in place.shared("elbv2", "describe_load_balancers", "LoadBalancers", region=region):
        arn = balancer["LoadBalancerArn"]
        for listener in _still_there(place, region, "describe_listeners", "Listeners", LoadBalancerArn=arn):
            if listener.get("Protocol") not in _TLS_LISTENERS:
                continue
            found = _still_there(
                place, region, "describe_listener_certificates", "Certificates", ListenerArn=listener["ListenerArn"]
            )
            for certificate in (*listener.get("Certificates", ()), *found):
                yield certificate["CertificateArn"], arn


def _still_there(place: AwsPlace, region: str, operation: str, key: str, **of: str) -> list[Mapping[str, Json]]:
    """The list of something of a load balancer; empty where that was deleted meanwhile."""
    try:
        return list(place.pages("elbv2", operation, key, region=region, **of))
    except AwsError as error:
        if error.error_class is ErrorClass.RACE:
            return []
        raise


def _of_classic_balancers(place: AwsPlace, region: str) -> Iterator[tuple[str, str]]:
    for balancer in place.shared("elb", "describe_load_balancers", "LoadBalancerDescriptions", region=region):
        name = balancer["LoadBalancerName"]
        arn = Arn(place.partition, "elasticloadbalancing", region, place.account, f"loadbalancer/{name}")
        for description in balancer.get("ListenerDescriptions", ()):
            certificate = (description.get("Listener") or {}).get("SSLCertificateId")
            if certificate:
                yield certificate, str(arn)

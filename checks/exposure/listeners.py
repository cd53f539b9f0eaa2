"""Where clients may talk without TLS: load balancers, CloudFront, domain names of API Gateway. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from checks.exposure.model import Weakness

_PLAIN_PORTS = frozenset({80, 8080, 8000, 8008})  # of a network load balancer: what is passed on there is HTTP
_OLD_TLS = ("SSLv3", "TLSv1", "TLSv1_2016", "TLSv1.1_2016")


def redirects(actions: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a listener's actions do nothing but send the client to HTTPS, or refuse it."""
    found = list(actions)
    return bool(found) and all(
        (each.get("Type") == "redirect" and (each.get("RedirectConfig") or {}).get("Protocol") == "HTTPS")
        or (
            each.get("Type") == "fixed-response"
            and str((each.get("FixedResponseConfig") or {}).get("StatusCode", ""))[:1] == "4"
        )
        for each in found
    )


def is_plain(listener: Mapping[str, Any]) -> bool | None:
    """Whether a listener of the second generation talks plainly: yes, no, or None where it passes on what comes."""
    protocol, port = listener.get("Protocol"), listener.get("Port")
    if protocol == "HTTP" or (protocol in ("TCP", "TCP_UDP") and port in _PLAIN_PORTS):
        return True
    return False if protocol in ("HTTPS", "TLS", "QUIC", "TCP_QUIC") else None


def plain(balancer: str, port: object, arn: str, region: str, *, classic: bool = False) -> Weakness:
    """A listener that talks plainly."""
    look = (
        f"aws elb describe-load-balancers --load-balancer-names {shlex.quote(balancer)} --region {region}" if classic
        else f"aws elbv2 describe-listeners --listener-arns {shlex.quote(arn)} --region {region}"
    )  # fmt: skip
    return Weakness(
        "listener_plain", f"load balancer {balancer} answers without TLS on port {port}", f"listener_plain:{port}",
        look, "redirect to HTTPS, or close the port",
    )  # fmt: skip


def distribution(each: Mapping[str, Any]) -> list[Weakness]:
    """What is wrong with how a CloudFront distribution talks to clients and to its own origins."""
    name, what = str(each["Id"]), f"CloudFront distribution {each['Id']}"
    look = f"aws cloudfront get-distribution-config --id {shlex.quote(name)}"
    behaviours = [("default", each.get("DefaultCacheBehavior") or {})]
    behaviours += [(str(one.get("PathPattern")), one) for one in (each.get("CacheBehaviors") or {}).get("Items") or ()]
    told = []
    open_paths = sorted(path for path, one in behaviours if one.get("ViewerProtocolPolicy") == "allow-all")
    if open_paths:
        told.append(
            Weakness(
                "distribution_plain", f"{what} answers without TLS ({', '.join(open_paths[:4])})",
                "distribution_plain:viewers", look, 'set `viewer_protocol_policy = "redirect-to-https"`',
                evidence={"paths": open_paths},
            )
        )  # fmt: skip
    origins = sorted(
        str(one.get("Id")) for one in (each.get("Origins") or {}).get("Items") or ()
        if (one.get("CustomOriginConfig") or {}).get("OriginProtocolPolicy") in ("http-only", "match-viewer")
        and (open_paths or one["CustomOriginConfig"]["OriginProtocolPolicy"] == "http-only")
    )  # fmt: skip
    if origins:
        told.append(
            Weakness(
                "distribution_plain", f"{what} asks origins without TLS ({', '.join(origins[:4])})",
                "distribution_plain:origins", look, 'set `origin_protocol_policy = "https-only"`',
                evidence={"origins": origins},
            )
        )  # fmt: skip
    own = each.get("ViewerCertificate") or {}
    # Without a certificate of its own it has CloudFront's domain, whose versions of TLS nobody can choose.
    if not own.get("CloudFrontDefaultCertificate") and own.get("MinimumProtocolVersion") in _OLD_TLS:
        told.append(_outdated(what, str(own["MinimumProtocolVersion"]), look,
                              'set `minimum_protocol_version = "TLSv1.2_2021"`'))  # fmt: skip
    return told


def domain_name(each: Mapping[str, Any], region: str) -> list[Weakness]:
    """What is wrong with a domain name of API Gateway, which speaks HTTPS only."""
    if each.get("securityPolicy") != "TLS_1_0":
        return []
    name = str(each["domainName"])
    look = f"aws apigateway get-domain-name --domain-name {shlex.quote(name)} --region {region}"
    return [_outdated(f"API domain name {name}", "TLS 1.0", look, 'set `security_policy = "TLS_1_2"`')]


def search_domain(each: Mapping[str, Any], look: str) -> list[Weakness]:
    """Whether an OpenSearch domain insists on TLS."""
    if (each.get("DomainEndpointOptions") or {}).get("EnforceHTTPS") is True:
        return []
    what = f"search domain {each.get('DomainName')} answers without TLS"
    return [Weakness("transport_plain", what, look=look, change="set `enforce_https = true`")]


def _outdated(what: str, version: str, look: str, change: str) -> Weakness:
    return Weakness("tls_outdated", f"{what} speaks {version}", look=look, change=change)

"""What AWS says of certificates, in shapes that the installed models allow. ACM filters its list as AWS documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from tests.aws.fake import Call
from tests.aws.places import ACCOUNT, NOW, REGION

DAY = timedelta(days=1)


def arn(name: str, region: str = REGION) -> str:
    return f"arn:aws:acm:{region}:{ACCOUNT}:certificate/{name}"


def summary(name: str, *, life: float = 198, left: float = 150, region: str = REGION, **more: Any) -> dict[str, Any]:
    """A row of ACM's list: *life* and *left* in days. A value of None leaves a member out."""
    row = {
        "CertificateArn": arn(name, region), "DomainName": f"{name}.example.com", "Status": "ISSUED",
        "Type": "AMAZON_ISSUED", "KeyAlgorithm": "RSA_2048", "InUse": True, "Exported": False,
        "RenewalEligibility": "ELIGIBLE", "CertificateKeyPairOrigin": "AWS_MANAGED",
        "NotBefore": NOW + (left - life) * DAY, "NotAfter": NOW + left * DAY, **more,
    }  # fmt: skip
    return {key: value for key, value in row.items() if value is not None}


def imported(name: str, **more: Any) -> dict[str, Any]:
    own = {"Type": "IMPORTED", "RenewalEligibility": "INELIGIBLE", "CertificateKeyPairOrigin": "CUSTOMER_PROVIDED"}
    return summary(name, **{**own, **more})


def listed(*rows: Mapping[str, Any], size: int = 100) -> Callable[[Call], Mapping[str, Any]]:
    """ACM's list: what it hides unless asked for stays hidden. Source: API reference of ListCertificates, Filters."""

    def answer(call: Call) -> Mapping[str, Any]:
        asked = call.parameters
        key_types = asked.get("Includes", {}).get("keyTypes", ["RSA_1024", "RSA_2048"])
        origins = asked.get("CertificateKeyPairOrigins", ["AWS_MANAGED", "CUSTOMER_PROVIDED"])
        roots = asked.get("RootHierarchyTypes")
        shown = [
            row for row in rows
            if row["KeyAlgorithm"] in key_types and row["CertificateKeyPairOrigin"] in origins
            and (row.get("RootHierarchyType") in roots if roots else "RootHierarchyType" not in row)
        ]  # fmt: skip
        start = int(asked.get("NextToken", "0"))
        page: dict[str, Any] = {"CertificateSummaryList": shown[start : start + size]}
        return page if start + size >= len(shown) else page | {"NextToken": str(start + size)}

    return answer


def described(details: Mapping[str, Mapping[str, Any]]) -> Callable[[Call], Mapping[str, Any]]:
    """DescribeCertificate by name; one that is not in *details* is used by a load balancer and tells nothing more."""

    def answer(call: Call) -> Mapping[str, Any]:
        found = call.parameters["CertificateArn"]
        more = details.get(found.rpartition("/")[2], {"InUseBy": [balancer("web")]})
        return {"Certificate": {"CertificateArn": found, **more}}

    return answer


def balancer(name: str, region: str = REGION) -> str:
    return f"arn:aws:elasticloadbalancing:{region}:{ACCOUNT}:loadbalancer/app/{name}/50dc6c495c0c9188"


def renewal(status: str, reason: str = "", waiting: Sequence[str] = ()) -> dict[str, Any]:
    options: list[dict[str, Any]] = [{"DomainName": "done.example.com", "ValidationStatus": "SUCCESS"}]
    options += [
        {"DomainName": domain, "ValidationStatus": "PENDING_VALIDATION", "ValidationMethod": "DNS",
         "ResourceRecord": {"Name": f"_x.{domain}.", "Type": "CNAME", "Value": "_y.acm-validations.aws."}}
        for domain in waiting
    ]  # fmt: skip
    found: dict[str, Any] = {"RenewalStatus": status, "DomainValidationOptions": options, "UpdatedAt": NOW}
    return found | {"RenewalStatusReason": reason} if reason else found


def authority(name: str, left: float, status: str = "ACTIVE", **more: Any) -> dict[str, Any]:
    return {
        "Arn": f"arn:aws:acm-pca:{REGION}:{ACCOUNT}:certificate-authority/{name}", "Type": "ROOT", "Status": status,
        "NotBefore": NOW + (left - 3650) * DAY, "NotAfter": NOW + left * DAY,
        "CertificateAuthorityConfiguration": {
            "KeyAlgorithm": "RSA_2048", "SigningAlgorithm": "SHA256WITHRSA", "Subject": {"CommonName": name},
        },
        **more,
    }  # fmt: skip


def database(name: str, left: float | None, authority: str = "rds-ca-rsa2048-g1") -> dict[str, Any]:
    found: dict[str, Any] = {
        "DBInstanceIdentifier": name, "DBInstanceArn": f"arn:aws:rds:{REGION}:{ACCOUNT}:db:{name}",
        "CACertificateIdentifier": authority,
    }  # fmt: skip
    if left is not None:
        found["CertificateDetails"] = {"CAIdentifier": authority, "ValidTill": NOW + left * DAY}
    return found


def certificate_id(name: str) -> str:
    return f"ASCA{name.upper():X<16}"


def server_certificate(name: str, left: float | None) -> dict[str, Any]:
    found = {
        "Path": "/", "ServerCertificateName": name, "ServerCertificateId": certificate_id(name),
        "Arn": f"arn:aws:iam::{ACCOUNT}:server-certificate/{name}", "UploadDate": NOW - 100 * DAY,
    }  # fmt: skip
    return found if left is None else {**found, "Expiration": NOW + left * DAY}


def distribution(name: str, **viewer: Any) -> dict[str, Any]:
    """A distribution with all that the model requires of one."""
    nothing: dict[str, Any] = {"Quantity": 0}
    return {
        "Id": name, "ARN": f"arn:aws:cloudfront::{ACCOUNT}:distribution/{name}", "Status": "Deployed",
        "LastModifiedTime": NOW, "DomainName": f"{name}.cloudfront.net", "Aliases": nothing,
        "Origins": {"Quantity": 1, "Items": [{"Id": "o", "DomainName": "o.example.com"}]},
        "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": "https-only"},
        "CacheBehaviors": nothing, "CustomErrorResponses": nothing, "Comment": "", "PriceClass": "PriceClass_All",
        "Enabled": True, "ViewerCertificate": viewer or {"CloudFrontDefaultCertificate": True},
        "Restrictions": {"GeoRestriction": {"RestrictionType": "none", "Quantity": 0}}, "WebACLId": "",
        "HttpVersion": "http2", "IsIPV6Enabled": True, "Staging": False,
    }  # fmt: skip


def distributions(*found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "DistributionList": {
            "Marker": "", "MaxItems": 100, "IsTruncated": False, "Quantity": len(found), "Items": list(found),
        }
    }  # fmt: skip

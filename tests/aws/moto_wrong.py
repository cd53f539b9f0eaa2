"""Where moto answers, and answers otherwise than AWS: one row each, with a probe that sees whether it still does.

What moto does not implement at all is not here: it says so. A test that would go by one of these answers would prove
nothing, or the wrong thing, so it takes the fake AWS (tests/aws/fake.py) or plain data instead. A source is a page of
AWS' documentation, by its name in the API reference or guide.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import md5
from typing import Any

from botocore.exceptions import ClientError

REGION = "eu-west-1"
Clients = Callable[[str], Any]  # boto3's name of a service -> a client of moto's server


@dataclass(frozen=True)
class Wrong:
    """A wrong answer. *still* gives whether moto still gives it, seen in a real answer."""

    service: str
    operation: str
    says: str  # what moto says
    aws: str  # what AWS says
    source: str
    avoided_by: tuple[str, ...]  # test modules that take another way; none: nobody needs it yet
    still: Callable[[Clients], bool]

    @property
    def name(self) -> str:
        return f"{self.service} {self.operation}: {self.says}"


def fresh(name: str) -> str:
    """A name that no other test of the run has used: moto keeps one world for all."""
    return f"{name}-{uuid.uuid4().hex[:12]}"


def _bucket(clients: Clients) -> tuple[Any, str]:
    s3, name = clients("s3"), fresh("moto-wrong")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return s3, name


def _kms_etag(clients: Clients) -> bool:
    s3, bucket = _bucket(clients)
    body = b"a state"
    etag = s3.put_object(Bucket=bucket, Key="k", Body=body, ServerSideEncryption="aws:kms")["ETag"].strip('"')
    return bool(etag == md5(body, usedforsecurity=False).hexdigest())


def _bare_bucket(clients: Clients) -> bool:
    s3, bucket = _bucket(clients)
    try:
        s3.get_bucket_encryption(Bucket=bucket)
    except ClientError as error:
        return bool(error.response["Error"]["Code"] == "ServerSideEncryptionConfigurationNotFoundError")
    return False


def _bucket_region(clients: Clients) -> bool:
    s3, bucket = _bucket(clients)
    [mine] = [one for one in s3.list_buckets(MaxBuckets=1000)["Buckets"] if one["Name"] == bucket]
    return "BucketRegion" not in mine


def _newer_versions(clients: Clients) -> bool:
    s3, bucket = _bucket(clients)
    expiry = {"NoncurrentDays": 3, "NewerNoncurrentVersions": 5}
    rule = {"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, "NoncurrentVersionExpiration": expiry}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    [kept] = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    return "NewerNoncurrentVersions" not in kept["NoncurrentVersionExpiration"]


def _live_route(clients: Clients) -> bool:
    ec2 = clients("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.61.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.61.0.0/24")["Subnet"]["SubnetId"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    gateway = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway)
    ec2.delete_nat_gateway(NatGatewayId=gateway)
    [found] = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    return any(one.get("NatGatewayId") == gateway and one["State"] == "active" for one in found["Routes"])


def _no_pages(clients: Clients) -> bool:
    ec2 = clients("ec2")
    for _ in range(6):
        ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1)
    return len(ec2.describe_volumes(MaxResults=5)["Volumes"]) > 5


def _one_page_of_users(clients: Clients) -> bool:
    iam = clients("iam")
    for _ in range(3):
        iam.create_user(UserName=fresh("user"))
    return len(iam.list_users(MaxItems=2)["Users"]) > 2


def _same_blocks(clients: Clients) -> bool:
    ec2 = clients("ec2")
    one, other = (ec2.create_vpc(CidrBlock="10.62.0.0/16")["Vpc"]["VpcId"] for _ in range(2))
    asked = ec2.create_vpc_peering_connection(VpcId=one, PeerVpcId=other)["VpcPeeringConnection"]
    return bool(asked["Status"]["Code"] != "failed")


def _query(name: str, **more: Any) -> dict[str, Any]:
    metric = {"Namespace": "MotoWrong", "MetricName": "m"}
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}, **more}


def _metric_data(clients: Clients, queries: list[dict[str, Any]]) -> Any:
    cloudwatch, now = clients("cloudwatch"), datetime.now(UTC)
    point = {"MetricName": "m", "Value": 2.0, "Timestamp": now - timedelta(minutes=2)}
    cloudwatch.put_metric_data(Namespace="MotoWrong", MetricData=[point])
    return cloudwatch.get_metric_data(
        MetricDataQueries=queries, StartTime=now - timedelta(minutes=10), EndTime=now + timedelta(minutes=1)
    )["MetricDataResults"]


def _no_maths(clients: Clients) -> bool:
    found = {one["Id"]: one for one in _metric_data(clients, [_query("a"), {"Id": "e", "Expression": "a*2"}])}
    assert found["a"]["Values"], "the metric itself is there"
    return not found["e"]["Values"] and bool(found["e"]["StatusCode"] == "Complete")


def _too_many_queries(clients: Clients) -> bool:
    return len(_metric_data(clients, [_query(f"q{number}") for number in range(501)])) == 501


@cache
def _certificate() -> tuple[bytes, bytes]:
    """A certificate with an elliptic curve that is valid now, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "moto-wrong.example.com")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("moto-wrong.example.com")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM), private


def _all_keys_listed(clients: Clients) -> bool:
    acm = clients("acm")
    certificate, key = _certificate()
    arn = acm.import_certificate(Certificate=certificate, PrivateKey=key)["CertificateArn"]
    return any(one["CertificateArn"] == arn for one in acm.list_certificates()["CertificateSummaryList"])


def _old_certificates(clients: Clients) -> bool:
    iam, name = clients("iam"), fresh("certificate")
    certificate, key = _certificate()
    iam.upload_server_certificate(
        ServerCertificateName=name, CertificateBody=certificate.decode(), PrivateKey=key.decode()
    )
    rows = iam.list_server_certificates()["ServerCertificateMetadataList"]
    [mine] = [one for one in rows if one["ServerCertificateName"] == name]
    return bool(mine["Expiration"].year == 2012)


def _no_root(clients: Clients) -> bool:
    iam = clients("iam")
    iam.create_user(UserName=fresh("user"))
    for _ in range(50):
        if iam.generate_credential_report()["State"] == "COMPLETE":
            break
        time.sleep(0.05)
    return b"<root_account>" not in iam.get_credential_report()["Content"]


def _any_external_id(clients: Clients) -> bool:
    trust = {
        "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "right"}},
    }  # fmt: skip
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = clients("iam").create_role(RoleName=fresh("role"), AssumeRolePolicyDocument=document)["Role"]["Arn"]
    try:
        clients("sts").assume_role(RoleArn=role, RoleSessionName="probe", ExternalId="wrong")
    except ClientError:
        return False
    return True


def _unfiltered_findings(clients: Clients) -> bool:
    hub = clients("securityhub")
    hub.enable_security_hub()
    now, name = "2026-01-01T00:00:00Z", fresh("finding")
    hub.batch_import_findings(Findings=[{
        "SchemaVersion": "2018-10-08", "Id": name, "GeneratorId": "probe", "AwsAccountId": "123456789012",
        "ProductArn": f"arn:aws:securityhub:{REGION}:123456789012:product/123456789012/default",
        "CreatedAt": now, "UpdatedAt": now, "Severity": {"Label": "LOW"}, "Title": "t", "Description": "d",
        "Resources": [{"Type": "Other", "Id": "x"}],
    }])  # fmt: skip
    critical = {"SeverityLabel": [{"Value": "CRITICAL", "Comparison": "EQUALS"}]}
    return any(one["Id"] == name for one in hub.get_findings(Filters=critical)["Findings"])


def _no_usage(clients: Clients) -> bool:
    listed = clients("service-quotas").list_aws_default_service_quotas(ServiceCode="vpc")["Quotas"]
    assert listed, "there are defaults"
    return not any("UsageMetric" in one for one in listed)


def _bare_database(clients: Clients) -> bool:
    made = clients("rds").create_db_instance(
        DBInstanceIdentifier=fresh("db"), DBInstanceClass="db.t3.micro", Engine="postgres", AllocatedStorage=20,
        MasterUsername="probe", MasterUserPassword="canary-fake-secret",
    )["DBInstance"]  # fmt: skip
    return "CertificateDetails" not in made


def _bare_cache(clients: Clients) -> bool:
    cache_, name = clients("elasticache"), fresh("c")[:20]
    cache_.create_cache_cluster(
        CacheClusterId=name, Engine="redis", NumCacheNodes=1, CacheNodeType="cache.t3.micro"
    )  # fmt: skip
    [found] = cache_.describe_cache_clusters(CacheClusterId=name)["CacheClusters"]
    return "AtRestEncryptionEnabled" not in found


def _silent_logs(clients: Clients) -> bool:
    ec2, elb = clients("ec2"), clients("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.63.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.63.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")
        for number, zone in enumerate("ab")
    ]
    made = elb.create_load_balancer(Name=fresh("lb")[:30], Subnets=[one["Subnet"]["SubnetId"] for one in subnets])
    arn = made["LoadBalancers"][0]["LoadBalancerArn"]
    return not any(
        one["Key"] == "access_logs.s3.enabled"
        for one in elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    )


def _no_upgrade_policy(clients: Clients) -> bool:
    role = "arn:aws:iam::123456789012:role/cluster"
    made = clients("eks").create_cluster(name=fresh("c"), roleArn=role, resourcesVpcConfig={"subnetIds": []})
    return "upgradePolicy" not in made["cluster"]


WRONG: tuple[Wrong, ...] = (
    Wrong("s3", "PutObject", "the ETag of an object with a KMS key is its MD5",
          "it is no MD5", "S3 API Reference, Object, ETag",
          ("tests/daemon/states/test_library.py",), _kms_etag),
    Wrong("s3", "GetBucketEncryption", "a new bucket has no default encryption",
          "AES256, since January 2023", "S3 User Guide, Setting default server-side encryption behavior",
          ("tests/checks/test_security_account.py",), _bare_bucket),
    Wrong("s3", "ListBuckets", "no BucketRegion",
          "the region, if the question has any parameter", "S3 API Reference, Bucket, BucketRegion",
          ("tests/checks/test_unmanaged.py", "tests/checks/test_security_account.py"), _bucket_region),
    Wrong("s3", "PutBucketLifecycleConfiguration", "NewerNoncurrentVersions is forgotten",
          "it is kept", "S3 API Reference, NoncurrentVersionExpiration",
          ("tests/checks/states/test_settings.py",), _newer_versions),
    Wrong("ec2", "DescribeRouteTables", "a route through a NAT gateway that was deleted is active",
          "blackhole", "EC2 API Reference, Route, state",
          ("tests/checks/nets/test_routes.py",), _live_route),
    Wrong("ec2", "DescribeVolumes", "MaxResults is ignored, there is one page",
          "so many, and a token", "EC2 API Reference, DescribeVolumes, MaxResults",
          ("tests/checks/test_compliance.py",), _no_pages),
    Wrong("iam", "ListUsers", "MaxItems is ignored, there is one page",
          "so many, and a marker", "IAM API Reference, ListUsers, MaxItems",
          (), _one_page_of_users),
    Wrong("ec2", "CreateVpcPeeringConnection", "two VPCs with the same block can be peered",
          "the connection has failed", "VPC Peering Guide, VPC peering limitations",
          ("tests/checks/nets/test_overlap.py",), _same_blocks),
    Wrong("cloudwatch", "GetMetricData", "an expression has no value, and is complete",
          "its values", "CloudWatch API Reference, MetricDataQuery, Expression",
          (), _no_maths),
    Wrong("cloudwatch", "GetMetricData", "501 queries are answered",
          "an error: at most 500", "CloudWatch API Reference, GetMetricData, MetricDataQueries",
          ("tests/checks/test_network.py", "tests/checks/test_cloudwatch.py"), _too_many_queries),
    Wrong("acm", "ListCertificates", "certificates with every kind of key",
          "RSA 1024 and 2048 only, unless Includes names others", "ACM API Reference, Filters, keyTypes",
          ("tests/checks/test_certificates.py",), _all_keys_listed),
    Wrong("iam", "ListServerCertificates", "every certificate has expired in 2012",
          "when the certificate expires", "IAM API Reference, ServerCertificateMetadata, Expiration",
          ("tests/checks/test_certificates.py",), _old_certificates),
    Wrong("iam", "GetCredentialReport", "there is no row of the root user",
          "the first row is <root_account>", "IAM User Guide, Getting credential reports",
          ("tests/checks/test_security_account.py",), _no_root),
    Wrong("sts", "AssumeRole", "any external id will do",
          "AccessDenied, unless it is the one of the trust policy", "IAM User Guide, Third-party access, external ID",
          ("tests/daemon/test_wiring.py",), _any_external_id),
    Wrong("securityhub", "GetFindings", "the filter SeverityLabel is ignored",
          "only findings that fit it", "Security Hub API Reference, AwsSecurityFindingFilters",
          ("tests/checks/exposure/test_verdicts.py",), _unfiltered_findings),
    Wrong("service-quotas", "ListAWSDefaultServiceQuotas", "no quota has a UsageMetric",
          "those with a metric have it", "Service Quotas API Reference, ServiceQuota, UsageMetric",
          ("tests/checks/test_quotas.py",), _no_usage),
    Wrong("rds", "CreateDBInstance", "no CertificateDetails",
          "the CA of the instance, and until when its certificate is valid", "RDS API Reference, DBInstance",
          ("tests/checks/test_certificates.py",), _bare_database),
    Wrong("elasticache", "DescribeCacheClusters", "nothing of encryption",
          "AtRestEncryptionEnabled and TransitEncryptionEnabled", "ElastiCache API Reference, CacheCluster",
          ("tests/checks/test_security.py",), _bare_cache),
    Wrong("elbv2", "DescribeLoadBalancerAttributes", "not whether access logs are on",
          "access_logs.s3.enabled, false by default", "Elastic Load Balancing API Reference, LoadBalancerAttribute",
          ("tests/checks/test_compliance.py",), _silent_logs),
    Wrong("eks", "CreateCluster", "no upgradePolicy",
          "its support type", "EKS API Reference, Cluster, upgradePolicy",
          (), _no_upgrade_policy),
)  # fmt: skip


def modules() -> Iterator[str]:
    """Every test module that a row names."""
    return (path for row in WRONG for path in row.avoided_by)

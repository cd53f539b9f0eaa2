"""What the demo's account has beside the stacks: what an organisation sets up before anything is built in it.

Without it a first look would find what is wrong with an account that nobody has set up, and not what was planted.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from daemon.aws import AwsSettings, Identity, Sessions
from daemon.demo.api import ACCOUNT, Api
from daemon.demo.repository import LOCK_TABLE

Client = Callable[[str], Any]  # botocore's name of a service -> a client

LOGS = "acme-logs"
# Alarm -> (namespace, metric, dimension, what it watches, threshold). Production has none without.
ALARMS = {
    "acme-prod-jobs-wait": ("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "acme-prod-jobs", 900.0),
    "acme-prod-orders-throttled": ("AWS/DynamoDB", "ThrottledRequests", "TableName", "acme-prod-orders", 1.0),
    "acme-terraform-locks-throttled": ("AWS/DynamoDB", "ThrottledRequests", "TableName", LOCK_TABLE, 1.0),
}
_LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"


def client_maker(api: Api) -> Client:
    """Clients for the demo's AWS that sign with the key of *api*, each made when it is first asked for."""
    sessions = Sessions(AwsSettings(region=api.region))
    session = sessions.of(Identity(api.access_key, "opens-nothing-but-the-demo"))
    config = sessions.config(path_style=True, inject_host_prefix=False)
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            made[service] = sessions.client(
                session, service, region_name=api.region, endpoint_url=api.endpoint, config=config
            )
        return made[service]

    return client


def set_up(client: Client, region: str) -> None:
    """Make the account what an account should be, with every bucket and network that is there by now."""
    _remove_default_network(client("ec2"))
    client("ec2").enable_ebs_encryption_by_default()
    _buckets(client("s3"), region)
    _flow_logs(client("ec2"))
    _alarms(client("cloudwatch"))
    _records(client)


def public(bucket: str) -> str:
    """A bucket's policy that lets everybody read what is in it, over TLS."""
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    return _policy([_tls_only(bucket), everybody])


def _policy(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _tls_only(bucket: str) -> dict[str, Any]:
    return {
        "Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }  # fmt: skip


def _remove_default_network(ec2: Any) -> None:
    default = [{"Name": "is-default", "Values": ["true"]}]
    for vpc in ec2.describe_vpcs(Filters=default)["Vpcs"]:
        within = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
        for subnet in ec2.describe_subnets(Filters=within)["Subnets"]:
            ec2.delete_subnet(SubnetId=subnet["SubnetId"])
        ec2.delete_vpc(VpcId=vpc["VpcId"])


def _buckets(s3: Any, region: str) -> None:
    s3.create_bucket(Bucket=LOGS, CreateBucketConfiguration={"LocationConstraint": region})
    grants = [
        {"Grantee": {"Type": "Group", "URI": _LOG_DELIVERY}, "Permission": each} for each in ("WRITE", "READ_ACP")
    ]
    s3.put_bucket_acl(Bucket=LOGS, AccessControlPolicy={"Grants": grants, "Owner": {"ID": "acme"}})
    for each in s3.list_buckets()["Buckets"]:
        protect(s3, each["Name"])
        if each["Name"] != LOGS:
            log_access(s3, each["Name"])


def log_access(s3: Any, name: str) -> None:
    """Have a bucket's accesses written to the bucket of logs."""
    target = {"TargetBucket": LOGS, "TargetPrefix": f"s3/{name}/"}
    s3.put_bucket_logging(Bucket=name, BucketLoggingStatus={"LoggingEnabled": target})


def protect(s3: Any, name: str) -> None:
    """What a bucket has in this account, its access log apart."""
    s3.put_bucket_policy(Bucket=name, Policy=_policy([_tls_only(name)]))
    # AWS does the next two for every new bucket, and moto does not.
    aes = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": aes})
    flags = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(flags, True))
    old = {"NoncurrentDays": 365}
    rule = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "NoncurrentVersionExpiration": old}
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [rule]})


def _flow_logs(ec2: Any) -> None:
    networks = [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]]
    ec2.create_flow_logs(
        ResourceIds=networks, ResourceType="VPC", TrafficType="REJECT", LogDestinationType="s3",
        LogDestination=f"arn:aws:s3:::{LOGS}",
    )  # fmt: skip


def _alarms(cloudwatch: Any) -> None:
    for name, (namespace, metric, dimension, subject, threshold) in ALARMS.items():
        cloudwatch.put_metric_alarm(
            AlarmName=name, Namespace=namespace, MetricName=metric, Threshold=threshold, Statistic="Maximum",
            Dimensions=[{"Name": dimension, "Value": subject}], Period=300, EvaluationPeriods=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold", ActionsEnabled=True,
        )  # fmt: skip
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="nothing is wrong")


def _records(client: Client) -> None:
    """CloudTrail, AWS Config and GuardDuty are on."""
    trail = client("cloudtrail")
    trail.create_trail(
        Name="acme", S3BucketName=LOGS, IsMultiRegionTrail=True, EnableLogFileValidation=True,
        IncludeGlobalServiceEvents=True,
    )  # fmt: skip
    trail.start_logging(Name="acme")
    config = client("config")
    role = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"
    config.put_configuration_recorder(
        ConfigurationRecorder={"name": "default", "roleARN": role, "recordingGroup": {"allSupported": True}}
    )
    config.put_delivery_channel(DeliveryChannel={"name": "default", "s3BucketName": LOGS})
    config.start_configuration_recorder(ConfigurationRecorderName="default")
    client("guardduty").create_detector(Enable=True)

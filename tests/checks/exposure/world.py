"""Answers of AWS for the check `security` at a region: in each list something right and something wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tests.aws.fake import Answers, Call
from tests.aws.places import ACCOUNT, NOW, REGION

DAY = timedelta(days=1)


def arn(service: str, resource: str, region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:aws:{service}:{region}:{account}:{resource}"


# -- security groups ------------------------------------------------------------------------------------------------


def rule(protocol: str, low: int | None, high: int | None, *sources: str) -> dict[str, Any]:
    """A rule of a group as EC2 gives it."""
    found: dict[str, Any] = {"IpProtocol": protocol}
    if low is not None:
        found |= {"FromPort": low, "ToPort": high}
    found["IpRanges"] = [{"CidrIp": one} for one in sources if "." in one]
    found["Ipv6Ranges"] = [{"CidrIpv6": one} for one in sources if ":" in one]
    found["PrefixListIds"] = [{"PrefixListId": one} for one in sources if one.startswith("pl-")]
    return found


def group(name: str, *rules: dict[str, Any], owner: str = ACCOUNT) -> dict[str, Any]:
    return {"GroupId": name, "GroupName": f"name-of-{name}", "OwnerId": owner, "IpPermissions": list(rules)}


def interface(*names: str, kind: str = "interface", requester: str = "") -> dict[str, Any]:
    managed = kind != "interface" or bool(requester)
    return {
        "NetworkInterfaceId": "eni-1", "InterfaceType": kind, "RequesterId": requester, "RequesterManaged": managed,
        "Groups": [{"GroupId": one} for one in names],
    }  # fmt: skip


# -- data stores ----------------------------------------------------------------------------------------------------


def database(name: str, *, safe: bool, engine: str = "postgres", group: str = "forced") -> dict[str, Any]:
    return {
        "DBInstanceIdentifier": name, "DBInstanceArn": arn("rds", f"db:{name}"), "Engine": engine,
        "StorageEncrypted": safe, "PubliclyAccessible": not safe, "DbiResourceId": f"db-{name.upper()}",
        "DBParameterGroups": [{"DBParameterGroupName": group, "ParameterApplyStatus": "in-sync"}],
    }  # fmt: skip


def cluster(name: str, *, safe: bool) -> dict[str, Any]:
    return {
        "DBClusterIdentifier": name, "DBClusterArn": arn("rds", f"cluster:{name}"), "Engine": "aurora-mysql",
        "StorageEncrypted": safe, "DBClusterParameterGroup": "forced" if safe else "loose",
        "DBClusterMembers": [{"DBInstanceIdentifier": f"{name}-1", "DBClusterParameterGroupStatus": "in-sync"}],
    }  # fmt: skip


def parameters(name: str, on: str, off: str) -> Any:
    """Of the group "forced" the value *on*, of any other *off*; beside it, one that nobody asked for."""

    def answer(call: Call) -> Mapping[str, Any]:
        given = [value for key, value in call.parameters.items() if key.endswith("GroupName")]
        value = on if given == ["forced"] else off
        other = {"ParameterName": "other", "ParameterValue": "1", "ApplyType": "static"}
        return {"Parameters": [other, {"ParameterName": name, "ParameterValue": value, "ApplyType": "static"}]}

    return answer


def snapshot_attributes(key: str, member: str, named: str) -> Any:
    """Of the snapshot "open" that everybody can restore it; of any other, that one account can."""

    def answer(call: Call) -> Mapping[str, Any]:
        values = ["all"] if call.parameters[named] == "open" else ["222222222222"]
        return {key: {member: [{"AttributeName": "restore", "AttributeValues": values}]}}

    return answer


def balancer(name: str, scheme: str = "internet-facing", kind: str = "application") -> dict[str, Any]:
    where = arn("elasticloadbalancing", f"loadbalancer/app/{name}/1")
    return {"LoadBalancerArn": where, "LoadBalancerName": name, "Scheme": scheme, "Type": kind}


TO_HTTPS = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "StatusCode": "HTTP_301"}}
FORWARD = {"Type": "forward", "TargetGroupArn": arn("elasticloadbalancing", "targetgroup/t/1")}


def listeners(call: Call) -> Mapping[str, Any]:
    where = call.parameters["LoadBalancerArn"]
    plain = {"ListenerArn": f"{where}/plain", "LoadBalancerArn": where, "Port": 80, "Protocol": "HTTP"}
    return {"Listeners": [plain, {**plain, "ListenerArn": f"{where}/tls", "Port": 443, "Protocol": "HTTPS"}]}


def rules(call: Call) -> Mapping[str, Any]:
    """The default of each listener redirects; of the balancer "plain", another rule forwards."""
    found = [{"RuleArn": "default", "IsDefault": True, "Actions": [TO_HTTPS]}]
    if "/plain/1/" in call.parameters["ListenerArn"]:
        found.insert(0, {"RuleArn": "first", "IsDefault": False, "Actions": [FORWARD]})
    return {"Rules": found}


def search_domain(name: str, *, safe: bool) -> dict[str, Any]:
    policy = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "es:*", "Resource": "*"}]}
    return {
        "DomainId": f"{ACCOUNT}/{name}", "DomainName": name, "ARN": arn("es", f"domain/{name}"), "ClusterConfig": {},
        "EncryptionAtRestOptions": {"Enabled": safe}, "DomainEndpointOptions": {"EnforceHTTPS": safe},
        "AccessPolicies": "" if safe else json.dumps(policy),
    }  # fmt: skip


# -- what other services have found ---------------------------------------------------------------------------------


def hub_finding(control: str, resource: str, severity: str = "CRITICAL", **more: Any) -> dict[str, Any]:
    return {
        "SchemaVersion": "2018-10-08", "Id": f"id-{control}-{resource}", "ProductArn": "p",
        "ProductName": "Security Hub", "GeneratorId": f"aws-foundational/{control}", "AwsAccountId": ACCOUNT,
        "Region": REGION, "CreatedAt": "2026-01-01T00:00:00Z", "UpdatedAt": "2026-01-01T00:00:00Z",
        "Title": f"title of {control}", "Description": "d", "Severity": {"Label": severity}, "RecordState": "ACTIVE",
        "Workflow": {"Status": "NEW"}, "Compliance": {"Status": "FAILED", "SecurityControlId": control},
        "Resources": [{"Type": "AwsThing", "Id": resource}], **more,
    }  # fmt: skip


def threat(number: str, kind: str, *, archived: bool = False, **resource: Any) -> dict[str, Any]:
    return {
        "AccountId": ACCOUNT, "Arn": arn("guardduty", f"detector/d/finding/{number}"), "Id": number, "Region": REGION,
        "CreatedAt": "2026-01-01T00:00:00Z", "UpdatedAt": "2026-01-01T00:00:00Z", "SchemaVersion": "2.0",
        "Severity": 8.0, "Type": kind, "Title": f"title of {kind}", "Resource": resource,
        "Service": {"Archived": archived},
    }  # fmt: skip


def threats(*found: dict[str, Any]) -> Any:
    """GetFindings: those that are asked for by id."""

    def answer(call: Call) -> Mapping[str, Any]:
        return {"Findings": [each for each in found if each["Id"] in call.parameters["FindingIds"]]}

    return answer


def external(number: str, resource: str, kind: str = "AWS::IAM::Role", *, public: bool = False) -> dict[str, Any]:
    return {
        "id": number, "resource": resource, "resourceType": kind, "isPublic": public, "status": "ACTIVE",
        "principal": {"AWS": "*" if public else "222222222222"}, "condition": {}, "createdAt": NOW, "analyzedAt": NOW,
        "updatedAt": NOW, "resourceOwnerAccount": ACCOUNT,
    }  # fmt: skip


def evaluation(rule_name: str, kind: str, resource: str) -> dict[str, Any]:
    qualifier = {"ConfigRuleName": rule_name, "ResourceType": kind, "ResourceId": resource}
    return {"EvaluationResultIdentifier": {"EvaluationResultQualifier": qualifier}, "ComplianceType": "NON_COMPLIANT"}


def broken_rule(call: Call) -> Mapping[str, Any]:
    return {"EvaluationResults": [evaluation(call.parameters["ConfigRuleName"], "AWS::EC2::EIP", "eipalloc-1")]}


def broken(*names: str) -> dict[str, Any]:
    return {
        "ComplianceByConfigRules": [
            {"ConfigRuleName": name, "Compliance": {"ComplianceType": "NON_COMPLIANT"}} for name in names
        ]
    }


def analyzers(*kinds: str, status: str = "ACTIVE") -> dict[str, Any]:
    return {
        "analyzers": [
            {"arn": arn("access-analyzer", f"analyzer/{kind}"), "name": kind, "type": kind, "status": status,
             "createdAt": NOW}
            for kind in kinds
        ]
    }  # fmt: skip


THREATS = (threat("t1", "Backdoor:EC2/Spambot", ResourceType="Instance", InstanceDetails={"InstanceId": "i-1"}),)
RECORDING = {"name": "default", "recording": True, "lastStatus": "Success"}

REGIONAL: Answers = {
    ("ec2", "describe_security_groups"): [
        {"SecurityGroups": [group("sg-closed", rule("tcp", 22, 22, "10.0.0.0/8"))]},
        {
            "SecurityGroups": [
                group("sg-open", rule("tcp", 22, 22, "0.0.0.0/0"), rule("tcp", 8080, 8080, "::/0")),
                group("sg-web", rule("tcp", 443, 443, "0.0.0.0/0")),
                group("sg-idle", rule("-1", None, None, "0.0.0.0/0")),
                group("sg-listed", rule("tcp", 3306, 3306, "pl-1")),
            ]
        },
    ],
    ("ec2", "describe_network_interfaces"): {
        "NetworkInterfaces": [
            interface("sg-open", "sg-listed"), interface("sg-web", requester="amazon-elb"),
            interface("sg-web", kind="network_load_balancer"),
        ]
    },
    ("ec2", "get_managed_prefix_list_entries"): [
        {"Entries": [{"Cidr": "10.0.0.0/8"}]}, {"Entries": [{"Cidr": "0.0.0.0/1"}]},
    ],
    ("ram", "list_resources"): {"resources": []},
    ("ec2", "describe_volumes"): [
        {"Volumes": [{"VolumeId": "vol-1", "Encrypted": True}]},
        {"Volumes": [{"VolumeId": "vol-2", "Encrypted": False}]},
    ],
    ("ec2", "get_ebs_encryption_by_default"): {"EbsEncryptionByDefault": True},
    ("ec2", "describe_snapshots"): [{"Snapshots": []}, {"Snapshots": [{"SnapshotId": "snap-1"}]}],
    ("ec2", "get_snapshot_block_public_access_state"): {"State": "unblocked"},
    ("ec2", "describe_images"): {"Images": [{"ImageId": "ami-1", "Name": "base", "Public": True}]},
    ("elbv2", "describe_load_balancers"): {
        "LoadBalancers": [balancer("good"), balancer("plain"), balancer("inside", "internal")]
    },
    ("elbv2", "describe_listeners"): listeners,
    ("elbv2", "describe_rules"): rules,
    ("elb", "describe_load_balancers"): {
        "LoadBalancerDescriptions": [
            {
                "LoadBalancerName": "old", "Scheme": "internet-facing",
                "ListenerDescriptions": [
                    {"Listener": {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 80}}
                ],
            }
        ]
    },
    ("apigateway", "get_domain_names"): {
        "items": [
            {"domainName": "a.example.com", "securityPolicy": "TLS_1_0"},
            {"domainName": "b.example.com", "securityPolicy": "TLS_1_2"},
        ]
    },
    ("rds", "describe_db_instances"): [
        {"DBInstances": [database("good", safe=True)]},
        {"DBInstances": [database("bad", safe=False, group="loose"), database("ora", safe=True, engine="oracle-ee")]},
    ],
    ("rds", "describe_db_parameters"): parameters("rds.force_ssl", "1", "0"),
    ("rds", "describe_db_clusters"): {"DBClusters": [cluster("good", safe=True), cluster("bad", safe=False)]},
    ("rds", "describe_db_cluster_parameters"): parameters("require_secure_transport", "ON", "OFF"),
    ("rds", "describe_db_snapshots"): {
        "DBSnapshots": [
            {"DBSnapshotIdentifier": "open", "SnapshotType": "manual", "Encrypted": False},
            {"DBSnapshotIdentifier": "mine", "SnapshotType": "manual", "Encrypted": False},
            {"DBSnapshotIdentifier": "rds:made", "SnapshotType": "automated", "Encrypted": False},
        ]
    },
    ("rds", "describe_db_snapshot_attributes"): snapshot_attributes(
        "DBSnapshotAttributesResult", "DBSnapshotAttributes", "DBSnapshotIdentifier"
    ),
    ("rds", "describe_db_cluster_snapshots"): {
        "DBClusterSnapshots": [
            {"DBClusterSnapshotIdentifier": "open", "SnapshotType": "manual", "StorageEncrypted": False}
        ]
    },
    ("rds", "describe_db_cluster_snapshot_attributes"): snapshot_attributes(
        "DBClusterSnapshotAttributesResult", "DBClusterSnapshotAttributes", "DBClusterSnapshotIdentifier"
    ),
    ("elasticache", "describe_replication_groups"): {
        "ReplicationGroups": [
            {
                "ReplicationGroupId": name, "AtRestEncryptionEnabled": safe, "TransitEncryptionEnabled": True,
                "TransitEncryptionMode": "required" if safe else "preferred",
            }
            for name, safe in (("good", True), ("bad", False))
        ]
    },
    ("elasticache", "describe_cache_clusters"): {
        "CacheClusters": [
            {"CacheClusterId": "good-1", "ReplicationGroupId": "good", "Engine": "redis"},
            {"CacheClusterId": "mem", "Engine": "memcached", "TransitEncryptionEnabled": False},
        ]
    },
    ("efs", "describe_file_systems"): {
        "FileSystems": [
            {
                "FileSystemId": f"fs-{number}", "Encrypted": encrypted, "OwnerId": ACCOUNT, "CreationToken": "t",
                "CreationTime": NOW, "LifeCycleState": "available", "NumberOfMountTargets": 1,
                "SizeInBytes": {"Value": 1}, "PerformanceMode": "generalPurpose", "Tags": [],
            }
            for number, encrypted in ((1, True), (2, False))
        ]
    },
    ("redshift", "describe_clusters"): {
        "Clusters": [
            {
                "ClusterIdentifier": name, "Encrypted": safe, "PubliclyAccessible": not safe,
                "ClusterParameterGroups": [
                    {"ParameterGroupName": "forced" if safe else "loose", "ParameterApplyStatus": "in-sync"}
                ],
            }
            for name, safe in (("good", True), ("bad", False))
        ]
    },
    ("redshift", "describe_cluster_parameters"): parameters("require_ssl", "true", "false"),
    ("redshift-serverless", "list_workgroups"): {
        "workgroups": [
            {
                "workgroupName": "bad", "workgroupArn": arn("redshift-serverless", "workgroup/1"),
                "publiclyAccessible": True,
                "configParameters": [{"parameterKey": "require_ssl", "parameterValue": "false"}],
            }
        ]
    },
    ("opensearch", "list_domain_names"): {"DomainNames": [{"DomainName": "good"}, {"DomainName": "bad"}]},
    ("opensearch", "describe_domains"): {
        "DomainStatusList": [search_domain("good", safe=True), search_domain("bad", safe=False)]
    },
    ("securityhub", "describe_hub"): {"HubArn": arn("securityhub", "hub/default")},
    ("securityhub", "get_findings"): [
        {"Findings": [hub_finding("EC2.8", arn("ec2", "instance/i-1"))]},
        {"Findings": [hub_finding("EC2.3", arn("ec2", "volume/vol-2"), "HIGH")]},
    ],
    ("config", "describe_configuration_recorder_status"): {"ConfigurationRecordersStatus": [RECORDING]},
    ("config", "describe_compliance_by_config_rule"): broken("eip-attached", "securityhub-eip-attached-1a2b"),
    ("config", "get_compliance_details_by_config_rule"): broken_rule,
    ("guardduty", "list_detectors"): {"DetectorIds": ["d"]},
    ("guardduty", "get_detector"): {"Status": "ENABLED", "ServiceRole": "r"},
    ("guardduty", "list_findings"): {"FindingIds": ["t1"]},
    ("guardduty", "get_findings"): threats(*THREATS),
    ("accessanalyzer", "list_analyzers"): analyzers("ACCOUNT"),
    ("accessanalyzer", "list_findings"): {"findings": [external("f1", arn("iam", "role/x", region=""))]},
}  # fmt: skip

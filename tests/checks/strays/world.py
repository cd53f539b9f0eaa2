"""A region and an account with a resource of each kind: in a state, of others, and nobody's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from checks.base import Owner
from tests.aws.fake import Answers, Call
from tests.aws.places import ACCOUNT, NOW, REGION

APP = Owner("acme-prod", "app", "aws_instance.web", stage="production")
OLD = NOW - timedelta(days=40)
STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/legacy/0a1b2c3d-0000-4000-8000-000000000000"
LB = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/web/50dc6c495c0c9188"
VIEW = f"arn:aws:resource-explorer-2:{REGION}:{ACCOUNT}:view/all/0a1b2c3d-0000-4000-8000-000000000000"
EVERYTHING = {"IpProtocol": "-1"}


def arn(service: str, resource: str, region: str = REGION) -> str:
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{resource}"


def tags(**given: str) -> list[dict[str, str]]:
    return [{"Key": key.replace("__", ":"), "Value": value} for key, value in given.items()]


def instance(name: str, *given: Mapping[str, str], **more: Any) -> dict[str, Any]:
    return {"InstanceId": name, "State": {"Name": "running"}, "LaunchTime": OLD, "Tags": list(given), **more}


def entry(number: int, action: str = "allow", protocol: str = "-1") -> dict[str, Any]:
    return {"RuleNumber": number, "RuleAction": action, "Protocol": protocol}


def key(call: Call) -> Mapping[str, Any]:
    ident = call.parameters["KeyId"]
    manager, state = ("AWS", "Enabled") if ident == "aws" else ("CUSTOMER", "Enabled")
    state = "PendingDeletion" if ident == "dying" else state
    return {"KeyMetadata": {"KeyId": ident, "KeyManager": manager, "KeyState": state, "CreationDate": OLD}}


REGIONAL: Answers = {
    ("ec2", "describe_instances"): {
        "Reservations": [
            {"OwnerId": ACCOUNT, "Instances": [instance("i-managed"), instance("i-stray")]},
            {
                "OwnerId": ACCOUNT,
                "Instances": [
                    instance("i-scaled", *tags(aws__autoscaling__groupName="web")),
                    instance("i-auto", Operator={"Managed": True, "Principal": "eks.amazonaws.com"}),
                    instance("i-gone", State={"Name": "terminated"}),
                ],
            },
        ]
    },
    ("ec2", "describe_volumes"): {
        "Volumes": [
            {
                "VolumeId": "vol-root", "CreateTime": OLD,
                "Attachments": [{"InstanceId": "i-stray", "DeleteOnTermination": True}],
            },
            {"VolumeId": "vol-claim", "CreateTime": OLD, "Tags": [
                {"Key": "kubernetes.io/created-for/pvc/name", "Value": "data"}]},
            {"VolumeId": "vol-loose", "CreateTime": OLD},
            {"VolumeId": "vol-kept", "CreateTime": OLD,
             "Attachments": [{"InstanceId": "i-managed", "Device": "/dev/xvda", "DeleteOnTermination": False}]},
            {"VolumeId": "vol-added", "CreateTime": OLD,
             "Attachments": [{"InstanceId": "i-managed", "Device": "/dev/sdf", "DeleteOnTermination": False}]},
        ]
    },
    ("ec2", "describe_network_interfaces"): {
        "NetworkInterfaces": [
            {
                "NetworkInterfaceId": "eni-of", "OwnerId": ACCOUNT, "VpcId": "vpc-default", "SubnetId": "subnet-used",
                "InterfaceType": "interface", "Groups": [{"GroupId": "sg-default"}],
                "Attachment": {"InstanceId": "i-stray", "DeviceIndex": 0, "DeleteOnTermination": True},
            },
            {"NetworkInterfaceId": "eni-nat", "OwnerId": ACCOUNT, "RequesterManaged": True, "RequesterId": "amazon"},
            {"NetworkInterfaceId": "eni-lambda", "OwnerId": ACCOUNT, "InterfaceType": "lambda"},
            {"NetworkInterfaceId": "eni-loose", "OwnerId": ACCOUNT, "InterfaceType": "interface"},
            {"NetworkInterfaceId": "eni-shared", "OwnerId": "222222222222", "InterfaceType": "interface"},
        ]
    },
    ("ec2", "describe_addresses"): {
        "Addresses": [
            {"AllocationId": "eipalloc-1", "PublicIp": "198.51.100.1"},
            {"AllocationId": "eipalloc-2", "PublicIp": "198.51.100.2", "ServiceManaged": "alb"},
        ]
    },
    ("ec2", "describe_vpcs"): {
        "Vpcs": [
            {"VpcId": "vpc-managed", "OwnerId": ACCOUNT},
            {"VpcId": "vpc-default", "OwnerId": ACCOUNT, "IsDefault": True},
            {"VpcId": "vpc-shared", "OwnerId": "222222222222"},
        ]
    },
    ("ec2", "describe_subnets"): {
        "Subnets": [
            {"SubnetId": "subnet-used", "OwnerId": ACCOUNT, "DefaultForAz": True},
            {"SubnetId": "subnet-unused", "OwnerId": ACCOUNT, "DefaultForAz": True},
        ]
    },
    ("ec2", "describe_security_groups"): {
        "SecurityGroups": [
            {"GroupId": "sg-default", "GroupName": "default", "OwnerId": ACCOUNT},
            {"GroupId": "sg-unused", "GroupName": "default", "OwnerId": ACCOUNT},
            {"GroupId": "sg-wizard", "GroupName": "launch-wizard-1", "OwnerId": ACCOUNT},
            {"GroupId": "sg-eks", "GroupName": "eks", "OwnerId": ACCOUNT, "Tags": [
                {"Key": "kubernetes.io/cluster/main", "Value": "owned"}]},
            {"GroupId": "sg-also", "GroupName": "lent", "OwnerId": ACCOUNT, "Tags": [
                {"Key": "kubernetes.io/cluster/main", "Value": "shared"}]},
        ]
    },
    ("ec2", "describe_route_tables"): {
        "RouteTables": [
            {"RouteTableId": "rtb-main", "VpcId": "vpc-managed", "OwnerId": ACCOUNT, "Associations": [{"Main": True}],
             "Routes": [{"Origin": "CreateRouteTable"}]},
            {"RouteTableId": "rtb-default", "VpcId": "vpc-default", "OwnerId": ACCOUNT,
             "Associations": [{"Main": True}], "Routes": [{"Origin": "CreateRoute"}]},
            {"RouteTableId": "rtb-own", "VpcId": "vpc-managed", "OwnerId": ACCOUNT, "Associations": [{"Main": False}],
             "Routes": [{"Origin": "CreateRoute"}]},
        ]
    },
    ("ec2", "describe_network_acls"): {
        "NetworkAcls": [
            {"NetworkAclId": "acl-came", "IsDefault": True, "OwnerId": ACCOUNT,
             "Entries": [entry(100), entry(101), entry(32767, "deny"), entry(32768, "deny")]},
            {"NetworkAclId": "acl-changed", "IsDefault": True, "OwnerId": ACCOUNT,
             "Entries": [entry(90, "allow", "6"), entry(32767, "deny")]},
        ]
    },
    ("ec2", "describe_internet_gateways"): {
        "InternetGateways": [
            {"InternetGatewayId": "igw-default", "OwnerId": ACCOUNT, "Attachments": [{"VpcId": "vpc-default"}]},
            {"InternetGatewayId": "igw-loose", "OwnerId": ACCOUNT},
        ]
    },
    ("ec2", "describe_nat_gateways"): {
        "NatGateways": [
            {"NatGatewayId": "nat-1", "State": "available", "CreateTime": OLD},
            {"NatGatewayId": "nat-2", "State": "deleted"},
        ]
    },
    ("ec2", "describe_vpc_endpoints"): {
        "VpcEndpoints": [
            {"VpcEndpointId": "vpce-1", "OwnerId": ACCOUNT, "State": "Available", "CreationTimestamp": OLD},
            {"VpcEndpointId": "vpce-2", "OwnerId": ACCOUNT, "State": "Available", "RequesterManaged": True},
        ]
    },
    ("autoscaling", "describe_auto_scaling_groups"): {
        "AutoScalingGroups": [
            {
                "AutoScalingGroupName": "web", "MinSize": 1, "MaxSize": 2, "DesiredCapacity": 1, "DefaultCooldown": 300,
                "AvailabilityZones": [f"{REGION}a"], "HealthCheckType": "EC2", "CreatedTime": OLD,
                "AutoScalingGroupARN": arn("autoscaling", "autoScalingGroup:1:autoScalingGroupName/web"),
                "Tags": [{"Key": "eks:nodegroup-name", "Value": "workers"}],
            }
        ]
    },
    ("elbv2", "describe_load_balancers"): {
        "LoadBalancers": [{"LoadBalancerArn": LB, "LoadBalancerName": "web", "CreatedTime": OLD}]
    },
    ("elb", "describe_load_balancers"): {
        "LoadBalancerDescriptions": [{"LoadBalancerName": "old", "CreatedTime": OLD}]
    },
    ("rds", "describe_db_instances"): {
        "DBInstances": [
            {"DBInstanceIdentifier": "orders", "DBInstanceArn": arn("rds", "db:orders"), "TagList": []},
            {"DBInstanceIdentifier": "default-db", "DBInstanceArn": arn("rds", "db:default-db"), "TagList": [],
             "InstanceCreateTime": OLD},
        ]
    },
    ("rds", "describe_db_clusters"): {
        "DBClusters": [{"DBClusterIdentifier": "a", "DBClusterArn": arn("rds", "cluster:a"), "Status": "deleting"}]
    },
    ("dynamodb", "list_tables"): [{"TableNames": ["orders"]}, {"TableNames": ["made-by-stack"]}],
    ("elasticache", "describe_replication_groups"): {
        "ReplicationGroups": [{"ReplicationGroupId": "r", "ARN": arn("elasticache", "replicationgroup:r")}]
    },
    ("elasticache", "describe_cache_clusters"): {
        "CacheClusters": [
            {"CacheClusterId": "r-001", "ARN": arn("elasticache", "cluster:r-001"), "ReplicationGroupId": "r"},
            {"CacheClusterId": "alone", "ARN": arn("elasticache", "cluster:alone"), "CacheClusterCreateTime": OLD},
        ]
    },
    ("efs", "describe_file_systems"): {
        "FileSystems": [
            {
                "OwnerId": ACCOUNT, "CreationToken": "1", "FileSystemId": "fs-1", "CreationTime": OLD, "Tags": [],
                "LifeCycleState": "available", "NumberOfMountTargets": 0, "SizeInBytes": {"Value": 1},
                "PerformanceMode": "generalPurpose", "FileSystemArn": arn("elasticfilesystem", "file-system/fs-1"),
            }
        ]
    },
    ("lambda", "list_functions"): {
        "Functions": [{"FunctionName": "f", "FunctionArn": arn("lambda", "function:f")}]
    },
    ("eks", "list_clusters"): {"clusters": ["main"]},
    ("ecs", "list_clusters"): {"clusterArns": [arn("ecs", "cluster/main")]},
    ("sqs", "list_queues"): {"QueueUrls": [f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/jobs"]},
    ("sns", "list_topics"): {"Topics": [{"TopicArn": arn("sns", "news")}]},
    ("logs", "describe_log_groups"): {
        "logGroups": [
            {"logGroupName": "/aws/lambda/f", "creationTime": 1_700_000_000_000},
            {"logGroupName": "app", "creationTime": 1_700_000_000_000},
        ]
    },
    ("secretsmanager", "list_secrets"): {
        "SecretList": [
            {"ARN": arn("secretsmanager", "secret:token-a1b2c3"), "Name": "token", "CreatedDate": OLD},
            {"ARN": arn("secretsmanager", "secret:rds!x-a1b2c3"), "Name": "rds!x", "OwningService": "rds"},
        ]
    },
    ("kms", "list_keys"): {
        "Keys": [{"KeyId": each, "KeyArn": arn("kms", f"key/{each}")} for each in ("aws", "dying", "ours", "loose")]
    },
    ("kms", "describe_key"): key,
    ("cloudformation", "describe_stacks"): {
        "Stacks": [
            {"StackName": "legacy", "StackId": STACK, "CreationTime": OLD, "StackStatus": "CREATE_COMPLETE"},
        ]
    },
    ("cloudformation", "list_stack_resources"): {
        "StackResourceSummaries": [
            {
                "LogicalResourceId": "Table", "PhysicalResourceId": "made-by-stack",
                "ResourceType": "AWS::DynamoDB::Table", "LastUpdatedTimestamp": OLD,
                "ResourceStatus": "CREATE_COMPLETE",
            },
            {
                "LogicalResourceId": "Gone", "PhysicalResourceId": "app", "ResourceType": "AWS::Logs::LogGroup",
                "LastUpdatedTimestamp": OLD, "ResourceStatus": "DELETE_SKIPPED",
            },
        ]
    },
    ("resourcegroupstaggingapi", "get_resources"): [
        {
            "ResourceTagMappingList": [
                {"ResourceARN": LB, "Tags": tags(team="web")},
                {"ResourceARN": arn("ec2", "instance/i-gone"), "Tags": []},
                {"ResourceARN": arn("ec2", "snapshot/snap-1"), "Tags": []},
                {"ResourceARN": arn("states", "stateMachine:billing"), "Tags": tags(team="money")},
                {"ResourceARN": arn("lambda", "function:f"), "Tags": tags(aws__cloudformation__stack_name="x")},
            ]
        },
        {"ResourceTagMappingList": [{"ResourceARN": arn("backup", "backup-vault:Default"), "Tags": []}]},
    ],
    ("resource-explorer-2", "get_index"): {"State": "ACTIVE", "Type": "AGGREGATOR"},
    ("resource-explorer-2", "get_default_view"): {"ViewArn": VIEW},
    ("resource-explorer-2", "get_view"): {"View": {"ViewArn": VIEW, "Filters": {"FilterString": ""}}},
    ("resource-explorer-2", "list_resources"): [
        {"Resources": [{"Arn": arn("athena", "workgroup/hand"), "Region": REGION, "OwningAccountId": ACCOUNT}]},
        {
            "Resources": [
                {"Arn": arn("athena", "workgroup/primary"), "Region": REGION, "OwningAccountId": ACCOUNT},
                {"Arn": arn("athena", "workgroup/far", "us-east-1"), "Region": "us-east-1"},
                {"Arn": "arn:aws:athena:eu-west-1:222222222222:workgroup/x", "Region": REGION,
                 "OwningAccountId": "222222222222"},
            ]
        },
    ],
}  # fmt: skip

OWNERS: Mapping[str, Owner] = dict.fromkeys(
    (
        arn("ec2", "instance/i-managed"),
        "vpc-managed",
        arn("rds", "db:orders"),
        arn("dynamodb", "table/orders"),
        arn("elasticache", "replicationgroup:r"),
        "fs-1",
        arn("kms", "key/ours"),
        arn("sns", "news"),
        arn("eks", "cluster/main"),
        "arn:aws:s3:::data",
        f"arn:aws:iam::{ACCOUNT}:role/app",
    ),
    APP,
)


def iam(call: Call) -> Mapping[str, Any]:
    """What each filter gives: the other lists of one answer are empty."""
    made = {"CreateDate": OLD, "Path": "/"}

    def named(kind: str, name: str, path: str = "/") -> dict[str, Any]:
        return {**made, "Path": path, "Arn": f"arn:aws:iam::{ACCOUNT}:{kind}{path}{name}"}

    return {
        "Role": {
            "RoleDetailList": [
                {"RoleName": "app", **named("role", "app")},
                {"RoleName": "hand-made", **named("role", "hand-made")},
                {"RoleName": "AWSServiceRoleForRDS", **named("role", "x", "/aws-service-role/rds.amazonaws.com/")},
                {"RoleName": "AWSReservedSSO_Admin", **named("role", "y", "/aws-reserved/sso.amazonaws.com/")},
                {"RoleName": "made-by-stack", **named("role", "made-by-stack")},
            ]
        },
        "User": {"UserDetailList": [{"UserName": "ann", **named("user", "ann")}]},
        "Group": {"GroupDetailList": [{"GroupName": "devs", **named("group", "devs")}]},
        "LocalManagedPolicy": {"Policies": [{"PolicyName": "p", **named("policy", "p")}]},
    }[call.parameters["Filter"][0]]


def global_resources(call: Call) -> Mapping[str, Any]:
    topic = f"arn:aws:globalaccelerator::{ACCOUNT}:accelerator/1"
    return {"ResourceTagMappingList": [{"ResourceARN": topic, "Tags": tags(team="web")}]}


GLOBAL: Answers = {
    ("iam", "get_account_authorization_details"): iam,
    ("s3", "list_buckets"): {
        "Buckets": [
            {"Name": "data", "CreationDate": OLD, "BucketRegion": REGION},
            {"Name": "notes", "CreationDate": OLD, "BucketRegion": "eu-central-1"},
            {"Name": "cf-templates-1-eu-west-1", "CreationDate": OLD, "BucketRegion": REGION},
        ]
    },
    ("s3", "get_bucket_tagging"): {"TagSet": []},
    ("cloudfront", "list_distributions"): {
        "DistributionList": {"Marker": "", "MaxItems": 1, "IsTruncated": False, "Quantity": 0, "Items": []}
    },
    ("route53", "list_hosted_zones"): {
        "HostedZones": [
            {"Id": "/hostedzone/Z1", "Name": "example.com.", "CallerReference": "1"},
            {"Id": "/hostedzone/Z2", "Name": "local.", "CallerReference": "2",
             "LinkedService": {"ServicePrincipal": "servicediscovery.amazonaws.com"}},
        ],
        "Marker": "", "IsTruncated": False, "MaxItems": "100",
    },
    ("cloudformation", "describe_stacks"): REGIONAL["cloudformation", "describe_stacks"],
    ("cloudformation", "list_stack_resources"): {
        "StackResourceSummaries": [
            {
                "LogicalResourceId": "Role", "PhysicalResourceId": "made-by-stack", "ResourceType": "AWS::IAM::Role",
                "LastUpdatedTimestamp": OLD, "ResourceStatus": "CREATE_COMPLETE",
            },
        ]
    },
    ("resourcegroupstaggingapi", "get_resources"): global_resources,
    ("resource-explorer-2", "get_index"): {"State": "ACTIVE", "Type": "LOCAL"},
    ("resource-explorer-2", "get_default_view"): {"ViewArn": VIEW},
    ("resource-explorer-2", "get_view"): {"View": {"ViewArn": VIEW}},
    ("resource-explorer-2", "list_resources"): {
        "Resources": [{"Arn": "arn:aws:s3:::data", "Region": "global", "OwningAccountId": ACCOUNT}]
    },
}  # fmt: skip

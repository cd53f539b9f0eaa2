"""A region and an account as AWS lists them, with something right and something wrong of every kind."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from checks.base import Owner
from tests.aws.fake import Answers, Call
from tests.aws.places import ACCOUNT, NOW, REGION

PROD, DEV = Owner("acme-prod", "app", stage="production"), Owner("acme-dev", "app", stage="development")
LB = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/web/1"
GROUP = f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:1:autoScalingGroupName/web"
CLUSTER = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/main"
LONG_AGO = NOW - timedelta(days=9)
LOOKED = {"looked": (NOW - timedelta(hours=14)).timestamp()}  # on Sunday night


def tags(**given: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in given.items()]


def service(name: str, **more: Any) -> dict[str, Any]:
    return {
        "serviceArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/main/{name}",
        "serviceName": name,
        "status": "ACTIVE",
        "clusterArn": CLUSTER,
        "desiredCount": 2,
        **more,
    }


def attributes(call: Call) -> Mapping[str, Any]:
    return {
        "Attributes": [
            {"Key": "access_logs.s3.enabled", "Value": "true"},
            {"Key": "deletion_protection.enabled", "Value": "false"},
        ]
    }


ANSWERS: Answers = {
    ("ec2", "describe_instances"): [
        {
            "Reservations": [
                {
                    "OwnerId": ACCOUNT,
                    "Instances": [
                        {
                            "InstanceId": "i-1",
                            "State": {"Name": "running"},
                            "LaunchTime": LONG_AGO,
                            "Tags": tags(Name="a"),
                        },
                        {"InstanceId": "i-2", "State": {"Name": "terminated"}, "LaunchTime": LONG_AGO},
                    ],
                }
            ]
        },
        {
            "Reservations": [
                {
                    "OwnerId": ACCOUNT,
                    "Instances": [
                        {"InstanceId": "i-3", "State": {"Name": "stopped"}, "LaunchTime": LONG_AGO},
                    ],
                }
            ]
        },
    ],
    ("ec2", "describe_volumes"): {"Volumes": [{"VolumeId": "vol-1", "Encrypted": False, "Tags": tags(Owner="x")}]},
    ("ec2", "describe_vpcs"): {
        "Vpcs": [{"VpcId": "vpc-1", "OwnerId": ACCOUNT}, {"VpcId": "vpc-9", "OwnerId": "222222222222"}]
    },
    ("ec2", "describe_flow_logs"): {"FlowLogs": [{"ResourceId": "vpc-1", "FlowLogStatus": "ACTIVE"}]},
    ("ec2", "describe_subnets"): {"Subnets": [{"SubnetId": "subnet-1", "OwnerId": ACCOUNT}]},
    ("ec2", "describe_security_groups"): {
        "SecurityGroups": [
            {"GroupId": "sg-1", "GroupName": "web", "OwnerId": ACCOUNT},
            {"GroupId": "sg-2", "GroupName": "default", "OwnerId": ACCOUNT},
        ]
    },
    ("ec2", "describe_nat_gateways"): {"NatGateways": [{"NatGatewayId": "nat-1", "State": "deleted"}]},
    ("autoscaling", "describe_auto_scaling_groups"): {
        "AutoScalingGroups": [
            {
                "AutoScalingGroupName": "web",
                "MinSize": 1,
                "MaxSize": 2,
                "DesiredCapacity": 1,
                "DefaultCooldown": 300,
                "AutoScalingGroupARN": GROUP,
                "AvailabilityZones": ["eu-west-1a"],
                "HealthCheckType": "EC2",
                "CreatedTime": NOW,
            }
        ]
    },
    ("rds", "describe_db_instances"): {
        "DBInstances": [
            {
                "DBInstanceIdentifier": "main",
                "DBInstanceArn": "arn:db:main",
                "StorageEncrypted": True,
                "MultiAZ": False,
                "DeletionProtection": True,
                "DBInstanceStatus": "available",
                "TagList": tags(Owner="x"),
                "Engine": "postgres",
            },
            {
                "DBInstanceIdentifier": "play",
                "DBInstanceArn": "arn:db:play",
                "StorageEncrypted": True,
                "MultiAZ": False,
                "DeletionProtection": False,
                "DBInstanceStatus": "available",
                "TagList": [],
            },
            {
                "DBInstanceIdentifier": "member",
                "DBInstanceArn": "arn:db:member",
                "StorageEncrypted": True,
                "DBClusterIdentifier": "aurora",
                "DBInstanceStatus": "available",
                "TagList": [],
                "DeletionProtection": False,
            },
        ]
    },
    ("rds", "describe_db_clusters"): {
        "DBClusters": [
            {
                "DBClusterIdentifier": "aurora",
                "DBClusterArn": "arn:cluster:aurora",
                "StorageEncrypted": True,
                "DeletionProtection": True,
                "MultiAZ": False,
                "Status": "available",
                "Engine": "aurora-mysql",
                "DBClusterMembers": [{"DBInstanceIdentifier": "member"}, {"DBInstanceIdentifier": "other"}],
            }
        ]
    },
    ("elasticache", "describe_replication_groups"): {
        "ReplicationGroups": [
            {
                "ReplicationGroupId": "cache",
                "ARN": "arn:cache",
                "MultiAZ": "enabled",
                "AtRestEncryptionEnabled": True,
                "MemberClusters": ["cache-001"],
            }
        ]
    },
    ("dynamodb", "list_tables"): {"TableNames": ["orders"]},
    ("dynamodb", "describe_table"): {"Table": {"TableName": "orders", "DeletionProtectionEnabled": True}},
    ("efs", "describe_file_systems"): {
        "FileSystems": [
            {
                "FileSystemId": "fs-1",
                "Encrypted": True,
                "OwnerId": ACCOUNT,
                "CreationToken": "1",
                "CreationTime": NOW,
                "LifeCycleState": "available",
                "NumberOfMountTargets": 1,
                "SizeInBytes": {"Value": 1},
                "PerformanceMode": "generalPurpose",
                "Tags": [],
            }
        ]
    },
    ("elbv2", "describe_load_balancers"): {
        "LoadBalancers": [
            {
                "LoadBalancerArn": LB,
                "LoadBalancerName": "web",
                "Type": "application",
                "AvailabilityZones": [{"ZoneName": "a"}, {"ZoneName": "b"}],
            }
        ]
    },
    ("elbv2", "describe_load_balancer_attributes"): attributes,
    ("lambda", "list_functions"): {
        "Functions": [{"FunctionName": "resize", "FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:resize"}]
    },
    ("sqs", "list_queues"): {"QueueUrls": [f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/jobs"]},
    ("sns", "list_topics"): {"Topics": [{"TopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:news"}]},
    ("logs", "describe_log_groups"): {
        "logGroups": [
            {"logGroupName": "/app", "retentionInDays": 90},
            {"logGroupName": "/old"},
            {"logGroupName": "/edge", "logGroupClass": "DELIVERY"},
        ]
    },
    ("eks", "list_clusters"): {"clusters": ["k8s"]},
    ("eks", "describe_cluster"): {
        "cluster": {
            "name": "k8s",
            "tags": {"Owner": "x"},
            "logging": {"clusterLogging": [{"types": ["api", "audit"], "enabled": True}]},
        }
    },
    ("ecs", "list_clusters"): {"clusterArns": [CLUSTER]},
    ("ecs", "list_services"): {"serviceArns": ["arn:s:1", "arn:s:2", "arn:s:3"]},
    ("ecs", "describe_services"): {
        "services": [
            service("rolls", deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}}),
            service("stays", deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": False}}),
            service("blue", deploymentController={"type": "CODE_DEPLOY"}),
        ]
    },
    ("codedeploy", "list_applications"): {"applications": ["app"]},
    ("codedeploy", "list_deployment_groups"): {"deploymentGroups": ["group"]},
    ("codedeploy", "get_deployment_group"): {
        "deploymentGroupInfo": {
            "ecsServices": [{"clusterName": "main", "serviceName": "blue"}],
            "autoRollbackConfiguration": {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]},
        }
    },
    ("cloudwatch", "describe_alarms"): {
        "MetricAlarms": [
            {
                "AlarmName": "db",
                "Namespace": "AWS/RDS",
                "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": "main"}],
            },
            {
                "AlarmName": "rate",
                "Metrics": [
                    {"Id": "e", "Expression": "a/b"},
                    {
                        "Id": "a",
                        "MetricStat": {
                            "Metric": {
                                "Namespace": "AWS/ApplicationELB",
                                "MetricName": "m",
                                "Dimensions": [{"Name": "LoadBalancer", "Value": "app/web/1"}],
                            },
                            "Period": 60,
                            "Stat": "Sum",
                        },
                    },
                ],
            },
            {
                "AlarmName": "fleet",
                "Metrics": [{"Id": "q", "Expression": 'SELECT MAX(Errors) FROM SCHEMA("AWS/Lambda", FunctionName)'}],
            },
        ]
    },
    ("resourcegroupstaggingapi", "get_resources"): [
        {"ResourceTagMappingList": [{"ResourceARN": LB, "Tags": tags(Owner="x")}]},
        {"ResourceTagMappingList": []},
    ],
}


def at(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


SERVICES = tuple(at("ecs", f"service/main/{name}") for name in ("rolls", "stays", "blue"))
OWNERS = {
    **dict.fromkeys((at("ec2", "instance/i-1"), "i-3", "arn:db:play"), DEV),
    **dict.fromkeys(("vol-1", at("ec2", "vpc/vpc-1"), at("elasticfilesystem", "file-system/fs-1"), LB, GROUP), PROD),
    **dict.fromkeys(("arn:db:main", "arn:db:member", "arn:cluster:aurora", "arn:cache", *SERVICES), PROD),
    **dict.fromkeys((at("dynamodb", "table/orders"), at("lambda", "function:resize"), at("sqs", "jobs")), PROD),
    **dict.fromkeys((at("sns", "news"), at("eks", "cluster/k8s")), PROD),
    **dict.fromkeys((at("logs", "log-group:/app"), at("logs", "log-group:/old:*")), PROD),
}

CDN = f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1"
GLOBAL: Answers = {
    ("s3", "list_buckets"): {
        "Buckets": [{"Name": name, "BucketRegion": "eu-central-1"} for name in ("data", "logs", "site")]
    },
    ("s3", "get_bucket_logging"): lambda call: (
        {"LoggingEnabled": {"TargetBucket": "logs", "TargetPrefix": "s3/"}}
        if call.parameters["Bucket"] == "site"
        else {}
    ),
    ("s3", "get_bucket_tagging"): {"TagSet": tags(Owner="x")},
    ("cloudfront", "list_distributions"): {
        "DistributionList": {
            "Marker": "",
            "MaxItems": 100,
            "IsTruncated": False,
            "Quantity": 1,
            "Items": [
                {
                    "Id": "E1",
                    "ARN": CDN,
                    "Status": "Deployed",
                    "LastModifiedTime": NOW,
                    "DomainName": "d1.cloudfront.net",
                    "Aliases": {"Quantity": 0},
                    "Origins": {"Quantity": 1, "Items": [{"Id": "o", "DomainName": "o.example.com"}]},
                    "Comment": "",
                    "PriceClass": "PriceClass_100",
                    "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": "https-only"},
                    "Enabled": True,
                    "CacheBehaviors": {"Quantity": 0},
                    "CustomErrorResponses": {"Quantity": 0},
                    "ViewerCertificate": {},
                    "Restrictions": {"GeoRestriction": {"RestrictionType": "none", "Quantity": 0}},
                    "WebACLId": "",
                    "HttpVersion": "http2",
                    "IsIPV6Enabled": True,
                    "Staging": False,
                }
            ],
        }
    },
    ("cloudfront", "get_distribution_config"): {
        "DistributionConfig": {
            "CallerReference": "1",
            "Origins": {"Quantity": 1, "Items": [{"Id": "o", "DomainName": "o.example.com"}]},
            "Comment": "",
            "Enabled": True,
            "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": "https-only"},
            "Logging": {"Enabled": False, "IncludeCookies": False, "Bucket": "", "Prefix": ""},
        }
    },
    ("cloudfront", "list_tags_for_resource"): {"Tags": {"Items": tags(Owner="x")}},
    ("logs", "describe_delivery_sources"): {
        "deliverySources": [{"name": "a", "resourceArns": [CDN], "service": "cloudfront"}]
    },
}

"""What makes resources by itself, and looks after them: told by a resource's tags, or by its name. Pure.

Tags that begin with "aws:" are set by AWS alone. The others are those that the AWS controllers of Kubernetes, Karpenter
and the container storage drivers write, by their documentation.
"""

from __future__ import annotations

from collections.abc import Mapping

from checks.plans.ignore import fits
from checks.strays.model import AWS, Thing

# Tag (a glob) -> who, with {} for the tag's value. The first row that fits decides.
TAGS: tuple[tuple[str, str], ...] = (
    ("aws:cloudformation:stack-name", "CloudFormation stack {}"),
    ("aws:cloudformation:stack-id", "CloudFormation stack {}"),
    ("aws:autoscaling:groupName", "Auto Scaling group {}"),
    ("eks:nodegroup-name", "EKS node group {}"),
    ("aws:eks:cluster-name", "EKS cluster {}"),
    ("eks:cluster-name", "EKS cluster {}"),
    ("eks:eks-cluster-name", "EKS cluster {}"),
    ("aws:ecs:serviceName", "ECS service {}"),
    ("aws:ecs:clusterName", "ECS cluster {}"),
    ("aws:elasticmapreduce:job-flow-id", "EMR cluster {}"),
    ("aws:ec2spot:fleet-request-id", "spot fleet {}"),
    ("aws:ec2:fleet-id", "EC2 fleet {}"),
    ("aws:backup:*", "AWS Backup"),
    ("aws:dlm:*", "Data Lifecycle Manager"),
    ("aws:secretsmanager:owningService", "{}"),
    ("aws:servicecatalog:provisionedProductArn", "Service Catalog product {}"),
    ("aws:rds:*", "RDS"),
    ("aws:batch:*", "AWS Batch"),
    ("elasticbeanstalk:environment-name", "Elastic Beanstalk environment {}"),
    ("AWSElasticDisasterRecoveryManaged", "Elastic Disaster Recovery"),
    ("karpenter.sh/nodepool", "Karpenter node pool {}"),
    ("karpenter.sh/provisioner-name", "Karpenter provisioner {}"),
    ("elbv2.k8s.aws/cluster", "Kubernetes in {}"),
    ("cluster.k8s.amazonaws.com/name", "Kubernetes in {}"),
    ("kubernetes.io/service-name", "Kubernetes service {}"),
    ("kubernetes.io/created-for/pvc/name", "Kubernetes volume claim {}"),
    ("ebs.csi.aws.com/cluster", "Kubernetes"),
    ("efs.csi.aws.com/cluster", "Kubernetes"),
    ("node.k8s.amazonaws.com/instance_id", "Kubernetes node {}"),
)
_OF_CLUSTER = "kubernetes.io/cluster/"  # followed by its name; "owned", or "shared" with what is not Kubernetes'

# (kind, name), both globs -> who: what comes with an account, or is written by a service under a name of its own.
NAMES: tuple[tuple[str, str, str], ...] = (
    ("iam:role", "OrganizationAccountAccessRole", "AWS Organizations"),
    ("iam:role", "AWSControlTower*", "AWS Control Tower"),
    ("iam:role", "aws-controltower-*", "AWS Control Tower"),
    ("iam:role", "stacksets-exec-*", "CloudFormation StackSets"),
    ("s3:bucket", "elasticbeanstalk-*", "Elastic Beanstalk"),
    ("s3:bucket", "cf-templates-*", "CloudFormation"),
    ("s3:bucket", "aws-glue-assets-*", "AWS Glue"),
    ("logs:log-group", "/aws/*", "the service that writes to it"),
    ("logs:log-group", "RDSOSMetrics", "RDS"),
    ("logs:log-group", "API-Gateway-Execution-Logs_*", "API Gateway"),
    ("logs:log-group", "aws-controltower/*", "AWS Control Tower"),
    ("cloudwatch:alarm", "TargetTracking-*", "Application Auto Scaling"),
    ("events:rule", "*AutoScalingManagedRule*", "EC2 Auto Scaling"),
    ("events:rule", "*StepFunctionsGetEvents*", "Step Functions"),
    ("events:rule", "*DO-NOT-DELETE-*", "an AWS service"),
    ("events:event-bus", "default", AWS),
    ("rds:og", "default:*", AWS),
    ("rds:*pg", "default*", AWS),
    ("rds:subgrp", "default*", AWS),
    ("elasticache:parametergroup", "default*", AWS),
    ("elasticache:subnetgroup", "default*", AWS),
    ("elasticache:user", "default*", AWS),
    ("memorydb:*group", "default*", AWS),
    ("memorydb:user", "default*", AWS),
    ("memorydb:acl", "open-access", AWS),
    ("redshift:parametergroup", "default*", AWS),
    ("redshift:subnetgroup", "default*", AWS),
    ("athena:workgroup", "primary", AWS),
    ("athena:datacatalog", "AwsDataCatalog", AWS),
    ("xray:group", "*Default*", AWS),
    ("xray:sampling-rule", "*Default*", AWS),
    ("mediaconvert:queues", "Default", AWS),
    ("codedeploy:deploymentconfig", "CodeDeployDefault*", AWS),
    ("appconfig:deploymentstrategy", "AppConfig.*", AWS),
    ("backup:backup-vault", "Default", AWS),
    ("backup:backup-vault", "aws/*", AWS),
    ("backup:backup-plan", "aws/*", AWS),
    ("ssm:document", "AWS-*", AWS),
    ("ssm:parameter", "*cdk-bootstrap/*", "CDK"),
    ("s3:storage-lens", "default-account-dashboard", AWS),
    ("route53resolver:resolver-rule", "rslvr-autodefined-*", AWS),
    ("resource-explorer-2:*", "*", "Resource Explorer"),
    ("apprunner:autoscalingconfiguration", "*DefaultConfiguration*", AWS),
    ("ecs:capacity-provider", "FARGATE*", AWS),
)

# Kinds (globs) that come and go with use, or whose Terraform resource does not say by which ARN AWS knows it: a state
# that holds one could not be told from one that does not. Neither counted nor told.
NOT_JUDGED: tuple[str, ...] = (
    "acm-pca:certificate", "backup:recovery-point", "backup:job", "batch:job", "bedrock:*job*", "cloudwatch:dashboard",
    "codebuild:build*", "codedeploy:deployment", "comprehend:*job*", "dms:*", "ds:*", "ec2:capacity-*",
    "ec2:dedicated*", "ec2:dhcp-options", "ec2:fleet", "ec2:image", "ec2:import-*", "ec2:export-*", "ec2:*-association",
    "ec2:reserved-instances", "ec2:security-group-rule", "ec2:snapshot", "ec2:spot-*", "ec2:subnet-cidr-reservation",
    "ecs:container-instance", "ecs:task", "ecs:task-definition", "ecs:task-set", "ecs:service-*",
    "elasticache:snapshot", "elasticache:reserved-instance", "elasticmapreduce:*", "emr-*:*job*", "glue:*run*",
    "glue:session", "inspector2:*finding*", "lambda:layer", "medialive:*", "quicksight:*", "rds:*snapshot",
    "rds:auto-backup", "rds:cluster-auto-backup", "rds:ri", "rds:deployment", "redshift:snapshot", "sagemaker:*job*",
    "sagemaker:*experiment*", "sagemaker:*trial*", "sagemaker:model-package*", "savingsplans:*", "securityhub:*",
    "signer:*job*", "ssm:automation-execution", "ssm:managed-instance", "ssm:opsitem", "ssm:session",
    "states:execution", "support:*", "tax:*", "workspaces:*",
)  # fmt: skip


def judged(kind: str) -> bool:
    """Whether a kind is one of which it can be said that no state holds it."""
    return not any(fits(each, kind) for each in NOT_JUDGED)


def maker_of(thing: Thing, tags: Mapping[str, str]) -> str:
    """What made a resource and looks after it, by its tags and its name; empty: nothing that is known."""
    if thing.maker:
        return thing.maker
    for pattern, who in TAGS:
        found = next((value for key, value in sorted(tags.items()) if _like(pattern, key)), None)
        if found is not None:
            return who.format(found).strip() or pattern.rpartition(":")[0]
    for key, value in sorted(tags.items()):
        if key.startswith(_OF_CLUSTER) and value == "owned":
            return f"Kubernetes in {key.removeprefix(_OF_CLUSTER)}"
    return next((who for kind, name, who in NAMES if _like(kind, thing.kind) and _like(name, thing.name)), "")


def _like(pattern: str, text: str) -> bool:
    """As fits(), and fast for the many patterns that are none: this is asked millions of times."""
    return fits(pattern, text) if "*" in pattern else pattern == text

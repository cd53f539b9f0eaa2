"""Which IAM action an operation needs. By default the service's signing name and the operation's own name.

Exceptions are from AWS' Service Authorization Reference (docs.aws.amazon.com/service-authorization).
"""

from __future__ import annotations

from collections.abc import Mapping

# Signing name -> prefix of its actions, where they differ.
PREFIXES: Mapping[str, str] = {"monitoring": "cloudwatch", "tagging": "tag"}

# (signing name, operation) -> action. "*" stands for every operation of the service.
ACTIONS: Mapping[tuple[str, str], str] = {
    ("access-analyzer", "GetFindingV2"): "access-analyzer:GetFinding",
    ("access-analyzer", "ListFindingsV2"): "access-analyzer:ListFindings",
    ("apigateway", "*"): "apigateway:GET",
    ("budgets", "DescribeBudget"): "budgets:ViewBudget",
    ("budgets", "DescribeBudgets"): "budgets:ViewBudget",
    ("budgets", "DescribeBudgetPerformanceHistory"): "budgets:ViewBudget",
    ("budgets", "DescribeNotificationsForBudget"): "budgets:ViewBudget",
    ("budgets", "DescribeSubscribersForNotification"): "budgets:ViewBudget",
    ("lambda", "GetLayerVersionByArn"): "lambda:GetLayerVersion",
    ("s3", "GetBucketAccelerateConfiguration"): "s3:GetAccelerateConfiguration",
    ("s3", "GetBucketAnalyticsConfiguration"): "s3:GetAnalyticsConfiguration",
    ("s3", "GetBucketCors"): "s3:GetBucketCORS",
    ("s3", "GetBucketEncryption"): "s3:GetEncryptionConfiguration",
    ("s3", "GetBucketIntelligentTieringConfiguration"): "s3:GetIntelligentTieringConfiguration",
    ("s3", "GetBucketInventoryConfiguration"): "s3:GetInventoryConfiguration",
    ("s3", "GetBucketLifecycleConfiguration"): "s3:GetLifecycleConfiguration",
    ("s3", "GetBucketLifecycle"): "s3:GetLifecycleConfiguration",
    ("s3", "GetBucketMetricsConfiguration"): "s3:GetMetricsConfiguration",
    ("s3", "GetBucketNotificationConfiguration"): "s3:GetBucketNotification",
    ("s3", "GetBucketReplication"): "s3:GetReplicationConfiguration",
    ("s3", "GetObjectLockConfiguration"): "s3:GetBucketObjectLockConfiguration",
    ("s3", "GetPublicAccessBlock"): "s3:GetBucketPublicAccessBlock",
    ("s3", "HeadBucket"): "s3:ListBucket",
    ("s3", "HeadObject"): "s3:GetObject",
    ("s3", "ListBucketAnalyticsConfigurations"): "s3:GetAnalyticsConfiguration",
    ("s3", "ListBucketIntelligentTieringConfigurations"): "s3:GetIntelligentTieringConfiguration",
    ("s3", "ListBucketInventoryConfigurations"): "s3:GetInventoryConfiguration",
    ("s3", "ListBucketMetricsConfigurations"): "s3:GetMetricsConfiguration",
    ("s3", "ListBuckets"): "s3:ListAllMyBuckets",
    ("s3", "ListMultipartUploads"): "s3:ListBucketMultipartUploads",
    ("s3", "ListObjectVersions"): "s3:ListBucketVersions",
    ("s3", "ListObjects"): "s3:ListBucket",
    ("s3", "ListObjectsV2"): "s3:ListBucket",
    ("s3", "ListParts"): "s3:ListMultipartUploadParts",
    ("s3", "SelectObjectContent"): "s3:GetObject",
}
# The same, by botocore's name of the service, where two services sign with one name.
BY_SERVICE: Mapping[tuple[str, str], str] = {
    ("s3control", "GetPublicAccessBlock"): "s3:GetAccountPublicAccessBlock",
}


def action_of(service: str, signing_name: str, operation: str) -> str:
    """Give the action, such as "s3:ListAllMyBuckets", that *operation* ("ListBuckets") of a service needs."""
    known = BY_SERVICE.get((service, operation)) or ACTIONS.get((signing_name, operation))
    known = known or ACTIONS.get((signing_name, "*"))
    return known or f"{PREFIXES.get(signing_name, signing_name)}:{operation}"

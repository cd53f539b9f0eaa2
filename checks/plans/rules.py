"""What counts as opening or weakening: tables of data, read by checks.plans.security.

Attribute paths are without indices: encrypt_at_rest.enabled. Globs are over resource types.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto


class Test(Enum):
    """How the values at a path before and after are compared."""

    __test__ = False  # not a test class, whatever its name makes pytest think

    TURNED_OFF = auto()  # fewer are true
    TURNED_ON = auto()  # more are true
    GAINS = auto()  # has one of the values it had not
    GAINS_WORLD = auto()  # has a network range that is the world
    LOSES = auto()  # had one of the values and has none
    LOSES_ANY = auto()  # lacks something it had
    EMPTIED = auto()  # had something and has nothing


@dataclass(frozen=True, slots=True)
class Rule:
    """A change of this attribute of these types, compared in this way, opens something."""

    category: str
    type: str
    attribute: re.Pattern[str]
    test: Test
    sentence: str
    values: frozenset[str] = frozenset()  # lower case
    public_data: bool = False


def _rule(
    category: str, kind: str, attribute: str, test: Test, sentence: str, *values: str, public_data: bool = False
) -> Rule:
    return Rule(category, kind, re.compile(attribute), test, sentence, frozenset(values), public_data)


_ENCRYPTION_FLAG = (
    r"(?:.*[._])?(?:encrypted|encrypt|storage_encrypted|encryption_enabled|enable_encryption|kms_encrypted|sse_enabled|"
    r"at_rest_encryption_enabled|transit_encryption_enabled|volume_encryption_enabled|enable_ssl|enforce_https|"
    r"sqs_managed_sse_enabled|user_volume_encryption_enabled|root_volume_encryption_enabled|"
    r"(?:encrypt_at_rest|encryption_at_rest|node_to_node_encryption|server_side_encryption|encryption_in_transit|"
    r"encryption_config|encryption_configuration|encryption_options)\.(?:.*\.)?(?:enabled|in_cluster|encrypt))"
)
_ENCRYPTION_BLOCK = (
    r"(?:.*\.)?(?:server_side_encryption_configuration|encryption_configuration|encryption_config|encrypt_at_rest|"
    r"server_side_encryption|encryption_info|rule\.apply_server_side_encryption_by_default)"
)
_KEY = r"(?:.*\.)?(?:kms_key_id|kms_key_arn|kms_master_key_id|kms_data_key_reuse_period_seconds|key_arn)"

RULES: tuple[Rule, ...] = (
    # Keys
    _rule("kms", "aws_kms_*key", r"is_enabled|enabled", Test.TURNED_OFF, "key disabled"),
    _rule("kms", "aws_kms_*key", r"enable_key_rotation", Test.TURNED_OFF, "rotation turned off"),
    _rule("kms", "aws_kms_*key", r"deletion_date|key_state", Test.GAINS, "deletion planned", "pendingdeletion"),
    _rule("kms", "aws_kms_alias", r"target_key_(?:id|arn)", Test.LOSES_ANY, "points to another key"),
    # Encryption
    _rule("encryption_off", "aws_*", _ENCRYPTION_FLAG, Test.TURNED_OFF, "encryption turned off"),
    _rule("encryption_off", "aws_*", _ENCRYPTION_BLOCK, Test.EMPTIED, "encryption removed"),
    _rule("encryption_off", "aws_*", r".*sse_algorithm|.*encryption_type", Test.LOSES, "no longer with a KMS key",
          "aws:kms", "aws:kms:dsse", "kms"),
    _rule("encryption_off", "aws_*", _KEY, Test.LOSES_ANY, "no longer with the same key"),
    _rule("encryption_off", "aws_lb_listener", r"protocol", Test.LOSES, "no longer encrypted", "https", "tls"),
    _rule("encryption_off", "aws_alb_listener", r"protocol", Test.LOSES, "no longer encrypted", "https", "tls"),
    _rule("encryption_off", "aws_lb_listener", r"ssl_policy", Test.LOSES_ANY, "another TLS policy"),
    _rule("encryption_off", "aws_cloudfront_distribution", r".*viewer_protocol_policy", Test.GAINS,
          "plain HTTP allowed", "allow-all"),
    _rule("encryption_off", "aws_cloudfront_distribution", r".*minimum_protocol_version", Test.LOSES_ANY,
          "another TLS version"),
    _rule("encryption_off", "aws_*", r".*tls_security_policy|.*domain_endpoint_options\.enforce_https",
          Test.LOSES_ANY, "weaker transport"),
    # Logging
    _rule("logging_off", "aws_cloudtrail",
          r"enable_logging|is_multi_region_trail|include_global_service_events|enable_log_file_validation|"
          r"is_organization_trail", Test.TURNED_OFF, "turned off"),
    _rule("logging_off", "aws_cloudtrail",
          r"(?:advanced_)?event_selector(?:\..*)?|s3_bucket_name|cloud_watch_logs_group_arn", Test.LOSES_ANY,
          "records less or elsewhere"),
    _rule("logging_off", "aws_flow_log", r"traffic_type", Test.LOSES, "no longer all traffic", "all"),
    _rule("logging_off", "aws_flow_log", r"log_destination|log_group_name", Test.LOSES_ANY, "another destination"),
    _rule("logging_off", "aws_s3_bucket*", r"logging|target_bucket", Test.EMPTIED, "access logging turned off"),
    _rule("logging_off", "aws_*", r"enabled_cloudwatch_logs_exports|enabled_cluster_log_types", Test.LOSES_ANY,
          "exports fewer logs"),
    _rule("logging_off", "aws_*", r"(?:.*\.)?(?:access_logs|connection_logs|logging|logging_configuration|"
          r"log_publishing_options|cluster_logging|broker_logs|logs|log_delivery_configuration)\.(?:.*\.)?"
          r"(?:enabled|enable|general|audit)", Test.TURNED_OFF, "turned off"),
    _rule("logging_off", "aws_*", r"(?:.*\.)?(?:logging_config|access_log_settings|logging_configuration|"
          r"query_logging_config|log_configuration|log_publishing_options)", Test.EMPTIED, "removed"),
    _rule("logging_off", "aws_config_configuration_recorder_status", r"is_enabled", Test.TURNED_OFF, "stopped"),
    _rule("logging_off", "aws_config_configuration_recorder", r"recording_group\.(?:all_supported|"
          r"include_global_resource_types)", Test.TURNED_OFF, "records less"),
    _rule("logging_off", "aws_guardduty_detector", r"enable|datasources\..*\.enable", Test.TURNED_OFF, "turned off"),
    # Public access
    _rule("public_access", "aws_s3_*public_access_block", r"block_public_acls|block_public_policy|ignore_public_acls|"
          r"restrict_public_buckets", Test.TURNED_OFF, "block turned off"),
    _rule("public_access", "aws_s3_*", r"acl", Test.GAINS, "readable by everybody",
          "public-read", "public-read-write", "authenticated-read", public_data=True),
    _rule("public_access", "aws_s3_*", r"(?:.*\.)?(?:grant|grants)\.(?:.*\.)?uri", Test.GAINS, "granted to everybody",
          "http://acs.amazonaws.com/groups/global/allusers",
          "http://acs.amazonaws.com/groups/global/authenticatedusers", public_data=True),
    _rule("public_access", "aws_*", r"(?:.*\.)?(?:publicly_accessible|public_network_access_enabled)", Test.TURNED_ON,
          "reachable from the internet", public_data=True),
    _rule("public_access", "aws_*snapshot*", r"shared_accounts|.*account_ids?|group_names?|.*restorable_by.*",
          Test.GAINS, "shared with everybody", "all", public_data=True),
    _rule("public_access", "aws_snapshot_create_volume_permission", r"account_id|group", Test.GAINS,
          "shared with everybody", "all", public_data=True),
    _rule("public_access", "aws_ami_launch_permission", r"group", Test.GAINS, "shared with everybody", "all",
          public_data=True),
    _rule("public_access", "aws_*", r"(?:.*\.)?endpoint_public_access", Test.TURNED_ON, "reachable from the internet"),
    _rule("public_ingress", "aws_eks_cluster", r"(?:.*\.)?public_access_cidrs", Test.GAINS_WORLD, "open to the world"),
    _rule("public_access", "aws_lambda_function_url", r"authorization_type", Test.GAINS, "no sign-in needed", "none"),
    _rule("public_access", "aws_lambda_permission", r"principal", Test.GAINS, "anybody may invoke it", "*"),
    _rule("public_access", "aws_*lb", r"internal", Test.TURNED_OFF, "faces the internet"),
    _rule("public_access", "aws_elb", r"internal", Test.TURNED_OFF, "faces the internet"),
    _rule("public_access", "aws_api_gateway_method", r"authorization", Test.GAINS, "no sign-in needed", "none"),
    _rule("public_access", "aws_apigatewayv2_route", r"authorization_type", Test.GAINS, "no sign-in needed", "none"),
)  # fmt: skip

# (type glob, attribute, category, sentence): any change outside Terraform counts, whatever its direction.
ANY_CHANGE: tuple[tuple[str, str, str, str], ...] = (
    ("aws_iam_policy", "policy", "iam", "policy changed"),
    ("aws_iam_*_policy", "policy", "iam", "inline policy changed"),
    ("aws_iam_*_policy*", "policy_arn", "iam", "another policy attached"),
    ("aws_iam_*attach*", "role", "iam", "attached to another role"),
    ("aws_iam_policy_attachment", "roles", "iam", "attached to other roles"),
    ("aws_iam_policy_attachment", "users", "iam", "attached to other users"),
    ("aws_iam_policy_attachment", "groups", "iam", "attached to other groups"),
    ("aws_iam_*_exclusive", "policy_arns", "iam", "other policies attached"),
    ("aws_iam_*_exclusive", "policy_names", "iam", "other policies attached"),
    ("aws_iam_role", "assume_role_policy", "iam", "trust policy changed"),
    ("aws_iam_role", "permissions_boundary", "iam", "permissions boundary changed"),
    ("aws_iam_user", "permissions_boundary", "iam", "permissions boundary changed"),
    ("aws_iam_instance_profile", "role", "iam", "role changed"),
    ("aws_iam_group_membership", "users", "iam", "members changed"),
    ("aws_iam_user_group_membership", "groups", "iam", "groups changed"),
    ("aws_iam_access_key", "status", "iam", "access key turned on or off"),
    ("aws_iam_openid_connect_provider", "client_id_list", "iam", "trusted clients changed"),
    ("aws_iam_openid_connect_provider", "thumbprint_list", "iam", "trusted certificates changed"),
    ("aws_iam_openid_connect_provider", "url", "iam", "trusted issuer changed"),
    ("aws_iam_saml_provider", "saml_metadata_document", "iam", "trusted issuer changed"),
    ("aws_ssoadmin_permission_set_inline_policy", "inline_policy", "iam", "policy changed"),
    ("aws_ssoadmin_managed_policy_attachment", "managed_policy_arn", "iam", "another policy attached"),
    ("aws_organizations_policy", "content", "iam", "organization policy changed"),
    ("aws_kms_*key", "policy", "kms", "key policy changed"),
    ("aws_kms_key_policy", "policy", "kms", "key policy changed"),
    ("aws_kms_grant", "operations", "kms", "grant changed"),
    ("aws_kms_grant", "grantee_principal", "kms", "grant changed"),
)

# (type glob, attribute): policies on resources; they count when they allow more than they did.
DATA_POLICIES: tuple[tuple[str, str], ...] = (
    ("aws_s3_bucket", "policy"),
    ("aws_s3_bucket_policy", "policy"),
    ("aws_s3_access_point*", "policy"),
    ("aws_sqs_queue", "policy"),
    ("aws_sqs_queue_policy", "policy"),
    ("aws_sns_topic", "policy"),
    ("aws_sns_topic_policy", "policy"),
    ("aws_ecr_repository_policy", "policy"),
    ("aws_ecr_registry_policy", "policy"),
    ("aws_secretsmanager_secret", "policy"),
    ("aws_secretsmanager_secret_policy", "policy"),
    ("aws_*_domain", "access_policies"),
    ("aws_*_domain_policy", "access_policies"),
    ("aws_efs_file_system_policy", "policy"),
    ("aws_backup_vault_policy", "policy"),
    ("aws_glacier_vault", "access_policy"),
    ("aws_vpc_endpoint", "policy"),
    ("aws_vpc_endpoint_policy", "policy"),
    ("aws_api_gateway_rest_api", "policy"),
    ("aws_api_gateway_rest_api_policy", "policy"),
    ("aws_cloudwatch_event_bus_policy", "policy"),
    ("aws_cloudwatch_log_resource_policy", "policy_document"),
    ("aws_dynamodb_resource_policy", "policy"),
)

# (type glob, category, sentence): deleting one of these outside Terraform takes a protection away.
PROTECTIONS: tuple[tuple[str, str, str], ...] = (
    ("aws_s3_*public_access_block", "public_access", "the block of public access was deleted"),
    ("aws_s3_bucket_server_side_encryption_configuration", "encryption_off", "the bucket's encryption was deleted"),
    ("aws_ebs_encryption_by_default", "encryption_off", "encryption by default was deleted"),
    ("aws_s3_bucket_policy", "iam", "the bucket's policy was deleted"),
    ("aws_s3_bucket_ownership_controls", "public_access", "the bucket's ownership controls were deleted"),
    ("aws_kms_*", "kms", "deleted, or its deletion is planned"),
    ("aws_iam_*", "iam", "deleted"),
    ("aws_ssoadmin_*", "iam", "deleted"),
    ("aws_organizations_policy*", "iam", "deleted"),
    ("aws_cloudtrail", "logging_off", "the trail was deleted"),
    ("aws_flow_log", "logging_off", "the flow log was deleted"),
    ("aws_s3_bucket_logging", "logging_off", "access logging was deleted"),
    ("aws_cloudwatch_log_group", "logging_off", "the log group was deleted"),
    ("aws_config_configuration_recorder*", "logging_off", "the recorder was deleted"),
    ("aws_config_delivery_channel", "logging_off", "the delivery channel was deleted"),
    ("aws_guardduty_detector", "logging_off", "the detector was deleted"),
    ("aws_securityhub_account", "logging_off", "Security Hub was turned off"),
    ("aws_wafv2_web_acl_logging_configuration", "logging_off", "logging was deleted"),
    ("aws_route53_query_log", "logging_off", "query logging was deleted"),
    ("aws_accessanalyzer_analyzer", "logging_off", "the analyzer was deleted"),
)

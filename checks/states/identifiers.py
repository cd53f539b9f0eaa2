"""What a resource is called in AWS: ARNs taken apart, and which attributes of a state name a resource.

A *family* says what kind of thing an id names, as ids are unique per account, region and kind only: it is the service
and resource type of its ARN ("rds:db"). Ids that say themselves what they are ("sg-0f3a…") have the family "".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

SELF = ""  # the family of ids that say themselves what they are

# EC2's ids and those made like them: letters, then 8 or 17 hexadecimal digits. None of them opens anything.
_SELF_DESCRIBING = re.compile(r"[a-z]{1,12}(?:-[a-z]{1,12}){0,2}-(?:[0-9a-f]{17}|[0-9a-f]{8})")
_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:(?:\d{12}|aws|):[^\x00-\x1f\x7f\ud800-\udfff]{1,2000}")
_SECRET_SUFFIX = re.compile(r"-[0-9A-Za-z]{6}$")
_LONGEST = 2048  # characters of an ARN or id
_LOWER = frozenset({"rds", "elasticache", "redshift", "memorydb"})  # names that AWS keeps in lower case

# For each type the attributes, beside `arn`, by which AWS knows the resource, and the family of each.
# A type that is not here is known by its ARN, and by its id where that says itself what it is: an id can be a secret
# (aws_appsync_api_key), or the id of something else (aws_s3_bucket_policy).
NAMED_BY: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        "aws_acm_certificate": (),
        "aws_ami": ((SELF, "id"),),
        "aws_api_gateway_rest_api": (("apigateway:restapis", "id"),),
        "aws_apigatewayv2_api": (("apigateway:apis", "id"),),
        "aws_autoscaling_group": (("autoscaling:autoScalingGroup", "name"),),
        "aws_backup_plan": (("backup:backup-plan", "id"),),
        "aws_backup_vault": (("backup:backup-vault", "name"),),
        "aws_cloudformation_stack": (("cloudformation:stack", "name"),),
        "aws_cloudfront_distribution": (("cloudfront:distribution", "id"),),
        "aws_cloudtrail": (("cloudtrail:trail", "name"),),
        "aws_cloudwatch_log_group": (("logs:log-group", "name"),),
        "aws_cloudwatch_metric_alarm": (("cloudwatch:alarm", "alarm_name"),),
        "aws_codebuild_project": (("codebuild:project", "name"),),
        "aws_codepipeline": (("codepipeline", "name"),),
        "aws_db_instance": (("rds:db", "identifier"), ("rds:db", "id"), ("rds:db", "resource_id")),
        "aws_db_parameter_group": (("rds:pg", "name"),),
        "aws_db_snapshot": (("rds:snapshot", "db_snapshot_identifier"),),
        "aws_db_subnet_group": (("rds:subgrp", "name"),),
        "aws_docdb_cluster": (("rds:cluster", "cluster_identifier"), ("rds:cluster", "cluster_resource_id")),
        "aws_docdb_cluster_instance": (("rds:db", "identifier"), ("rds:db", "dbi_resource_id")),
        "aws_dynamodb_table": (("dynamodb:table", "name"),),
        "aws_ecr_repository": (("ecr:repository", "name"),),
        "aws_ecs_cluster": (("ecs:cluster", "name"),),
        "aws_efs_file_system": ((SELF, "id"),),
        "aws_eip": ((SELF, "id"), (SELF, "allocation_id"), ("ec2:address", "public_ip")),
        "aws_eks_cluster": (("eks:cluster", "name"),),
        "aws_elasticache_cluster": (("elasticache:cluster", "cluster_id"),),
        "aws_elasticache_replication_group": (
            ("elasticache:replicationgroup", "replication_group_id"),
            ("elasticache:replicationgroup", "id"),
        ),
        "aws_elasticache_serverless_cache": (("elasticache:serverlesscache", "name"),),
        "aws_elasticsearch_domain": (("es:domain", "domain_name"),),
        "aws_elb": (("elasticloadbalancing:loadbalancer", "name"),),
        "aws_guardduty_detector": (("guardduty:detector", "id"),),
        "aws_iam_group": (("iam:group", "name"),),
        "aws_iam_instance_profile": (("iam:instance-profile", "name"),),
        "aws_iam_policy": (("iam:policy", "name"),),
        "aws_iam_role": (("iam:role", "name"),),
        "aws_iam_server_certificate": (("iam:server-certificate", "name"), ("iam:server-certificate", "id")),
        "aws_iam_user": (("iam:user", "name"),),
        "aws_key_pair": (("ec2:key-pair", "key_name"), (SELF, "key_pair_id")),
        "aws_kinesis_stream": (("kinesis:stream", "name"),),
        "aws_kms_alias": (("kms:alias", "name"),),
        "aws_kms_key": (("kms:key", "key_id"),),
        "aws_kms_replica_key": (("kms:key", "key_id"),),
        "aws_lambda_function": (("lambda:function", "function_name"),),
        "aws_memorydb_cluster": (("memorydb:cluster", "name"),),
        "aws_mq_broker": (("mq:broker", "id"),),
        "aws_neptune_cluster": (("rds:cluster", "cluster_identifier"), ("rds:cluster", "cluster_resource_id")),
        "aws_neptune_cluster_instance": (("rds:db", "identifier"), ("rds:db", "dbi_resource_id")),
        "aws_opensearch_domain": (("es:domain", "domain_name"),),
        "aws_rds_cluster": (("rds:cluster", "cluster_identifier"), ("rds:cluster", "cluster_resource_id")),
        "aws_rds_cluster_instance": (("rds:db", "identifier"), ("rds:db", "dbi_resource_id")),
        "aws_redshift_cluster": (("redshift:cluster", "cluster_identifier"),),
        "aws_route53_health_check": (("route53:healthcheck", "id"),),
        "aws_route53_record": (("route53:record", "id"),),
        "aws_route53_zone": (("route53:hostedzone", "zone_id"),),
        "aws_s3_bucket": (("s3", "bucket"), ("s3", "id")),
        "aws_secretsmanager_secret": (("secretsmanager:secret", "name"),),
        "aws_sfn_state_machine": (("states:stateMachine", "name"),),
        "aws_sns_topic": (("sns", "name"),),
        "aws_sqs_queue": (("sqs", "name"), ("sqs:url", "id"), ("sqs:url", "url")),
        "aws_ssm_parameter": (("ssm:parameter", "name"),),
    }
)

# Types that are never known by anything: those whose id is, or holds, a secret, whatever it looks like; and those that
# carry the ARN of another resource as their own, for which they do not stand.
NEVER = frozenset(
    {
        "aws_appsync_api_key", "aws_iam_access_key", "aws_iam_service_specific_credential", "aws_kms_ciphertext",
        "aws_secretsmanager_secret_version", "aws_secretsmanager_secret_policy", "aws_secretsmanager_secret_rotation",
        "aws_sns_topic_policy", "aws_ses_domain_identity_verification", "aws_ecs_cluster_capacity_providers",
        "aws_cloudwatch_event_permission", "aws_dynamodb_table_replica", "aws_rds_cluster_activity_stream",
        "aws_s3_object", "aws_s3_bucket_object", "aws_s3_object_copy",
    }
)  # fmt: skip


class Arn(NamedTuple):
    """An ARN taken apart; *account* may be empty or "aws"."""

    partition: str
    service: str
    region: str
    account: str
    resource: str


def parse_arn(text: str) -> Arn | None:
    """The parts of an ARN; None for what is none."""
    return Arn(*text.split(":", 5)[1:]) if _ARN.fullmatch(text) else None


def names_in(arn: Arn) -> Iterator[tuple[str, str]]:
    """(family, id) of what an ARN names, the most exact first. Variants of one ARN give one name in common."""
    service, resource = arn.service, arn.resource
    kind, rest = _split(resource)
    match service:
        case "s3":
            yield "s3", resource.partition("/")[0]
        case "sqs" | "codepipeline":
            yield service, resource
        case "sns":
            yield "sns", resource.partition(":")[0]
        case "sts" if kind == "assumed-role":
            yield "iam:role", rest.partition("/")[0]
        case "iam":
            yield f"iam:{kind}", rest.rpartition("/")[2]
        case "logs" if kind == "log-group":
            yield "logs:log-group", rest.partition(":")[0]
        case "lambda" | "dynamodb" | "apigateway":
            yield f"{service}:{kind}", re.split("[:/]", rest, maxsplit=1)[0]
        case "autoscaling" if "autoScalingGroupName/" in rest:
            yield "autoscaling:autoScalingGroup", rest.partition("autoScalingGroupName/")[2]
        case "cloudformation" | "eks":
            yield f"{service}:{kind}", re.sub(r"/[0-9a-f]{8}-[0-9a-f-]{27}$", "", rest)
        case "secretsmanager":
            yield f"{service}:{kind}", rest
            yield f"{service}:{kind}", _SECRET_SUFFIX.sub("", rest)
        case _ if _SELF_DESCRIBING.fullmatch(rest):
            yield SELF, rest
        case _ if kind:
            yield f"{service}:{kind}", rest.lower() if service in _LOWER else rest
        case _:
            yield service, rest


def _split(resource: str) -> tuple[str, str]:
    """Type and name: "db:orders", "role/path/deploy", "/restapis/a1b2"; a name alone has no type."""
    resource = resource.lstrip("/")
    match = re.search("[:/]", resource)
    return (resource[: match.start()], resource[match.end() :]) if match else ("", resource)


def normal(family: str, name: str) -> str:
    """A name as it is kept: Terraform and AWS write some of them differently."""
    service = family.partition(":")[0]
    if family == "kms:alias":
        name = name.removeprefix("alias/")
    elif family == "ssm:parameter":
        name = name.lstrip("/")
    elif family == "logs:log-group":
        name = name.removesuffix(":*")
    elif family == "route53:hostedzone":
        name = name.rpartition("/")[2]
    return name.lower() if service in _LOWER else name


def attributes_of(type_: str) -> tuple[str, ...]:
    """The attributes of a resource of *type_* that may be read; `arn`, `id` and `region` come first."""
    if type_ in NEVER:
        return ()
    named = [attribute for _, attribute in NAMED_BY.get(type_, ())]
    return tuple(dict.fromkeys(("arn", "id", "region", *named)))


# What a resource is known by: its ARN, the ids that the ARN does not hold, and the region where the ARN names none.
Identity = tuple[str, tuple[tuple[str, str], ...], str]


def identify(type_: str, names: tuple[str, ...], values: tuple[object, ...]) -> Identity:
    """What a resource of *type_* is known by. *names* are those of attributes_of(), *values* what they are.

    Nothing but what is known to be an identifier is given back.
    """
    arn, id_ = values[0], values[1]
    if not (isinstance(arn, str) and _ARN.fullmatch(arn)):
        arn = id_ if isinstance(id_, str) and _ARN.fullmatch(id_) else ""
    ids: tuple[tuple[str, str], ...] = ()
    rows = NAMED_BY.get(type_)
    if rows is not None:
        ids = tuple(dict.fromkeys(_named(rows, dict(zip(names, values, strict=True)))))
    elif isinstance(id_, str) and not (id_ and arn.endswith(id_)) and _SELF_DESCRIBING.fullmatch(id_):
        ids = ((SELF, id_),)
    return arn, ids, "" if arn and ":::" not in arn else _region(values[2])


def _named(rows: tuple[tuple[str, str], ...], values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for family, attribute in rows:
        name = _text(values.get(attribute))
        if name and not name.startswith("arn:"):
            yield family, normal(family, name)


def _text(value: object) -> str:
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST and value.isprintable() else ""


def _region(value: object) -> str:
    text = _text(value)
    return text if re.fullmatch(r"[a-z]{2,4}(?:-[a-z]{2,4})?-[a-z]+-\d{1,2}", text) else ""

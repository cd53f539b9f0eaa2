"""What the types of resources mean for who approves a plan: what is sensitive, what holds data, what takes room.

Tables of data. Quota codes: Service Quotas, as AWS lists them for each service.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from checks.plans.ignore import fits

# Type glob -> kind.
_SENSITIVE: tuple[tuple[str, str], ...] = (
    ("aws_iam_*", "iam"), ("aws_ssoadmin_*", "iam"), ("aws_organizations_*", "iam"), ("aws_kms_*", "kms"),
    ("aws_security_group*", "security_group"), ("aws_default_security_group", "security_group"),
    ("aws_vpc_security_group_*", "security_group"), ("aws_network_acl*", "security_group"),
    ("aws_default_network_acl", "security_group"), ("aws_*_policy", "policy"),
    ("aws_s3_*public_access_block", "policy"), ("aws_lambda_permission", "policy"),
)  # fmt: skip

# Types that hold data -> whether the check `backups` knows what of them can be restored.
STATEFUL: Mapping[str, bool] = {
    "aws_db_instance": True, "aws_rds_cluster": True, "aws_docdb_cluster": True, "aws_neptune_cluster": True,
    "aws_dynamodb_table": True, "aws_ebs_volume": True, "aws_efs_file_system": True, "aws_elasticache_cluster": True,
    "aws_elasticache_replication_group": True, "aws_elasticache_serverless_cache": True, "aws_s3_bucket": True,
    "aws_redshift_cluster": True, "aws_rds_global_cluster": False, "aws_opensearch_domain": False,
    "aws_elasticsearch_domain": False, "aws_redshiftserverless_namespace": False, "aws_fsx_lustre_file_system": False,
    "aws_fsx_ontap_file_system": False, "aws_fsx_openzfs_file_system": False, "aws_fsx_windows_file_system": False,
    "aws_memorydb_cluster": False, "aws_timestreamwrite_database": False, "aws_timestreamwrite_table": False,
    "aws_keyspaces_table": False, "aws_msk_cluster": False, "aws_mq_broker": False, "aws_kinesis_stream": False,
    "aws_qldb_ledger": False, "aws_secretsmanager_secret": False, "aws_cognito_user_pool": False,
    "aws_backup_vault": False, "aws_ecr_repository": False, "aws_s3_directory_bucket": False,
    "aws_opensearchserverless_collection": False, "aws_cloudwatch_log_group": False, "aws_lightsail_database": False,
}  # fmt: skip


class Taken(NamedTuple):
    """A quota that each new resource of a type takes from."""

    type: str
    service: str
    code: str
    variant: str = ""  # only of this variant; empty: of any


QUOTAS: tuple[Taken, ...] = (
    Taken("aws_vpc", "vpc", "L-F678F1CE"), Taken("aws_internet_gateway", "vpc", "L-A4707A72"),
    Taken("aws_security_group", "vpc", "L-E79EC296"), Taken("aws_network_interface", "vpc", "L-DF5E4CA3"),
    Taken("aws_vpc_endpoint", "vpc", "L-1B52E74A", "Gateway"), Taken("aws_eip", "ec2", "L-0263D0A3"),
    Taken("aws_lb", "elasticloadbalancing", "L-53DA6B97", "application"),
    Taken("aws_lb", "elasticloadbalancing", "L-69A177A2", "network"),
    Taken("aws_lb_target_group", "elasticloadbalancing", "L-B22855CB"),
    Taken("aws_elb", "elasticloadbalancing", "L-E9E9831D"),
    Taken("aws_s3_bucket", "s3", "L-DC2B2D3D"), Taken("aws_iam_role", "iam", "L-FE177D64"),
    Taken("aws_iam_policy", "iam", "L-E95E4862"), Taken("aws_iam_user", "iam", "L-F55AF5E4"),
    Taken("aws_iam_instance_profile", "iam", "L-6E65F664"), Taken("aws_db_instance", "rds", "L-7B6409FD"),
    Taken("aws_rds_cluster", "rds", "L-952B80B8"), Taken("aws_dynamodb_table", "dynamodb", "L-F98FE922"),
    Taken("aws_ecs_cluster", "ecs", "L-21C621EB"), Taken("aws_eks_cluster", "eks", "L-1194D53C"),
    Taken("aws_efs_file_system", "elasticfilesystem", "L-848C634D"), Taken("aws_kms_key", "kms", "L-C2F1777E"),
    Taken("aws_sns_topic", "sns", "L-61103206"), Taken("aws_autoscaling_group", "autoscaling", "L-CDE20ADC"),
    Taken("aws_cloudformation_stack", "cloudformation", "L-0485CB21"),
)  # fmt: skip
# Quotas that each VPC has of its own, or each zone: which one a plan does not tell.
PER_OTHER: Mapping[str, str] = {
    "aws_subnet": "subnets are counted for each VPC", "aws_route_table": "route tables are counted for each VPC",
    "aws_nat_gateway": "NAT gateways are counted for each zone",
    "aws_network_acl": "network ACLs are counted for each VPC",
}  # fmt: skip
INSTANCE = "aws_instance"
_STANDARD = ("a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z")
_VCPU_QUOTAS: Mapping[str, str] = {
    **dict.fromkeys(_STANDARD, "L-1216C47A"), "g": "L-DB2E81BA", "vt": "L-DB2E81BA", "p": "L-417A185B",
    "f": "L-74FC7D96", "x": "L-7295265B", "inf": "L-1945791B", "trn": "L-2C3B7624", "u": "L-43DA4232",
}  # fmt: skip
_SMALL = frozenset({"nano", "micro", "small", "medium", "large"})


def sensitive(kind: str) -> tuple[str, ...]:
    """Why a person should look at any change of a type: iam, kms, security_group, policy, data."""
    found = [word for glob, word in _SENSITIVE if fits(glob, kind)]
    return tuple(dict.fromkeys([*found, *(["data"] if kind in STATEFUL else [])]))


def vcpus(instance_type: str) -> tuple[str, int] | None:
    """(quota code, vCPUs at most) of an On-Demand instance of a type; None: the type does not tell (metal)."""
    family, _, size = instance_type.partition(".")
    code = _VCPU_QUOTAS.get("".join(_until_digit(family)))
    if code is None:
        return None
    if size in _SMALL:
        return code, 2
    if size == "xlarge":
        return code, 4
    number = size.removesuffix("xlarge")
    return (code, 4 * int(number)) if size.endswith("xlarge") and number.isdecimal() and len(number) < 4 else None


def _until_digit(text: str) -> Iterator[str]:
    for letter in text:
        if not letter.isalpha():
            return
        yield letter


# Addresses that one new resource takes from the subnets that it names: (attribute paths of subnets, of how many).
_PLACES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "aws_instance": (("subnet_id",), ""), "aws_network_interface": (("subnet_id",), ""),
    "aws_nat_gateway": (("subnet_id",), ""), "aws_efs_mount_target": (("subnet_id",), ""),
    "aws_lb": (("subnets",), "each"), "aws_elb": (("subnets",), "each"), "aws_vpc_endpoint": (("subnet_ids",), "each"),
    "aws_autoscaling_group": (("vpc_zone_identifier",), "desired_capacity"),
    "aws_eks_node_group": (("subnet_ids",), "scaling_config.desired_size"),
    "aws_ecs_service": (("network_configuration.subnets",), "desired_count"),
    "aws_eks_cluster": (("vpc_config.subnet_ids",), "each"),
    "aws_opensearch_domain": (("vpc_options.subnet_ids",), "each"),
    "aws_route53_resolver_endpoint": (("ip_address.subnet_id",), "each"),
}  # fmt: skip
_VARIANTS: Mapping[str, str] = {
    "aws_lb": "load_balancer_type", "aws_vpc_endpoint": "vpc_endpoint_type", "aws_instance": "instance_type",
    "aws_launch_template": "instance_type", "aws_launch_configuration": "instance_type",
}  # fmt: skip
_FOUND = ("aws_instance", "aws_launch_template", "aws_launch_configuration")


class Needs(NamedTuple):
    """What a new resource needs that is there already, as far as its plan tells."""

    subnets: tuple[str, ...] = ()
    addresses: int = 0  # that it takes of all of them
    variant: str = ""
    image: str = ""
    profile: str = ""  # of an instance
    unknown: bool = False  # its subnets are only known after the apply


def takes_addresses(kind: str) -> bool:
    """Whether a new resource of a type takes addresses of subnets that it names."""
    return kind in _PLACES


def counted(kind: str) -> bool:
    """Whether a quota is known that a new resource of a type takes from."""
    return kind == INSTANCE or kind in PER_OTHER or any(row.type == kind for row in QUOTAS)


def needs(kind: str, after: Any, unknown: Any) -> Needs:
    """What *after*, the planned values of a new resource, takes. *unknown*: the mask of what is not known yet."""
    if not isinstance(after, Mapping):
        return Needs()
    variant = after.get(_VARIANTS[kind]) if kind in _VARIANTS else None
    image = after.get("ami") or after.get("image_id") if kind in _FOUND else None
    profile = list(_at(after, "iam_instance_profile")) if kind in _FOUND else []
    blocks = [one for one in profile if isinstance(one, Mapping)]
    texts = (*profile, *(block.get(key) for block in blocks for key in ("arn", "name")))
    named = [one for one in texts if isinstance(one, str) and one]
    paths, many = _PLACES.get(kind, ((), ""))
    subnets = tuple(dict.fromkeys(one for path in paths for one in _at(after, path) if isinstance(one, str)))
    unclear = any(one is True for path in paths for one in _at(unknown, path))
    count = len(subnets) if many == "each" else 1
    if many not in ("", "each"):
        numbers = [one for one in _at(after, many) if isinstance(one, int) and not isinstance(one, bool)]
        count = max(0, numbers[0]) if numbers else 1
    return Needs(
        subnets, count if subnets or unclear else 0, variant if isinstance(variant, str) else "",
        image if isinstance(image, str) else "", named[0] if named else "", unclear,
    )  # fmt: skip


def _at(value: Any, path: str) -> Iterator[Any]:
    """Everything at a path without indices."""
    if isinstance(value, list):
        for item in value:
            yield from _at(item, path)
    elif not path:
        yield value
    elif value is True:
        yield True
    elif isinstance(value, Mapping):
        first, _, rest = path.partition(".")
        yield from _at(value.get(first), rest)

"""The resource types of the demo's provider: a small part of the real AWS provider's, with its names."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tf.schema import Attribute, Schema
from tf.types import Bool, Map, Number, Set, String, TfType, Unknown

from daemon.demo import wire
from daemon.demo.api import Api, ApiError

State = dict[str, Any]


class Rule(TfType):  # type: ignore[misc]  # tf ships no types: its base class is Any
    """A rule of a security group. No list at all and an empty list are one thing: null."""

    def encode(self, value: Any) -> Any:
        return {
            "cidr_blocks": sorted(value.get("cidr_blocks") or ()) or None,
            "description": value.get("description") or None,
            "from_port": value["from_port"],
            "protocol": value["protocol"],
            "to_port": value["to_port"],
        }

    def decode(self, value: Any) -> Any:
        return self.encode(value)

    def tf_type(self) -> bytes:
        return (
            b'["object",{"cidr_blocks":["list","string"],"description":"string",'
            b'"from_port":"number","protocol":"string","to_port":"number"}]'
        )


def _required(name: str, kind: TfType, *, replaces: bool = False, sensitive: bool = False) -> Attribute:
    return Attribute(name, kind, required=True, requires_replace=replaces, sensitive=sensitive)


def _computed(name: str) -> Attribute:
    return Attribute(name, String(), computed=True)


def _reported(method: Callable[..., Any]) -> Callable[..., Any]:
    """A refused call becomes a diagnostic, which Terraform shows; an exception would be a crash of the provider."""

    @functools.wraps(method)
    def reported(self: Resource, context: Any, *states: State) -> Any:
        try:
            return method(self, context, *states)
        except ApiError as error:
            context.diagnostics.add_error(f"{context.type_name}: {error}", "")
            return states[0] if states else None

    return reported


class Resource:
    """A resource type: `attributes`, and what creating, reading, changing and deleting one of them means."""

    name = ""
    attributes: tuple[Attribute, ...] = ()

    def __init__(self, api: Api) -> None:
        self.api = api

    @classmethod
    def get_name(cls) -> str:
        return cls.name

    @classmethod
    def get_schema(cls) -> Schema:
        tags = Attribute("tags", Map(String()), optional=True)
        return Schema(attributes=[_computed("id"), _computed("arn"), *cls.attributes, tags])

    def validate(self, diagnostics: Any, type_name: str, config: State) -> None:
        """Terraform has checked the types, and AWS checks the rest."""

    def plan(self, context: Any, current: State, planned: State) -> State:
        return {name: current.get(name) if value is Unknown else value for name, value in planned.items()}

    def upgrade(self, context: Any, version: int, old: State) -> State:
        return old

    @_reported
    def create(self, context: Any, planned: State) -> State | None:
        return self._read(self._create(planned))

    @_reported
    def read(self, context: Any, current: State) -> State | None:
        try:
            return self._read(current["id"])
        except ApiError as error:
            if error.code in _GONE:
                return None
            raise

    @_reported
    def update(self, context: Any, current: State, planned: State) -> State | None:
        self._update(current, planned)
        return self._read(current["id"])

    @_reported
    def delete(self, context: Any, current: State) -> None:
        self._delete(current["id"])

    def _create(self, planned: State) -> str:
        raise NotImplementedError

    def _read(self, identity: str) -> State:
        raise NotImplementedError

    def _update(self, current: State, planned: State) -> None:
        raise NotImplementedError

    def _delete(self, identity: str) -> None:
        raise NotImplementedError


_GONE = frozenset({
    "404", "NoSuchBucket", "ResourceNotFoundException", "ParameterNotFound", "InvalidVpcID.NotFound",
    "InvalidGroup.NotFound", "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue",
})  # fmt: skip


class Vpc(Resource):
    name = "vpc"
    attributes = (_required("cidr_block", String(), replaces=True),)

    def _create(self, planned: State) -> str:
        answer = self.api.ec2(
            "CreateVpc", {"CidrBlock": planned["cidr_block"], **wire.ec2_tags("vpc", planned["tags"])}
        )
        return answer.findtext(".//vpcId") or ""

    def _read(self, identity: str) -> State:
        vpc = wire.found(self.api.ec2("DescribeVpcs", {"VpcId.1": identity}), ".//vpcSet/item")
        return {
            "id": identity, "arn": wire.arn(self.api, "ec2", f"vpc/{identity}"),
            "cidr_block": vpc.findtext("cidrBlock"), "tags": wire.read_ec2_tags(vpc),
        }  # fmt: skip

    def _update(self, current: State, planned: State) -> None:
        wire.change_ec2_tags(self.api, current, planned)

    def _delete(self, identity: str) -> None:
        self.api.ec2("DeleteVpc", {"VpcId": identity})


class SecurityGroup(Resource):
    name = "security_group"
    attributes = (
        _required("name", String(), replaces=True),
        _required("description", String(), replaces=True),
        _required("vpc_id", String(), replaces=True),
        Attribute("ingress", Set(Rule()), optional=True),
    )

    def _create(self, planned: State) -> str:
        answer = self.api.ec2("CreateSecurityGroup", {
            "GroupName": planned["name"], "GroupDescription": planned["description"], "VpcId": planned["vpc_id"],
            **wire.ec2_tags("security-group", planned["tags"]),
        })  # fmt: skip
        identity = answer.findtext(".//groupId") or ""
        self._rules("AuthorizeSecurityGroupIngress", identity, planned["ingress"] or ())
        return identity

    def _read(self, identity: str) -> State:
        group = wire.found(self.api.ec2("DescribeSecurityGroups", {"GroupId.1": identity}), ".//securityGroupInfo/item")
        return {
            "id": identity, "arn": wire.arn(self.api, "ec2", f"security-group/{identity}"),
            "name": group.findtext("groupName"), "description": group.findtext("groupDescription"),
            "vpc_id": group.findtext("vpcId"), "ingress": wire.read_rules(group) or None,
            "tags": wire.read_ec2_tags(group),
        }  # fmt: skip

    def _update(self, current: State, planned: State) -> None:
        before, after = current["ingress"] or [], planned["ingress"] or []
        self._rules("RevokeSecurityGroupIngress", current["id"], [rule for rule in before if rule not in after])
        self._rules("AuthorizeSecurityGroupIngress", current["id"], [rule for rule in after if rule not in before])
        wire.change_ec2_tags(self.api, current, planned)

    def _delete(self, identity: str) -> None:
        self.api.ec2("DeleteSecurityGroup", {"GroupId": identity})

    def _rules(self, action: str, identity: str, rules: Iterable[Mapping[str, Any]]) -> None:
        for rule in rules:
            self.api.ec2(action, {"GroupId": identity, **wire.ingress_parameters(rule)})


class Bucket(Resource):
    name = "s3_bucket"
    attributes = (_required("bucket", String(), replaces=True),)

    def _create(self, planned: State) -> str:
        location = "<CreateBucketConfiguration><LocationConstraint>{}</LocationConstraint></CreateBucketConfiguration>"
        self.api.s3("PUT", f"/{planned['bucket']}", location.format(self.api.region).encode())
        self._tag(planned["bucket"], planned["tags"])
        return str(planned["bucket"])

    def _read(self, identity: str) -> State:
        self.api.s3("HEAD", f"/{identity}")
        return {"id": identity, "arn": f"arn:aws:s3:::{identity}", "bucket": identity, "tags": self._tags(identity)}

    def _update(self, current: State, planned: State) -> None:
        self._tag(current["id"], planned["tags"])

    def _delete(self, identity: str) -> None:
        self.api.s3("DELETE", f"/{identity}")

    def _tags(self, bucket: str) -> dict[str, str] | None:
        try:
            return wire.read_bucket_tags(self.api.s3("GET", f"/{bucket}?tagging"))
        except ApiError as error:
            if error.code == "NoSuchTagSet":
                return None
            raise

    def _tag(self, bucket: str, tags: Mapping[str, str] | None) -> None:
        self.api.s3("PUT", f"/{bucket}?tagging", wire.bucket_tags(tags))


class Table(Resource):
    name = "dynamodb_table"
    attributes = (
        _required("name", String(), replaces=True),
        _required("hash_key", String(), replaces=True),
        _required("billing_mode", String()),
        _required("deletion_protection_enabled", Bool()),
    )

    def _create(self, planned: State) -> str:
        self.api.json("dynamodb", "DynamoDB_20120810.CreateTable", {
            "TableName": planned["name"], "BillingMode": planned["billing_mode"],
            "AttributeDefinitions": [{"AttributeName": planned["hash_key"], "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": planned["hash_key"], "KeyType": "HASH"}],
            "DeletionProtectionEnabled": planned["deletion_protection_enabled"], "Tags": wire.tag_list(planned["tags"]),
        })  # fmt: skip
        return str(planned["name"])

    def _read(self, identity: str) -> State:
        table = self.api.json("dynamodb", "DynamoDB_20120810.DescribeTable", {"TableName": identity})["Table"]
        arn = table["TableArn"]
        tags = self.api.json("dynamodb", "DynamoDB_20120810.ListTagsOfResource", {"ResourceArn": arn})["Tags"]
        return {
            "id": identity, "arn": arn, "name": identity, "hash_key": table["KeySchema"][0]["AttributeName"],
            "billing_mode": (table.get("BillingModeSummary") or {}).get("BillingMode", "PROVISIONED"),
            "deletion_protection_enabled": bool(table.get("DeletionProtectionEnabled")),
            "tags": {tag["Key"]: tag["Value"] for tag in tags} or None,
        }  # fmt: skip

    def _update(self, current: State, planned: State) -> None:
        self.api.json("dynamodb", "DynamoDB_20120810.UpdateTable", {
            "TableName": current["id"], "BillingMode": planned["billing_mode"],
            "DeletionProtectionEnabled": planned["deletion_protection_enabled"],
        })  # fmt: skip
        if planned["tags"]:
            tags = {"ResourceArn": current["arn"], "Tags": wire.tag_list(planned["tags"])}
            self.api.json("dynamodb", "DynamoDB_20120810.TagResource", tags)

    def _delete(self, identity: str) -> None:
        self.api.json("dynamodb", "DynamoDB_20120810.DeleteTable", {"TableName": identity})


class Parameter(Resource):
    name = "ssm_parameter"
    attributes = (
        _required("name", String(), replaces=True),
        _required("type", String()),
        _required("value", String(), sensitive=True),
    )

    def _create(self, planned: State) -> str:
        self._put(planned)
        tags = {"ResourceType": "Parameter", "ResourceId": planned["name"], "Tags": wire.tag_list(planned["tags"])}
        self.api.json("ssm", "AmazonSSM.AddTagsToResource", tags)
        return str(planned["name"])

    def _read(self, identity: str) -> State:
        query = {"Name": identity, "WithDecryption": True}
        parameter = self.api.json("ssm", "AmazonSSM.GetParameter", query)["Parameter"]
        resource = {"ResourceType": "Parameter", "ResourceId": identity}
        tags = self.api.json("ssm", "AmazonSSM.ListTagsForResource", resource).get("TagList", [])
        return {
            "id": identity, "arn": parameter["ARN"], "name": identity, "type": parameter["Type"],
            "value": parameter["Value"], "tags": {tag["Key"]: tag["Value"] for tag in tags} or None,
        }  # fmt: skip

    def _update(self, current: State, planned: State) -> None:
        self._put(planned)

    def _put(self, planned: State) -> None:
        value = {"Name": planned["name"], "Type": planned["type"], "Value": planned["value"], "Overwrite": True}
        self.api.json("ssm", "AmazonSSM.PutParameter", value)

    def _delete(self, identity: str) -> None:
        self.api.json("ssm", "AmazonSSM.DeleteParameter", {"Name": identity})


class Queue(Resource):
    name = "sqs_queue"
    attributes = (
        _required("name", String(), replaces=True),
        _required("visibility_timeout_seconds", Number()),
        _required("message_retention_seconds", Number()),
    )

    def _create(self, planned: State) -> str:
        queue = {
            "QueueName": planned["name"],
            "Attributes": wire.queue_attributes(planned),
            "tags": planned["tags"] or {},
        }
        return str(self.api.json("sqs", "AmazonSQS.CreateQueue", queue)["QueueUrl"])

    def _read(self, identity: str) -> State:
        query = {"QueueUrl": identity, "AttributeNames": ["All"]}
        values = self.api.json("sqs", "AmazonSQS.GetQueueAttributes", query)["Attributes"]
        tags = self.api.json("sqs", "AmazonSQS.ListQueueTags", {"QueueUrl": identity}).get("Tags")
        return {
            "id": identity, "arn": values["QueueArn"], "name": identity.rpartition("/")[2],
            "visibility_timeout_seconds": int(values["VisibilityTimeout"]),
            "message_retention_seconds": int(values["MessageRetentionPeriod"]), "tags": tags or None,
        }  # fmt: skip

    def _update(self, current: State, planned: State) -> None:
        change = {"QueueUrl": current["id"], "Attributes": wire.queue_attributes(planned)}
        self.api.json("sqs", "AmazonSQS.SetQueueAttributes", change)

    def _delete(self, identity: str) -> None:
        self.api.json("sqs", "AmazonSQS.DeleteQueue", {"QueueUrl": identity})


ALL: tuple[type[Resource], ...] = (Vpc, SecurityGroup, Bucket, Table, Parameter, Queue)

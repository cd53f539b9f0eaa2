"""What kind of trouble an error is, and what to run next."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from checks.base import Instance
from checks.plans.redact import Scrubber
from checks.runs.errors import ErrorKind, Lock, explain, next_command
from checks.runs.listener import Listener
from checks.runs.model import Trouble

ATMOS = Path(__file__).parents[2] / "fixtures" / "atmos"
GENERATIONS = ("1.163.0", "1.205.1", "1.226.1")
SERVICE = Instance("acme-prod", "service/payments", "service")
PLAIN = Instance("acme-prod", "net", "net", workspace="blue", working_directory="roots/net", atmos=False)
HTTP = "https response error StatusCode: {}, RequestID: 5f1d, "

TABLE = [
    (ErrorKind.STATE_LOCK, "Error acquiring the state lock", "ConditionalCheckFailedException"),
    (ErrorKind.STATE_LOCK, "Error locking state: Error acquiring the state lock: workspace is already locked", ""),
    (
        ErrorKind.RESOURCE_EXISTS,
        "creating IAM Role (app): operation error IAM: CreateRole, " + HTTP.format(409),
        "EntityAlreadyExists: Role with name app already exists.",
    ),
    (
        ErrorKind.RESOURCE_EXISTS,
        "creating S3 Bucket (acme-logs): operation error S3: CreateBucket",
        "BucketAlreadyOwnedByYou:",
    ),
    (
        ErrorKind.RESOURCE_EXISTS,
        "Resource already managed by Terraform",
        "is already managing a remote object",
    ),
    (ErrorKind.RESOURCE_EXISTS, "creating Security Group (web)", "InvalidGroup.Duplicate: The security group 'web'"),
    (
        ErrorKind.ACCESS_DENIED,
        "reading S3 Bucket (x) Policy: operation error S3: GetBucketPolicy, " + HTTP.format(403),
        "api error AccessDenied: Access Denied",
    ),
    (ErrorKind.ACCESS_DENIED, "creating EC2 Instance", "UnauthorizedOperation: You are not authorized to perform this"),
    (ErrorKind.CREDENTIALS, "No valid credential sources found", "failed to refresh cached credentials"),
    (ErrorKind.CREDENTIALS, "Retrieving AWS account details", "api error ExpiredToken: The security token is expired"),
    (ErrorKind.CREDENTIALS, "Cannot assume IAM Role", "AccessDenied: not authorized to perform: sts:AssumeRole"),
    (ErrorKind.QUOTA, "creating EC2 VPC", "VpcLimitExceeded: The maximum number of VPCs has been reached."),
    (ErrorKind.QUOTA, "creating EC2 Instance", "VcpuLimitExceeded: You have requested more vCPU capacity"),
    (ErrorKind.QUOTA, "creating IAM Role", "LimitExceeded: Cannot exceed quota for RolesPerAccount: 1000"),
    (ErrorKind.QUOTA, "creating S3 Bucket", "TooManyBuckets: You have attempted to create more buckets than allowed"),
    (ErrorKind.THROTTLING, "reading Route 53 Record", "Throttling: Rate exceeded"),
    (ErrorKind.THROTTLING, "creating ELB", "RequestLimitExceeded: Request limit exceeded."),
    (ErrorKind.NETWORK, "Failed to query", "dial tcp: lookup sts.eu-west-1.amazonaws.com: no such host"),
    (ErrorKind.NETWORK, "reading EC2", "net/http: TLS handshake timeout"),
    (ErrorKind.SYNTAX, "Unsupported argument", 'An argument named "foo" is not expected here.'),
    (ErrorKind.SYNTAX, "Reference to undeclared resource", "A managed resource has not been declared"),
    (ErrorKind.SYNTAX, "No value for required variable", "The root module input variable is not set"),
    (ErrorKind.SYNTAX, "Module not installed", "This module is not yet installed."),
    (ErrorKind.PROVIDER, "Failed to install provider", "Error while installing hashicorp/aws v5.100.0"),
    (ErrorKind.PROVIDER, "Inconsistent dependency lock file", "The following dependency selections"),
    (ErrorKind.PROVIDER, "Provider produced inconsistent result after apply", "When applying changes"),
    (ErrorKind.STATE, "Failed to save state", "Error saving state: operation error S3: PutObject"),
    (ErrorKind.STATE, "Saved plan is stale", "The given plan file can no longer be applied"),
    (ErrorKind.ATMOS, "could not open a new TTY: open /dev/tty: no such device or address", ""),
    (ErrorKind.ATMOS, "locked component cannot be provisioned", "component 'dns' cannot be modified"),
    (ErrorKind.ATMOS, "invalid component", "Could not find the component nosuch in the stack acme-dev."),
    (ErrorKind.OTHER, "local-exec provisioner error", "Error running command 'exit 3': exit status 3."),
    (ErrorKind.OTHER, "", ""),
]


@pytest.mark.parametrize(("kind", "summary", "detail"), TABLE)
def test_an_error_is_of_its_kind(kind: ErrorKind, summary: str, detail: str) -> None:
    """In the words of Terraform, of the AWS provider and of Atmos; lines may be wrapped anywhere."""
    assert explain(Trouble(summary, detail)).kind is kind
    assert explain(Trouble(summary, detail.replace(" ", "\n"))).kind is kind


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_recorded_lock_is_known_by_its_owner(generation: str) -> None:
    """Id, owner, operation and time are read from what Terraform printed."""
    listener = Listener(Scrubber().text)
    told = json.loads((ATMOS / generation / "apply-state-locked.json").read_text())["stderr"].encode()
    (trouble,) = [one.event for one in listener.feed(told) + listener.close() if isinstance(one.event, Trouble)]
    lock = explain(trouble).lock
    assert lock == Lock(
        id="11111111-2222-3333-4444-555555555555", who="ci@runner", operation="OperationTypeApply",
        created="2026-11-20 10:00:00 +0000 UTC", path="acme-terraform-state/dns/acme-dev/terraform.tfstate",
    )  # fmt: skip


def locked(
    detail: str = "Lock Info:\n  ID:        1111-2222\n  Who:       ci@runner\n  Created:   2026-11-20\n",
) -> Trouble:
    return Trouble("Error acquiring the state lock", detail)


def test_a_lock_is_waited_for_until_its_owner_has_ended() -> None:
    """Only then is there a command that takes it away."""
    explained = explain(locked())
    assert next_command(explained, SERVICE) == (
        "# wait for ci@runner, since 2026-11-20; unlock only once its owner is known to have ended"
    )
    command = next_command(explained, SERVICE, owner_ended=True)
    assert command.startswith("atmos terraform force-unlock service/payments -s acme-prod -- 1111-2222")
    plain = next_command(explained, PLAIN, owner_ended=True)
    assert plain.startswith("TF_WORKSPACE=blue terraform -chdir=roots/net force-unlock 1111-2222")


def test_an_id_that_no_terraform_made_is_in_no_command() -> None:
    """It might be an option, or end the line."""
    for bad in ("-force", "$(reboot)", "a; reboot"):
        explained = explain(locked(f"  ID:        {bad}\n  Who:       x\n"))
        assert next_command(explained, SERVICE, owner_ended=True).startswith("# wait for x")


def test_what_exists_is_imported() -> None:
    """By the id that the error names; where it names none, the place for it is there."""
    exists = Trouble(
        "creating S3 Bucket (acme-logs): operation error S3: CreateBucket, https response error",
        "BucketAlreadyOwnedByYou: ", address='module.logs["a b"].aws_s3_bucket.this',
    )  # fmt: skip
    assert next_command(explain(exists), SERVICE) == (
        "atmos terraform import service/payments 'module.logs[\"a b\"].aws_s3_bucket.this' acme-logs -s acme-prod"
    )
    unnamed = Trouble("creating thing", "ConflictException: it already exists", address="aws_x.y")
    assert next_command(explain(unnamed), PLAIN) == (
        "TF_WORKSPACE=blue terraform -chdir=roots/net import aws_x.y ID  # ID: as the provider imports it"
    )
    taken = Trouble("creating S3 Bucket (acme)", "BucketAlreadyExists: ", address="aws_s3_bucket.b")
    assert "another account" in next_command(explain(taken), SERVICE)


def test_what_was_denied_is_named() -> None:
    """The action and the resource, wherever the line was wrapped."""
    detail = (
        "api error AccessDenied: User: arn:aws:sts::111111111111:assumed-role/ci/run is not authorized\n"
        'to perform: s3:PutBucketPolicy on resource: "arn:aws:s3:::acme-logs" because no policy allows it'
    )
    explained = explain(Trouble("putting S3 Bucket Policy", detail))
    assert (explained.denied_action, explained.denied_resource) == ("s3:PutBucketPolicy", "arn:aws:s3:::acme-logs")
    assert "allow s3:PutBucketPolicy on arn:aws:s3:::acme-logs" in next_command(explained, SERVICE)
    bare = explain(Trouble("reading", "operation error S3: GetBucketAcl, StatusCode: 403, AccessDenied: Access Denied"))
    assert bare.denied_action == "S3 GetBucketAcl"


@pytest.mark.parametrize(("kind", "summary", "detail"), TABLE)
def test_a_command_is_one_line(kind: ErrorKind, summary: str, detail: str) -> None:
    """And none where nothing is known."""
    for instance in (SERVICE, PLAIN, None):
        command = next_command(explain(Trouble(summary, detail)), instance)
        assert "\n" not in command
        assert bool(command) or kind in (ErrorKind.OTHER, ErrorKind.ATMOS, ErrorKind.RESOURCE_EXISTS) or not instance

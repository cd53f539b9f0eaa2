"""Who can reach a bucket, whether it encrypts, and whether it insists on TLS."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from checks.exposure.buckets import Block, encryption, exposure, transport
from tests.checks.exposure.account_world import ALL_USERS, FLAGS, SIGNED_IN, acl, block, encrypted, tls_only

OPEN = Block()
WHOLE = Block.of(block())
STATEMENT: dict[str, Any] = json.loads(tls_only("b")["Policy"])["Statement"][0]


def only(*flags: str) -> Block:
    return Block.of(block(on=False, **dict.fromkeys(flags, True)))


@pytest.mark.parametrize(
    ("found", "public_policy", "grants", "expected"),
    [
        (OPEN, False, (), ["bucket_unblocked"]),
        (OPEN, True, (), ["bucket_public:policy"]),
        (OPEN, False, ((ALL_USERS, "READ"),), ["bucket_public:acl"]),
        (OPEN, False, ((SIGNED_IN, "READ"),), ["bucket_public:acl"]),
        (OPEN, False, ((ALL_USERS, "WRITE"),), ["bucket_public:acl"]),
        (OPEN, False, ((ALL_USERS, "READ_ACP"),), ["bucket_public:acl"]),
        (OPEN, False, (("http://acs.amazonaws.com/groups/s3/LogDelivery", "WRITE"),), ["bucket_unblocked"]),
        (OPEN, True, ((ALL_USERS, "READ"),), ["bucket_public:policy", "bucket_public:acl"]),
        (WHOLE, True, ((ALL_USERS, "READ"),), []),
        # What blocks new ones takes nothing back of what is there.
        (only("BlockPublicAcls", "BlockPublicPolicy"), True, (), ["bucket_public:policy"]),
        (only("BlockPublicAcls", "BlockPublicPolicy"), False, ((ALL_USERS, "READ"),), ["bucket_public:acl"]),
        (only("IgnorePublicAcls"), False, ((ALL_USERS, "READ"),), ["bucket_unblocked"]),
        (only("RestrictPublicBuckets"), True, (), ["bucket_unblocked"]),
        (only("RestrictPublicBuckets"), True, ((ALL_USERS, "READ"),), ["bucket_public:acl"]),
    ],
)
def test_a_bucket_is_public_by_its_policy_or_its_acl(
    found: Block, public_policy: bool, grants: tuple[tuple[str, str], ...], expected: list[str]
) -> None:
    """Each way apart, and what a block takes back of it."""
    told = exposure("b", found, public_policy, acl(*grants))
    assert [weakness.name for weakness in told] == expected
    assert [weakness.public_data for weakness in told] == [name.startswith("bucket_public") for name in expected]


def test_a_bucket_is_blocked_by_itself_and_the_account_together() -> None:
    """Any split of the four switches over the two blocks everything; any of them missing does not."""
    for mine in itertools.chain.from_iterable(itertools.combinations(FLAGS, size) for size in range(5)):
        theirs = [flag for flag in FLAGS if flag not in mine]
        assert (only(*mine) | only(*theirs)).whole
        for missing in theirs:
            assert not (only(*mine) | only(*(flag for flag in theirs if flag != missing))).whole
    assert Block.of(None) == OPEN
    assert Block.of({}) == OPEN


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, ["bucket_unencrypted"]),
        ({}, ["bucket_unencrypted"]),
        (encrypted(""), ["bucket_unencrypted"]),
        (encrypted("AES256"), []),
        (encrypted("aws:kms"), []),
    ],
)
def test_default_encryption(answer: Any, expected: list[str]) -> None:
    """That AWS says there is none is a finding."""
    assert [weakness.name for weakness in encryption("b", answer)] == expected


PLAIN = ["bucket_plain_transport"]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (STATEMENT, []),
        ({**STATEMENT, "Principal": {"AWS": "*"}}, []),
        ({**STATEMENT, "Principal": {"AWS": ["*"]}}, []),
        ({**STATEMENT, "Action": "*"}, []),
        ({**STATEMENT, "Resource": "*"}, []),
        ({**STATEMENT, "Condition": {"BoolIfExists": {"AWS:securetransport": ["False"]}}}, []),
        ({**STATEMENT, "Condition": {"Bool": {"aws:SecureTransport": False}}}, []),
        ({**STATEMENT, "Effect": "Allow"}, PLAIN),
        ({**STATEMENT, "Principal": {"AWS": "arn:aws:iam::111111111111:root"}}, PLAIN),
        ({**STATEMENT, "Action": "s3:GetObject"}, PLAIN),
        ({**STATEMENT, "Action": ["s3:Get*", "s3:Put*"]}, PLAIN),
        ({**STATEMENT, "Resource": "arn:aws:s3:::b*"}, []),
        ({**STATEMENT, "Resource": "arn:aws:s3:::b"}, PLAIN),
        ({**STATEMENT, "Resource": "arn:aws:s3:::b/*"}, PLAIN),  # the names of its objects can be listed
        ({**STATEMENT, "Resource": "arn:aws:s3:::b/public/*"}, PLAIN),
        ({**STATEMENT, "Resource": "arn:aws:s3:::other/*"}, PLAIN),
        ({**STATEMENT, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}, PLAIN),
        ({**STATEMENT, "Condition": {}}, PLAIN),
        # Where more must hold for it to deny, it lets some through.
        ({**STATEMENT, "Condition": {**STATEMENT["Condition"], "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}, PLAIN),
        ({**STATEMENT, "Condition": {"Bool": {"aws:SecureTransport": "false", "aws:ViaAWSService": "false"}}}, PLAIN),
        # Without TLS there is no version of it to compare.
        ({**STATEMENT, "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}}}, PLAIN),
    ],
)
def test_a_policy_denies_what_is_not_encrypted(statement: dict[str, Any], expected: list[str]) -> None:
    """Only a denial of everything, to everybody, on every object, with this condition alone, is one."""
    policy = json.dumps({"Statement": [statement]})
    assert [weakness.name for weakness in transport("b", "aws", policy)] == expected


def test_a_bucket_without_a_policy_talks_plainly() -> None:
    """And one whose policy nobody can read is not known."""
    assert [weakness.name for weakness in transport("b", "aws", None)] == PLAIN
    for broken in ("", "{", "[]", '{"Statement": "x"}'):
        with pytest.raises(ValueError, match="policy"):
            transport("b", "aws", broken)


def test_partitions_are_told_apart() -> None:
    """The ARN of a bucket in China is another."""
    policy = json.dumps({"Statement": [{**STATEMENT, "Resource": ["arn:aws-cn:s3:::b", "arn:aws-cn:s3:::b/*"]}]})
    assert transport("b", "aws-cn", policy) == []
    assert [weakness.name for weakness in transport("b", "aws", policy)] == PLAIN

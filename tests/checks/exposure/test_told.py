"""Suppressions, owners and remedies."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from checks.base import UNMANAGED, Fact, Outcome, Owner
from checks.exposure.model import RULES, Suppression, Weakness, sift
from checks.exposure.told import VERDICTS, Teller, remedy
from checks.security import Security
from tests.aws.places import NOW, fake_place

TODAY = NOW.date()
ARN = "arn:aws:s3:::site"
PLAIN = Weakness("bucket_plain_transport", "it answers plainly", look="aws s3api x", change="deny it")
PUBLIC = Weakness("bucket_public", "it is public", "bucket_public:acl", facts=frozenset({Fact.PUBLIC_DATA}))
HUB = Weakness("hub_finding", "title", "hub:S3.5", same_as=("bucket_plain_transport",))


def rule(name: str, resource: str = "*", until: date = TODAY, **more: Any) -> Suppression:
    return Suppression(resource, name, "a web site", "web team", until, **more)


@pytest.mark.parametrize(
    ("suppression", "weakness", "silent"),
    [
        (rule("bucket_plain_transport"), PLAIN, True),
        (rule("bucket_plain_transport", "arn:aws:s3:::*"), PLAIN, True),
        (rule("bucket_plain_transport", "site"), PLAIN, True),
        (rule("bucket_plain_transport", "arn:aws:s3:::other"), PLAIN, False),
        (rule("bucket_*"), PLAIN, True),
        (rule("store_unencrypted"), PLAIN, False),
        (rule("bucket_plain_transport", until=TODAY - timedelta(days=1)), PLAIN, False),
        (rule("bucket_public"), PUBLIC, False),
        (rule("*"), PUBLIC, False),
        (rule("bucket_public", public_data=True), PUBLIC, True),
        (rule("bucket_public:acl", public_data=True), PUBLIC, True),
        (rule("bucket_public:policy", public_data=True), PUBLIC, False),
        (rule("hub:S3.5"), HUB, True),
        (rule("hub_finding"), HUB, True),
        (rule("hub:S3.*"), HUB, True),
        (rule("hub:EC2.*"), HUB, False),
        # What the check itself is not to say, another service is not to say for it.
        (rule("bucket_plain_transport"), HUB, True),
    ],
)
def test_what_a_suppression_covers(suppression: Suppression, weakness: Weakness, silent: bool) -> None:
    """By resource, by rule, until its day is over; public data only where it says so."""
    told, quiet, _ = sift([weakness], (ARN, "site"), [suppression], TODAY)
    assert (told, [one for one, _ in quiet]) == (([], [weakness]) if silent else ([weakness], []))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"reason": " "}, "needs reason"),
        ({"owner": ""}, "needs owner"),
        ({"resource": ""}, "needs resource"),
        ({"rule": ""}, "needs rule"),
        ({"rule": "bucket_publik"}, "there is no rule bucket_publik; did you mean bucket_public?"),
        ({"rule": "zzz"}, "there is no rule zzz"),
        ({"rule": "hbu:S3.5"}, "there is no rule hbu:S3.5; did you mean hub?"),
        ({"rule": "hub"}, "there is no rule hub"),
    ],
)
def test_a_suppression_says_what_why_and_whom_to_ask(given: dict[str, str], message: str) -> None:
    """One that would never cover anything is an error, not silence."""
    whole: dict[str, Any] = {
        "resource": "*", "rule": "key_old", "reason": "r", "owner": "o", "expires": TODAY, **given,
    }  # fmt: skip
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        Suppression(**whole)


def judged(*rules: Suppression, owners: dict[str, Owner] | None = None, known: bool = True) -> Any:
    place = fake_place(Security, {}, owners=owners, states_read=known)
    return Teller(place, rules).judged(ARN, [PLAIN, PUBLIC], "fine", "site")


def test_a_suppression_hides_one_thing_of_a_resource() -> None:
    """The rest stays, and the page shows who decided what."""
    reading = judged(rule("bucket_plain_transport"))
    assert (reading.outcome, reading.verdict) == (Outcome.UNHEALTHY, "bucket_public")
    assert [finding.key for finding in reading.findings] == ["bucket_public:acl"]
    expected = f"bucket_plain_transport of *: a web site (web team, until {TODAY.isoformat()})"
    assert reading.evidence["suppressed"] == [expected]
    assert reading.values == {
        "resources": 1.0, "violations": 1.0, "violations_suppressed": 1.0, "public_data": 1.0,
    }  # fmt: skip


def test_what_is_suppressed_whole_is_no_question_and_not_healthy() -> None:
    """It is public all the same, and a metric says so."""
    reading = judged(rule("*", public_data=True))
    assert (reading.outcome, reading.verdict, reading.findings) == (Outcome.NOT_APPLICABLE, "suppressed", ())
    assert (reading.values["violations"], reading.values["public_data"]) == (0.0, 1.0)


def test_an_expired_suppression_tells_again_and_says_so() -> None:
    """The finding is back, with the decision that has run out."""
    reading = judged(rule("bucket_*", until=TODAY - timedelta(days=1), public_data=True))
    assert [finding.key for finding in reading.findings] == ["bucket_plain_transport", "bucket_public:acl"]
    (label,) = reading.findings[0].evidence["expired_suppressions"]
    assert "web team" in label


def test_whose_it_is() -> None:
    """By ARN or by id; unmanaged and not known are two things."""
    owner = Owner("acme-prod", "site", "aws_s3_bucket.this", "production")
    assert judged(owners={"site": owner}).findings[0].owner == owner
    assert judged().findings[0].owner == UNMANAGED
    assert judged(known=False).findings[0].owner is None


def test_a_remedy_names_the_place_in_terraform() -> None:
    """A command to see it, then what to change and where."""
    owner = Owner("acme-prod", "site", "aws_s3_bucket.this", "production")
    assert remedy(PLAIN, owner) == (
        "aws s3api x\nThen deny it in Terraform: aws_s3_bucket.this, component site in stack acme-prod."
    )
    assert remedy(PLAIN, UNMANAGED) == "aws s3api x\nThen deny it where it was made: no Terraform state holds it."
    assert remedy(PLAIN, None) == "aws s3api x\nThen deny it."


def test_public_data_stands_alone_and_the_rest_is_grouped() -> None:
    """A hundred buckets that answer plainly are one cause; each public one is its own."""
    plain, public = judged().findings
    assert plain.cause == "security:bucket_plain_transport:111111111111"
    assert public.cause == ""


def test_every_rule_is_a_verdict() -> None:
    """A verdict that nobody explains helps nobody."""
    assert set(RULES) <= set(VERDICTS)
    assert not set(RULES) & {"looked", "fine", "suppressed"}

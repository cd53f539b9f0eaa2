"""Every rule: what it is about, what passes, what fails, what nobody can know."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from checks.base import UNMANAGED, Kind, Owner
from checks.comply.model import Exemption, Resource
from checks.comply.rules import BY_NAME, RULES, Expected, Naming, RequiredTag, results

NOON = datetime(2026, 6, 2, 12, tzinfo=UTC)  # a Tuesday, within working hours
NIGHT = datetime(2026, 6, 2, 23, tzinfo=UTC)
OWNER = Owner("acme-prod", "db", stage="production")


def resource(stage: str = "production", kind: str = "rds:db", name: str = "main", **facts: Any) -> Resource:
    return Resource(f"arn:{name}", kind, name, OWNER, stage, facts)


def switched(stage: str, fact: str, on: bool) -> Resource:
    return Resource("arn:main", "rds:db", "main", OWNER, stage, {fact: on})


def unread(stage: str, fact: str) -> Resource:
    return Resource("arn:main", "rds:db", "main", OWNER, stage, {}, {fact: "denied"})


def said(one: Resource, **expected: Any) -> dict[str, tuple[str, str]]:
    """Rule -> what it says, and why."""
    return {
        each.rule: (str(each.word), each.why) for each in results(one, Expected(expected.pop("now", NOON), **expected))
    }


@pytest.mark.parametrize(
    ("rule", "fact", "stages"),
    [
        ("encryption", "encrypted", {"production", "staging", "development", ""}),
        ("flow_logs", "flow_logs", {"production", "staging", "development", ""}),
        ("load_balancer_logs", "access_logs", {"production", "staging", "development", ""}),
        ("audit_logs", "audit_logs", {"production", "staging", "development", ""}),
        ("cdn_logs", "cdn_logs", {"production", "staging", "development", ""}),
        ("bucket_logs", "bucket_logs", {"production", "staging", ""}),
        ("rollback", "rollback", {"production", "staging", ""}),
        ("alarms", "alarmed", {"production", ""}),
        ("multi_az", "multi_az", {"production", ""}),
        ("deletion_protection", "deletion_protection", {"production", ""}),
    ],
)
def test_switches(rule: str, fact: str, stages: set[str]) -> None:
    """True passes, false fails, unread is not known, in its stages; one that nobody knows is production."""
    for stage in ("production", "staging", "development", ""):
        tried = (switched(stage, fact, True), switched(stage, fact, False), unread(stage, fact), resource(stage))
        words = [said(one).get(rule, ("", ""))[0] for one in tried]
        assert words == (["passed", "failed", "not_known", ""] if stage in stages else ["", "", "", ""]), stage


def test_every_rule_is_tried_here() -> None:
    """A new rule needs its cases in this file."""
    assert set(BY_NAME) == {
        "tags", "naming", "encryption", "log_retention", "flow_logs", "load_balancer_logs", "bucket_logs", "audit_logs",
        "cdn_logs", "alarms", "multi_az", "deletion_protection", "rollback", "spot", "shutdown", "commitments",
        "cycle",
    }  # fmt: skip
    assert {rule.name for rule in RULES if rule.kind is not Kind.COMPLIANCE} == {"shutdown", "commitments"}
    assert all(rule.about and rule.lack for rule in RULES)


TAGS = (RequiredTag("Owner"), RequiredTag("Env", "prod|dev", types=("rds:*",)), RequiredTag("Cost", stack="other-*"))


@pytest.mark.parametrize(
    ("tags", "kind", "word", "why"),
    [
        ({"Owner": "a", "Env": "prod"}, "rds:db", "passed", ""),
        ({"Owner": "a"}, "rds:db", "failed", "no Env"),
        ({"Env": "prod"}, "rds:db", "failed", "no Owner"),
        ({"Owner": "", "Env": "production"}, "rds:db", "failed", "another value than allowed in Owner, Env"),
        ({"owner": "a", "Env": "dev"}, "rds:db", "failed", "no Owner"),
        ({"Owner": "a"}, "s3:bucket", "passed", ""),
        ({}, "s3:bucket", "failed", "no Owner"),
    ],
)
def test_required_tags(tags: dict[str, str], kind: str, word: str, why: str) -> None:
    """By kind and stack; the whole value must fit; names are as they are written."""
    assert said(resource(kind=kind, tags=tags), tags=TAGS)["tags"] == (word, why)


def test_tags_that_could_not_be_read_are_not_missing() -> None:
    """And where none is required, nobody asks."""
    assert said(unread("production", "tags"), tags=TAGS)["tags"] == ("not_known", "denied")
    assert "tags" not in said(resource(tags={}))
    assert "tags" not in said(resource(kind="s3:bucket", tags={}), tags=TAGS[1:])


NAMES = (Naming(("rds:*", "s3:bucket"), r"acme-[a-z]+"), Naming(("rds:db",), r".{1,12}"))


@pytest.mark.parametrize(
    ("kind", "name", "word"),
    [
        ("rds:db", "acme-main", "passed"),
        ("rds:db", "acme-main-2", "failed"),
        ("rds:db", "acme-muchtoolong", "failed"),
        ("s3:bucket", "acme-muchtoolong", "passed"),
        ("s3:bucket", "xacme-a", "failed"),
        ("rds:db", "", "failed"),
    ],
)
def test_names(kind: str, name: str, word: str) -> None:
    """Every pattern that is about the kind must fit the whole name."""
    assert said(resource(kind=kind, name=name), naming=NAMES)["naming"][0] == word


def test_names_of_other_kinds_are_nobodys_matter() -> None:
    """No rule, no word."""
    assert "naming" not in said(resource(kind="sqs:queue", name="x"), naming=NAMES)


@pytest.mark.parametrize(("days", "word"), [(None, "failed"), (7, "failed"), (30, "passed"), (400, "passed")])
def test_log_retention(days: int | None, word: str) -> None:
    """For ever is not agreed, and costs."""
    assert said(resource(retention_days=days))["log_retention"][0] == word


@pytest.mark.parametrize(("stage", "spot", "word"), [("staging", True, "failed"), ("staging", False, "passed")])
def test_spot(stage: str, spot: bool, word: str) -> None:
    """Staging runs on demand; elsewhere nobody minds."""
    assert said(resource(stage, spot=spot))["spot"][0] == word
    assert "spot" not in said(resource("development", spot=spot))
    assert "spot" not in said(resource("production", spot=spot))


def _since(text: str) -> str:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).isoformat()


@pytest.mark.parametrize(
    ("now", "running", "since", "word"),
    [
        (NOON, True, "2026-06-01 09:00", "failed"),  # through the whole night
        (NOON, True, "2026-06-02 07:01", "passed"),  # started this morning
        (NOON, True, "2026-06-01 23:00", "failed"),  # started in the night, ran until morning
        (NOON, True, "2026-06-02 06:30", "passed"),  # somebody came early
        (NOON, False, "2026-06-01 09:00", "passed"),
        (NIGHT, True, "2026-06-02 09:00", "failed"),
        (NIGHT, True, "2026-06-02 22:30", "passed"),  # just started
        (NIGHT.replace(hour=20, minute=30), True, "2026-06-02 09:00", "passed"),  # works late
    ],
)
def test_what_says_since_when_it_runs(now: datetime, running: bool, since: str, word: str) -> None:
    """Whenever one looks, the start tells."""
    one = resource("development", kind="ec2:instance", running=running, running_since=_since(since))
    assert said(one, now=now)["shutdown"][0] == word


LOOKED = (NOON - timedelta(hours=14)).timestamp()


@pytest.mark.parametrize(
    ("now", "running", "seen", "word"),
    [
        (NIGHT, True, {}, "failed"),
        (NIGHT, False, {}, "passed"),
        (NOON, True, {}, "not_known"),
        (NOON, True, {"looked": LOOKED, "arn:main": LOOKED}, "failed"),
        (NOON, False, {"looked": LOOKED, "arn:main": LOOKED}, "failed"),
        (NOON, True, {"looked": LOOKED}, "passed"),
        (NOON, True, {"looked": LOOKED - 86_400, "arn:main": LOOKED - 86_400}, "not_known"),
        (NIGHT.replace(hour=20, minute=30), True, {"looked": LOOKED}, "not_known"),
    ],
)
def test_what_does_not_say_since_when_it_runs(now: datetime, running: bool, seen: dict[str, float], word: str) -> None:
    """Only a look in the latest time off can tell; an older one does not."""
    assert said(resource("development", running=running), now=now, seen_off=seen)["shutdown"][0] == word


def test_only_development_is_shut_down() -> None:
    """The rest runs day and night."""
    assert "shutdown" not in said(resource("production", running=True), now=NIGHT)
    assert "shutdown" not in said(resource("staging", running=True), now=NIGHT)


@pytest.mark.parametrize(("ratio", "word"), [(0.0, "failed"), (0.49, "failed"), (0.5, "passed"), (1.0, "passed")])
def test_commitments(ratio: float, word: str) -> None:
    """Half of the load at least; the reason does not move with the ratio."""
    assert said(resource(covered_ratio=ratio))["commitments"][0] == word
    assert said(resource(covered_ratio=0.1)) == said(resource(covered_ratio=0.2))


def _off(**more: Any) -> Exemption:
    return Exemption("multi_az", "a test system", "platform", **more)


@pytest.mark.parametrize(
    ("exemption", "word"),
    [
        (_off(), "off"),
        (_off(expires=date(2026, 6, 2)), "off"),
        (_off(expires=date(2026, 6, 1)), "failed"),
        (_off(stack="acme-*"), "off"),
        (_off(stack="other-*"), "failed"),
        (_off(resource="main"), "off"),
        (_off(resource="arn:*"), "off"),
        (_off(resource="db-*"), "failed"),
        (Exemption("*_logs", "x", "y"), "failed"),
        (Exemption("*", "x", "y"), "off"),
    ],
)
def test_exemptions(exemption: Exemption, word: str) -> None:
    """By rule, stack and resource, until a day is over; with the reason and whom to ask."""
    found = said(resource(multi_az=False), off=(exemption,))["multi_az"]
    assert found[0] == word
    if word == "off":
        assert found[1] == f"{exemption.reason} ({exemption.owner})"


def test_what_is_switched_off_is_neither_passed_nor_unknown() -> None:
    """It is not looked at, whatever there would be to see."""
    assert said(resource(multi_az=True), off=(_off(),))["multi_az"][0] == "off"
    assert said(unread("production", "multi_az"), off=(_off(),))["multi_az"][0] == "off"


@pytest.mark.parametrize("blank", [{"rule": " "}, {"reason": ""}, {"owner": " "}])
def test_exemptions_need_a_reason_and_somebody_to_ask(blank: dict[str, str]) -> None:
    """Or they are refused."""
    given: dict[str, Any] = {"rule": "spot", "reason": "x", "owner": "y", **blank}
    with pytest.raises(ValueError, match="needs"):
        Exemption(**given)


def test_patterns_that_are_none_are_refused() -> None:
    """At the start, not in the middle of a look."""
    with pytest.raises(ValueError, match="regular expression"):
        RequiredTag("Owner", values="(")
    with pytest.raises(ValueError, match="regular expression"):
        Naming(("*",), "[")


def test_an_unmanaged_resource_has_no_stack_to_be_exempt_by() -> None:
    """A glob over stacks does not fit it, but for one that fits everything."""
    lone = Resource("arn:x", "rds:db", "x", UNMANAGED, "production", {"multi_az": False})
    assert [str(one.word) for one in results(lone, Expected(NOON, off=(_off(stack="acme-*"),)))] == ["failed"]
    assert [str(one.word) for one in results(lone, Expected(NOON, off=(_off(),)))] == ["off"]


def test_changes_are_held_against_the_cycle_in_production_alone() -> None:
    """One that kept to it passes, one that did not fails and says why, and one of which nobody knows is not known."""
    assert said(resource(kind="execution:apply", cycle=""))["cycle"][0] == "passed"
    assert said(resource(kind="execution:apply", cycle="no approval"))["cycle"] == ("failed", "no approval")
    assert said(unread("production", "cycle"))["cycle"][0] == "not_known"
    assert "cycle" not in said(resource("staging", "execution:apply", cycle="no approval"))

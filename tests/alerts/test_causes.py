"""One cause is told of once: what joins its message, what leaves it, and that nothing critical is hidden in it."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.gathering import (
    CAUSE,
    CRITICAL_CAUSE,
    FLOOD,
    Gather,
    Group,
    Lead,
    Member,
    Pace,
    Waiting,
    cause_key,
    decide,
    joined_message,
    new_group,
    stays,
)
from alerts.lifecycle import Look
from checks.aws import AwsError, ErrorClass, could_not_look
from checks.base import Fact, Finding, Kind, Reading, Tier
from daemon.demo.fakeslack import Fault, FaultKind
from daemon.demo.fakeslack.limits import validate_message
from tests.alerts.build import LABELS, NOW, POLICY, finding, incident, reading
from tests.alerts.test_gathering import at, gathering, seen
from tests.alerts.world import FAST

PACE = Pace(gather_from=10)
ONE, OTHER, LOUD = f"{CAUSE}1", f"{CAUSE}2", f"{CRITICAL_CAUSE}1"
UPGRADE = finding(cause="drift:aws_lb:drop_invalid_header_fields")
GONE = finding("it was deleted", cause=UPGRADE.cause, facts=frozenset({Fact.DELETED}))
HERE = replace(POLICY, routes=replace(POLICY.routes, rows=()))  # critical ones are told in the same channel


def fresh(count: int, cause: str = ONE, age: float = 0.0, *, held: bool = False) -> list[Waiting]:
    tier = Tier.CRITICAL if cause.startswith(CRITICAL_CAUSE) else Tier.WARNING
    since = NOW - timedelta(seconds=age)
    return [
        Waiting(f"s{n}{cause}", "C1", tier, False, False, cause, cause, "a title", since, held) for n in range(count)
    ]


def group(cause: str = ONE, **more: Any) -> Group:
    return replace(new_group("C1", cause, "a title", PACE, NOW), **more)


SENT: dict[str, Any] = {"sent": True}
LEAD = Lead("lead", "C1", ONE)


@pytest.mark.parametrize(
    ("there", "groups", "leads", "gathered", "held"),
    [
        (fresh(1), [], [], [], 0),
        (fresh(2), [], [], [(ONE, 2)], 0),
        (fresh(2, ""), [], [], [], 0),
        (fresh(1) + fresh(1, OTHER), [], [], [], 0),
        (fresh(2) + fresh(3, OTHER), [], [], [(ONE, 2), (OTHER, 3)], 0),
        (fresh(1), [group()], [], [(ONE, 1)], 0),
        (fresh(1), [group(**SENT)], [], [], 1),
        (fresh(1, held=True), [group(**SENT)], [], [], 0),
        (fresh(2, age=29.9), [group(**SENT)], [], [], 2),
        (fresh(2, age=30), [group(**SENT)], [], [(ONE, 2)], 0),
        (fresh(2, age=-5), [group(**SENT)], [], [(ONE, 2)], 0),
        (fresh(1), [group(sent=True, told_over=True)], [], [], 0),
        (fresh(1, age=99), [group(sent=True, joins_until=NOW - timedelta(seconds=1))], [], [], 0),
        (fresh(1), [], [LEAD], [], 1),
        (fresh(1, age=30), [], [LEAD], [(ONE, 1)], 0),
        (fresh(1, OTHER, age=30), [], [LEAD], [], 0),
        (fresh(1, age=30), [], [replace(LEAD, channel="C2")], [], 0),
        (fresh(3, LOUD), [], [], [], 0),
        (fresh(3, LOUD), [], [replace(LEAD, cause=LOUD)], [(LOUD, 3)], 0),
        (fresh(3, LOUD), [group(LOUD, **SENT)], [], [(LOUD, 3)], 0),
        (fresh(3, LOUD), [group(ONE, **SENT)], [LEAD], [], 0),
        (fresh(12) + fresh(2, OTHER) + fresh(9, ""), [], [], [(ONE, 12), (FLOOD, 11)], 0),
        (fresh(2), [group(FLOOD)], [], [(FLOOD, 2)], 0),
        ([one for n in range(60) for one in fresh(2, f"{CAUSE}{n:03}")], [], [], [(FLOOD, 120)], 0),
    ],
)
def test_what_is_gathered_by_cause(
    there: list[Waiting], groups: list[Group], leads: list[Lead], gathered: list[tuple[str, int]], held: int
) -> None:
    """Two of one cause, or one more of a known one, that waits for others; a critical one never waits."""
    found = decide(there, groups, PACE, NOW, leads)
    assert [(each.group.cause, len(each.subjects)) for each in found.gather] == gathered
    assert len(found.hold) == held


CAUSES = st.sampled_from(["", ONE, OTHER, LOUD, f"{CAUSE}3"])


@given(st.lists(st.tuples(CAUSES, st.floats(-60, 120), st.booleans()), max_size=60), st.booleans(), st.booleans())
def test_no_message_is_gathered_twice_held_long_or_hidden(
    ones: list[tuple[str, float, bool]], led: bool, flooded: bool
) -> None:
    """Each waiting message has one fate; a critical one is with critical ones or alone; nothing waits a minute."""
    there = []
    for n, (cause, age, over) in enumerate(ones):
        (one,) = fresh(1, cause, age)
        there.append(replace(one, subject=f"s{n}", over=over))
    leads = [replace(LEAD, cause=cause) for cause in (ONE, LOUD)] if led else []
    found = decide(there, [group(FLOOD)] if flooded else [], PACE, NOW, leads)
    subjects = [s for each in found.gather for s in each.subjects] + [each.subject for each in found.hold]
    assert len(subjects) == len(set(subjects))
    by_subject = {one.subject: one for one in there}
    for each in found.gather:
        loud = [by_subject[s].tier is Tier.CRITICAL and not by_subject[s].over for s in each.subjects]
        assert not any(loud) or (all(loud) and each.group.cause == LOUD)
    for held in found.hold:
        one = by_subject[held.subject]
        assert one.tier is not Tier.CRITICAL
        assert held.until - NOW <= timedelta(seconds=30)


@given(st.sampled_from(Kind), st.text(max_size=40), st.sampled_from(Tier), st.sampled_from(Kind), st.text(max_size=40))
def test_a_key_is_of_one_kind_and_cause(kind: Kind, cause: str, tier: Tier, other: Kind, also: str) -> None:
    """The same for the same, another for anything else; none without a cause."""
    key = cause_key(kind, cause, tier)
    assert bool(key) is bool(cause)
    assert (key == cause_key(other, also, tier)) == ((kind, cause) == (other, also) or not (cause or also))
    assert key.startswith(CRITICAL_CAUSE) is (tier is Tier.CRITICAL and bool(cause))


def test_who_stays_in_a_group() -> None:
    """Another cause or a higher tier leaves; one that is lowered stays where people know it."""
    one = incident(cause="x")
    warning, critical = (cause_key(one.kind, "x", tier) for tier in (Tier.WARNING, Tier.CRITICAL))
    raised, other = replace(one, tier=Tier.CRITICAL), replace(one, cause="y")
    assert [stays(each, warning) for each in (one, raised, other)] == [True, False, False]
    assert [stays(each, critical) for each in (one, raised, other)] == [True, True, False]


@given(st.lists(st.text(max_size=300), min_size=1, max_size=40))
def test_the_word_of_new_members_is_taken_by_slack(summaries: list[str]) -> None:
    """Whatever they say."""
    joined = [incident(summary=text) for text in summaries]
    assert validate_message(joined_message(group(), joined, 99)) == []
    assert Member(0, joined[0]).incident is joined[0]
    assert Gather(group(), ("a",), "").lead == ""


def test_what_has_one_cause_from_the_start_is_one_message(tmp_path: Path) -> None:
    """Forty instances that a provider's release drifts; the list is in its thread, what to do is said once."""
    with gathering(tmp_path, FAST) as world:
        for n in range(40):
            world.look(at(n, reading(replace(UPGRADE, remedy="terraform providers lock"))))
        world.work(60)
        root, page = world.slack.messages("C-ops")
        assert root.text.startswith("🟠 40 drift, one cause: drift:aws_lb:drop_invalid_header_fields")
        assert "terraform providers lock" in str(root.blocks)
        assert page.thread_ts == root.ts
        assert all(f"acme-prod/service/{n}" in page.text or f"acme-prod/service/{n}" in str(page.blocks)
                   for n in range(40))  # fmt: skip
        world.assert_exactly_once()


def test_later_members_join_the_message_that_was_there_first(tmp_path: Path) -> None:
    """The first is told of at once; its message becomes that of all, and the thread hears of those that come."""
    with gathering(tmp_path, FAST) as world:
        world.look(at(0, reading(UPGRADE)))
        world.work(1)
        (alone,) = world.slack.messages("C-ops")
        assert alone.text.startswith("🟠 WARNING drift — acme-prod/service/0")
        for n in range(1, 6):
            world.look(at(n, reading(UPGRADE)))
            world.work(1)
        assert len(world.slack.messages("C-ops")) == 1
        world.work(60)
        root, news, page = world.slack.messages("C-ops")
        assert root.ts == alone.ts
        assert root.text.startswith("🟠 6 drift, one cause")
        assert news.text.startswith("➕ 5 more with the same cause, 6 by now")
        assert {news.thread_ts, page.thread_ts} == {root.ts}
        for n in range(6):
            world.look(at(n, reading()))
        world.work(5)
        root, *_, last = world.slack.messages("C-ops")
        assert root.text.startswith("✅ All over: 6")
        assert last.text == "✅ All 6 are over."
        world.look(at(9, reading(UPGRADE)))
        world.work(60)
        assert world.slack.messages("C-ops")[-1].text.startswith("🟠 WARNING drift — acme-prod/service/9")
        world.assert_exactly_once()


def test_a_critical_one_leaves_and_calls_and_those_like_it_join_it_loudly(tmp_path: Path) -> None:
    """Nothing critical is in a list of warnings; each that joins a critical message calls people again."""
    policy = replace(HERE, routes=replace(HERE.routes, default_mention="<!here>"))
    with gathering(tmp_path, FAST) as world:
        for n in range(5):
            world.look(at(n, reading(UPGRADE)), policy)
        world.work(5)
        assert len(world.slack.messages("C-ops")) == 2
        world.look(at(3, reading(GONE)), policy)
        world.work(1)
        (own,) = [m for m in world.slack.messages("C-ops") if m.text.startswith("🔴 CRITICAL")]
        assert "<!here>" in own.text
        raised = world.clock()
        world.look(at(4, reading(GONE)), policy)
        world.work(1)
        (joined,) = [m for m in world.slack.messages("C-ops") if m.text.startswith("1 more with the same cause, 2")]
        assert joined.thread_ts == own.ts
        assert "<!here>" in joined.text
        assert joined.posted_at is not None
        assert joined.posted_at - raised <= timedelta(seconds=5)
        world.work(5)
        first, second = [m for m in world.slack.messages("C-ops") if not m.thread_ts]
        assert first.text.startswith("🟠 5 drift")
        assert "with a message of their own 2" in first.text
        assert second.text.startswith("🔴 2 drift, one cause")
        world.assert_exactly_once()


def test_a_member_whose_cause_is_another_one_by_now_gets_a_message_of_its_own(tmp_path: Path) -> None:
    """The one whose message the group took, too: the group keeps that."""
    with gathering(tmp_path, FAST) as world:
        for n in range(3):
            world.look(at(n, reading(UPGRADE)))
            world.work(60)
        root = world.slack.messages("C-ops")[0]
        world.look(at(0, reading(finding("something else", cause="another"))))
        world.work(5)
        (own,) = [m for m in world.slack.messages("C-ops") if m.text.startswith("🟠 WARNING")]
        assert "something else" in own.text
        assert own.ts != root.ts
        assert "with a message of their own 1" in seen(world)
        world.assert_exactly_once()


def test_a_member_that_comes_back_soon_is_told_in_the_same_thread_and_later_anew(tmp_path: Path) -> None:
    """Within 30 minutes the group's thread hears of it; after that a new message says where it was before."""
    with gathering(tmp_path, FAST) as world:
        for n in range(3):
            world.look(at(n, reading(UPGRADE)))
        world.work(5)
        root = world.slack.messages("C-ops")[0]
        world.look(at(1, reading()))
        world.work(20 * 60)
        world.look(at(1, reading(UPGRADE)))
        world.work(60)
        (back,) = [m for m in world.slack.messages("C-ops") if "Back: 2nd time" in m.text]
        assert back.thread_ts == root.ts
        for n in range(3):
            world.look(at(n, reading()))
        world.work(45 * 60)
        world.look(at(1, reading(UPGRADE)))
        world.work(60)
        (anew,) = [m for m in world.slack.messages("C-ops") if m.text.startswith("🟠 WARNING")]
        assert not anew.thread_ts
        assert "Seen before: opened" in str(anew.blocks)
        world.assert_exactly_once()


def refused(error: AwsError, place: str) -> Look:
    return Look("quotas", place, {**LABELS, "component": "", "account": place}, (could_not_look(place, error, "x"),))


def denied(account: str) -> AwsError:
    return AwsError(
        ErrorClass.PERMISSION, service="rds", operation="DescribeDBInstances", action="rds:DescribeDBInstances",
        account=account,
    )  # fmt: skip


def test_one_right_that_fifty_accounts_lack_is_one_message(tmp_path: Path) -> None:
    """The same action of the same reason, whichever account."""
    with gathering(tmp_path, FAST) as world:
        for n in range(50):
            account = f"{n:012}"
            world.look(refused(denied(account), account))
        world.work(60)
        (root,) = [m for m in world.slack.messages("C-ops") if not m.thread_ts]
        assert root.text.startswith("🟠 50 could not look, one cause: permission rds:DescribeDBInstances")
        world.assert_exactly_once()


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (denied("1"), "permission rds:DescribeDBInstances"),
        (AwsError(ErrorClass.ROLE_REFUSED, service="sts", operation="AssumeRole", account="1"), "role_refused 1"),
        (AwsError(ErrorClass.EXPIRED, service="s3", operation="ListBuckets", account="1"), "credentials_expired"),
        (AwsError(ErrorClass.REGION_OFF, service="s3", operation="X", account="1", region="r"), "region_off 1 r"),
        (AwsError(ErrorClass.NETWORK, service="s3", operation="X", account="1", region="r"), "network s3:X 1"),
    ],
)
def test_what_one_thing_would_mend_has_one_cause(error: AwsError, cause: str) -> None:
    """A right of the same role everywhere, a role of an account, a credential."""
    told: Reading = could_not_look("x", error, "x")
    assert [each.cause for each in told.findings] == [error.cause] == [cause]
    assert isinstance(told.findings[0], Finding)


@pytest.mark.parametrize("kind", [FaultKind.RESET, FaultKind.EOF])
@pytest.mark.parametrize("committed", [True, False])
def test_doubt_about_a_message_that_others_join_ends_with_each_once(
    tmp_path: Path, kind: FaultKind, committed: bool
) -> None:
    """While its message is in doubt nothing takes it over; whatever Slack did, all is told of once."""
    with gathering(tmp_path, FAST) as world:
        chance = random.Random(1)
        for n in range(8):
            if n % 2 == 0:
                world.slack.script(Fault(kind, committed=committed))
            world.look(at(n, reading(UPGRADE)))
            world.work(chance.choice([0, 5, 40]))
        world.slack.faults.clear()
        world.work(300)
        everything = seen(world)
        assert all(f"acme-prod/service/{n}" in everything for n in range(8))
        world.assert_exactly_once()

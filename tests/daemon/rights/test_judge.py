"""What is known of a right, from the simulator and from the last looks: over all that both may say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from checks import discover
from checks.base import Role
from daemon.accounts.model import Organization
from daemon.aws import Account
from daemon.policies.own import own
from daemon.rights.judge import standing
from daemon.rights.model import Answer, Denial, Standing, Subject
from daemon.rights.page import COULD_NOT_TELL, FINE, MISSING, exit_code, report, table
from daemon.rights.simulate import Simulated
from daemon.rights.subjects import OWN, subjects

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
ACCOUNT = Account("000000000011", ("eu-west-1",), name="acme-prod")
JOBS, VPCS = "backup:ListBackupJobs", "ec2:DescribeVpcs"
SUBJECT = Subject(ACCOUNT, Role.SWEEP, {JOBS: ("backups",), VPCS: ("network", "security")})
DENIAL = Denial(VPCS, "network", "000000000011/eu-west-1", AT)
THERE = (Answer.THERE, "")


def answers(standing: Standing) -> dict[str, Answer]:
    return {right.action: right.answer for right in standing.rights}


def test_all_there_takes_the_simulators_word_for_each() -> None:
    """One action that it does not speak of, and nobody can tell."""
    whole = standing(SUBJECT, Simulated({JOBS: THERE, VPCS: THERE}), ())
    assert (whole.answer, whole.whole) == (Answer.THERE, True)
    half = standing(SUBJECT, Simulated({JOBS: THERE}), ())
    assert answers(half) == {JOBS: Answer.THERE, VPCS: Answer.COULD_NOT_TELL}
    assert (half.answer, half.whole) == (Answer.COULD_NOT_TELL, False)


def test_a_refusal_that_a_look_met_counts() -> None:
    """Against the simulator's yes it leaves doubt; where the simulator says nothing it decides."""
    doubted = standing(SUBJECT, Simulated({JOBS: THERE, VPCS: THERE}), (DENIAL,))
    assert answers(doubted) == {JOBS: Answer.THERE, VPCS: Answer.COULD_NOT_TELL}
    blind = standing(SUBJECT, Simulated(failed="denied"), (DENIAL,))
    assert answers(blind) == {JOBS: Answer.COULD_NOT_TELL, VPCS: Answer.MISSING}
    assert "network was refused it at 000000000011/eu-west-1, 2026-03-02 12:00 UTC" in blind.rights[1].told
    assert not blind.whole


def test_a_refusal_counts_where_it_was_met_only() -> None:
    """Not in another account, and not for a check that asks with another role."""
    for other in (
        replace(DENIAL, place="000000000012/eu-west-1"), replace(DENIAL, check="drift"),
        replace(DENIAL, action="ec2:DescribeTags"),
    ):  # fmt: skip
        assert standing(SUBJECT, Simulated({JOBS: THERE, VPCS: THERE}), (other,)).answer is Answer.THERE


def test_a_role_that_is_refused_is_a_right_that_is_missing() -> None:
    """That of taking it on; of the others nobody knows."""
    found = standing(SUBJECT, Simulated(failed="refused", refused="refused"), ())
    assert found.rights[0].action == "sts:AssumeRole"
    assert found.rights[0].checks == ("backups", "network", "security")
    assert (found.answer, found.whole) == (Answer.MISSING, False)


ANSWERS = st.sampled_from([*Answer, None])


@given(st.lists(ANSWERS, min_size=1, max_size=6), st.sets(st.integers(0, 5)), st.booleans())
def test_never_all_there_while_anything_is_open(said: list[Answer | None], denied: set[int], failed: bool) -> None:
    """Whatever the simulator says, leaves out or fails at, and whatever looks met."""
    actions = [f"ec2:Describe{number}" for number in range(len(said))]
    subject = Subject(ACCOUNT, Role.SWEEP, dict.fromkeys(actions, ("network",)))
    told = {action: (answer, "") for action, answer in zip(actions, said, strict=True) if answer is not None}
    denials = [replace(DENIAL, action=f"ec2:Describe{number}") for number in denied]
    found = standing(subject, Simulated(told, failed="failed" if failed else ""), denials)
    met = any(number < len(said) for number in denied)
    fine = not failed and not met and all(answer is Answer.THERE for answer in said)
    assert (found.answer is Answer.THERE) == fine
    assert (exit_code([found], ()) == FINE) == fine
    assert len(found.rights) == len(actions)
    assert report([found], (), "fix")["exit_code"] == exit_code([found], ())


def test_exit_codes() -> None:
    """What could not be told wins over what is missing; without any role nothing was told."""
    there = standing(SUBJECT, Simulated({JOBS: THERE, VPCS: THERE}), ())
    missing = standing(SUBJECT, Simulated({JOBS: (Answer.MISSING, "no"), VPCS: THERE}), ())
    unclear = standing(SUBJECT, Simulated({JOBS: THERE}), ())
    assert [exit_code(each, ()) for each in ([there], [there, missing], [missing, unclear], [])] == [
        FINE, MISSING, COULD_NOT_TELL, COULD_NOT_TELL,
    ]  # fmt: skip
    assert exit_code([there], ("the organization is not listed",)) == COULD_NOT_TELL


def test_the_table_names_what_is_missing_where_and_what_to_run() -> None:
    """And a terminal is not steered by the name of an account."""
    named = replace(SUBJECT, account=replace(ACCOUNT, name="acme\x1b[2J"))
    found = standing(named, Simulated({JOBS: (Answer.MISSING, "no policy allows it"), VPCS: THERE}), ())
    text = "\n".join(table([found], (), "barograph iam-policy -c b.yml"))
    assert "1 missing, 1 there" in text
    assert "missing         backup:ListBackupJobs  backups: no policy allows it" in text
    assert "barograph iam-policy -c b.yml" in text
    assert "\x1b" not in text
    assert "Every right is there." not in text


def test_what_every_role_needs_is_what_its_checks_declare() -> None:
    """With what the daemon asks itself; a role that needs nothing is not asked about."""
    checks = discover()
    found = {one.role: one for one in subjects(checks, own(), [ACCOUNT], ACCOUNT, Organization(account="000000000001"))}
    assert set(found) == {Role.SWEEP, Role.PAYER, Role.ORGANIZATION}
    assert found[Role.SWEEP].wanted["cloudtrail:LookupEvents"] == ("access",)
    assert "network" in found[Role.SWEEP].wanted["ec2:DescribeVpcs"]
    assert found[Role.SWEEP].wanted["account:ListRegions"] == (OWN,)
    assert found[Role.PAYER].wanted["ce:GetCostAndUsage"] == ("cost",)
    assert set(found[Role.ORGANIZATION].wanted.values()) == {(OWN,)}
    assert not any("iam:SimulatePrincipalPolicy" in one.wanted for one in found.values())
    assert subjects({}, {}, [ACCOUNT], ACCOUNT, None) == []

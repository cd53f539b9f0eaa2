"""The state check over plain looks: its verdicts come from what is seen, and what is not seen is never fine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from checks.base import Instance, Json, Kind, Outcome, Reading
from checks.state import State
from checks.states.commands import unlock
from checks.states.judge import Before, before_of
from checks.states.locks import lock_of
from checks.states.model import DIGEST, LOCK, STATE, Gap, LockSeen, StateFacts, StateLook
from checks.states.unrecorded import History
from tests.daemon.states.proof import StatesProof

WORLD = StatesProof()  # for tests/checks/test_blindness.py
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
FACTS = StateFacts(1000, "a" * 32, version=4, serial=7, lineage="l", terraform_version="1.11.4", resources=30)
WHOLE = StateLook("s3://b/k", "b", "k", "mark", FACTS, NOW, None, "table", "a" * 32)
PLAIN = Instance("acme-prod", "app", "app", workspace="acme prod", working_directory="mods/app", atmos=False)
ATMOS = Instance("acme-prod", "app", "app", workspace="acme-prod", working_directory="components/terraform/app")


@dataclass
class FakePlace:
    """Gives one look after the other, the last one again and again; its clock moves by waiting."""

    looks: list[StateLook]
    instance: Instance = PLAIN
    kept: dict[str, Json] = field(default_factory=dict)
    time: datetime = NOW
    history: History | None = None

    @property
    def key(self) -> str:
        return self.instance.key

    @property
    def labels(self) -> dict[str, str]:
        return {}

    def now(self) -> datetime:
        return self.time

    def wait(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def recall(self, name: str) -> Json | None:
        return self.kept.get(name)

    def keep(self, name: str, value: Json) -> None:
        self.kept[name] = value

    def look(self) -> StateLook:
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]


def run(*looks: StateLook, before: Before | None = None, check: State | None = None) -> Reading:
    place = FakePlace(list(looks), kept={"before": before.plain(WHOLE.shown)} if before else {})
    (reading,) = (check or State()).run(place)
    return reading


DENIED = Gap("the thing", "denied", "s3:GetObject")


@pytest.mark.parametrize("part", [STATE, DIGEST, LOCK])
@pytest.mark.parametrize("reason", ["denied", "throttled", "timeout", "unavailable", "failed"])
def test_what_could_not_be_read_is_never_fine(part: str, reason: str) -> None:
    """Whichever part it is, for whatever reason: UNKNOWN, a monitoring finding, no value of that part."""
    look = replace(WHOLE, gaps={part: replace(DENIED, reason=reason)})
    if part == STATE:
        look = replace(look, facts=None, mark="", modified_at=None)
    if part == DIGEST:
        look = replace(look, digest="")
    reading = run(look, before=Before("l", 7, 30))
    assert (reading.outcome, reading.verdict) == (Outcome.UNKNOWN, "unreadable")
    assert [finding.kind for finding in reading.findings] == [Kind.MONITORING]
    assert ("s3:GetObject" in reading.summary) == (reason == "denied")
    assert ("serial" in reading.values) == (part != STATE)
    assert ("locks" in reading.values) == (part != LOCK)


@pytest.mark.parametrize(
    ("options", "before", "verdict"),
    [
        ({}, Before("l", 7, 30), "ok"),
        ({}, Before("l", 7, 300), "collapsed"),
        ({"collapse_to": 0.05}, Before("l", 7, 300), "ok"),
        ({"collapse_from": 301}, Before("l", 7, 300), "ok"),
        ({}, Before("l", 8, 30), "serial_regressed"),
        ({}, Before("m", 1, 30), "lineage_changed"),
        ({}, Before("m", 1, 30, NOW - timedelta(hours=25)), "lineage_changed"),
    ],
)
def test_the_version_before_decides(options: dict[str, float], before: Before, verdict: str) -> None:
    """Lineage, serial, number of resources, against what was kept."""
    assert run(WHOLE, before=before, check=State(**options)).verdict == verdict  # type: ignore[arg-type]  # whole or not


@pytest.mark.parametrize("digest", ["", "none", "a" * 31, "z" * 32])
def test_what_is_no_digest_is_not_compared(digest: str) -> None:
    """Terraform passes over it with a warning; with nothing there, it is not left behind either."""
    assert run(replace(WHOLE, digest=digest)).verdict == "no_digest"
    assert run(replace(WHOLE, digest=digest, facts=None, mark="")).verdict == "absent"


def test_what_is_kept_comes_back_and_nonsense_does_not() -> None:
    """A memory that another version wrote is none."""
    before = Before("l", 7, 30, NOW)
    assert before_of(before.plain("s3://b/k"), "s3://b/k") == before
    assert before_of(before.plain("s3://b/k"), "s3://b/other") is None
    plain = before.plain("s3://b/k")
    wrong = [{**plain, "serial": "x"}, {**plain, "since": "x"}, {"where": "s3://b/k", "lineage": "l"}]
    odds: list[Json] = [None, 5, [], {}, *wrong]
    assert [before_of(odd, "s3://b/k") for odd in odds] == [None] * 7


def test_damage_and_blindness_leave_the_memory_alone() -> None:
    """What was last right is still what to compare with."""
    before = Before("l", 6, 30)
    for look in (replace(WHOLE, digest="b" * 32), replace(WHOLE, gaps={LOCK: DENIED})):
        place = FakePlace([look], kept={"before": before.plain(WHOLE.shown)})
        list(State().run(place))
        assert before_of(place.kept["before"], WHOLE.shown) == before
    place = FakePlace([WHOLE], kept={"before": before.plain(WHOLE.shown)})
    list(State().run(place))
    assert before_of(place.kept["before"], WHOLE.shown) == Before("l", 7, 30)


ID = "5d8f3c1e-7a52-4b8e-9d1f-2c6a0b9e4f77"
UNLOCK = [
    (PLAIN, f"TF_WORKSPACE='acme prod' terraform -chdir=mods/app force-unlock {ID}"),
    (replace(PLAIN, workspace="", working_directory=""), f"terraform -chdir=. force-unlock {ID}"),
    (ATMOS, f"atmos terraform force-unlock app -s acme-prod -- {ID}"),
]


@pytest.mark.parametrize(("instance", "command"), UNLOCK)
def test_unlocking_is_one_command_that_can_be_copied(instance: Instance, command: str) -> None:
    """In the right folder and workspace, and with the caution behind it."""
    lock = LockSeen("dynamodb", "table", True, ID, "ana", "apply", NOW)
    assert unlock(instance, WHOLE, lock) == f"{command}  # only once its owner is known to have ended"


@pytest.mark.parametrize("odd", ["-force", "id; rm -rf /", "$(reboot)", "", "x" * 101])
def test_an_id_that_terraform_did_not_make_is_in_no_command(odd: str) -> None:
    """Whoever can write the lock table does not write our commands."""
    remedy = unlock(PLAIN, WHOLE, LockSeen("dynamodb", "table", True, odd, "ana", "apply", NOW))
    assert remedy.startswith("aws dynamodb delete-item")
    assert not odd or odd not in remedy


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("dynamodb", """aws dynamodb delete-item --table-name table --key '{"LockID": {"S": "b/k"}}'"""),
        ("s3", "aws s3api delete-object --bucket b --key k.tflock"),
        ("file", "# remove the file"),
    ],
)
def test_a_lock_without_an_id_is_removed_by_hand(kind: str, command: str) -> None:
    """Terraform could not unlock it."""
    remedy = unlock(PLAIN, WHOLE, LockSeen(kind, "where", False))
    assert remedy.startswith(command)
    assert remedy.endswith("only once its owner is known to have ended")


def test_a_lock_is_read_with_care() -> None:
    """Nanoseconds, line breaks, secrets, times that are none; untrusted, so cut and cleaned."""
    info = '{"ID": "1", "Who": "ana\\u0007@ci\\nx", "Operation": "OperationTypeApply", "Created": "%s"}'
    lock = lock_of("s3", "w", info % "2026-05-04T10:00:00.123456789Z")
    assert (lock.id, lock.who, lock.operation) == ("1", "ana@ci x", "apply")
    assert lock.created == datetime(2026, 5, 4, 10, 0, 0, 123456, UTC)
    for odd in ("0001-01-01T00:00:00Z", "soon", ""):
        assert lock_of("s3", "w", info % odd, NOW).created == NOW
    assert len(lock_of("s3", "w", '{"ID": "%s"}' % ("x" * 9999)).id) <= 200
    assert "AKIA" not in lock_of("s3", "w", '{"ID": "1", "Who": "AKIAIOSFODNN7EXAMPLE"}').who
    for odd in ("", "[]", "null", "{}", '{"ID": ""}', "[" * 99999):
        assert not lock_of("s3", "w", odd).readable


def test_a_lock_that_says_not_since_when_is_told_at_once() -> None:
    """Nobody could wait for its owner."""
    lock = LockSeen("dynamodb", "table", True, "1", "ana", "apply", None)
    assert run(replace(WHOLE, locks=(lock,))).verdict == "stale_lock"


def test_damage_that_heals_while_it_is_confirmed_is_none() -> None:
    """The last look decides; a finding needs ten seconds of the same."""
    broken = replace(WHOLE, digest="b" * 32)
    assert run(broken, broken, WHOLE).verdict == "ok"
    assert run(broken).verdict == "digest_mismatch"
    assert run(broken, replace(WHOLE, facts=None, gaps={STATE: DENIED})).verdict == "unreadable"

"""How production was changed, in the score of its stack: counted from what runs and states left."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from checks.base import Outcome
from checks.compliance import Compliance
from checks.comply.adherence import adherence
from checks.comply.model import Exemption
from checks.estate import Note, Seen
from tests.checks.estates import FakeEstate, note
from tests.checks.test_compliance_estate import DEV, FINE, GLOBAL, ONE, PROD, gathered, kept


def cycle(stack: str = "acme-prod", outcome: Outcome = Outcome.HEALTHY, **told: Any) -> Seen:
    """What the record of executions left of a place."""
    said = note(f"{stack}/app cycle", outcome=outcome, evidence={"kept": 0, "broken": 0, "emergencies": 0, **told})
    other: Note = note(f"{stack}/app deploy", evidence={"kept": 50})
    return Seen(f"{stack}/app", {"stack": stack}, (said, other))


def state(unrecorded: int, stack: str = "acme-prod") -> Seen:
    told = note(f"changes of {stack}/app", evidence={"unrecorded": unrecorded} if unrecorded else {})
    return Seen(f"{stack}/app", {"stack": stack}, (told, note(f"{stack}/app", evidence={"unrecorded": 9})))


def look(*runs: Seen, states: tuple[Seen, ...] = (), rules: Mapping[str, Any] = FINE, check: Any = None) -> Any:
    places = (
        gathered(GLOBAL),
        gathered(ONE, kept(ONE, "acme-prod", rules), kept(ONE, "acme-dev", rules, stage="development")),
    )
    estate = FakeEstate({"compliance": places, "execution": runs, "state": states}, instances=(PROD, DEV))
    return {one.resource: one for one in (check or Compliance()).run(estate)}


def test_no_change_seen_is_not_known_and_never_all() -> None:
    """The score is that of the other rules, and says so."""
    reading = look()["stack/acme-prod"]
    assert reading.evidence["cycle"]["adherence"] is None
    assert reading.evidence["cycle"]["why"] == "not known: no change was seen lately"
    assert "cycle" not in reading.evidence["rules"]
    assert reading.values["rules_checked"] == 2


@pytest.mark.parametrize(
    ("runs", "states", "share"),
    [
        ((cycle(kept=4),), (), 1.0),
        ((cycle(kept=3, broken=1, broken_runs=["r1"]),), (), 0.75),
        ((cycle(kept=3, broken=1),), (), 0.75),
        ((cycle(kept=3, broken=1, broken_runs=["r1"]),), (state(4),), 3 / 8),
        ((), (state(2),), 0.0),
        ((cycle(outcome=Outcome.UNKNOWN, open=["a commit"]),), (), None),
        ((cycle("acme-other", kept=5),), (state(0),), None),
    ],
)
def test_the_share_of_changes_that_went_through_the_cycle(
    runs: tuple[Seen, ...], states: tuple[Seen, ...], share: float | None
) -> None:
    """What is not known of a change counts on neither side; it enters the score as one rule among others."""
    reading = look(*runs, states=states)["stack/acme-prod"]
    assert reading.evidence["cycle"]["adherence"] == share
    assert reading.evidence["score"] == pytest.approx(1.0 if share is None else (2 + share) / 3, abs=1e-4)
    keys = [one.key for one in reading.findings]
    assert keys == (["rule:cycle"] if share is not None and share < 1 else [])


def test_only_production_is_held_against_it() -> None:
    """A stage that is not known counts as that."""
    reading = look(cycle("acme-dev", broken=3))["stack/acme-dev"]
    assert "cycle" not in reading.evidence["rules"]
    assert reading.evidence["cycle"]["broken"] == 3


def test_it_can_be_switched_off_with_a_reason() -> None:
    """As every rule."""
    check = Compliance(exemptions=(Exemption("cycle", "being set up", "ops", date(2026, 7, 1)),))
    reading = look(cycle(kept=1, broken=1), check=check)["stack/acme-prod"]
    assert (reading.findings, reading.values["rules_off"]) == ((), 1)


@pytest.mark.parametrize("told", [{"kept": "x"}, {"kept": -1}, {"kept": True}, {"broken_runs": 7, "open": "x"}, {}])
def test_evidence_that_is_none_counts_nothing(told: dict[str, Any]) -> None:
    """Somebody else's may be anything."""
    found = adherence([cycle(**told)], [])
    assert found["acme-prod"].share is None

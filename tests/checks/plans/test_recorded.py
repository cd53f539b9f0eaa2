"""The verdict table over plans that real Terraform made."""

from __future__ import annotations

import pytest

from checks.plans import judge as judging
from checks.plans import normalise as normalising
from checks.plans.judge import judge
from checks.plans.model import NotJudgeable
from checks.plans.parse import change_entries, drift_entries
from tests.checks.plans.recorded import RECORDED, recorded


def _table() -> dict[str, str]:
    """Every recorded situation with the verdict that the judge gives now."""
    found = {}
    for name in RECORDED:
        try:
            found[name] = judge(recorded(name)).verdict.value
        except NotJudgeable as error:
            found[name] = f"refused: {error}"
    return found


@pytest.mark.parametrize("name", RECORDED)
def test_each_recorded_situation_has_its_verdict(name: str) -> None:
    """Both arrays together tell drift, pending and accepted apart."""
    assert judge(recorded(name)).verdict == RECORDED[name]


def test_labels_are_recorded_actual_and_desired() -> None:
    """The state's value, the real world's and the code's keep their names, whichever array they stand in."""
    (difference,) = judge(recorded("6")).differences
    (path,) = difference.paths
    assert (path.path, path.recorded, path.actual, path.desired) == ("size", "small", "HUGE", "medium")


def test_phantoms_are_dropped_and_counted() -> None:
    """A clean stack of the real AWS provider is in sync, and what was dropped is counted."""
    judgement = judge(recorded("aws-clean-refresh-only-phantom"))
    assert judgement.differences == ()
    assert judgement.phantoms == 3


def test_swapping_the_arrays_breaks_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """A judge that takes one array for the other fails this suite."""
    monkeypatch.setattr(judging, "drift_entries", change_entries)
    monkeypatch.setattr(judging, "change_entries", drift_entries)
    wrong = {name for name, verdict in _table().items() if verdict != RECORDED[name]}
    assert {"1", "2", "4", "5", "6"} & wrong


def test_swapping_before_and_after_breaks_the_table_or_the_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    """A judge that reads drift backwards fails this suite."""
    from dataclasses import replace

    def backwards(plan: object) -> tuple[object, ...]:
        entries = drift_entries(plan)  # type: ignore[arg-type]  # the judge hands it a mapping
        return tuple(replace(entry, before=entry.after, after=entry.before) for entry in entries)

    monkeypatch.setattr(judging, "drift_entries", backwards)
    assert _table() != RECORDED


def test_dropping_normalisation_breaks_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """A judge that takes null for something else than empty fails this suite."""
    monkeypatch.setattr(normalising, "normalise", lambda value: value)
    assert _table()["aws-clean-refresh-only-phantom"] == "drift"


def test_the_table_is_right_without_mutations() -> None:
    """The comparison that the mutation tests rest on holds for the judge as it is."""
    assert _table() == RECORDED

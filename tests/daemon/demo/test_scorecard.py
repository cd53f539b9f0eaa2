"""What was planted is held against what was found."""

from __future__ import annotations

from dataclasses import replace

from checks.kinds import Kind, Tier
from daemon.demo.mischief import all_mischief, calm
from daemon.demo.scorecard import Seen, compare

_MARK = {Tier.CRITICAL: "🔴 CRITICAL", Tier.WARNING: "🟠 WARNING", Tier.INFO: "🔵 INFO"}


def _perfect() -> Seen:
    items = all_mischief()
    return Seen(
        verdicts={item.instance.key: item.verdict for item in items} | {i.key: "in_sync" for i in calm()},
        incidents={item.instance.key: item.findings for item in items},
        messages=[
            f"{_MARK[tier]} {kind.upper()} — {item.instance.key}\nand more"
            for item in items
            for kind, tier in sorted(item.posted)
        ],
    )


def _wrong(seen: Seen) -> list[str]:
    return [row.instance for row in compare(all_mischief(), calm(), seen).rows if not row.ok]


def test_everything_found_as_planted_agrees() -> None:
    """When verdicts, incidents and messages are as expected, all rows are right."""
    card = compare(all_mischief(), calm(), _perfect())
    assert card.ok
    assert f"{len(card.rows)} of {len(card.rows)} agree" in card.text()


def test_a_wrong_verdict_is_wrong() -> None:
    """A locked state that is called in sync does not pass."""
    seen = _perfect()
    assert _wrong(replace(seen, verdicts={**seen.verdicts, "acme-prod/service": "in_sync"})) == ["acme-prod/service"]


def test_a_missing_or_surplus_incident_is_wrong() -> None:
    """Both a finding that is not there and one that nobody planted do not pass."""
    seen = _perfect()
    assert _wrong(replace(seen, incidents={**seen.incidents, "acme-prod/database": frozenset()})) == [
        "acme-prod/database"
    ]
    surplus = {**seen.incidents, "acme-prod/network": frozenset({(Kind.DRIFT, Tier.WARNING)})}
    assert _wrong(replace(seen, incidents=surplus)) == ["acme-prod/network"]


def test_a_wrong_tier_is_wrong() -> None:
    """A deletion in production that is a mere warning does not pass."""
    seen = _perfect()
    incidents = {**seen.incidents, "acme-prod/database": frozenset({(Kind.DRIFT, Tier.WARNING)})}
    assert _wrong(replace(seen, incidents=incidents)) == ["acme-prod/database"]


def test_a_message_lost_or_doubled_is_wrong() -> None:
    """Each finding above info has exactly one message."""
    seen = _perfect()
    assert len(_wrong(replace(seen, messages=seen.messages[1:]))) == 1
    assert len(_wrong(replace(seen, messages=[*seen.messages, seen.messages[0]]))) == 1


def test_nothing_looked_at_is_wrong_everywhere() -> None:
    """A service that found nothing because it did not look gets no row right, the calm ones included."""
    card = compare(all_mischief(), calm(), Seen({}, {}, ()))
    assert not any(row.ok for row in card.rows)


def test_an_instance_nobody_planted_is_wrong() -> None:
    """What is watched and not in the world is shown as such."""
    seen = _perfect()
    assert _wrong(replace(seen, verdicts={**seen.verdicts, "other/thing": "in_sync"})) == ["other/thing"]


def test_no_rows_never_agree() -> None:
    """An empty table is no success."""
    assert not compare((), (), Seen({}, {}, ())).ok

"""What was planted is held against what was found."""

from __future__ import annotations

from dataclasses import replace

from checks import discover
from checks.kinds import Kind, Tier
from daemon.demo.mischief import Expected, all_mischief, calm
from daemon.demo.scorecard import Found, Scorecard, Seen, Unsure, agreed, compare


def found(one: Expected) -> list[Found]:
    """What a service that does well finds of it."""
    place = one.where.replace("*", "127.0.0.1:4433")
    posted = int(one.tier is not Tier.INFO)
    return [Found(one.check, place, one.kind, one.tier, f"{one.about} {n}", posted) for n in range(one.times)]


def perfect() -> Seen:
    items = all_mischief()
    verdicts = {item.instance.key: item.verdict for item in items if item.instance is not None}
    return Seen(
        verdicts={**verdicts, **{instance.key: "in_sync" for instance in calm()}},
        found=[each for item in items for one in item.expected for each in found(one)],
        unsure=(),
    )


def _wrong(seen: Seen) -> list[tuple[str, str]]:
    return [(row.check, row.where) for row in compare(all_mischief(), calm(), seen).rows if not row.ok]


def test_something_is_planted_for_every_check() -> None:
    """A check that is not among them would be shown to nobody."""
    assert {one.check for item in all_mischief() for one in item.expected} == set(discover())


def test_everything_found_as_planted_agrees() -> None:
    """When verdicts, incidents and messages are as expected, all rows are right."""
    card = compare(all_mischief(), calm(), perfect())
    assert card.ok, card.text()
    assert f"{len(card.rows)} of {len(card.rows)} agree" in card.text()


def test_a_wrong_verdict_is_wrong() -> None:
    """A locked state that is called in sync does not pass."""
    seen = perfect()
    verdicts = {**seen.verdicts, "acme-prod/service": "in_sync"}
    assert _wrong(replace(seen, verdicts=verdicts)) == [("drift", "acme-prod/service")]


def test_what_is_missing_is_wrong() -> None:
    """Each finding that is not there is a wrong row of its check."""
    seen = perfect()
    for number, gone in enumerate(seen.found):
        rest = [one for n, one in enumerate(seen.found) if n != number]
        assert [check for check, _ in _wrong(replace(seen, found=rest))] == [gone.check]


def test_a_false_alarm_is_wrong() -> None:
    """What nobody planted does not pass, at a calm instance, elsewhere, and beside what was planted."""
    seen = perfect()
    for check, place in (("drift", "acme-prod/network"), ("security", "123456789012"), ("quotas", "other/place")):
        surplus = Found(check, place, Kind.DRIFT, Tier.INFO, "surplus", 0)
        assert _wrong(replace(seen, found=[*seen.found, surplus])) == [(check, place)]
    doubled = next(one for one in seen.found if one.check == "quotas")
    [wrong] = _wrong(replace(seen, found=[*seen.found, doubled]))
    assert wrong[0] == "quotas"


def test_a_wrong_tier_is_wrong() -> None:
    """A deletion in production that is a mere warning does not pass."""
    seen = perfect()
    lower = [
        replace(one, tier=Tier.WARNING) if (one.check, one.where) == ("drift", "acme-prod/database") else one
        for one in seen.found
    ]
    assert _wrong(replace(seen, found=lower)) == [("drift", "acme-prod/database")]


def test_a_message_lost_or_doubled_is_wrong() -> None:
    """Each finding above info has exactly one message, and one of info has none."""
    seen = perfect()
    for number, one in enumerate(seen.found):
        for posted in {0, 1, 2} - {one.posted}:
            changed = [replace(one, posted=posted) if n == number else each for n, each in enumerate(seen.found)]
            assert [check for check, _ in _wrong(replace(seen, found=changed))] == [one.check]


def test_what_could_not_be_looked_at_is_wrong() -> None:
    """A look that failed passes only at an instance that was made to fail."""
    seen = perfect()
    unsure = [
        Unsure("drift", "acme-dev/database", "acme-dev/database", "error"),
        Unsure("cost", "1", "1/spend", "error"),
    ]
    assert _wrong(replace(seen, unsure=unsure)) == [("cost", "1")]


def test_nothing_looked_at_is_wrong_everywhere() -> None:
    """A service that found nothing because it did not look gets no row right, the calm ones included."""
    card = compare(all_mischief(), calm(), Seen({}, (), ()))
    assert not any(row.ok for row in card.rows)


def test_an_instance_nobody_planted_is_wrong() -> None:
    """What is watched and not in the world is shown as such."""
    seen = perfect()
    assert _wrong(replace(seen, verdicts={**seen.verdicts, "other/thing": "in_sync"})) == [("drift", "other/thing")]


def test_no_rows_never_agree() -> None:
    """An empty table is no success."""
    assert not compare((), (), Seen({}, (), ())).ok


def test_a_row_of_another_table_is_right_only_to_the_word() -> None:
    """Its titles and what it counts are its own, and one wrong row makes the whole wrong."""
    right, wrong = (agreed("mending", "all is mended", "here", "over", said) for said in ("over", "still open"))
    card = Scorecard((right, wrong), ("by", "what happens"), "ways")
    assert (right.ok, wrong.ok, card.ok) == (True, False, False)
    lines = card.text().splitlines()
    assert lines[0].split() == ["by", "what", "happens", "where", "expected", "found"]
    assert lines[3].endswith("WRONG: still open")
    assert lines[-1] == "1 of 2 agree, of 1 ways"


def test_what_a_mischief_blinds_may_say_so_and_nothing_else_may() -> None:
    """Of a damaged state the state check cannot know its changes; elsewhere not knowing is wrong."""
    (damaged,) = [item for item in all_mischief() if item.last]
    assert damaged.instance is not None
    there, elsewhere = (Unsure("state", place, "changes", "changes_unknown") for place in
                        (damaged.instance.key, "acme-prod/network"))  # fmt: skip
    verdicts = {damaged.instance.key: damaged.verdict}
    all_found = [each for one in damaged.expected for each in found(one)]
    assert compare([damaged], (), Seen(verdicts, all_found, [there])).ok
    assert not compare([damaged], (), Seen(verdicts, all_found, [elsewhere])).ok

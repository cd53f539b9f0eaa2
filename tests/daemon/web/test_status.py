"""The status page's content as plain data: sums, order, filters, gaps, what is due, strips of time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.base import Incident, IncidentState
from checks.base import Kind, Outcome, Tier
from checks.runs.record import PhaseRow, RunRecord, StepRow
from daemon.standing import Standing
from daemon.store import JobRow
from daemon.store.executions import ExecutionRow
from daemon.store.rows import VerdictChange
from daemon.web import status
from daemon.web.matrix import OTHER, ROWS, Found, Sum, listed, overviews
from daemon.web.timeline import WIDTH, strips
from daemon.web.wanted import Wanted, choices, wanted
from tests.daemon.web.world import NOW

HOUR = timedelta(hours=1)
OUTCOMES = st.sampled_from(list(Outcome))


def at(
    place: str, outcome: Outcome = Outcome.HEALTHY, check: str = "drift", hours: float | None = 1, **labels: str
) -> Standing:
    good = None if hours is None else NOW - hours * HOUR
    job = JobRow(check, place, labels, good, good, good, good, NOW + HOUR, "ok", "", "", 1)
    return Standing(job, outcome, {Outcome.HEALTHY: "in_sync", Outcome.UNHEALTHY: "drift"}.get(outcome, "timeout"), "")


def incident(fingerprint: str = "v1:a", **changes: Any) -> Incident:
    return replace(Incident(
        fingerprint, "drift", "a/b", "a/b", "drift", Kind.DRIFT, Tier.WARNING, "why", IncidentState.OPEN, "drifted",
        NOW, NOW, NOW, NOW, labels={"stack": "a"},
    ), **changes)  # fmt: skip


def test_a_stack_is_as_bad_as_its_worst_place_and_hides_no_blind_one() -> None:
    """The worst is counted among all, what could not be seen beside it too, and the oldest good look is told."""
    found = overviews([
        at("a/1", Outcome.UNHEALTHY, stack="a"), at("a/2", Outcome.UNKNOWN, stack="a", hours=30), at("a/3", stack="a"),
    ], [])  # fmt: skip
    (view,) = found
    assert view.lines[0].sums == (Sum(Outcome.UNHEALTHY, "drift", 1, 3, NOW - 30 * HOUR, 1),)
    assert not view.lines[0].fine
    never = overviews([at("a/1", stack="a"), at("a/2", Outcome.UNKNOWN, stack="a", hours=None)], [])
    assert never[0].lines[0].sums == (Sum(Outcome.UNKNOWN, "timeout", 1, 2, None),)


def test_the_worst_stack_is_first_and_accounts_are_apart() -> None:
    """Critical incidents first, then what is wrong, blind, fine; accounts and the rest have a table of their own."""
    found = overviews(
        [
            at("fine/1", stack="fine"), at("blind/1", Outcome.UNKNOWN, stack="blind"),
            at("drifted/1", Outcome.UNHEALTHY, stack="drifted"), at("burning/1", stack="burning"),
            at("111111111111/eu-west-1", check="security", account="111111111111"), at("estate", check="network"),
        ],
        [incident(labels={"stack": "burning"}, tier=Tier.CRITICAL, check="security")],
    )  # fmt: skip
    assert [[line.name for line in view.lines] for view in found] == [
        ["burning", "drifted", "blind", "fine"], ["account 111111111111", OTHER],
    ]  # fmt: skip
    burning = found[0].lines[0]
    assert dict(zip(found[0].checks, burning.sums, strict=True))["security"] == Found(1, review=False)
    assert not burning.fine
    assert found[0].lines[3].sums[1] is None, "nobody says that security was looked at in the stack"


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 150), OUTCOMES), max_size=300), st.booleans())
def test_every_place_is_on_one_page_or_counted_as_fine(rows: list[tuple[str, int, Outcome]], whole: bool) -> None:
    """Nothing is lost or twice over all pages, and only what is fine is ever left out."""
    found = list({(s, n): at(f"{s}/{n}", o, stack=s, component=str(n)) for s, n, o in rows}.values())
    first = listed(found, whole=whole, page=1)
    pages = [listed(found, whole=whole, page=number) for number in range(1, first.pages + 1)]
    shown = [row.place for page in pages for group in page.groups for row in group.rows]
    assert all(sum(len(group.rows) for group in page.groups) <= ROWS for page in pages)
    assert len(shown) == len(set(shown)) == first.rows
    hidden = {each.job.place for each in found} - set(shown)
    assert len(hidden) == first.hidden
    fine = {each.job.place for each in found if each.outcome in (Outcome.HEALTHY, Outcome.NOT_APPLICABLE)}
    assert hidden == (set() if whole else fine)
    assert listed(found, whole=whole, page=10**6).page == first.pages


WORDS = st.text(max_size=12)


@given(st.builds(Wanted, WORDS, WORDS, WORDS, WORDS, st.booleans(), st.integers(1, 99_999)))
def test_an_address_says_what_was_asked_for(asked: Wanted) -> None:
    """What is written into an address is read from it, whatever people type; blanks around it do not count."""
    query = dict(parse_qsl(urlsplit(asked.address(page=asked.page)).query))
    plain = replace(asked, **{name: getattr(asked, name).strip() for name in ("q", "tenant", "stage", "stack")})
    assert wanted(query) == plain
    assert parse_qs(urlsplit(asked.address(stack="x")).query).get("page") is None


@pytest.mark.parametrize("page", ["", "0", "-1", "x", "²", "9" * 50, "1.5"])
def test_a_page_that_makes_no_sense_is_the_first(page: str) -> None:
    """Nobody gets an error for an address that they typed."""
    assert wanted({"page": page}).page == 1


def test_what_fits_a_filter() -> None:
    """Tenant, stage and stack as they are; a text in the place or in any label, in upper or lower case."""
    labels = {"tenant": "acme", "stage": "production", "stack": "acme-prod", "owner": "@Net"}

    def fits(**asked: Any) -> bool:
        return Wanted(**asked).fits("acme-prod/vpc", labels, "drift")

    assert [fits(q="VPC"), fits(q="@net"), fits(q="DRIFT"), fits(tenant="acme"), fits(stack="acme-prod", q="vpc")] == [
        True
    ] * 5
    assert [fits(q="dns"), fits(tenant="acm"), fits(stage="Production"), fits(stack="acme")] == [False] * 4
    assert choices([labels, {}, {"stack": "b"}]) == {
        "tenant": ["acme"], "stage": ["production"], "stack": ["acme-prod", "b"],
    }  # fmt: skip


def test_who_has_to_do_something() -> None:
    """Open ones are for somebody now; acknowledged, silenced and informational ones are not; each says when."""
    found = [
        incident("v1:a", tier=Tier.CRITICAL), incident("v1:b", deadline_at=NOW + 23 * HOUR),
        incident("v1:c", promoted=True),
        incident("v1:d", state=IncidentState.ACKNOWLEDGED, ack_by="anna", ack_until=NOW + 8 * HOUR),
        incident("v1:e", silence="s1", tier=Tier.CRITICAL), incident("v1:f", tier=Tier.INFO),
    ]  # fmt: skip
    parts = status.sort(found)
    assert [[one.fingerprint[-1] for one in part] for part in (parts.now, parts.in_hand, parts.rest)] == [
        ["a", "b", "c"], ["d"], ["e", "f"],
    ]  # fmt: skip
    assert [status.due(one, NOW) for one in found] == [
        "at once", "in 23 h", "target missed", "looked at again in 8 h", "silenced", "weekly review",
    ]  # fmt: skip
    assert status.due(incident(deadline_at=NOW - HOUR), NOW) == "60 min late"


def test_gaps_of_one_reason_are_one_row_with_what_to_do() -> None:
    """Places are gathered by check and reason, the longest blind first; an incident's own remedy goes first."""
    blind = [at(f"a/{n}", Outcome.UNKNOWN, hours=n) for n in (1, 5, 3)]
    blind += [replace(at("new", Outcome.UNKNOWN, hours=None), word="not_looked_yet"), at("fine")]
    rows = status.gaps(blind)
    assert [(row.word, row.places, row.since) for row in rows] == [
        ("timeout", ("a/5", "a/3", "a/1"), NOW - 5 * HOUR), ("not_looked_yet", ("new",), None),
    ]  # fmt: skip
    assert all(row.todo for row in rows)
    told = incident(kind=Kind.MONITORING, place="a/3", remedy="allow acm:ListCertificates")
    assert status.gaps(blind, [told])[0].todo == "allow acm:ListCertificates"
    odd = status.gaps([replace(at("x", Outcome.UNKNOWN), word="a_word_of_tomorrow")])
    assert odd[0].todo == "read why, and look again: barograph check drift"


def test_looks_that_are_late_are_marked_and_first() -> None:
    """A check with late looks comes first, with how many; what is due after a day is not told."""
    late, soon, far = at("a", check="late"), at("b", check="soon"), at("c", check="far")
    late = replace(late, job=replace(late.job, next_due=NOW - HOUR))
    far = replace(far, job=replace(far.job, next_due=NOW + 25 * HOUR))
    assert [(row.check, row.places, row.late) for row in status.ahead([soon, late, far], NOW)] == [
        ("late", 1, 1), ("soon", 1, 0),
    ]  # fmt: skip


def test_a_run_is_in_the_step_that_has_begun_and_not_ended() -> None:
    """Its number, of how many, and its name; without steps the phase; without either it says so."""
    row = ExecutionRow(
        "r", "events", "a/1", "a/1 deploy", "deploy", "a", "1", "running", True, NOW, None, None, "", {}, NOW, NOW,
        None, None, False, None, None, 1, 0, False,
    )  # fmt: skip
    steps = (StepRow(0, "validate", None, NOW, NOW, 0), StepRow(1, "plan", None, NOW))
    assert status.live(row, RunRecord("r", steps=steps, expected_steps=4)).step == "step 2 of 4: plan"
    assert status.live(row, RunRecord("r", phases=(PhaseRow("apply"),))).step == "apply"
    assert status.live(row, RunRecord("r")).step == "no step has told of itself"


def test_a_strip_ends_with_what_is_true_now() -> None:
    """A verdict that no look renews is drawn on as unseen from its last good look; pieces fill the strip in order."""
    changes = [
        VerdictChange("drift", "a/1", "a/1", NOW - timedelta(days=40), Outcome.HEALTHY, "in_sync", ""),
        VerdictChange("drift", "a/1", "a/1", NOW - timedelta(days=10), Outcome.UNHEALTHY, "drift", ""),
    ]
    (strip,) = strips([at("a/1", Outcome.UNKNOWN, hours=48)], changes, NOW)
    assert [piece.style for piece in strip.pieces] == ["good", "bad", "unknown"]
    assert len({piece.height for piece in strip.pieces}) == 3, "it is read without colours"
    assert abs(sum(piece.width for piece in strip.pieces) - WIDTH) < 1
    assert strip.begins == NOW - timedelta(days=30)
    assert "drift from" in strip.told
    assert (
        strips([at("a/2")], changes, NOW)[0].told == strip.told
        or strips([at("a/2", check="state")], changes, NOW) == []
    )


def test_a_resource_that_healed_hides_none_that_has_not() -> None:
    """A place of many resources is drawn as its worst one, until that heals too."""
    place = "111111111111/eu-west-1"
    changes = [
        VerdictChange("security", place, resource, NOW - timedelta(days=days), outcome, word, "")
        for days, resource, outcome, word in (
            (20, "a", Outcome.UNHEALTHY, "open"), (10, "b", Outcome.HEALTHY, "fine"), (5, "a", Outcome.HEALTHY, "fine"),
        )
    ]  # fmt: skip
    (strip,) = strips([at(place, check="security")], changes[:2], NOW)
    assert [piece.style for piece in strip.pieces] == ["bad"]
    (strip,) = strips([at(place, check="security")], changes, NOW)
    assert [piece.style for piece in strip.pieces] == ["bad", "good"]


def test_a_page_says_what_is_wrong_on_others() -> None:
    """Blind places of one stack may fill the first page: what is wrong behind them is counted there."""
    blind = [at(f"a/{n}", Outcome.UNKNOWN, stack="a") for n in range(ROWS)]
    found = listed([*blind, at("a/x", Outcome.UNHEALTHY, stack="a"), at("b/y", Outcome.UNHEALTHY, stack="b")],
                   whole=False, page=1)  # fmt: skip
    assert (found.pages, found.elsewhere) == (2, 1)


def test_a_component_is_not_fine_while_something_is_open_about_it() -> None:
    """Wherever it was seen; informational things are for the review and change nothing."""
    fine = [at("a/b", stack="a", component="b"), at("a/c", stack="a", component="c")]
    elsewhere = incident("v1:x", place="111111111111/eu-west-1", labels={"stack": "a", "component": "b"})
    found = listed(fine, [elsewhere, incident("v1:y", place="a/c", tier=Tier.INFO)], whole=False, page=1)
    assert [(row.place, row.warning) for group in found.groups for row in group.rows] == [("a/b", 1)]
    assert found.hidden == 1
    (view,) = overviews(fine, [incident("v1:z", place="a/c")])
    assert view.lines[0].sums[0] == Sum(Outcome.HEALTHY, "in_sync", 2, 2, NOW - HOUR, open=1)


CHANGES = st.lists(st.tuples(st.integers(0, 90 * 24 * 60), st.sampled_from([*Outcome, None])), max_size=12)


@given(CHANGES, OUTCOMES)
def test_strips_never_leave_their_drawing(changes: list[tuple[int, Outcome | None]], outcome: Outcome) -> None:
    """Whatever the history: every piece is inside, and has a width and words."""
    rows = [
        VerdictChange("drift", "a/1", "a/1", NOW - timedelta(minutes=minutes), found, "v" if found else "", "")
        for minutes, found in sorted(changes, key=lambda one: one[0], reverse=True)
    ]
    for strip in strips([at("a/1", outcome)], rows, NOW):
        for piece in strip.pieces:
            assert 0 <= piece.x <= WIDTH
            assert 0 < piece.width <= WIDTH
            assert piece.x + piece.width <= WIDTH + 0.2
            assert piece.title

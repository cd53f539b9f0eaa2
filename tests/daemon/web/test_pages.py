"""The pages as people get them: what comes first, what is escaped, and that nothing unseen is ever green."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest

from alerts.base import IncidentState
from alerts.policy import Policy
from alerts.routes import Routes
from checks.base import Outcome, Tier
from daemon.desk import Desk
from daemon.store import RunRow
from daemon.web import create_app
from daemon.web.app import RUNNING
from tests.daemon.executions.world import number
from tests.daemon.executions.world import world as of_runs
from tests.daemon.web.world import HOSTILE, HOUR, NOW, World, browsing, full_world, reading, world

TEXTLESS = {"style", "script"}


class Page(HTMLParser):
    """A page taken apart: its tags, its visible text, its links."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.cells = ""  # the text of tables, without their captions
        self.pills: list[str] = []  # the styles of pills in tables
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self._open.append(tag)
        named = self.tags[-1][1].get("class", "").split()
        if "table" in self._open and named[:1] == ["pill"]:
            self.pills.append(named[1])

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not TEXTLESS & set(self._open):
            self.text += data
            self.cells += data if "table" in self._open and "caption" not in self._open else ""

    @property
    def links(self) -> list[str]:
        return [attributes["href"] for tag, attributes in self.tags if tag == "a" and "href" in attributes]

    @property
    def styles(self) -> set[str]:
        """Every class a tag has."""
        return {name for _, attributes in self.tags for name in attributes.get("class", "").split()}


def get(made: World, path: str) -> Page:
    """A page through the application, as a browser on this machine asks for it."""
    with browsing(create_app(made.deps())) as browser:
        answer = browser.get(path)
        assert answer.status_code == 200, answer.text
        return Page(answer.text)


@pytest.fixture
def full(tmp_path: Path) -> Iterator[World]:
    with full_world(tmp_path) as made:
        yield made


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def title(page: Page) -> str:
    return page.text.strip().split(" · Barograph")[0]


def test_the_first_sentence_says_what_needs_a_person(full: World) -> None:
    """Criticals and warnings are counted first, then what could not be seen."""
    assert title(get(full, "/")) == (
        "3 things need a person: 1 critical, 2 warnings; 1 place is not as it should be, and nothing is "
        "open about it; 1 place could not be looked at; 1 place was not looked at yet; the inventory has 1 problem."
    )


@pytest.mark.parametrize(
    ("ill", "said"),
    [
        ({"scheduler_beat": NOW - HOUR}, "Barograph itself needs attention"),
        ({"inventory_loaded_at": None}, "Barograph itself needs attention"),
        ({"inventory_stale_because": "git does not answer"}, "the inventory does not load"),
        ({"inventory_problems": ("stack_unknown: x",)}, "the inventory has 1 problem"),
        ({"delivery_troubles": ("Slack refuses the token",)}, "Barograph itself needs attention"),
    ],
)
def test_calm_is_not_said_by_who_is_ill_or_may_not_see_all(empty: World, ill: dict[str, Any], said: str) -> None:
    """Every look was good, and still: what does not look, or does not know all places, does not call it calm."""
    empty.look("vpc", reading("acme-prod/vpc"))
    empty.health = replace(empty.health, **ill)
    for path in ("/", "/?stack=acme-prod"):
        page = get(empty, path)
        assert title(page) == f"Nothing is known to need a person, but {said}."
        assert {"class": "headline unknown", "aria-label": "Summary", "id": "summary", "data-live": ""} in [
            attributes for _, attributes in page.tags
        ]


def test_what_is_wrong_without_an_incident_is_no_calm(empty: World) -> None:
    """A verdict that opened nothing is still told of in the first sentence."""
    empty.look("vpc", reading("acme-prod/vpc", Outcome.UNHEALTHY, "drift"))
    page = get(empty, "/")
    assert title(page) == "Nothing needs a person; 1 place is not as it should be, and nothing is open about it."
    assert {"headline good", "headline none"} & {given.get("class", "") for _, given in page.tags} == {"headline none"}


def test_runs_that_are_not_shown_are_told_of(tmp_path: Path) -> None:
    """The list of what is under way is short, and says that it is not all."""
    with of_runs(tmp_path) as runs:
        for n in range(RUNNING):
            runs.start(number(n))
        runs.judge.tick()
        assert "There are more" not in get(World(runs.store, now=runs.now), "/").text
        runs.start(number(RUNNING))
        runs.judge.tick()
        assert "There are more. All that go on" in get(World(runs.store, now=runs.now), "/").text


def test_an_open_incident_is_never_behind_a_fine_component(empty: World) -> None:
    """Its component is listed with it though each last look there was good, and the stack's cell says so."""
    empty.look("network", reading("acme-prod/network"))
    empty.look("dns", reading("acme-prod/dns"))
    empty.incident(tier=Tier.CRITICAL, not_seen_because="the look said nothing about it")
    page = get(empty, "/")
    assert "1 component or place is fine and is not listed" in page.text
    assert "✗ 1 open" in page.text
    assert page.text.count("1 critical") >= 3, "in the first sentence, at the stack and at the component"


def test_who_asks_in_the_wrong_way_is_told_the_right_one(empty: World) -> None:
    """An address that takes POST alone is not said to be one that can only be read."""
    desk = Desk(empty.store, Policy(routes=Routes("C1")), empty.clock)
    with browsing(create_app(replace(empty.deps(), desk=desk))) as client:
        assert "takes POST only" in client.get("/api/v1/incidents/x/ack").text
        assert "takes GET, HEAD only" in client.post("/", json={}).text.replace("HEAD, GET", "GET, HEAD")


def test_an_incident_is_where_messages_say(empty: World) -> None:
    """What a look at an account found of a stack is the stack's, and the account is named beside it."""
    labels = {"stack": "acme-prod", "component": "orders"}
    empty.incident(place="111111111111/eu-west-1", labels=labels)
    for path in ("/", "/incidents/v1:a"):
        text = get(empty, path).text
        assert "acme-prod/orders" in text, path
        assert "seen at 111111111111/eu-west-1" in text, path
    empty.incident("v1:b", place="acme-prod/orders", labels=labels)
    assert "seen at acme-prod" not in get(empty, "/incidents/v1:b").text


def test_the_first_sentence_of_calm_and_of_blindness(empty: World) -> None:
    """Calm is said only when everything was seen; an empty store says that nothing was looked at."""
    assert title(get(empty, "/")) == "Nothing has been looked at yet."
    empty.look("vpc", reading("acme-prod/vpc"))
    assert title(get(empty, "/")) == "Nothing needs a person."
    empty.look("net", failure=("denied", "AccessDenied"))
    assert title(get(empty, "/")) == "Nothing is known to need a person, but 1 place could not be looked at."
    empty.incident(tier=Tier.INFO)
    empty.incident("v1:done", state=IncidentState.RESOLVED)
    page = get(empty, "/")
    assert "1 thing for the weekly review" in page.text
    assert "good" not in {c for t, a in page.tags if "headline" in a.get("class", "") for c in a["class"].split()}


def blind(made: World) -> None:
    made.look("vpc", failure=("timeout", "no answer"))


def old(made: World) -> None:
    made.look("vpc", reading("acme-prod/vpc"))
    made.move(3 * HOUR)


def expected_only(made: World) -> None:
    made.health = replace(
        made.health, expected={("drift", "acme-prod/vpc"): {"stack": "acme-prod", "component": "vpc"}}
    )


def begun(made: World) -> None:
    with made.store.transaction() as tx:
        tx.start_run("drift", "acme-prod/vpc", {"stack": "acme-prod", "component": "vpc"}, made.now)


def failed_after_good(made: World) -> None:
    made.look("vpc", reading("acme-prod/vpc"), ago=2 * HOUR)
    made.look("vpc", failure=("denied", "AccessDenied"))


def unknown_reading(made: World) -> None:
    made.look("vpc", reading("acme-prod/vpc", Outcome.UNKNOWN, "busy"), failure=("busy", "locked"))


def one_unknown_of_two(made: World) -> None:
    made.look("vpc", reading("a"), reading("b", Outcome.UNKNOWN, "error"))


def no_reading(made: World) -> None:
    made.look("vpc")


def not_applicable(made: World) -> None:
    made.look("vpc", reading("acme-prod/vpc", Outcome.NOT_APPLICABLE, "not_applicable"))


def unhealthy(made: World) -> None:
    made.look("vpc", reading("acme-prod/vpc", Outcome.UNHEALTHY, "drift"))


NEVER_GREEN: dict[Callable[[World], None], str] = {
    blind: "timeout", old: "stale", expected_only: "not looked yet", begun: "not looked yet",
    failed_after_good: "denied", unknown_reading: "busy", one_unknown_of_two: "error", no_reading: "could not look",
    not_applicable: "not applicable", unhealthy: "drift",
}  # fmt: skip


@pytest.mark.parametrize("spoil", NEVER_GREEN, ids=lambda spoil: spoil.__name__)
def test_what_was_not_seen_well_is_never_green(empty: World, spoil: Callable[[World], None]) -> None:
    """Failed, old, missing, begun, partly unknown or not applicable: no healthy style and no healthy word."""
    spoil(empty)
    for path in ("/", "/instances/acme-prod/vpc"):
        page = get(empty, path)
        assert page.pills
        assert "good" not in page.pills
        assert "✓" not in page.cells
        assert NEVER_GREEN[spoil] in page.text


def test_a_good_look_is_green_and_says_its_age(empty: World) -> None:
    """The counter-proof: a fresh healthy look has the healthy style, its verdict and its age."""
    empty.look("vpc", reading("acme-prod/vpc"))
    page = get(empty, "/")
    assert page.pills == ["good"]
    assert "✓ in sync4 min ago" in page.cells


def test_the_status_page_has_everything(full: World) -> None:
    """Incidents, the matrix, gaps, what runs when, waiting messages, the count of the baseline."""
    text = get(full, "/").text
    for piece in ("1 known since the first look", "timeout: no answer within 10 minutes", "running now",
                  "the first in 56 min",
                  "not confirmed by the last look: the last look timed out", "Messages that wait",
                  "4 h ago", "since the first look", "@net", "What needs a person now"):  # fmt: skip
        assert piece in text


def test_an_instance_shows_its_three_labels(full: World) -> None:
    """The redacted difference with recorded, actual and desired; remedy, owner, incidents, runs, evidence."""
    page = get(full, "/instances/acme-prod/network")
    for piece in ("aws_security_group.db", "tags.Owner", "bob", "recorded", "actual", "desired", "not stated", "@net",
                  "atmos terraform plan network -s acme-prod", "Open incidents", "looked",
                  "main.tf:3: deprecated"):  # fmt: skip
        assert piece in page.text
    assert page.text.count("aws_security_group.db") == 1
    assert any("moved" in attributes.get("class", "") for _, attributes in page.tags)


def test_an_incident_shows_its_history(full: World) -> None:
    """Why the tier, what happened, which messages, what was seen."""
    page = get(full, "/incidents/v1:b")
    for piece in (
        "Port 22 is open",
        "security violation",
        "drift: answer within 24 hours",
        "pending",
        "serial",
        "What happened",
    ):
        assert piece in page.text
    assert "/instances/acme-prod/network" in page.links


def test_hostile_names_are_text_everywhere(full: World) -> None:
    """Names with markup, quotes and template syntax appear as they are, and make no tag, attribute or expression."""
    paths = ["/", "/incidents/v1:b", "/instances/acme-prod/network", f"/instances/{quote(f'{HOSTILE}/{HOSTILE}')}"]
    for path in paths:
        page = get(full, path)
        assert HOSTILE in page.text
        tags = [tag for tag, _ in page.tags]
        assert not {"img", "iframe", "object"} & set(tags)
        assert (tags.count("script"), tags.count("form")) == ((1, 1) if path == "/" else (0, 0))
        assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
        assert all(link.startswith(("/", "#")) for link in page.links)
        assert all(attributes.get("src") is None for _, attributes in page.tags)


def test_every_link_leads_somewhere(full: World) -> None:
    """No page links to one that is not there."""
    with browsing(create_app(full.deps(full.snapshots()))) as browser:
        to_visit, seen = ["/"], set()
        while to_visit:
            path = to_visit.pop()
            if path in seen or path.startswith("#"):
                continue
            seen.add(path)
            answer = browser.get(path)
            assert answer.status_code in ((200,) if path not in ("/metrics", "/readyz") else (200, 503)), unquote(path)
            if answer.headers["content-type"].startswith("text/html"):
                to_visit += Page(answer.text).links
        assert len(seen) > 8


def test_tables_can_be_heard(full: World) -> None:
    """Every header cell has a scope, every symbol is hidden from readers, the page has a language and landmarks."""
    for path in ("/", "/instances/acme-prod/network", "/incidents/v1:a"):
        page = get(full, path)
        assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")
        assert ("html", {"lang": "en"}) in page.tags
        assert {"main", "header", "h1"} <= {tag for tag, _ in page.tags}
        assert [tag for tag, _ in page.tags].count("h1") == 1
        regions = [attributes for _, attributes in page.tags if attributes.get("role") == "region"]
        assert all("aria-label" in attributes or "aria-labelledby" in attributes for attributes in regions)


STACKS, COMPONENTS = 50, 20
BAD = 37  # components with something that is not as it should be


def fill(made: World) -> None:
    """A thousand instances, each looked at by twelve checks."""
    with made.store.transaction() as tx:
        for number in range(STACKS * COMPONENTS):
            stack, component = f"acme-{number % STACKS:02}-prod", f"c{number // STACKS}"
            labels = {"stack": stack, "component": component, "stage": "production", "tenant": f"t{number % 3}"}
            ended = made.now - timedelta(minutes=number % 50)
            for check in range(12):
                bad = number < BAD and check == 3
                seen = reading(f"{stack}/{component}", *((Outcome.UNHEALTHY, "drift") if bad else ()))
                place = f"{stack}/{component}"
                tx.save_run(RunRow(f"check{check}", place, labels, ended, ended, "ok", "", "", ended + HOUR))
                tx.save_readings(f"check{check}", place, [seen], ended)


def test_a_thousand_instances_make_one_page_quickly(empty: World) -> None:
    """What is fine is counted, what is not is listed; with everything listed there are pages. Small, and soon there."""
    fill(empty)
    with browsing(create_app(empty.deps())) as browser:
        begun = time.monotonic()
        answer = browser.get("/")
        took = time.monotonic() - begun
        page = Page(answer.text)
        assert page.text.count("✗ drift") == BAD
        assert f"{STACKS * COMPONENTS - BAD} components and places are fine" in page.text
        assert page.text.count("✗ 1 of 20 drift") == BAD
        assert len(answer.content) < 400_000
        assert took < 10, "it takes about one second on a machine that has nothing else to do"
        last = Page(browser.get("/?show=all&page=10").text)
        assert len([link for link in last.links if link.startswith("/instances/")]) == 100
        assert [a["href"] for _, a in last.tags if a.get("rel") == "prev"] == ["/?show=all&page=9#components"]
        assert not [a for _, a in last.tags if a.get("rel") == "next"]
        assert Page(browser.get("/?stack=acme-01-prod&show=all").text).text.count("✓ in sync") == 11 * 20 + 19

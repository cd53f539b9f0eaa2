"""A map of the network that says where it ends: who reaches whom, who shares addresses, and where nobody could look."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import html5lib
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from checks.base import Outcome, Reading
from checks.estate import KEY
from checks.nets.told import fact
from checks.network import Network as NetworkCheck
from daemon.cli import cli
from daemon.standing import standings
from daemon.store import RunRow
from daemon.topology import Gap, Network, Overlap, Topology, topology
from daemon.topology.draw import svg
from daemon.topology.write import as_json, as_markdown
from daemon.web import create_app
from tests.checks.estates import FakeEstate, seen
from tests.checks.test_network_estate import ONE, TWO, peering, vpc
from tests.daemon.web.world import HOUR, NOW, World, browsing, world

HOSTILE = '"] --- n0["<script>alert(1)</script>|\n# x'


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def look(it: World, place: str, *readings: Reading, failure: tuple[str, str] | None = None) -> None:
    outcome, reason, detail = ("failed", *failure) if failure else ("ok", "", "")
    with it.store.transaction() as tx:
        row = RunRow("network", place, {}, it.now, it.now, outcome, reason, detail, it.now + HOUR)
        tx.save_run(row)
        if failure is None:
            tx.save_readings("network", place, readings, it.now)


def network(name: str, block: str, **more: str) -> Reading:
    return Reading(f"arn:{name}", Outcome.HEALTHY, "seen", "", evidence=fact(
        "vpc", id=name, account="111111111111", region="eu-west-1", name=more.get("called", ""), blocks=[block],
        stack=more.get("stack", ""), component="vpc" if "stack" in more else "",
    ))  # fmt: skip


def joined(*members: str) -> Reading:
    evidence = fact("table", id="tgw-rtb-1", members=list(members), routes=[["10.50.0.0/16", "vpn-1"]])
    return Reading("arn:tgw-rtb-1", Outcome.HEALTHY, "fine", "", evidence=evidence)


def compared(*readings: Reading, verdict: str = "compared") -> tuple[Reading, ...]:
    outcome = Outcome.HEALTHY if verdict == "compared" else Outcome.UNKNOWN
    return (*readings, Reading(f"{KEY}/networks", outcome, verdict, ""))


def made(it: World) -> Topology:
    with it.store.read() as view:
        return topology(standings(view.jobs(), view.readings("network"), it.now), it.now)


def test_all_that_was_seen_is_on_it_and_only_then_is_it_whole(it: World) -> None:
    """Networks with their makers, what joins them, what is behind; each once."""
    look(it, ONE, network("vpc-a", "10.0.0.0/16", called="main", stack="acme-prod"), network("vpc-b", "10.1.0.0/16"))
    look(
        it, TWO, network("vpc-a", "10.0.0.0/16", called="main", stack="acme-prod"), joined("vpc-a", "vpc-b", "vpc-far")
    )
    assert not made(it).whole
    assert "not known yet" in made(it).headline
    look(it, KEY, *compared())
    found = made(it)
    assert found.whole
    assert found.headline == "3 networks in 2 accounts and regions, all seen. No two of them share addresses."
    assert [(one.id, one.seen) for one in found.networks] == [("vpc-b", True), ("vpc-a", True), ("vpc-far", False)]
    assert (found.hubs[0].members, found.hubs[0].beyond) == (
        ("vpc-a", "vpc-b", "vpc-far"), (("10.50.0.0/16", "vpn-1"),),
    )  # fmt: skip
    page = as_markdown(found)
    assert "main (vpc-a)" in page
    assert "acme-prod/vpc" in page
    assert page.count("--- h0") == 3 + 1 - 1
    assert json.loads(as_json(found))["whole"] is True


def test_what_could_not_be_seen_is_drawn_as_unknown(it: World) -> None:
    """A refusal, a place nobody looked at, a part that was refused, a look that is overdue: never an empty map."""
    look(it, ONE, network("vpc-a", "10.0.0.0/16"))
    look(it, KEY, *compared())
    it.move(timedelta(minutes=1))
    look(it, ONE, failure=("denied", "ec2:DescribeVpcs is refused"))
    found = made(it)
    assert found.gaps == (Gap(ONE, "denied: ec2:DescribeVpcs is refused", NOW),)
    assert [one.old for one in found.networks] == [NOW]
    assert "anything may be there" in found.headline
    assert "None among those that were seen." in as_markdown(found)
    assert '"?<br/>111111111111/eu-west-1"' in as_markdown(found)
    assert f"{ONE}</tspan>" in svg(found)
    it.move(timedelta(minutes=1))
    look(it, ONE, Reading(f"{ONE}/vpcs", Outcome.UNKNOWN, "permission", "which VPCs there are"))
    assert made(it).gaps[0].why == "which VPCs there are"
    unmeasured = Reading("arn:aws:ec2:eu-west-1:1:natgateway/nat-1", Outcome.UNKNOWN, "unmeasured", "no datapoint")
    look(it, ONE, network("vpc-a", "10.0.0.0/16"), unmeasured)
    assert not made(it).gaps
    it.move(timedelta(hours=5))
    assert made(it).gaps[0].why == "stale: the next look is overdue"
    assert not made(it).compared


def test_where_nobody_looks_that_is_what_is_said(it: World) -> None:
    """No account is watched: no picture, and no word that all is well."""
    found = made(it)
    assert (found.whole, svg(found)) == (False, "")
    assert "Nobody looks at networks here" in as_markdown(found)
    assert "Not known: the networks were not compared yet." in as_markdown(found)


def test_the_overlaps_are_those_that_the_check_found(it: World) -> None:
    """Joined and apart, by the very readings of the check, with the ids to draw them."""
    facts = seen(
        ONE, vpc("vpc-a", "10.0.0.0/16"), vpc("vpc-b", "10.0.1.0/24"), peering((ONE[:12], "vpc-a"), (ONE[:12], "vpc-b"))
    )
    apart = seen(TWO, vpc("vpc-c", "10.0.2.0/24", account="222222222222"))
    readings = [one for one in NetworkCheck().run(FakeEstate({"network": (facts, apart)})) if one.verdict != "waiting"]
    look(it, ONE, network("vpc-a", "10.0.0.0/16"), network("vpc-b", "10.0.1.0/24"))
    look(it, TWO, network("vpc-c", "10.0.2.0/24"))
    look(it, KEY, *readings)
    overlaps = made(it).overlaps
    assert {frozenset(one.ids) for one in overlaps if one.joined_by} == {frozenset({"vpc-a", "vpc-b"})}
    assert any("vpc-c" in one.ids for one in overlaps if not one.joined_by)
    page = as_markdown(made(it))
    assert "===|shared addresses|" in page
    assert svg(made(it)).count('stroke="#d1242f"') >= 2


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_name_can_add_a_node_a_line_or_markup(name: str, place: str) -> None:
    """Names come from tags that anybody may write."""
    check_hostile(name, place)


def test_a_hostile_name_stays_a_name() -> None:
    check_hostile(HOSTILE, HOSTILE)


def check_hostile(name: str, place: str) -> None:
    """The diagram has as many lines as with harmless names; the picture parses, and holds no script."""

    def of(name: str, place: str) -> Topology:
        one = Network("vpc-1", name, "1", place, ("10.0.0.0/8",))
        overlaps = (Overlap(("vpc-1", "vpc-2"), name),)
        return Topology(NOW, (one, Network("vpc-2", "", "1", "r", ())), (), (), overlaps, (Gap(place, name),), 1, True)

    found, plain = of(name, place), of("x", "y")
    assert len(diagram(found)) == len(diagram(plain))
    for line in diagram(found)[1:4]:
        assert re.fullmatch(r'  [ng]\d+\["[^"\[\]{}<>|]*(?:<br/>[^"\[\]{}<>|]*)*"\](?::::\w+)?', line), line
    assert len(as_markdown(found).splitlines()) == len(as_markdown(plain).splitlines())
    tree = html5lib.parse(svg(found), namespaceHTMLElements=False)
    assert {str(element.tag) for element in tree.iter()} & {"script", "a", "img", "image", "foreignObject"} == set()
    json.loads(as_json(found))


def diagram(found: Topology) -> list[str]:
    return as_markdown(found).partition("```mermaid\n")[2].partition("\n```")[0].splitlines()


def test_the_page_and_its_data(it: World) -> None:
    """Under the same policy as every page, with the picture in it."""
    look(it, ONE, network("vpc-a", "10.0.0.0/16", called="<b>main"), joined("vpc-a"))
    with browsing(create_app(it.deps())) as browser:
        page = browser.get("/network")
        assert page.status_code == 200
        assert "&lt;b&gt;main" in page.text
        assert "<svg " in page.text
        assert "not compared yet" in page.text
        data: Mapping[str, Any] = browser.get("/network.json").json()
        assert (data["whole"], data["overlaps"], len(data["networks"])) == (False, None, 1)


def test_the_command_writes_it_and_its_exit_code_says_whether_all_was_seen(it: World, tmp_path: Path) -> None:
    """Beside a daemon that may be running; a store that is not there is no empty map."""
    config = tmp_path / "barograph.yml"
    config.write_text(f"source: {{kind: atmos, path: .}}\nstore: {{path: {it.store.path}}}\n")
    look(it, ONE, network("vpc-a", "10.0.0.0/16"))
    target = tmp_path / "map.md"
    ran = CliRunner().invoke(cli, ["report", "topology", "-c", str(config), "-o", str(target)])
    assert (ran.exit_code, target.read_text().splitlines()[0]) == (3, "# The network's topology")
    config.write_text("source: {kind: atmos, path: .}\nstore: {path: nowhere.db}\n")
    assert CliRunner().invoke(cli, ["report", "topology", "-c", str(config)]).exit_code == 4

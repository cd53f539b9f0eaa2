"""The pages in a real Chromium: what it complains of; with a keyboard, on a phone, without scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.web import AuthSettings, Credential, create_app, serving
from tests.daemon.executions.world import RUN
from tests.daemon.web.whole import whole_world
from tests.daemon.web.world import World
from tests.tools.browser import Tab, browser
from tests.tools.programs import axe

STATUS, INSTANCE, INCIDENT = "/", "/instances/acme-prod/network", "/incidents/v1:a"
PAGES = [
    STATUS, "/?show=all", "/?q=nothing-is-called-so", INSTANCE, "/instances/acme-prod/vpc", INCIDENT, "/runs",
    f"/runs/{RUN}",
    "/repository", "/reports/", "/nowhere",
]  # fmt: skip
SEEN_BY_VIEWERS = [STATUS, INSTANCE, INCIDENT, f"/runs/{RUN}"]
VIEWER = {"Authorization": "Bearer token-of-a-viewer"}
READER = {"Authorization": "Bearer token-of-a-reader"}
AUTH = AuthSettings((
    Credential("viewer", "token-of-a-viewer", frozenset({"view"})), Credential("reader", "token-of-a-reader"),
))  # fmt: skip
TEXT = "a value <b>that</b> is rather long, with-a-word-that-has-no-end-and-goes-on-for-longer-than-a-phone-is-wide-x"
# Keeps what is to be called again and again from being called by itself.
HELD = "window.setInterval = (again) => { window.again = again; };"


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    with browser() as opened:
        opened.ask("Page.addScriptToEvaluateOnNewDocument", source=HELD)
        yield opened


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, str]]:
    """Everything there is to show, and its address; who sends no token is refused."""
    with (
        whole_world(tmp_path_factory.mktemp("whole"), TEXT, AUTH) as (world, deps),
        serving(create_app(replace(deps, public_url="https://watch.example"))) as port,
    ):
        yield world, f"http://127.0.0.1:{port}"


def opened(tab: Tab, address: str, path: str, who: dict[str, str] = READER) -> None:
    tab.headers(who)
    tab.said.clear()
    tab.go(address + path)


FAULTS = """axe.run({resultTypes: ["violations"]}).then((found) => JSON.stringify(found.violations
  .filter((one) => ["serious", "critical"].includes(one.impact))
  .map((one) => [one.id, one.help, one.nodes.slice(0, 3).map((node) => node.html.slice(0, 200))])))"""


def test_axe_finds_what_is_planted(tab: Tab, made: tuple[World, str]) -> None:
    """The counter-proof: a field without a name is found."""
    tab.look()
    opened(tab, made[1], "/nowhere")
    tab.run("document.querySelector('main').innerHTML += '<input>'")
    tab.run(f"{axe()}; 0")
    assert "label" in {name for name, *_ in json.loads(tab.run(FAULTS))}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(tab: Tab, made: tuple[World, str], scheme: str) -> None:
    """No page keeps anybody out: names, roles, contrast and tables are as axe-core wants them, in both themes."""
    program = axe()
    tab.look(scheme=scheme)
    for path, who in [*((path, READER) for path in PAGES), *((path, VIEWER) for path in SEEN_BY_VIEWERS)]:
        opened(tab, made[1], path, who)
        tab.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        tab.run(f"{program}; 0")
        assert json.loads(tab.run(FAULTS)) == [], path


@pytest.mark.parametrize("width", [1280, 390])
def test_a_page_complains_of_nothing_and_fits_its_window(tab: Tab, made: tuple[World, str], width: int) -> None:
    """Nothing on the console, nothing blocked by the policy, and only tables scroll sideways, on a phone too."""
    tab.look(width=width)
    for path in PAGES:
        opened(tab, made[1], path)
        expected = ["error: Failed to load resource: the server responded with a status of 404 (Not Found)"]
        assert tab.said == (expected if path == "/nowhere" else []), path
        assert tab.run("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0, path
        assert tab.run("getComputedStyle(document.body).fontFamily").startswith("system-ui"), path


def test_a_page_looks_as_it_should(tab: Tab, made: tuple[World, str], tmp_path: Path) -> None:
    """Dark is dark and light is light, the heads of the matrix stay in sight, and print has no controls."""
    shades = []
    for scheme in ("light", "dark"):
        tab.look(scheme=scheme)
        opened(tab, made[1], STATUS)
        color = tab.run("getComputedStyle(document.body).backgroundColor")
        shades.append(sum(int(part) for part in color.strip("rgb()").split(",")) / 3)
        picture = tmp_path / f"{scheme}.png"
        tab.picture(picture)
        assert picture.stat().st_size > 20_000
    assert shades[0] > 200 > 50 > shades[1]
    heads = "[...document.querySelectorAll('.matrix thead th, .matrix tbody th')]"
    assert set(tab.run(f"{heads}.map((one) => getComputedStyle(one).position)")) == {"sticky"}
    tab.ask("Emulation.setEmulatedMedia", media="print", features=[])
    assert tab.run("getComputedStyle(document.querySelector('form.filter')).display") == "none"
    assert tab.run("getComputedStyle(document.querySelector('.tall')).overflow") == "visible"


FOCUSED = """(() => { const at = document.activeElement, style = getComputedStyle(at), box = at.getBoundingClientRect();
  return [at === document.body ? "" : at.tagName + " " + (at.getAttribute("href") || at.name
    || at.getAttribute("aria-label") || at.getAttribute("aria-labelledby") || at.textContent.trim().slice(0, 30)),
    style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2, box.width > 1 && box.height > 1]; })()"""


def test_the_keyboard_reaches_everything_and_is_seen(tab: Tab, made: tuple[World, str]) -> None:
    """The first stop skips to the content; each stop is visible and marked; every control and link is one; it ends."""
    tab.look()
    opened(tab, made[1], STATUS)
    tab.press("Tab", 9)
    assert tab.run(FOCUSED)[0] == "A #content"
    tab.press("Enter", 13, text="\r")
    assert tab.run("document.activeElement.id") == "content"
    opened(tab, made[1], STATUS)
    wanted = tab.run("""[...document.querySelectorAll("a[href], input, select, button, summary, [tabindex='0']")]
        .filter((one) => !one.closest("details:not([open])") || one.tagName === "SUMMARY").length""")
    stops: list[str] = []
    for _ in range(wanted + 5):
        tab.press("Tab", 9)
        name, marked, visible = tab.run(FOCUSED)
        if not name or (stops and name == stops[0]):
            break
        assert marked, name
        assert visible, name
        stops.append(name)
    assert len(stops) == wanted
    assert len([stop for stop in stops if stop.startswith("DIV")]) >= 4, "tables that scroll can be scrolled by keys"


def test_all_can_be_read_and_filtered_without_scripts(tab: Tab, made: tuple[World, str]) -> None:
    """The same text is there; the filter is a plain form, and Enter in it asks for what was typed."""
    tab.look(scripts=True)
    opened(tab, made[1], STATUS)
    whole = tab.run("document.querySelector('main').textContent")
    tab.look(scripts=False)
    opened(tab, made[1], STATUS)
    document = tab.ask("DOM.getDocument")["root"]["nodeId"]
    main = tab.ask("DOM.querySelector", nodeId=document, selector="main")["nodeId"]
    assert "What needs a person now" in tab.ask("DOM.getOuterHTML", nodeId=main)["outerHTML"]
    assert tab.run("document.querySelector('main').textContent") == whole
    field = tab.ask("DOM.querySelector", nodeId=document, selector="input[name=q]")["nodeId"]
    tab.ask("DOM.focus", nodeId=field)
    tab.ask("Input.insertText", text="vpc")
    tab.wait_for_load(lambda: tab.press("Enter", 13, text="\r"))
    assert "q=vpc" in tab.run("location.href")
    links = tab.run("[...document.querySelectorAll('#all tbody th a')].map((one) => one.getAttribute('href'))")
    assert "/instances/acme-prod/vpc" in links
    assert INSTANCE not in links
    tab.look(scripts=True)


def test_the_page_renews_itself_and_takes_nothing_from_anybody(tab: Tab, made: tuple[World, str]) -> None:
    """What changed is new after a while; focus and open parts stay; the headline's change is spoken."""
    world, address = made
    tab.look()
    opened(tab, address, STATUS)
    tab.run("document.querySelector('details').open = true; document.querySelector('#open a').focus()")
    world.incident("v1:new", check="cost", evidence={}, summary="something new is wrong")
    asof = tab.run("document.getElementById('when').textContent")
    world.now += timedelta(minutes=1)
    tab.run("window.again()")
    assert tab.run("document.getElementById('when').textContent") == asof, "a page with an old part is not of now"
    assert "not renewed" in tab.run("document.getElementById('old').textContent")
    assert tab.run("document.activeElement.closest('#open') !== null"), "the focus is where it was"
    assert "something new is wrong" not in tab.run("document.querySelector('#open').textContent"), "nor was it moved"
    said = tab.run("document.getElementById('said').textContent")
    assert "need a person" in said
    assert said == tab.run("document.querySelector('h1').textContent")
    tab.run("document.activeElement.blur(); window.again()")
    assert "something new is wrong" in tab.run("document.querySelector('#open').textContent")
    assert tab.run("document.getElementById('when').textContent") != asof
    assert tab.run("document.getElementById('old').textContent") == ""
    assert tab.run("document.querySelector('details').open"), "what was open is open"
    assert tab.said == []


def test_a_page_that_is_not_renewed_says_so(tab: Tab, tmp_path: Path) -> None:
    """When nobody answers any more, the page does not go on as if it were true."""
    with whole_world(tmp_path, TEXT, AUTH) as (_, deps):
        with serving(create_app(deps)) as port:
            opened(tab, f"http://127.0.0.1:{port}", STATUS)
        tab.run("window.again()")
        assert "not renewed" in tab.run("document.getElementById('old').textContent")
        assert "not renewed" in tab.run("document.getElementById('said').textContent")

"""Asks the demo all that dashboards ask, and renders every dashboard with Grafana's own libraries in a Chromium.

`python -m tests.dashboards.seen [--pictures FOLDER]`. Exit code 0: all is well, or a program that is needed cannot be
had, which is then said; 1: something is wrong. With *pictures* it writes those of docs/ anew, and asks no demo.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from tests.dashboards.demonstrated import Demo, ask, demo, wait_for
from tests.dashboards.history import EVERY, remembered
from tests.dashboards.reading import FOLDER, ROOT, dashboards

HERE = ROOT / "tests" / "grafana"
WIDTH = 1920
LEAST_POINTS = 20
COLOURS = 200  # of a picture that is kept
NPM_SECONDS = 300.0
SEE_SECONDS = 400.0

# What nobody wants to see in a panel.
BAD_WORDS = ("No data", "not known", "unexpected error", "NaN", "undefined", "Invalid date")


@dataclass(frozen=True, slots=True)
class Programs:
    """What is needed beside Python."""

    node: str
    npm: str
    chromium: str
    prometheus: str
    promtool: str


_OUT_OF_REACH = re.compile(
    r"code (ECONN|ENOTFOUND|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|E403|E407|E5\d\d|UNABLE_TO|SELF_SIGNED)"
)


class MissingError(Exception):
    """A program that is needed cannot be had here."""


def prometheus() -> tuple[str | None, str | None]:
    """Prometheus and promtool, where they are."""
    promtool = os.environ.get("BAROGRAPH_PROMTOOL") or shutil.which("promtool")
    beside = Path(promtool).with_name("prometheus") if promtool else None
    return str(beside) if beside and beside.is_file() else shutil.which("prometheus"), promtool


def programs() -> Programs:
    """Find them. Raises MissingError."""
    server, promtool = prometheus()
    found = {
        "node": shutil.which("node"),
        "npm": shutil.which("npm"),
        "chromium": os.environ.get("BAROGRAPH_CHROMIUM")
        or shutil.which("chromium")
        or shutil.which("chromium-browser"),
        "prometheus": server,
        "promtool": promtool,
    }
    if lacking := [name for name, path in found.items() if not path]:
        raise MissingError(f"no {', '.join(lacking)}")
    return Programs(**{name: path for name, path in found.items() if path})


def install(npm: str) -> None:
    """Put Grafana's libraries where the lock file says.

    Raises MissingError where the registry cannot be reached, and RuntimeError where it is something else.
    """
    lock, done = HERE / "package-lock.json", HERE / "node_modules" / ".installed"
    if done.is_file() and done.read_bytes() == lock.read_bytes():
        return
    argv = [npm, "ci", "--no-audit", "--no-fund", "--legacy-peer-deps", "--ignore-scripts"]
    try:
        ended = subprocess.run(argv, cwd=HERE, capture_output=True, text=True, timeout=NPM_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise MissingError(f"npm ci has not ended after {NPM_SECONDS:g} s") from error
    if ended.returncode:
        if _OUT_OF_REACH.search(ended.stderr):
            raise MissingError(f"npm ci failed: {ended.stderr.splitlines()[0]}")
        raise RuntimeError(f"npm ci failed: {ended.stderr}")
    done.write_bytes(lock.read_bytes())


@dataclass(frozen=True, slots=True)
class Job:
    """One dashboard to look at."""

    name: str
    dashboard: str
    theme: str = "dark"
    chosen: Mapping[str, Sequence[str]] | None = None
    picture: str = ""  # the name of the picture that is kept
    empty: frozenset[str] = frozenset()  # panels that rightly show nothing, for nothing of it is in what is chosen

    def asked(self, folder: Path) -> dict[str, Any]:
        """As the page is asked for it."""
        return {
            "dashboard": self.dashboard, "theme": self.theme, "width": WIDTH, "from": "now-24h",
            "scrape": int(EVERY.total_seconds()), "chosen": self.chosen or {},
            "picture": str(folder / f"{self.name}.png"),
        }  # fmt: skip


JOBS = (
    *(Job(uid, uid, picture=f"{uid.removeprefix('barograph-')}.png") for uid in sorted(dashboards())),
    Job("fleet, light", "barograph-fleet", "light", picture="fleet-light.png"),
    # No place of that tenant's production is blind, and no lock is held in these stacks.
    Job(
        "fleet of one tenant and stage",
        "barograph-fleet",
        "light",
        {"tenant": ["globex"], "stage": ["production"]},
        empty=frozenset({"Blind places, longest first"}),
    ),
    Job(
        "drift of two stacks",
        "barograph-drift",
        "light",
        {"stack": ["acme-euw1-prod", "globex-euc1-prod"]},
        empty=frozenset({"States, worst first"}),
    ),
)
BROKEN = "barograph-broken"


def broken() -> dict[str, Any]:
    """A dashboard on which everything is wrong that must be found."""
    made = copy.deepcopy(dashboards()["barograph-fleet"])
    stat, *_ = [each for each in made["panels"] if each["type"] == "stat"]
    wrong, empty, strange = (copy.deepcopy(stat) for _ in range(3))
    wrong["targets"][0]["expr"] = "sum("
    empty["targets"][0]["expr"] = "barograph_no_such_metric"
    strange["type"] = "singlestat"
    for number, (panel, title) in enumerate(((wrong, "Wrong"), (empty, "Empty"), (strange, "Strange"))):
        panel |= {"id": 90 + number, "title": title, "gridPos": {"x": 8 * number, "y": 0, "w": 8, "h": 6}}
    return {**made, "uid": BROKEN, "title": "Broken", "panels": [wrong, empty, strange]}


def look(found: Programs, url: str, jobs: Sequence[Job], folder: Path) -> list[dict[str, Any]]:
    """Open the dashboards, one after the other. Raises CalledProcessError."""
    page, pages = folder / "page.js", folder / "json"
    subprocess.run([found.node, "build.mjs", str(page)], cwd=HERE, check=True, timeout=120)
    shutil.copytree(FOLDER, pages)
    (pages / f"{BROKEN}.json").write_text(json.dumps(broken()), encoding="utf-8")
    argv = [found.node, "see.mjs", str(page), str(pages), url, found.chromium]
    asked = json.dumps([job.asked(folder) for job in jobs])
    ended = subprocess.run(
        argv, cwd=HERE, input=asked, stdout=subprocess.PIPE, text=True, check=True, timeout=SEE_SECONDS
    )  # fmt: skip
    return [json.loads(line) for line in ended.stdout.splitlines()]


def problems(seen: Mapping[str, Any], empty: frozenset[str] = frozenset()) -> Iterator[str]:
    """What is wrong with what was seen of a dashboard."""
    yield from seen["problems"]
    panels = [each for each in dashboards().get(seen["dashboard"], broken())["panels"] if each["type"] != "row"]
    graphs = {each["title"] for each in panels if each["type"] == "timeseries"}
    for query in seen["queries"]:
        where = f"{query['title']} / {query['refId']}"
        if query.get("error"):
            yield f"{where}: {query['error']}"
        elif not query["series"] and query["title"] not in empty:
            yield f"{where}: no result"
        elif query["title"] in graphs and query["points"] < LEAST_POINTS:
            yield f"{where}: a graph of {query['points']} points"
    if len(seen["panels"]) != len(panels):
        yield f"{len(seen['panels'])} panels are on the page, not {len(panels)}"
    for panel in seen["panels"]:
        title = panel["text"].split("\n")[0]
        if title in empty:
            continue
        if panel["failed"] or not panel["drawn"]:
            yield f"{title}: {'an error is shown' if panel['failed'] else 'nothing is drawn'}"
        yield from (f"{title}: says {word!r}" for word in BAD_WORDS if word in panel["text"].partition("\n")[2])


def keep(picture: Path, to: Path) -> None:
    """Write a picture small: dashboards have few colours."""
    with Image.open(picture) as found:
        found.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(to, optimize=True)


def main() -> int:
    """Look at all of them; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.dashboards.seen", description="Render the dashboards.")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="write the pictures of docs/ into this folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="barograph-seen-") as name:
        folder = Path(name)
        if given.pictures:
            return 1 if _render(folder, given.pictures) else 0
        # The demo takes its time: what is rendered meanwhile costs none.
        (folder / "demo").mkdir()
        with demo(folder / "demo") as begun:
            wrong = _render(folder, None)
            wrong += _demonstrate(folder / "demo", begun)
    return 1 if wrong else 0


def _render(folder: Path, pictures: Path | None) -> int:
    """Look at all dashboards; gives how much is wrong."""
    try:
        found = programs()
        install(found.npm)
    except MissingError as error:
        print(f"SKIP: the dashboards are not rendered here: {error}", flush=True)
        return 0
    with remembered(folder, found.prometheus, found.promtool) as server:
        seen = look(found, server.url, (*JOBS, Job("broken", BROKEN)), folder)
    wrong = 0
    for job, one in zip(JOBS, seen, strict=False):
        told = list(problems(one, job.empty))
        wrong += len(told)
        print(f"{job.name}: {len(one['panels'])} panels, {len(one['queries'])} queries, {len(told)} problems")
        print("".join(f"  {each}\n" for each in told), end="", flush=True)
    wrong += not _finds_faults(seen[-1])
    for job in JOBS:
        if pictures and job.picture:
            pictures.mkdir(parents=True, exist_ok=True)
            keep(folder / f"{job.name}.png", pictures / job.picture)
    return wrong


def _demonstrate(folder: Path, begun: Demo) -> int:
    """Ask the demo's daemon; gives how much is wrong."""
    server, _ = prometheus()
    if server is None:
        print("SKIP: the demo is not asked what dashboards ask: no prometheus", flush=True)
        return 0
    found = ask(server, folder, wait_for(begun))
    print(f"the demo: every query of {len(dashboards())} dashboards, for All and for one, {len(found)} problems")
    print("".join(f"  {each}\n" for each in found), end="", flush=True)
    return len(found)


def _finds_faults(seen: Mapping[str, Any]) -> bool:
    """Whether the broken dashboard was seen to be broken; else none of the others means anything."""
    told = " ".join(problems(seen))
    missed = [word for word in ("Wrong / A", "Empty / A: no result", "Strange: an error") if word not in told]
    print(f"a broken dashboard: {'its faults are found' if not missed else f'NOT FOUND: {missed} in {told}'}")
    return not missed


if __name__ == "__main__":
    sys.exit(main())

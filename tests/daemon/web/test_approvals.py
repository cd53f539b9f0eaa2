"""Approvals over real HTTP, and as people type them: who may give one, whose it is, and what a page shows of it."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import html5lib
import httpx
import pytest
from click.testing import CliRunner, Result

from daemon import web
from daemon.cli import cli
from daemon.executions.approving import Approving
from daemon.executions.guideline import Guideline
from daemon.metrics.snapshot import Snapshot
from daemon.store import Store, approvals, open_reader
from daemon.web.runs import MOST_WAITING
from tests.daemon.executions.world import RUN, World, number
from tests.daemon.test_app import free_port
from tests.daemon.web.world import HOSTILE, browsing

PATH = "/api/v1/approvals"
COMMIT = "3f2a9c1d" * 5
ME = pwd.getpwuid(os.getuid()).pw_name
AUTH = web.AuthSettings(
    tokens=(
        web.Credential("ci", "token-of-ci", frozenset({"ingest"})),
        web.Credential("oncall", "token-of-oncall", frozenset({"read", "acknowledge"})),
        web.Credential("bob", "token-of-bob", frozenset({"approve"})),
        web.Credential("alice", "token-of-alice", frozenset({"approve"})),
        web.Credential("root", "token-of-root", frozenset({"admin"})),
    )
)


class Here(World):
    client: httpx.Client

    def open(self, stack: ExitStack, auth: web.AuthSettings = AUTH) -> None:
        self.judge.tick()
        desk = Approving(self.store, lambda: self.now, Guideline(), on_stored=self.judge.again)
        deps = web.WebDeps(
            self.store, lambda: Snapshot(b"", b""), lambda: pytest.fail("nobody asks"), lambda: self.now, auth,
            approving=desk,
        )  # fmt: skip
        self.client = stack.enter_context(browsing(web.create_app(deps)))

    def post(self, body: Any, who: str = "bob", path: str = PATH, method: str = "POST") -> httpx.Response:
        headers = {"Authorization": f"Bearer token-of-{who}"} if who else {}
        return self.client.request(method, path, json=body, headers=headers)

    def by(self) -> list[tuple[str, str]]:
        with self.store.read() as view:
            return [(one.by, one.told) for one in approvals.newest(view.db, 50)]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    with ExitStack() as stack:
        made = Here(tmp_path)
        stack.callback(lambda: made.store.close())
        made.open(stack)
        yield made


GIVE = {"run": RUN, "evidence": "https://tickets.example/7"}


@pytest.mark.parametrize(
    ("who", "status"), [("", 401), ("nobody", 401), ("ci", 403), ("oncall", 403), ("bob", 200), ("root", 200)]
)
def test_only_who_may_approve_approves(here: Here, who: str, status: int) -> None:
    """A token that may ingest or acknowledge may not; admin may all."""
    here.start()
    assert here.post(GIVE, who).status_code == status
    assert here.post({"why": ""}, who, f"{PATH}/x", "DELETE").status_code == (404 if status == 200 else status)
    assert here.post(GIVE, who, "/api/v1/reviews").status_code == (409 if status == 200 else status)
    assert len(here.by()) == (status == 200)
    reads = here.client.get(PATH, headers={"Authorization": f"Bearer token-of-{who}"}).status_code
    assert reads == {"oncall": 200, "root": 200, "ci": 403, "bob": 403}.get(who, 401)


def test_who_approves_is_who_signed_in(here: Here) -> None:
    """Whoever they say it is from; and their own run they do not approve by another's name."""
    here.start()
    first = here.post(GIVE | {"by": "carol"}).json()
    assert (first["changed"], first["approvals"][0]["by"], first["approvals"][0]["for"]) == (True, "bob", "carol")
    own = here.post(GIVE | {"by": "carol"}, "alice").json()
    assert own["counts"] is False
    assert here.by() == [("alice", "carol"), ("bob", "carol")]
    with here.store.read() as view:
        assert [line.who for line in view.audit()] == [
            "carol, signed in as alice (HTTP)", "carol, signed in as bob (HTTP)"
        ]  # fmt: skip
    listed = here.client.get(PATH, params={"run": RUN}, headers={"Authorization": "Bearer token-of-root"}).json()
    assert [(one["by"], one["counts"]) for one in listed["approvals"]] == [("alice", False), ("bob", True)]


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 400), ({"run": RUN}, 400), ({"run": RUN, "evidence": " "}, 400), (GIVE | {"stack": "x"}, 400),
     (GIVE | {"run": 7}, 400), (GIVE | {"color": 1}, 400), (GIVE | {"for": "1h", "expires_at": "x"}, 400),
     (GIVE | {"evidence": "x" * 5_000}, 400), (GIVE | {"run": "x"}, 404), (GIVE | {"by": 7}, 400), ([], 400),
     ({"commit": COMMIT, "stack": "s", "evidence": "t", "expires_at": "2020-01-01T00:00:00Z"}, 409)],
)  # fmt: skip
def test_what_says_nothing_that_can_be_done_is_refused(here: Here, body: Any, status: int) -> None:
    """And nothing is kept."""
    here.start()
    assert here.post(body).status_code == status
    assert here.by() == []


def test_a_page_of_another_site_approves_nothing(here: Here) -> None:
    """Nor does what is no JSON."""
    here.start()
    signed = {"Authorization": "Bearer token-of-bob"}
    assert here.client.post(PATH, json=GIVE, headers=signed | {"Origin": "https://evil.example"}).status_code == 403
    assert here.client.post(PATH, content=b"{}", headers=signed).status_code == 415
    assert here.by() == []


def test_who_takes_back_does_not_read_what_others_wrote(here: Here) -> None:
    """A token that may approve and not read is told that it is so, and no evidence and no note."""
    here.start()
    here.post(GIVE | {"note": "written by root"}, "root")
    for method in ("DELETE", "DELETE"):
        answer = here.post({"run": RUN}, "bob", method=method)
        assert answer.status_code == 200
        assert "tickets.example" not in answer.text
        assert "written by root" not in answer.text
        assert [one["by"] for one in answer.json()["approvals"]] == ["root"]
    assert here.post({"run": RUN}, "root", method="DELETE").json()["approvals"][0]["note"] == "written by root"


def test_the_plan_is_shown_where_it_is_approved(here: Here) -> None:
    """As the run told it; a commit has none."""
    here.start()
    here.send(here.event(1, "phase.start", phase="plan"),
              here.event(2, "resource", addr="aws_vpc.main", action="delete", status="planned"),
              here.event(3, "summary", operation="plan", add=0, change=0, remove=1))  # fmt: skip
    told = here.post(GIVE, "root").json()["impacts"]
    assert here.post(GIVE).json()["impacts"] is None, "who may approve and not read reads no plan"
    run = here.client.get(f"/api/v1/runs/{RUN}", headers={"Authorization": "Bearer token-of-root"}).json()
    assert [one["title"] for one in told] == ["1 to delete"]
    assert told == run["impacts"]
    assert "impacts" not in here.post({"commit": COMMIT, "stack": "s", "evidence": "t"}).json()


def test_one_is_taken_back_by_its_id(here: Here) -> None:
    """Once; who did it stays on record."""
    here.start()
    mark = here.post(GIVE).json()["approvals"][0]["id"]
    assert here.post({"why": "wrong"}, "root", f"{PATH}/{mark}", "DELETE").json()["changed"]
    assert not here.post({}, "root", f"{PATH}/{mark}", "DELETE").json()["changed"]
    with here.store.read() as view:
        (kept,) = approvals.newest(view.db, 2)
    assert (kept.revoked_by, kept.revoked_why) == ("root (HTTP)", "wrong")


def test_pages_show_what_was_agreed_to_and_what_waits(here: Here) -> None:
    """Hostile evidence is text; only an address of the web is a link."""
    here.start(workflow="apply-environment")
    here.judge.tick()
    head = {"Authorization": "Bearer token-of-root"}

    def page(path: str) -> str:
        answer = here.client.get(path, headers=head)
        assert answer.status_code == 200
        html5lib.HTMLParser(strict=True).parse(answer.text)
        assert HOSTILE not in answer.text
        return answer.text

    assert "Waiting for approval" in page("/runs")
    for evidence in (HOSTILE, "javascript:alert(1)", f"https://x/{HOSTILE}", "https://tickets.example/7"):
        here.post(GIVE | {"evidence": evidence, "note": HOSTILE})
    here.post(GIVE, "alice")
    shown = page(f"/runs/{RUN}")
    assert shown.count('href="https://tickets.example/7"') == 2
    assert 'href="javascript' not in shown
    assert shown.count(">does not count<") == 1
    assert shown.count('good">counts<') == 4
    assert "Waiting for approval" not in page("/runs")


class Typed:
    """A folder with a configuration, a store with a run, and what people type."""

    def __init__(self, folder: Path, auth: str = "") -> None:
        self.port, self.config, self.path = free_port(), folder / "barograph.yml", folder / "b.db"
        self.config.write_text(
            f"source: {{kind: atmos, path: repo}}\nstore: {{path: b.db}}\nexecutions: {{guideline: {{}}}}\n"
            f"web:\n  listen: 127.0.0.1:{self.port}\n{auth}"
        )
        (folder / "repo").mkdir()
        (folder / "made").mkdir()
        made = World(folder / "made")
        made.store.close()
        made.store = Store.open(self.path, lambda: datetime.now(UTC))
        made.now = datetime.now(UTC)
        made.begin()
        made.start()
        made.store.close()

    def type(self, command: str, *words: str, **env: str) -> Result:
        given = {"BAROGRAPH_TOKEN": None, "USER": "mallory", "LOGNAME": "mallory", **env}
        found = CliRunner().invoke(cli, [command, "-c", str(self.config), *words], env=given)
        assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
        return found

    def by(self) -> list[tuple[str, str]]:
        with open_reader(self.path) as view:
            return [(one.by, one.told) for one in approvals.newest(view.db, 9)]


def test_without_a_daemon_the_user_of_the_machine_agrees(tmp_path: Path) -> None:
    """Whatever the environment says who that is; and takes it back."""
    typed = Typed(tmp_path)
    first = typed.type("approve", RUN, "--evidence", "https://t/1", "--by", "carol", "--json")
    assert (first.exit_code, json.loads(first.output)["changed"]) == (0, True)
    assert typed.by() == [(ME, "carol")]
    assert typed.type("approve", RUN, "--revoke").output == "revoked: 1\n"
    own = typed.type("approve", RUN, "--evidence", "t", "--by", "alice")
    assert (own.exit_code, "DOES NOT COUNT" in own.output) == (1, True)
    assert typed.type("approve", "--evidence", "x").exit_code == 2
    assert typed.type("approve", RUN).exit_code == 2
    assert typed.type("approve", RUN, "--evidence", "x", "--expires", "soon").exit_code == 2
    assert typed.type("approve", "none", "--evidence", "x").exit_code == 1
    assert typed.type("review", RUN, "--evidence", "x").exit_code == 1


def test_beside_a_daemon_the_token_agrees(tmp_path: Path) -> None:
    """One's own: none of the configuration is borrowed."""
    token = "  auth: {tokens: [{name: bob, token: token-of-bob, scopes: approve}]}\n"
    typed = Typed(tmp_path, token)
    with Store.open(typed.path, lambda: datetime.now(UTC)) as store:
        desk = Approving(store, lambda: datetime.now(UTC), Guideline())
        deps = web.WebDeps(
            store, lambda: Snapshot(b"", b""), lambda: pytest.fail("nobody asks"), lambda: datetime.now(UTC), AUTH,
            approving=desk,
        )  # fmt: skip
        with web.serving(web.create_app(deps), "127.0.0.1", typed.port):
            refused = typed.type("approve", RUN, "--evidence", "https://t/1")
            assert (refused.exit_code, "BAROGRAPH_TOKEN" in refused.output) == (4, True)
            wrong = typed.type("approve", RUN, "--evidence", "https://t/1", BAROGRAPH_TOKEN="token-of-ci")
            assert wrong.exit_code == 4
            done = typed.type("approve", RUN, "--evidence", "https://t/1", BAROGRAPH_TOKEN="token-of-bob")
            assert done.exit_code == 0, done.output
        assert typed.by() == [("bob", "")]


def test_what_waits_is_shown_with_what_its_apply_does(here: Here) -> None:
    """Before anybody agrees; and that nobody has told of a plan is not that it changes nothing."""
    here.start(git_sha=COMMIT, workflow="apply-environment")
    here.judge.tick()
    headers = {"Authorization": "Bearer token-of-oncall"}

    def page(path: str) -> str:
        text = here.client.get(path, headers=headers).text
        html5lib.HTMLParser(strict=True).parse(text)
        assert HOSTILE not in text
        return text

    (waits,) = here.client.get(PATH, headers=headers).json()["waiting"]
    assert (waits["planned_by"], waits["impacts"]) == ("", [])
    assert "no plan was told of" in page("/runs")
    planned = number(7)
    here.start(planned, git_sha=COMMIT, workflow="plan-environment")
    row = {"addr": f'aws_db_instance.a["{HOSTILE}"]', "action": "delete", "opens": [HOSTILE]}
    here.send(here.event(1, "impact", planned, plan="p", delete=1, rows=[row]))
    here.end(planned)
    here.judge.tick()
    (waits,) = here.client.get(PATH, headers=headers).json()["waiting"]
    assert (waits["planned_by"], waits["impacts"][0]["worst"]) == (planned, "bad")
    assert "1 to delete" in page("/runs")
    assert f'<a href="/runs/{planned}">An earlier run</a>' in page(f"/runs/{RUN}")


def test_of_a_plan_that_was_not_looked_up_nobody_says_that_there_is_none(here: Here) -> None:
    """Plans are shown of those that wait longest; the page of each further run has its own."""
    for n in range(MOST_WAITING + 2):
        here.start(number(100 + n), git_sha=COMMIT, workflow="apply-environment")
    here.judge.tick()
    page = here.client.get("/runs", headers={"Authorization": "Bearer token-of-oncall"}).text
    assert page.count("no plan was told of") == MOST_WAITING
    assert page.count(">see the run</a>") == 2

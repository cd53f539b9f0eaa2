"""What runs tell over real HTTP: events, signatures, replays, pings of a real client, GitHub's webhooks."""

from __future__ import annotations

import hashlib
import hmac
import json
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.runs.wire import MAX_BODY, SIGNATURE_HEADER, TIMESTAMP_HEADER, signature, stamp
from daemon import web
from daemon.executions.approving import Approving
from daemon.executions.github import Mapped
from daemon.executions.schedules import Schedule
from daemon.metrics.snapshot import Snapshot
from daemon.store import executions
from daemon.web.ingest import Ingest
from tests.daemon.executions.world import NOW, RUN, START, World
from tests.daemon.web.world import browsing

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the library is written for an older pydantic
    from healthchecks_io import CheckTrap, Client

TOKEN, READER = "a-token-that-may-ingest", "a-token-that-may-read"
KEY, HOOK = "the-signing-secret", "the-webhook-secret"
UUID = "8d7a4c6e-5b1f-4e0a-9d3c-2f6b7a8c9d0e"
BACKUP = Schedule("backup", "backup", "acme-prod", uuid=UUID)
BEARER = {"Authorization": f"Bearer {TOKEN}"}


class Here(World):
    """A world behind a web server."""

    client: httpx.Client
    address: str

    def open(self, stack: ExitStack) -> None:
        ingest = Ingest(
            self.intake, lambda: self.now, (KEY, "the-one-before"), (BACKUP,), (HOOK,),
            (Mapped("acme/infra", "Deploy*", "acme-prod", "vpc"),),
        )  # fmt: skip
        auth = web.AuthSettings(tokens=(
            web.Credential("ci", TOKEN, frozenset({"ingest"})), web.Credential("prometheus", READER),
        ))  # fmt: skip
        deps = web.WebDeps(
            self.store, lambda: Snapshot(b"", b""), lambda: pytest.fail("nobody asks"), lambda: self.now, auth,
            hooks=ingest.routes(), approving=Approving(self.store, lambda: self.now),
        )  # fmt: skip
        self.client = stack.enter_context(browsing(web.create_app(deps)))
        self.address = str(self.client.base_url)

    def post(self, *told: dict[str, Any], **headers: str) -> httpx.Response:
        return self.client.post("/api/v1/events", json={"events": list(told)}, headers=headers or BEARER)

    def states(self) -> list[tuple[str, str]]:
        while self.judge.tick():
            pass
        with self.store.read() as view:
            return [(row.workflow, row.state) for row in executions.listed(view.db, 50)]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    with ExitStack() as stack:
        here = Here(tmp_path_factory.mktemp("ingest"))
        stack.callback(lambda: here.store.close())
        here.open(stack)
        yield here


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    with ExitStack() as stack:
        made = Here(tmp_path)
        stack.callback(lambda: made.store.close())
        made.open(stack)
        yield made


def event(seq: int, name: str, **data: Any) -> dict[str, Any]:
    return {"schema": 1, "run_id": RUN, "seq": seq, "event": name, "ts": stamp(NOW), **data}


def test_events_are_stored_once_and_the_limits_are_told(here: Here) -> None:
    """A repeat is counted as one, and a run ends as it said."""
    start, end = event(0, "run.start", **START), event(1, "run.end", rc=0)
    first = here.post(start, end)
    assert (first.status_code, first.json()) == (202, {"accepted": 2, "duplicates": 0})
    assert first.headers["Body-Limit"] == str(MAX_BODY)
    assert here.post(end, start).json() == {"accepted": 0, "duplicates": 2}
    assert here.states() == [("deploy", "succeeded")]


def test_an_event_that_is_none_is_named_and_the_others_are_taken(here: Here) -> None:
    """One bad event holds up no other."""
    answer = here.post(event(0, "run.start", **START), {"event": "run.end"})
    assert answer.status_code == 202
    assert answer.json()["refused"] == [{"event": 1, "error": "run_id is to be a UUID"}]
    assert here.post({"event": "run.end"}).status_code == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"X": "nobody"}, 401), ({"Authorization": f"Bearer {READER}"}, 403), ({"Authorization": "Bearer x"}, 401)],
)
def test_nobody_tells_without_the_scope(here: Here, headers: dict[str, str], status: int) -> None:
    """Reading is not telling."""
    assert here.post(event(0, "run.start", **START), **headers).status_code == status
    assert here.states() == []


def signed(body: bytes, secret: str = KEY, skew: float = 0) -> dict[str, str]:
    at = str(int((NOW + timedelta(seconds=skew)).timestamp()))
    return {TIMESTAMP_HEADER: at, SIGNATURE_HEADER: signature(secret, at, body), "Content-Type": "application/json"}


def test_a_signature_stands_for_a_token_and_only_within_five_minutes(here: Here) -> None:
    """Forged, replayed and altered bodies are refused, and nothing of them is stored."""
    body = json.dumps({"events": [event(0, "run.start", **START)]}).encode()
    good = signed(body)

    def post(content: bytes, headers: dict[str, str]) -> int:
        return here.client.post("/api/v1/events", content=content, headers=headers).status_code

    for content, headers in (
        (body, signed(body, "wrong")),
        (body + b" ", good),
        (body, signed(body, skew=-301)),
        (body, signed(body, skew=301)),
        (body, {**good, TIMESTAMP_HEADER: "1"}),
        (body, {**good, SIGNATURE_HEADER: ""}),
        (body, {**good, **BEARER, SIGNATURE_HEADER: "v1=00"}),
    ):
        assert post(content, headers) == 401
    assert here.states() == []
    assert [post(body, good), post(body, signed(body, "the-one-before", -299))] == [202, 202]
    here.move(seconds=301)
    assert post(body, good) == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"{", 400), (b"[]", 400), (b'{"events": 1}', 400), (b"[" * 100_000, 400), (b"\xff", 400),
        (b" " * (MAX_BODY + 1), 413), (b'{"events": [1]}', 400), (b'{"events": []}', 202),
        (b'{"events": [%s]}' % b",".join([b"1"] * 501), 400),
    ],
)  # fmt: skip
def test_what_is_no_body_of_events_is_refused_with_a_reason(served: Here, body: bytes, status: int) -> None:
    """Never a 500, and the answer says what is wrong."""
    answer = served.client.post("/api/v1/events", content=body, headers=BEARER)
    assert answer.status_code == status
    assert status == 202 or answer.json()["error"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
EVENT = st.fixed_dictionaries(
    {}, optional={
        "schema": st.just(1) | JSON, "run_id": st.just(RUN) | JSON, "seq": st.integers(0, 50) | JSON,
        "event": st.sampled_from(["run.start", "run.end", "resource", "step.end", "error", "x"]) | JSON,
        "ts": st.just(stamp(NOW)) | st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]) | JSON,
        "rc": JSON, "workflow": JSON, "stack": JSON, "argv": JSON, "addr": JSON, "summary": JSON, "index": JSON,
    }
)  # fmt: skip


@given(st.binary(max_size=200) | st.builds(lambda found: json.dumps({"events": found}).encode(),
                                           st.lists(EVENT | JSON, max_size=4)))  # fmt: skip
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_input_is_an_error_of_ours(served: Here, body: bytes) -> None:
    """Whatever is sent, it is taken or refused; and what was taken can be judged."""
    answer = served.client.post("/api/v1/events", content=body, headers=BEARER)
    assert answer.status_code in (202, 400)
    served.states()


def test_a_real_client_of_healthchecks_is_at_home(here: Here) -> None:
    """The library healthchecks-io pings a start and its end, a failure with its output, and an exit code."""
    with Client(ping_url=f"{here.address}/ping/") as client:
        with CheckTrap(client, uuid=UUID) as trap:
            here.move(minutes=3)
            trap.add_log("all is well")
        assert here.states() == [("backup", "succeeded")]
        (row,) = _rows(here)
        assert row.seconds == 180.0
        here.move(minutes=1)
        with pytest.raises(ZeroDivisionError), CheckTrap(client, uuid=UUID):
            raise ZeroDivisionError("the disk is full")
        assert here.states()[0] == ("backup", "failed")
        here.move(minutes=1)
        assert client.exit_code_ping(3, uuid=UUID) == (True, "OK")
        here.move(minutes=1)
        assert client.exit_code_ping(0, uuid=UUID) == (True, "OK")
    assert [state for _, state in here.states()] == ["succeeded", "failed", "failed", "succeeded"]


def _rows(here: Here) -> list[executions.ExecutionRow]:
    with here.store.read() as view:
        return executions.listed(view.db, 50)


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_rid_pairs_the_two_ends_of_runs_that_overlap(here: Here, method: str) -> None:
    """Each end belongs to its own start, in whatever order they come."""
    one, two = "a0000000-0000-4000-8000-000000000001", "a0000000-0000-4000-8000-000000000002"
    for path, rid in (("/start", one), ("/start", two), ("", two), ("", two), ("/1", one)):
        here.move(seconds=1)
        answer = here.client.request(method, f"/ping/{UUID}{path}", params={"rid": rid})
        assert answer.status_code == 200
        assert answer.headers["Ping-Body-Limit"] == "100000"
    assert sorted(state for _, state in here.states()) == ["failed", "succeeded"]


def test_a_start_without_an_end_is_lost_after_its_grace(here: Here) -> None:
    """Nobody said that it ended."""
    here.judge.tick()
    here.client.get(f"/ping/{UUID}/start")
    here.move(minutes=61)
    assert here.states() == [("backup", "lost")]


def test_a_failure_tells_what_terraform_said(here: Here) -> None:
    """The body of a ping is read like the output of a run."""
    text = "╷\n│ Error: creating S3 Bucket (logs): AccessDenied\n│ \n│   with aws_s3_bucket.logs,\n╵\n" + "x" * 200_000
    assert here.client.post(f"/ping/{UUID}/1", content=text.encode()).status_code == 200
    here.states()
    (incident,) = here.incidents()
    assert "aws_s3_bucket.logs: access denied: creating S3 Bucket (logs)" in incident.summary


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/ping/backup", {}, 401),
        ("/ping/backup", {"Authorization": f"Bearer {READER}"}, 403),
        ("/ping/backup", BEARER, 200),
        ("/ping/backup/fail", BEARER, 200),
        ("/ping/nothing", BEARER, 404),
        ("/ping/8d7a4c6e-5b1f-4e0a-9d3c-2f6b7a8c9d00", {}, 404),
        (f"/ping/{UUID}/256", {}, 404),
        (f"/ping/{UUID}/bogus", {}, 404),
        (f"/ping/{UUID}?rid=x", {}, 400),
        (f"/ping/{UUID}", {"Sec-Fetch-Site": "cross-site"}, 403),
        (f"/ping/{UUID}", {"Origin": "https://evil.example"}, 403),
    ],
)
def test_who_may_ping(served: Here, path: str, headers: dict[str, str], status: int) -> None:
    """A slug needs a token; a UUID is one; a page of another site is neither."""
    assert served.client.get(path, headers=headers).status_code == status


def delivery(here: Here, kind: str, told: dict[str, Any], name: str = "1", secret: str = HOOK) -> httpx.Response:
    body = json.dumps(told).encode()
    headers = {
        "X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
        "X-GitHub-Event": kind, "X-GitHub-Delivery": name, "Content-Type": "application/json",
    }  # fmt: skip
    return here.client.post("/webhooks/github", content=body, headers=headers)


def run_told(action: str, conclusion: str | None = None, attempt: int = 1, name: str = "Deploy") -> dict[str, Any]:
    """As GitHub's documentation shows it, as far as it is read."""
    return {
        "action": action,
        "workflow_run": {
            "id": 30433642, "name": name, "run_attempt": attempt, "head_sha": "acb5820ced9479c0",
            "head_branch": "main", "status": "completed" if conclusion else "in_progress", "conclusion": conclusion,
            "html_url": "https://github.com/acme/infra/actions/runs/30433642",
            "run_started_at": "2026-03-02T08:50:00Z", "updated_at": "2026-03-02T08:58:00Z",
            "actor": {"login": "alice"}, "triggering_actor": {"login": "bob"},
            "head_commit": {"timestamp": "2026-03-02T09:20:00+01:00"},
        },
        "repository": {"id": 1, "full_name": "acme/infra"},
    }  # fmt: skip


JOB = {
    "action": "completed",
    "workflow_job": {
        "id": 29679449, "run_id": 30433642, "run_attempt": 1, "name": "apply", "status": "completed",
        "conclusion": "failure", "steps": [
            {"name": "Check out", "number": 1, "status": "completed", "conclusion": "success",
             "started_at": "2026-03-02T08:51:00Z", "completed_at": "2026-03-02T08:51:10Z"},
            {"name": "Apply", "number": 2, "status": "completed", "conclusion": "failure",
             "started_at": "2026-03-02T08:52:00Z", "completed_at": "2026-03-02T08:57:00Z"},
            {"name": "Notify", "number": 3, "status": "completed", "conclusion": "skipped"},
        ],
    },
    "repository": {"id": 1, "full_name": "acme/infra"},
}  # fmt: skip


def test_github_tells_of_runs_and_their_steps(here: Here) -> None:
    """In whatever order, and however often: a failure with its step, and a later attempt that ends it."""
    told = [
        ("workflow_run", run_told("completed", "failure")), ("workflow_job", JOB),
        ("workflow_run", run_told("requested")),
    ]  # fmt: skip
    for number, (kind, body) in enumerate([*told, *told]):
        assert delivery(here, kind, body, str(number % 5)).status_code == 200
    assert here.states() == [("Deploy", "failed")]
    (incident,) = here.incidents()
    assert (incident.place, incident.tier) == ("acme-prod/vpc", "critical")
    assert incident.summary.startswith("Deploy failed at apply: Apply")
    assert incident.evidence["actor"] == "bob"
    here.move(minutes=10)
    again = run_told("completed", "success", 2)
    again["workflow_run"] |= {"run_started_at": "2026-03-02T09:00:00Z", "updated_at": "2026-03-02T09:05:00Z"}
    delivery(here, "workflow_run", again, "9")
    assert here.states()[0] == ("Deploy", "succeeded")
    (incident,) = here.incidents()
    assert incident.kind == "deployment"
    assert incident.evidence["lead_seconds"] == 45 * 60


def test_what_github_did_not_sign_is_nothing(here: Here) -> None:
    """Forged, unsigned, and of no interest."""
    assert delivery(here, "workflow_run", run_told("completed", "success"), secret="wrong").status_code == 401
    assert here.client.post("/webhooks/github", content=b"{}").status_code == 401
    assert delivery(here, "ping", {"zen": "x"}).json() == {"said": "nothing to do"}
    assert delivery(here, "workflow_run", {"workflow_run": {}}).status_code == 400
    assert here.states() == []


def test_a_delivery_of_long_ago_is_no_run_of_now(here: Here) -> None:
    """The run is kept no longer, and its success would end the failure of today."""
    old = run_told("completed", "success")
    old["workflow_run"] |= {"id": 7, "run_started_at": "2025-03-02T09:00:00Z", "updated_at": "2025-03-02T09:05:00Z"}
    assert delivery(here, "workflow_run", old).json() == {"said": "nothing to do"}
    with here.store.read() as view:
        assert executions.listed(view.db, 10) == []


@given(JSON, st.sampled_from(["workflow_run", "workflow_job"]))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_delivery_is_an_error_of_ours(served: Here, told: Any, kind: str) -> None:
    """Whatever GitHub sends one day, it is taken or refused."""
    for body in (told, {kind: told, "repository": {"full_name": "a/b"}},
                 {kind: {"id": 1, "run_id": 1, "steps": told, "status": "completed", "name": told,
                         "run_started_at": told}, "repository": {"full_name": "a/b"}}):  # fmt: skip
        assert delivery(served, kind, body, "").status_code in (200, 400)
    served.states()


def test_a_store_that_cannot_be_written_is_a_503(here: Here) -> None:
    """The sender keeps what was not stored, and tries again."""
    here.store.close()
    assert here.post(event(0, "run.start", **START)).status_code == 503
    assert here.client.get(f"/ping/{UUID}").status_code == 503
    assert delivery(here, "workflow_run", run_told("completed", "success")).status_code == 503

"""What people approve at GitHub, over real HTTP: once, whatever comes twice, late, forged, or of another commit."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.runs.agreed import Approval
from daemon import web
from daemon.executions.approving import Approving
from daemon.executions.github import Mapped, run_of
from daemon.executions.guideline import Guideline, Named
from daemon.metrics.snapshot import Snapshot
from daemon.store import approvals
from daemon.web.ingest import Ingest
from tests.daemon.executions.world import SECRET, World, number
from tests.daemon.web.test_ingest import HOOK, delivery
from tests.daemon.web.world import browsing

COMMIT, OTHER = "3f2a9c1d" * 5, "aaaaaaaa" * 5
PAGE = "https://github.com/acme/infra/actions/runs/30433642"
GITHUB_RUN = run_of("acme/infra", 30433642, 1)


class Here(World):
    client: httpx.Client

    def open(self, stack: ExitStack) -> None:
        cycle = Guideline(named=(Named("Deploy*", "apply-environment"),))
        self.judge.cycle = cycle
        self.judge.tick()
        desk = Approving(self.store, lambda: self.now, cycle, (SECRET,), self.judge.again)
        mapped = Mapped("acme/infra", "Deploy*", "acme-prod", "vpc", "prod*", True)
        ingest = Ingest(
            self.intake, lambda: self.now, github_secrets=(HOOK,), mapped=(mapped, Mapped("acme/other", "*", "x")),
            approving=desk,
        )  # fmt: skip
        deps = web.WebDeps(
            self.store, lambda: Snapshot(b"", b""), lambda: pytest.fail("nobody asks"), lambda: self.now,
            hooks=ingest.routes(),
        )  # fmt: skip
        self.client = stack.enter_context(browsing(web.create_app(deps)))

    def tell(self, told: dict[str, Any], name: str = "", secret: str = HOOK) -> httpx.Response:
        kind = "deployment_review" if "workflow_run" in told else "pull_request_review"
        return delivery(self, kind, told, name, secret)  # type: ignore[arg-type]  # it asks for the client only

    def kept(self) -> list[Approval]:
        with self.store.read() as view:
            return approvals.newest(view.db, 50)

    def trail(self) -> list[tuple[str, str]]:
        with self.store.read() as view:
            return [(line.who, line.action) for line in reversed(view.audit())]

    def broken(self) -> set[str]:
        self.judge.tick()
        return {str(one.evidence["rule"]) for one in self.incidents() if "rule" in one.evidence}

    def apply(self, **data: Any) -> None:
        """A wrapped job of that workflow run."""
        run = number(10)
        self.start(run, **({"git_sha": COMMIT, "ci_url": f"{PAGE}/attempts/1", "rollback": "x"} | data))
        self.send(self.event(1, "phase.start", run, phase="apply"))
        self.move(minutes=5)
        self.end(run)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    with ExitStack() as stack:
        made = Here(tmp_path)
        stack.callback(lambda: made.store.close())
        made.open(stack)
        yield made


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    with ExitStack() as stack:
        made = Here(tmp_path_factory.mktemp("reviews"))
        stack.callback(lambda: made.store.close())
        made.open(stack)
        yield made


def environment(action: str = "approved", name: str = "production", who: str = "bob", **run: Any) -> dict[str, Any]:
    """As GitHub's webhook schema has it, as far as it is read."""
    job = {"id": 1, "name": "apply", "status": "waiting", "html_url": f"{PAGE}/job/1", "environment": name,
           "updated_at": "2026-03-02T08:57:00Z"}  # fmt: skip
    return {
        "action": action, "approver": {"login": who}, "comment": "looks right", "since": "2026-03-02T08:55:00Z",
        "workflow_job_runs": [job], "sender": {"login": who}, "organization": {"login": "acme"},
        "workflow_run": {
            "id": 30433642, "name": "Deploy", "path": ".github/workflows/deploy.yml", "run_attempt": 1,
            "head_sha": COMMIT, "html_url": PAGE, "status": "waiting", "updated_at": "2026-03-02T08:56:00Z", **run,
        },
        "repository": {"id": 1, "full_name": "acme/infra"},
    }  # fmt: skip


def review(action: str = "submitted", state: str = "approved", **more: Any) -> dict[str, Any]:
    return {
        "action": action,
        "review": {
            "id": 237895671, "user": {"login": "bob"}, "body": "fine", "commit_id": COMMIT, "state": state,
            "submitted_at": "2026-03-02T08:50:00Z", "author_association": "MEMBER",
            "html_url": "https://github.com/acme/infra/pull/2#pullrequestreview-237895671", **more,
        },
        "pull_request": {"number": 2, "updated_at": "2026-03-02T08:59:00Z", "head": {"sha": COMMIT}},
        "sender": {"login": "carol"}, "repository": {"id": 1, "full_name": "acme/infra"},
    }  # fmt: skip


def test_an_approved_environment_approves_its_run(here: Here) -> None:
    """And the job that is wrapped in it; with the page as evidence, once."""
    for name in ("1", "1", "2"):
        assert here.tell(environment(), name).status_code == 200
    (kept,) = here.kept()
    assert (kept.by, kept.run_id, kept.stack, kept.evidence) == ("bob", GITHUB_RUN, "acme-prod", PAGE)
    assert (kept.via, kept.note) == ("GitHub environment", "environment production: looks right")
    assert kept.at.isoformat() == "2026-03-02T08:57:00+00:00"
    assert here.trail() == [("bob (GitHub environment)", "approval.give")]
    here.apply()
    assert "unapproved" not in here.broken()


@pytest.mark.parametrize(
    ("told", "run"),
    [
        (environment(name="staging"), {}),
        (environment(run_attempt=2), {}),
        (environment(id=7), {}),
        (environment(head_sha=OTHER), {}),
        (environment(), {"git_sha": OTHER}),
        (environment(), {"stack": "acme-uat2"}),
        (environment(name="production") | {"repository": {"full_name": "evil/infra"}}, {}),
        (environment(name="production") | {"repository": {"full_name": "acme/other"}}, {}),
        (environment("rejected"), {}),
    ],
)
def test_another_environment_run_commit_or_stack_is_not_approved(
    here: Here, told: dict[str, Any], run: dict[str, Any]
) -> None:
    """Nor with what was rejected."""
    assert here.tell(told).status_code == 200
    here.apply(**run)
    assert "unapproved" in here.broken()


@pytest.mark.parametrize(
    ("data", "approved"),
    [({"ci_url": PAGE}, False), ({"ci_url": PAGE, "attempt": 1}, True), ({"ci_url": PAGE, "attempt": 2}, False),
     ({"ci_url": f"{PAGE}/attempts/2"}, False), ({"ci_url": f"{PAGE}/attempts/1"}, True)],
)  # fmt: skip
def test_an_attempt_is_approved_alone(here: Here, data: dict[str, Any], approved: bool) -> None:
    """One that is run again needs an approval of its own, and one that does not say which it is has none."""
    here.tell(environment())
    here.apply(**data)
    assert ("unapproved" not in here.broken()) is approved


def test_who_started_the_run_does_not_approve_it(here: Here) -> None:
    """GitHub lets them; it is kept and does not count."""
    here.tell(environment(who="Alice"))
    here.apply()
    assert "self_approved" in here.broken()


def test_a_review_approves_the_commit_that_was_looked_at(here: Here) -> None:
    """On the stacks that this repository is deployed to; a later commit is not approved with it."""
    here.tell(review())
    (kept,) = here.kept()
    assert (kept.by, kept.commit, kept.stack, kept.run_id) == ("bob", COMMIT, "acme-prod", "")
    here.apply()
    assert "unapproved" not in here.broken()
    here.start(number(11), git_sha=OTHER)
    here.send(here.event(1, "phase.start", number(11), phase="apply"))
    here.end(number(11))
    assert "unapproved" in here.broken()


@pytest.mark.parametrize(
    "told",
    [review(state="commented"), review("edited"), review("edited", "changes_requested"),
     review(author_association="NONE"), review(author_association="CONTRIBUTOR"),
     review() | {"repository": {"full_name": "acme/other"}}],
)  # fmt: skip
def test_what_is_no_approval_of_somebody_trusted_approves_nothing(here: Here, told: dict[str, Any]) -> None:
    """Whoever can read a public repository can review there."""
    assert here.tell(told).json() == {"said": "nothing to do"}
    assert here.kept() == []


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_dismissed_review_is_revoked_in_whatever_order(here: Here, order: tuple[int, ...]) -> None:
    """And the trail tells both, the approval first."""
    told = [review(), review("dismissed", "dismissed"), review()]
    for number_ in order:
        here.tell(told[number_], str(number_))
    (kept,) = here.kept()
    assert kept.revoked_by == "carol (GitHub pull request)"
    assert here.trail() == [
        ("bob (GitHub pull request)", "approval.give"), ("carol (GitHub pull request)", "approval.revoke")
    ]  # fmt: skip
    here.apply()
    assert "unapproved" in here.broken()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_who_asks_for_changes_afterwards_approves_no_more_until_they_do_again(
    here: Here, order: tuple[int, ...]
) -> None:
    """In whatever order that is heard; somebody else's approval, and another commit's, stays."""
    asked = review(state="changes_requested", id=2, submitted_at="2026-03-02T08:52:00Z", user={"login": "Bob"})
    told = [review(), asked, review(id=3, commit_id=OTHER)]
    for number_ in order:
        assert here.tell(told[number_], str(number_)).json() == {"said": "heard"}
    assert {one.commit: bool(one.revoked_at) for one in here.kept()} == {COMMIT: True, OTHER: False}
    assert ("bob (GitHub pull request)", "approval.revoke") in here.trail()
    here.apply()
    assert "unapproved" in here.broken()
    here.tell(review(id=4, submitted_at="2026-03-02T08:53:00Z"), "again")
    here.judge.again("acme-prod")
    assert "unapproved" not in here.broken()
    here.tell(review(id=5, user={"login": "carol"}), "carol")
    here.tell(review(state="changes_requested", id=6, submitted_at="2026-03-02T08:54:00Z"), "bob")
    assert {one.by for one in here.kept() if one.commit == COMMIT and one.revoked_at is None} == {"carol"}


def test_an_old_delivery_sent_again_approves_nothing_anew(here: Here) -> None:
    """Its time is the one in it, also where it was never heard before."""
    here.move(days=40)
    here.tell(review())
    here.tell(environment())
    assert {one.at.month for one in here.kept()} == {3}
    assert here.now.month == 4
    here.apply()
    assert "unapproved" in here.broken()


def test_a_forged_delivery_approves_nothing(here: Here) -> None:
    """Nor one without a signature."""
    assert here.tell(environment(), secret="wrong").status_code == 401
    body = json.dumps(review()).encode()
    assert here.client.post("/webhooks/github", content=body, headers={"X-GitHub-Event": "pull_request_review"}
                            ).status_code == 401  # fmt: skip
    assert (here.kept(), here.trail()) == ([], [])


def test_a_request_for_an_approval_waits_until_it_is_given(here: Here) -> None:
    """It says so on the run."""
    here.tell(environment("requested") | {"environment": "production"})
    here.judge.tick()
    with here.store.read() as view:
        (row,) = view.db.query("select body from execution_event")
    assert "waits for an approval of production" in row["body"]


def test_comments_hold_no_secret(here: Here) -> None:
    """They are people's words."""
    here.tell(environment() | {"comment": f"the password is {SECRET}"})
    here.tell(review(body=f"token {SECRET}"))
    with here.store.read() as view:
        texts = [*(one.note for one in here.kept()), *(line.text for line in view.audit())]
    assert len(texts) == 4
    assert not any(SECRET in text for text in texts)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
                    max_leaves=6)  # fmt: skip


@given(JSON, st.sampled_from(["deployment_review", "pull_request_review"]))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_delivery_is_an_error_of_ours(served: Here, told: Any, kind: str) -> None:
    """Whatever GitHub sends one day, it is taken or refused."""
    for body in (
        told, environment() | {"workflow_run": told}, environment() | {"workflow_job_runs": told, "since": told},
        environment(updated_at=told, head_sha=told, name=told), review() | {"review": told},
        review(submitted_at=told, user=told, commit_id=told), review("dismissed") | {"pull_request": told},
    ):  # fmt: skip
        assert delivery(served, kind, body, "").status_code in (200, 400)  # type: ignore[arg-type]  # as above

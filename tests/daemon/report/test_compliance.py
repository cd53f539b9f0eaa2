"""The compliance report: every number derived again, by other code, from the exported trail and the store's rows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import html5lib
import jsonschema
import pytest
from click.testing import CliRunner

from checks.base import Finding, Kind, Outcome, Reading
from daemon.cli import cli
from daemon.complying import INCIDENTS, RUNS, Compliance, written_as
from daemon.executions.approving import Approving, Signed, Wanted
from daemon.executions.guideline import Guideline
from daemon.executions.windows import Freeze
from daemon.metrics.snapshot import Snapshot
from daemon.record import Recorder, Run
from daemon.report.as_json import compliance_json
from daemon.report.model import Light, Report
from daemon.report.span import Span, parse_span
from daemon.store import reports
from daemon.store.week_rows import Measure
from daemon.web import AuthSettings, Credential, WebDeps, create_app
from tests.alerts.build import POLICY
from tests.daemon.executions.world import SECRET, World, number
from tests.daemon.web.world import HOSTILE, browsing

UTC_ZONE = ZoneInfo("UTC")
START = datetime(2026, 3, 1, tzinfo=UTC)
SPAN = Span(START, datetime(2026, 4, 1, tzinfo=UTC), UTC_ZONE)
COMMITS = [f"{n:x}" * 40 for n in range(1, 9)]
BEFORE = ("drift-detection", "compliance-check", "validate", "plan-environment")
KEPT = {RUNS: timedelta(days=400), INCIDENTS: timedelta(days=180)}
BOB, ALICE = Signed("bob", "HTTP"), Signed("alice", "HTTP")
FORMULA = '=HYPERLINK("http://evil","x")'


class Quarter(World):
    """A month of production: what was kept to, and what was broken."""

    at = 0

    def begin(self) -> None:
        super().begin()
        freeze = Freeze(datetime(2026, 3, 20, tzinfo=UTC), datetime(2026, 3, 22, tzinfo=UTC), f"fair {HOSTILE}")
        self.judge.cycle = Guideline(freezes=(freeze,))
        self.desk = Approving(self.store, lambda: self.now, self.judge.cycle, (SECRET,), self.judge.again)

    def run(self, workflow: str, commit: str, stack: str = "acme-prod", *, apply: bool = False, rc: int = 0,
            **data: Any) -> str:  # fmt: skip
        type(self).at += 1
        run = number(self.at)
        self.start(run, **({"workflow": workflow, "stack": stack, "git_sha": commit} | data))
        if apply:
            self.send(self.event(1, "phase.start", run, phase="apply"))
        self.move(minutes=5)
        self.end(run, rc)
        self.judge.tick()
        return run

    def before(self, commit: str) -> None:
        """All that goes before an apply."""
        self.run("deploy", commit, "acme-uat", apply=True)
        for word in BEFORE:
            self.run(word, commit)

    def agree(self, signed: Signed = BOB, **wanted: Any) -> Any:
        return self.desk.give(Wanted(**({"evidence": "https://tickets.example/7"} | wanted)), signed)

    def live(self) -> None:  # type: ignore[override]  # a world of its own
        """The month."""
        self.judge.tick()
        self.now = datetime(2026, 2, 27, tzinfo=UTC)
        self.run("deploy", COMMITS[7], apply=True)  # before the period
        self.now = datetime(2026, 3, 2, 9, tzinfo=UTC)
        self.before(COMMITS[0])
        self.agree(commit=COMMITS[0], stack="acme-prod")
        self.run("deploy", COMMITS[0], apply=True, rollback="https://ci/1")  # kept
        self.run("post-validation", COMMITS[0])
        self.now += timedelta(days=2)
        self.run("deploy", COMMITS[1], apply=True, rollback="x", actor=f"mallory {HOSTILE}")  # nobody approved
        self.agree(ALICE, commit=COMMITS[2], stack="acme-prod", evidence=FORMULA, note=HOSTILE)
        self.agree(evidence=f"https://x/?password={SECRET}", commit=COMMITS[3], stack="acme-prod")
        self.desk.revoke(Wanted(commit=COMMITS[3], stack="acme-prod"), BOB)
        self.run("deploy", COMMITS[2], apply=True, rc=1, rollback="x")  # by alice, who approved it herself
        self.now = datetime(2026, 3, 10, 9, tzinfo=UTC)
        fine = self.run("deploy", COMMITS[4], apply=True, rollback="x", emergency=True)
        self.agree(run_id=fine, review=True)
        self.run("deploy", COMMITS[5], apply=True, rollback="x", emergency=True)  # owes its review
        self.now = datetime(2026, 3, 21, 9, tzinfo=UTC)
        self.agree(commit=COMMITS[6], stack="acme-prod")
        self.run("deploy", COMMITS[6], apply=True, rollback="x")  # in a freeze
        self.unrecorded()
        self.start(number(900), stack="acme-prod", git_sha=COMMITS[6])
        self.now += timedelta(minutes=10)
        self.judge.tick()  # lost
        with self.store.transaction() as tx:
            reports.measure(tx.db, [
                Measure(day.date(), "score_ratio", "acme-prod", value, day)
                for day, value in ((datetime(2026, 2, 20, tzinfo=UTC), 0.9), (datetime(2026, 3, 5, tzinfo=UTC), 0.7),
                                   (datetime(2026, 3, 25, tzinfo=UTC), 0.8), (datetime(2026, 4, 2, tzinfo=UTC), 0.1))
            ])  # fmt: skip
        self.now = datetime(2026, 4, 3, 9, tzinfo=UTC)
        self.judge.tick()
        self.run("deploy", COMMITS[7], apply=True)  # after the period

    def unrecorded(self) -> None:
        change = Finding(Kind.SECURITY_VIOLATION, "change:1", f"unrecorded change of s3://x {HOSTILE}",
                         cause="unrecorded change:s3://x", evidence={"likely_who": "eve"})  # fmt: skip
        labels = {"stack": "acme-prod", "component": "vpc", "stage": "production"}
        for findings in ((), (change,)):  # the first look is the baseline
            outcome = Outcome.UNHEALTHY if findings else Outcome.HEALTHY
            reading = Reading("changes of s3://x", outcome, "changes_unrecorded", "1 change", findings)
            run = Run("state", "acme-prod/vpc", labels, self.now, self.now, (reading,))
            Recorder(self.store, POLICY).record(run, None)
            self.move(minutes=1)

    def compliance(self, **more: Any) -> Compliance:
        return Compliance(
            self.folder / "barograph.db", UTC_ZONE, self.judge.cycle, KEPT, (("acme-*", "mon-fri"),), **more
        )

    def report(self, span: Span = SPAN) -> Report:
        with self.store.read() as view:
            return self.compliance().report(view, span, self.now)


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quarter]:
    made = Quarter(tmp_path_factory.mktemp("compliance"))
    made.live()
    yield made
    made.store.close()


def figures(report: Report) -> dict[str, float | None]:
    return {figure.label: figure.this for section in report.sections for figure in section.figures}


def rows(report: Report, section: str, title: str) -> list[dict[str, Any]]:
    table = next(one for one in report.section(section).tables if one.title == title)
    return [dict(zip((column.name for column in table.columns), row, strict=True)) for row in table.rows]


def exported(month: Quarter) -> list[dict[str, Any]]:
    """The trail, as `audit export` gives it."""
    path = month.folder / "barograph.db"
    done = CliRunner().invoke(cli, ["audit", "export", "--store", str(path), "--format", "json"])
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.output)["rows"]
    return found


def within(text: str) -> bool:
    return "2026-03-01T00:00:00" <= text < "2026-04-01T00:00:00"


def test_every_number_can_be_derived_again(month: Quarter) -> None:
    """By code that shares nothing with the report: from the exported trail, and from rows as they are stored."""
    report = month.report()
    told = figures(report)
    trail = exported(month)
    given = [one["detail"] for one in trail if one["action"] == "approval.give" and within(one["detail"]["given_at"])]
    ended = {one["detail"]["approval"] for one in trail if one["action"] == "approval.revoke"}
    reviews = [one["detail"]["run"] for one in trail if one["action"] == "review.give"]
    assert told["Approvals given"] == len(given) == 4
    assert told["Revoked"] == len([one for one in given if one["approval"] in ended]) == 1
    assert told["Rows of the period"] == len([one for one in trail if within(one["at"])])
    assert told["Rows in all"] == len(trail)

    with month.store.read() as view:
        events = list(view.db.query("select run_id, event, at, body from execution_event order by run_id, seq"))
        opened = list(view.db.query(
            """select i.check_name, i.kind, i.cause, i.evidence, t.at from transition t join incident i
            on i.fingerprint = t.fingerprint where t.action in ('open', 'reopen')"""
        ))  # fmt: skip
        scores = list(view.db.query("select at, value from measure where subject = 'acme-prod' order by at"))
    started = {one["run_id"]: one["at"] for one in events if one["event"] == "run.start" and within(one["at"])}
    bodies = {one["run_id"]: json.loads(one["body"]) for one in events if one["event"] == "run.start"}
    production = {run for run in started if bodies[run]["stack"] == "acme-prod"}
    ends = {one["run_id"]: json.loads(one["body"])["rc"] for one in events if one["event"] == "run.end"}
    applied = {one["run_id"] for one in events if one["event"] == "phase.start"} & production
    emergencies = {run for run in production if bodies[run].get("emergency")}
    assert told["Runs in all"] == len(started)
    assert told["Runs on production"] == len(production)
    assert told["Applies to production"] == len(applied) == 6
    assert told["Deployments by name only"] == 1
    assert told["Failed applies"] == len([run for run in applied if ends.get(run)]) == 1
    assert told["Lost runs"] == len(production - set(ends)) == 1
    assert told["Emergencies"] == len(emergencies) == 2
    assert told["Reviews done"] == len(emergencies & set(reviews)) == 1
    assert told["Reviews owed"] == told["Reviews overdue"] == len(emergencies - set(reviews)) == 1
    # Applies that broke a rule: each raised incidents, which name it. One that is lost has told no apply.
    named = {
        json.loads(one["evidence"]).get("run_id")
        for one in opened
        if one["kind"] in ("compliance", "security_violation")
    }
    outside = named & applied
    assert told["Applies that did not keep to it"] == len(outside)
    assert told["Applies that kept to it"] == len(applied - outside) == 1
    assert told["Applies of which it is not known"] == 0
    assert told["Changes of production through the recorded cycle"] == pytest.approx(1 / (1 + len(outside) + 1))
    violations = [one for one in opened if one["kind"] == "security_violation" and within(one["at"])]
    assert told["Security violations opened"] == len(violations)
    assert told["Unrecorded changes"] == len([one for one in opened if one["cause"].startswith("unrecorded")]) == 1
    assert told["Applies outside"] == 1
    before = [one["value"] for one in scores if one["at"] < "2026-03-01"]
    after = [one["value"] for one in scores if within(one["at"])]
    (score,) = rows(report, "scores", "Scores")
    assert (score["before the period"], score["at its end"]) == (before[-1], after[-1])
    assert score["change"] == pytest.approx(after[-1] - before[-1])


def test_it_says_first_what_needs_a_decision(month: Quarter) -> None:
    """One sentence, then the gravest first, each with whom to ask and what to run."""
    report = month.report()
    assert report.light is Light.RED
    assert report.headline.startswith(
        "Of 6 applies to production 1 kept to the cycle, 5 did not, and of 0 it is not known;"
    )
    assert "1 emergency owes its review" in report.headline
    assert "the audit trail is whole" in report.headline
    texts = [one.text for one in report.decisions]
    assert any("broke the rule unapproved" in text for text in texts)
    assert any("broke the rule self_approved: alice approved it" in text for text in texts)
    assert any("broke the rule out_of_window" in text for text in texts)
    assert any("the emergency deploy is overdue" in text.lower() for text in texts)
    assert any("A change that no run recorded" in text for text in texts)
    assert any("left out parts of the cycle: " in text and "no_rollback" not in text for text in texts)


def test_who_approved_what_is_shown_with_its_worth(month: Quarter) -> None:
    """And for which runs it counted."""
    found = {row["for what"][7:9]: row for row in rows(month.report(), "approvals", "Approvals")}
    assert found["11"]["counts for"] != ""
    assert (found["33"]["by"], found["33"]["counts for"]) == ("alice", "")
    assert found["33"]["why not"] == "alice ran it, and somebody else has to agree"
    assert figures(month.report())["That count for nothing"] == 1
    assert {one.id: one.light for one in month.report().sections}["approvals"] is Light.AMBER, (
        "one that is none is not fine"
    )
    assert found["44"]["revoked"] != ""
    kept = rows(month.report(), "cycle", "Applies")
    assert [row["approved by"] for row in kept if row["kept to it"] == "yes"] == ["bob"]


def test_who_ran_the_step_of_approval_is_shown(tmp_path: Path) -> None:
    """It approves as the command does."""
    made = Quarter(tmp_path)
    made.judge.tick()
    made.run("manual-approval", COMMITS[0], actor="carol")
    made.run("deploy", COMMITS[0], apply=True)
    (row,) = rows(made.report(), "cycle", "Applies")
    made.store.close()
    assert row["approved by"] == "carol"


def test_an_apply_whose_run_began_before_the_border_is_in_the_period_in_which_it_applied(tmp_path: Path) -> None:
    """Once: in no period twice, and in none not at all."""
    it = Quarter(tmp_path)
    it.judge.tick()
    it.now = datetime(2026, 3, 31, 23, 58, tzinfo=UTC)
    it.start(number(1), workflow="deploy", stack="acme-prod", git_sha=COMMITS[0])
    it.judge.tick()
    it.move(minutes=1)
    it.send(it.event(1, "heartbeat", number(1)))
    it.move(minutes=1)
    it.send(it.event(2, "phase.start", number(1), phase="apply"))
    it.move(minutes=1)
    it.end(number(1))
    it.judge.tick()
    it.move(days=1)
    april = Span(SPAN.ends, datetime(2026, 5, 1, tzinfo=UTC), UTC_ZONE)
    with it.store.read() as view:
        found = [len(it.compliance().facts(view, span, it.now).applied) for span in (SPAN, april)]
    it.store.close()
    assert found == [0, 1]


def test_no_form_runs_or_leaks_what_data_says(month: Quarter) -> None:
    """A strict parser takes the page; no cell is a formula; no secret is anywhere; the JSON fits its schema."""
    report = month.report()
    forms = {form: written_as(report, form) for form in ("html", "csv", "json")}
    assert not any(SECRET in text for text in forms.values())
    html5lib.HTMLParser(strict=True).parse(forms["html"])
    assert HOSTILE not in forms["html"]
    assert "<script" not in forms["html"]
    assert all(word not in forms["html"] for word in ('src="http', "url(http", "@import"))
    cells = [cell for line in csv.reader(io.StringIO(forms["csv"])) for cell in line]
    assert f"'{FORMULA}" in cells
    assert not [
        cell for cell in cells if cell[:1] in "=+-@\t" and cell and not cell.lstrip("-").replace(".", "").isdigit()
    ]
    schema = Path("daemon/report/templates/compliance-report-1.schema.json").read_text(encoding="utf-8")
    jsonschema.validate(json.loads(forms["json"]), json.loads(schema))


def test_bounds_are_half_open_in_the_readers_zone() -> None:
    """A day is its midnight there, also where clocks change."""
    berlin = ZoneInfo("Europe/Berlin")
    span = parse_span("2026-03-29", "2026-03-30", berlin)
    assert (span.starts.isoformat(), span.hours) == ("2026-03-28T23:00:00+00:00", 23)
    assert (span.holds(span.starts), span.holds(span.ends)) == (True, False)
    assert str(span) == "2026-03-29 up to, not including, 2026-03-30"
    for wrong in (("2026-03-30", "2026-03-29"), ("x", "2026-01-01"), ("2026-01-01", "2026-01-01"), ("", ""),
                  ("0001-01-01", "9999-12-31")):  # fmt: skip
        with pytest.raises(ValueError, match=r"has to begin|is no day|days at most"):
            parse_span(*wrong, berlin)


def test_what_is_not_known_is_no_number(month: Quarter) -> None:
    """Before Barograph watched, or where it is kept no longer: no data, never 0."""
    early = month.report(Span(datetime(2019, 1, 1, tzinfo=UTC), datetime(2019, 2, 1, tzinfo=UTC), UTC_ZONE))
    assert early.headline.startswith("Nothing is known of this period"), early.headline
    told = figures(early)
    known = {label for label, value in told.items() if value is not None}
    assert known == {"Gaps", "Rows of the period", "Rows in all"}
    assert early.light in (Light.GREY, Light.RED)
    later = month.report(Span(datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC), UTC_ZONE))
    assert figures(later)["Runs in all"] is None
    partly = month.report(Span(datetime(2025, 1, 1, tzinfo=UTC), SPAN.ends, UTC_ZONE))
    gaps = [(row["what"], row["why"]) for row in rows(partly, "gaps", "When Barograph was not looking")]
    assert ("runs", "what has ended then may have left by age") in gaps
    assert ("Barograph", "it did not watch yet") in gaps


def test_what_nobody_holds_against_a_guideline_is_not_kept(month: Quarter) -> None:
    """Without one, adherence has no number, and the report says so."""
    with month.store.read() as view:
        made = Compliance(month.folder / "barograph.db", UTC_ZONE, None, KEPT).report(view, SPAN, month.now)
    assert figures(made)["Applies that kept to it"] is None
    assert any("executions.guideline is not set" in one.text for one in made.decisions)


def test_a_trail_that_was_changed_is_the_first_decision(tmp_path: Path) -> None:
    """Whatever else there is."""
    made = Quarter(tmp_path)
    made.judge.tick()
    made.start()
    made.agree(run_id="01890a5d-ac96-774b-bcce-b302099a8057")
    with made.store.transaction() as tx:
        tx.db.execute("drop trigger audit_is_never_changed")
        tx.db.execute("update audit set who = 'nobody'")
    report = made.report()
    made.store.close()
    assert report.decisions[0].text.startswith("The audit trail is broken: row 1")
    assert "The audit trail is BROKEN" in report.headline


def test_it_is_on_the_web_for_who_may_read(month: Quarter) -> None:
    """In each form; wrong periods are told; a token that only ingests reads nothing."""
    auth = AuthSettings(tokens=(Credential("reader", "r"), Credential("ci", "c", frozenset({"ingest", "approve"}))))
    deps = WebDeps(
        month.store, lambda: Snapshot(b"", b""), lambda: pytest.fail("nobody asks"), lambda: month.now, auth,
        compliance=month.compliance(),
    )  # fmt: skip
    with browsing(create_app(deps)) as client:
        path, head = "/reports/compliance?from=2026-03-01&to=2026-04-01", {"Authorization": "Bearer r"}
        page = client.get(path, headers=head)
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
        told = client.get(f"{path}&format=json", headers=head).json()
        assert told["sections"] == json.loads(compliance_json(month.report()))["sections"]
        assert client.get(f"{path}&format=csv", headers=head).content.startswith(
            b"\xef\xbb\xbfreport,Compliance report"
        )
        assert client.get(path).status_code == 401
        assert "/reports/compliance?from=2026-03-01&amp;to=2026-04-01" in client.get("/reports", headers=head).text
        assert client.get(path, headers={"Authorization": "Bearer c"}).status_code == 403
        for wrong in (
            "?from=x&to=y",
            "?from=2026-04-01&to=2026-03-01",
            "",
            "?from=2026-03-01&to=2026-04-01&format=exe",
        ):
            assert client.get(f"/reports/compliance{wrong}", headers=head).status_code == 400


def test_the_command_writes_it(month: Quarter, tmp_path: Path) -> None:
    """Beside a daemon, which holds the store; wrong periods end with 2."""
    config = tmp_path / "barograph.yml"
    (tmp_path / "repo").mkdir()
    config.write_text(
        f"source: {{kind: atmos, path: repo}}\nstore: {{path: {month.folder / 'barograph.db'}}}\n"
        "executions: {guideline: {windows: [{stack: acme-*, start: '09:00', end: '17:00'}]}}\n"
    )

    def typed(*words: str) -> Any:
        return CliRunner().invoke(cli, ["report", "compliance", "-c", str(config), *words])

    out = tmp_path / "report.html"
    done = typed("--from", "2026-03-01", "--to", "2026-04-01", "-o", str(out))
    assert done.exit_code == 0, done.output
    assert "<h1>Compliance report" in out.read_text()
    told = json.loads(typed("--from", "2026-03-01", "--to", "2026-04-01", "--format", "json").output)
    assert (told["kind"], told["period"]["starts"]) == ("compliance", "2026-03-01T00:00:00Z")
    assert typed("--from", "2026-04-01", "--to", "2026-03-01").exit_code == 2
    assert typed("--from", "2026-03-01").exit_code == 2

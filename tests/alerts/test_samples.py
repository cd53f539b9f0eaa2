"""The samples, and what people read first of each: on a phone, at night."""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta

import pytest

from alerts.base import IncidentState
from alerts.blocks import MAX_BLOCK_CHARACTERS, MAX_BLOCKS, as_text, characters
from alerts.next_steps import runbook, take_apart
from alerts.policy import Policy
from alerts.preview import decision, messages
from alerts.render import View, incident_message
from alerts.routes import Escalation, Route, Routes
from alerts.samples import ended, sample
from alerts.suspects import likely_who
from checks.base import Kind, Tier
from daemon.demo.fakeslack import validate_message
from tests.alerts.build import NOW, incident

FIRST, SECOND = 80, 140  # columns: two lines of a narrow screen, and four


def columns(text: str) -> int:
    """How wide a text is where an emoji and an East Asian character take two columns."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("tier", [None, *Tier])
def test_two_lines_say_how_bad_what_and_where(kind: Kind, tier: Tier | None) -> None:
    """The fallback text is what a notification shows: its first two lines, and they fit."""
    one = sample(kind, NOW, tier)
    body = incident_message(one, View("<!here>", "https://barograph.example"), NOW)
    assert validate_message(body) == []
    for shown in (as_text(body), as_text({"text": body["text"]})):
        first, second, *_ = shown.split("\n")
        assert first.split()[1] == one.tier.upper()
        assert " — " in first
        assert second == one.summary
        assert columns(first) <= FIRST
        assert columns(second) <= SECOND
        assert not re.search(r"[a-z]_[a-z]", first), "a word for machines"


@pytest.mark.parametrize("kind", Kind)
def test_a_sample_has_what_a_person_needs(kind: Kind) -> None:
    """Since when, why its tier, whose it is; the page and the runbook; and no time in it is another year's."""
    policy = Policy(Routes("C0"), status_url="https://b.example", runbook_url="https://wiki.example.com/{kind}")
    root, *_ = messages(sample(kind, NOW), policy, NOW)
    shown = as_text(root.body)
    for expected in (
        "Since: 2026-03-02 08:40 UTC", f"Why {sample(kind, NOW).tier}: ", "Owner: ", "Stage: production",
        "Status page <https://b.example/incidents/v1:", f"Runbook (wiki.example.com) <https://wiki.example.com/{kind}>",
    ):  # fmt: skip
        assert expected in shown
    later = NOW + timedelta(days=730)
    assert "2026" not in as_text(next(messages(sample(kind, later), policy, later)).body)


def test_the_life_of_a_sample() -> None:
    """Its root, a change, its end; each as Slack takes it."""
    policy = Policy(Routes("C0", default_mention="<!here>"))
    made = {each.name: each.body for each in messages(sample(Kind.DRIFT, NOW), policy, NOW)}
    assert list(made) == ["root", "reply", "reminder", "resolve_root", "resolve"]
    assert all(validate_message(body) == [] for body in made.values())
    assert all(len(body["blocks"]) <= MAX_BLOCKS for body in made.values())
    assert all(sum(map(characters, body["blocks"])) <= MAX_BLOCK_CHARACTERS for body in made.values())
    assert as_text(made["reply"]).startswith("🔴 Now critical, was warning")
    assert as_text(made["reminder"]).startswith("⏰ 24 h target missed: it was to be answered by 2026-03-03 08:40 UTC")
    assert as_text(made["resolve_root"]).startswith("✅ RESOLVED drift")
    assert as_text(made["resolve"]).startswith("✅ Resolved after 20 min")
    over, _ = ended(sample(Kind.DRIFT, NOW), NOW)
    assert over.state is IncidentState.RESOLVED
    assert [each.name for each in messages(over, policy, NOW)] == ["root"]


def test_what_is_said_when_nobody_answers() -> None:
    """A reminder in the thread, and a message where it is escalated to; nothing where nothing is posted."""
    policy = Policy(Routes("C0", default_escalation=Escalation("C9", "<!channel>")))
    made = {each.name: each for each in messages(sample(Kind.QUOTA_EXCEEDED, NOW), policy, NOW)}
    assert as_text(made["reminder"].body).startswith(
        "🔴 Nobody has acknowledged this for 15 min: 000000000011/eu-west-1"
    )
    assert "in C9, 15 min after it began" in made["escalation"].when
    assert "@channel" in as_text(made["escalation"].body)
    assert not {"reminder", "escalation"} & {one.name for one in messages(sample(Kind.COMPLIANCE, NOW), policy, NOW)}


def test_labels_of_a_sample_can_be_changed_and_taken_away() -> None:
    """The tier follows them, by the same table as always; asked for, it says so."""
    known = sample(Kind.WORKFLOW_FAILURE, NOW, labels={"stage": "development", "owner": ""})
    assert (known.tier, "owner" in known.labels) == (Tier.INFO, False)
    asked = sample(Kind.WORKFLOW_FAILURE, NOW, Tier.WARNING)
    assert asked.tier_reason == "asked for; the table says critical: a failed run in production"


def test_who_hears_of_it_as_data() -> None:
    """Baseline and info have no message of their own, and the decision says so."""
    policy = Policy(Routes("C0", (Route("C1", "<!here>", tiers=(Tier.CRITICAL,), sinks=("pager",)),)))
    told = decision(sample(Kind.QUOTA_EXCEEDED, NOW), policy, NOW)
    assert (told["channel"], told["mention"], told["sinks"], told["posted"]) == ("C1", "<!here>", ["pager"], True)
    assert told["message"][0] == "🔴 CRITICAL quota exceeded — 000000000011/eu-west-1"
    assert not decision(sample(Kind.COMPLIANCE, NOW), policy, NOW)["posted"]
    assert not decision(incident(baseline=True), policy, NOW)["posted"]


@pytest.mark.parametrize(
    ("remedy", "words", "commands"),
    [
        ("", "", ""),
        ("aws s3 ls  # look", "", "aws s3 ls  # look"),
        ("Wait for it.\nbarograph check", "Wait for it.", "barograph check"),
        ("TF_WORKSPACE='a b' terraform plan\n# careful", "", "TF_WORKSPACE='a b' terraform plan\n# careful"),
        ("# allow s3:GetObject on b", "allow s3:GetObject on b", ""),
        ("Give every stack a name.", "Give every stack a name.", ""),
        ("awsome thing to do", "awsome thing to do", ""),
        ("aws a \\\n  --b", "", "aws a \\\n  --b"),
    ],
)
def test_words_are_told_from_commands(remedy: str, words: str, commands: str) -> None:
    """What can be copied into a shell stands apart from what cannot."""
    assert take_apart(remedy) == (words, commands)


def test_the_runbook_of_the_component_goes_first() -> None:
    """Then its kind's, then the pattern; what is no plain address is not linked."""
    policy = Policy(
        Routes("C0"), runbook_url="https://w.example/{kind}", runbooks={Kind.DRIFT: "https://w.example/own"}
    )
    assert runbook(incident(labels={"runbook": "https://own.example/x"}), policy) == "https://own.example/x"
    assert runbook(incident(kind=Kind.DRIFT), policy) == "https://w.example/own"
    assert runbook(incident(kind=Kind.MONITORING), policy) == "https://w.example/monitoring"
    for wrong in ("javascript:alert(1)", "https://a|b", "https://u:hunter2secret@w.example/", "https://[::1"):
        shown = as_text(
            incident_message(incident(), View(runbook=runbook(incident(labels={"runbook": wrong}), policy)), NOW)
        )
        assert "hunter2" not in shown
        assert "own.example" not in shown
    assert runbook(incident(), Policy(Routes("C0"))) == ""


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ({}, ""),
        ({"likely_who": "bob"}, "bob"),
        ({"likely_who": [], "who": "eve"}, "eve"),
        ({"likely_who": {"who": "bob", "at": "2026-03-02T08:12:33Z", "via": "console"}},
         "bob (2026-03-02 08:12 UTC; by console)"),
        ({"likely_who": [{"who": "a"}, {"who": "b", "what": ["x:Y", "x:Z", "x:W"]}, {"who": "c"}, {"who": "d"}]},
         "a; b (x:Y, x:Z); c, and 1 more"),
        ({"likely_who": [{"at": "2026"}, None, 3]}, ""),
    ],
)  # fmt: skip
def test_who_likely_did_it(evidence: dict[str, object], expected: str) -> None:
    """Names with when, what and how; nothing where nothing is known."""
    assert likely_who(evidence) == expected
    shown = as_text(incident_message(incident(evidence=evidence), View(), NOW))
    assert ("Likely by: " in shown) is bool(expected)

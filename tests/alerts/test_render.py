from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.announce import posts_alone
from alerts.base import Action, Draft, Incident, IncidentState
from alerts.baseline import Summary, summarise
from alerts.blocks import MAX_BLOCK_CHARACTERS, MAX_BLOCKS, MAX_TEXT, Body, as_text, characters
from alerts.degrade import cut, noted, smaller
from alerts.escape import REMOVED, is_mention, length, link, mrkdwn, scrub
from alerts.next_steps import runbook
from alerts.render import View, incident_message, lasted, transition_message
from checks.base import Kind, Tier
from daemon.demo.fakeslack import validate_message
from tests.alerts.build import NOW, POLICY, incident

VIEW = View("<!here>", "https://barograph.example")
OUR_LINKS = {f"<https://barograph.example{path}|Status page>" for path in ("", f"/incidents/{incident().fingerprint}")}
DIFFERENCE = {"address": "aws_s3_bucket.logs", "path": "tags.Owner", "recorded": "a", "actual": "b", "desired": "a"}


def accepted(body: Body) -> None:
    """Slack takes it, as a post and as an edit, and it is within our own limits."""
    assert validate_message(body) == []
    assert validate_message(body, update=True) == []
    assert len(body["blocks"]) <= MAX_BLOCKS
    assert sum(characters(block) for block in body["blocks"]) <= MAX_BLOCK_CHARACTERS
    assert 0 < length(body["text"]) <= MAX_TEXT


def drafts_of(summary: Summary | None) -> list[Draft]:
    return [draft for change in summary.changes for draft in change.drafts] if summary is not None else []


def forms(one: Incident, view: View = VIEW) -> list[Body]:
    """Every message that can be made of an incident."""
    view = replace(view, runbook=view.runbook or runbook(one, POLICY))
    made = [incident_message(one, view, NOW)]
    made += [transition_message(one, one, action, one.summary, view, NOW) for action in (Action.RESOLVE, Action.UPDATE)]
    fresh = replace(one, baseline=True, announced=False, state=IncidentState.OPEN)
    made += [dict(d.body) for d in drafts_of(summarise([fresh], 0, POLICY, NOW))]
    made.append(noted(made[0], one.summary))
    smaller_ones = [smaller(made[0]), smaller({**made[0], "blocks": []})]
    return made + [body for body in smaller_ones if body is not None]


def test_the_first_two_lines_say_what_and_where() -> None:
    """Tier, kind and place; then what is wrong; and everything else a person needs is there, twice."""
    one = incident(
        tier=Tier.CRITICAL, tier_reason="deleted out of band in production", summary="aws_s3_bucket.logs is gone",
        remedy="atmos terraform plan service/payments -s acme-prod",
        evidence={"differences": [DIFFERENCE], "who": "bob"},
    )  # fmt: skip
    body = incident_message(one, VIEW, NOW)
    for shown in (as_text(body), as_text({"text": body["text"]})):
        lines = shown.split("\n")
        assert lines[:2] == ["🔴 CRITICAL drift — acme-prod/service/payments", "aws_s3_bucket.logs is gone"]
        for expected in (
            "@here", "Since: 2026-03-02 10:00 UTC", "Why critical: deleted out of band in production", "Kind: drift",
            "Likely by: bob", "Owner: team-pay", "atmos terraform plan service/payments -s acme-prod",
            f"Status page <https://barograph.example/incidents/{one.fingerprint}>",
            "  recorded: a", "  actual:   b", "  desired:  a",
        ):  # fmt: skip
            assert expected in shown


def test_an_ended_incident_calls_nobody_and_asks_for_nothing() -> None:
    """No mention, no remedy; how long it was open."""
    ended = NOW + timedelta(hours=3)
    one = incident(state=IncidentState.RESOLVED, resolved_at=ended, remedy="do it", tier=Tier.CRITICAL)
    shown = as_text(incident_message(one, VIEW, ended))
    assert shown.startswith("✅ RESOLVED drift — acme-prod/service/payments")
    assert "Was open: 2026-03-02 10:00 UTC, for 2 h" in shown
    assert "@here" not in shown
    assert "do it" not in shown


def test_what_does_not_fit_is_counted() -> None:
    """Five hundred differences are cut, and the message says how many more there are."""
    one = incident(evidence={"differences": [{**DIFFERENCE, "path": f"p{n}"} for n in range(500)]})
    shown = as_text(incident_message(one, VIEW, NOW))
    listed = shown.count("aws_s3_bucket.logs.p")
    assert 20 < listed < 100
    assert f"+{500 - listed} more" in shown


def test_a_difference_with_many_paths_is_cut_between_them() -> None:
    """One resource with hundreds of attributes shows the first of them and counts the rest, what was left out too."""
    paths = [{"path": f"p{n}", "recorded": "a", "actual": "b", "desired": "a"} for n in range(100)]
    found = {"address": "aws_s3_bucket.logs", "action": "update", "class": "drifted", "note": "by hand"}
    one = incident(evidence={"differences": [{**found, "paths": paths, "more": 50}], "more": 7})
    shown = as_text(incident_message(one, VIEW, NOW))
    assert "aws_s3_bucket.logs (update, drifted): by hand\n  p0\n    recorded: a\n    actual:   b" in shown
    assert f"+{157 - shown.count('recorded')} more" in shown


def test_what_was_opened_and_what_a_tool_said_is_shown() -> None:
    """Security findings and the reasons of a look that failed are part of the message."""
    security = [{"class": "public_ingress", "address": "aws_security_group.db", "summary": "port 22 from everywhere"}]
    shown = as_text(
        incident_message(incident(evidence={"security": security, "diagnostics": ["x.tf:1: bad"]}), VIEW, NOW)
    )
    assert "aws_security_group.db (public_ingress): port 22 from everywhere\nx.tf:1: bad" in shown


def test_without_differences_the_addresses_are_listed() -> None:
    """A check that names only addresses still shows what it is about."""
    one = incident(evidence={}, addresses=tuple(f"aws_instance.web[{n}]" for n in range(500)))
    shown = as_text(incident_message(one, VIEW, NOW))
    assert "aws_instance.web[0]" in shown
    assert re.search(r"\+\d+ more", shown)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3_725, "1 h 2 min"), (86_400, "1 d"), (100_000, "1 d 3 h"), (-5, "0 s")],
)
def test_durations_have_two_units_at_most(seconds: int, expected: str) -> None:
    """People read "1 h 2 min", not seconds."""
    assert lasted(timedelta(seconds=seconds)) == expected


def test_each_edition_of_a_message_has_its_own_block_id() -> None:
    """Slack's clients keep the old rendering of a block whose id stays."""
    one = incident()
    first, second = (incident_message(replace(one, seq=seq), VIEW, NOW) for seq in (1, 2))
    assert first["blocks"][0]["block_id"] != second["blocks"][0]["block_id"]


TEXT = st.one_of(
    st.text(max_size=200),
    st.text(st.sampled_from("&<>`*_~|@#!\n\t\\:/\"'{}"), max_size=400),
    st.text(st.sampled_from("😀🇩🇪مرحباשלום\u202e\u200f\ud800éß漢"), max_size=400),
    st.builds(lambda s, n: s * n, st.text(min_size=1, max_size=5), st.sampled_from([1, 50, 2_000])),
)
VALUE = st.recursive(TEXT | st.integers() | st.none() | st.booleans(), lambda inner: st.lists(inner, max_size=3))
PATHS = st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(("path", "recorded", "actual"), VALUE)) | VALUE)
DIFFERENCES = st.lists(
    st.fixed_dictionaries({}, optional=dict.fromkeys(("address", "path", "recorded", "actual", "desired"), VALUE)),
    max_size=4,
)


@st.composite
def incidents(draw: st.DrawFn) -> Incident:
    """Incidents with anything at all in every field that data can reach."""
    many = draw(st.sampled_from([1] * 9 + [500]))
    return incident(
        place=draw(TEXT), resource=draw(TEXT), key=draw(TEXT), check="drift", kind=draw(st.sampled_from(Kind)),
        tier=draw(st.sampled_from(Tier)), tier_reason=draw(TEXT), summary=draw(TEXT), remedy=draw(TEXT),
        addresses=tuple(draw(st.lists(TEXT, max_size=3))) * many, verdict=draw(TEXT), not_seen_because=draw(TEXT),
        labels=draw(st.dictionaries(st.sampled_from(["stack", "component", "stage", "owner", "runbook"]), TEXT)),
        evidence={
            "differences": [*draw(DIFFERENCES), {"paths": draw(PATHS), "more": draw(VALUE)}] * many,
            "diagnostics": draw(VALUE),
            "who": draw(VALUE),
            "likely_who": draw(VALUE | st.lists(st.fixed_dictionaries({"who": VALUE, "at": VALUE, "what": VALUE}))),
        },
        state=draw(st.sampled_from(IncidentState)), occurrence=draw(st.integers(1, 10**6)),
    )  # fmt: skip


@settings(max_examples=1_000, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
@given(incidents())
def test_slack_takes_whatever_was_found(one: Incident) -> None:
    """Emoji, right-to-left text, lone surrogates, megabytes: every form of every message is accepted."""
    for body in forms(one):
        accepted(body)


def test_a_megabyte_of_text_is_cut() -> None:
    """One endless name is no reason for a lost message."""
    for char in ("x", "<", "😀", " ", "\n"):
        long = char * 1_000_000
        for body in forms(incident(summary=long, place=long, evidence={"who": long, "differences": [long]})):
            accepted(body)


MENTIONS = [
    "<!channel>", "<!here>", "<!everyone>", "<@U012345>", "<!subteam^S012345>", "<#C012345>", "<#C012345|general>",
    "<@W012345|bob>", "@here", "@channel", "@everyone", "<!date^1392734382^{date}|x>", "<\u200b!channel>",
    "<!channel|x", "```<!channel>```", "`<!here>`", "*<!here>*", "&amp;lt;!here>", "<<!channel>>", "<! channel>",
    "&lt;!here&gt;", "@bob", "#general", "\u202e<!here>", "<!here\n>", "bob@evil.example",
    "<mailto:a@evil.example|a>", "\x00<!here>",
]  # fmt: skip
LINKS = [
    "<https://evil.example|click>", "<http://evil.example>", "https://evil.example/x", "http://evil.example",
    "[click](https://evil.example)", "<https://evil.example|https://barograph.example>", "<slack://open>",
    "ftp://evil.example", "<javascript:alert(1)|x>", "<tel:123|x>", "HTTPS://EVIL.EXAMPLE", "www.evil.example",
    "<//evil.example|x>", "`<https://evil.example>`", "```\n<https://evil.example|x>\n```", "x|https://evil.example>",
    '">https://evil.example', "<https://evil.example\u2028|x>", "https://a:b@evil.example/", "<file:///etc/passwd|x>",
]  # fmt: skip
_TAIL = "A1B2C3D4E5F6G7H8"
SECRETS = [
    f"AKIA{_TAIL}", f"ASIA{_TAIL}", f"key=AKIA{_TAIL},", f"xoxb-1234567890-{_TAIL}", f"xoxp-99-{_TAIL}",
    f"xapp-1-A111-{_TAIL}", f"xoxe.xoxp-1-{_TAIL}", f"ghp_{_TAIL}{_TAIL}", f"github_pat_{_TAIL}_{_TAIL}",
    f"glpat-{_TAIL}xyz", f"password={_TAIL}", f'"password": "{_TAIL}"', f"passwd: {_TAIL}", f"secret_key = '{_TAIL}'",
    f"AWS_SECRET_ACCESS_KEY={_TAIL}/{_TAIL}", f"api_key: {_TAIL}", f"api-key={_TAIL}".replace("-", "_"),
    f"auth_token={_TAIL}", f"session_token={_TAIL}", f"client_secret={_TAIL}", f"Authorization: Bearer {_TAIL}",
    f"-----BEGIN RSA PRIVATE KEY-----\n{_TAIL}\n-----END RSA PRIVATE KEY-----", f"-----BEGIN PRIVATE KEY-----\n{_TAIL}",
    f"postgres://user:{_TAIL}@db/x", f"https://{_TAIL}:x{_TAIL}@git.example/r", f"eyJhbGciOiJIUzI1NiJ9.{_TAIL}.{_TAIL}",
    f"https://hooks.slack.com/services/T000/B000/{_TAIL}", f"PASSWORD={_TAIL}", f"db_passphrase={_TAIL}",
    f"access_token={_TAIL}", f"private_key={_TAIL}", f"my_secret={_TAIL}",
]  # fmt: skip
FORMATS = [
    "`code`", "```", "````", "*bold*", "_it_", "~gone~", "> quote", "&", "&amp;", "<", ">", "\\`", ":siren:", "`" * 50,
    "```\n*Next*\n```", "\r\nfake: line", "\u2028x", "\u0085x", "\ud83d", "\u200d",
]  # fmt: skip
HOSTILE = [*MENTIONS, *LINKS, *SECRETS, *FORMATS]


def everywhere(hostile: str) -> Incident:
    """An incident with the string in every field that data can reach."""
    each = dict.fromkeys(DIFFERENCE, hostile)
    return incident(
        place=hostile, resource=hostile, summary=hostile, tier_reason=hostile, remedy=hostile, verdict=hostile,
        addresses=(hostile,), not_seen_because=hostile, state=IncidentState.OPEN,
        labels={"stack": hostile, "component": hostile, "owner": hostile, "stage": hostile, "region": hostile},
        evidence={"differences": [each, {"address": hostile, "note": hostile, "paths": [each]}],
                  "likely_who": [hostile, {"who": hostile, "at": hostile, "what": [hostile], "via": hostile}]},
    )  # fmt: skip


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for key, item in value.items() if key != "block_id" for text in strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


def test_there_are_a_hundred_hostile_strings() -> None:
    """The list is as long as it is meant to be."""
    assert len(set(HOSTILE)) == len(HOSTILE) >= 100


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_data_makes_no_mention_no_link_and_shows_no_secret(hostile: str) -> None:
    """In every form of every message, the only markup is our own link, and secrets are taken out."""
    for body in forms(everywhere(hostile), replace(VIEW, mention="")):
        accepted(body)
        for text in strings(body):
            assert set(re.findall(r"<[^>]*>?", text)) <= OUR_LINKS
            assert _TAIL not in text
        for text in [body["text"], *(t["text"] for t in _objects(body) if t["type"] == "mrkdwn")]:
            assert text.replace("\n```\n", "").replace("\n```", "").count("`") == 0
        assert not re.search(r"(?i)[a-z]://evil|www\.evil|@(here|channel|everyone)", body["text"])
        assert all(item["verbatim"] is True for item in _objects(body) if item["type"] == "mrkdwn")


def _objects(body: Body) -> list[dict[str, Any]]:
    found = []
    for block in body["blocks"]:
        found += [item for item in (block.get("text"), *block.get("fields", ()), *block.get("elements", ())) if item]
    return found


def test_harmless_text_stays_as_it_is() -> None:
    """Addresses, ARNs, commits and plain words are no secrets."""
    for text in (
        'module.db["a"].aws_db_instance.this[0]', "arn:aws:s3:::logs", "9fceb02d0ae598e95dc970b74767f19372d61af8",
        "aws_secretsmanager_secret.db was deleted", "the password policy has changed",
    ):  # fmt: skip
        assert scrub(text) == text
        assert REMOVED not in as_text(incident_message(incident(summary=text), VIEW, NOW))


@pytest.mark.parametrize("mention", ["<!here>", "<!subteam^S0123>", "<@U0123> <!channel>"])
def test_a_mention_from_the_configuration_calls(mention: str) -> None:
    """In the text and in the blocks."""
    body = incident_message(incident(), View(mention), NOW)
    assert mention in body["text"]
    assert any(mention == item["text"] for item in _objects(body))


@pytest.mark.parametrize("mention", ["", "@here", "<https://x.example|y>", "<!here> look", "<!here", "here"])
def test_what_is_no_mention_is_not_sent_as_one(mention: str) -> None:
    """A mistake in the configuration cannot put markup into messages."""
    assert not is_mention(mention)
    assert "<" not in incident_message(incident(), View(mention), NOW)["text"]


def test_only_addresses_of_pages_become_links() -> None:
    """The status page's address comes from the configuration and is still looked at."""
    assert link("https://b.example/?a=1&b=2", "x|y>") == "<https://b.example/?a=1&amp;b=2|x¦y&gt;>"
    for bad in ("", "javascript:alert(1)", "https://a b", "https://a|b", "https://a>b"):
        assert link(bad, "x") == ""


def test_cutting_never_splits_an_entity() -> None:
    """At every limit, what is left is whole."""
    for limit in range(1, 60):
        text = mrkdwn("<&>" * 20, limit)
        assert length(text) <= limit
        assert re.sub(r"&(amp|lt|gt);", "", text) in ("", "…")
        assert re.sub(r"&(amp|lt|gt);", "", cut("&lt;" * 40, max(limit, 4))) in ("", "…")


def test_info_waits_for_the_weekly_review() -> None:
    """Failed runs apart."""
    assert [posts_alone(tier, Kind.DRIFT) for tier in Tier] == [True, True, False]
    assert posts_alone(Tier.INFO, Kind.WORKFLOW_FAILURE)


def test_an_attribute_called_value_of_something_called_password_is_no_secret() -> None:
    """The name of the attribute is what the reader needs; a value in its place still goes."""
    told = "module.db.aws_ssm_parameter.password: value (sensitive) -> (sensitive) changed by hand"
    assert scrub(told) == told
    assert "hunter2" not in scrub("module.db.password: hunter2 is wrong")

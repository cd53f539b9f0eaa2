"""No secret of a plan is in what is kept of it."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.plans.evidence import evidence
from checks.plans.judge import judge
from checks.plans.redact import SENSITIVE, Scrubber, mask_at, merged, scrub_text, secret_name
from tests.checks.plans.recorded import drifted, entry, plan, recorded

CANARY = "kanarienvogel-7531"


def _kept(made: dict[str, Any]) -> str:
    """Everything that is kept of a judged plan, as text."""
    judgement = judge(made)
    return json.dumps([asdict(judgement), evidence(judgement)], ensure_ascii=False) + repr(judgement)


def test_recorded_sensitive_change_shows_that_it_differs_and_not_what() -> None:
    """The recorded change of a password is told without either value."""
    kept = _kept(recorded("8"))
    assert "hunter2" not in kept
    assert "leaked" not in kept
    assert "(sensitive) changed" in kept


@pytest.mark.parametrize(
    "mask",
    [True, {"s": True}, {"s": [True]}, {"s": [{"v": True}]}, {"s": {"v": True}}],
)
@pytest.mark.parametrize("value", [CANARY, [CANARY], [{"v": CANARY}], {"v": CANARY}, [{"v": [CANARY]}]])
def test_mask_of_any_shape_hides_the_value(mask: Any, value: Any) -> None:
    """A mask that does not fit its value hides too much rather than too little."""
    assert CANARY not in _kept(drifted("aws_thing.a", {"s": "old", "t": CANARY}, {"s": value}, mask=mask))


def test_sensitive_value_is_found_again_where_nothing_marks_it() -> None:
    """A secret that a provider copies into another attribute is hidden there too, also in base64 and in JSON."""
    encoded = base64.b64encode(f"password is {CANARY}".encode()).decode()
    before = {"p": CANARY, "url": "u", "data": "d", "doc": "{}"}
    after = {"p": CANARY, "url": f"https://x/{CANARY}", "data": encoded, "doc": json.dumps({"deep": [CANARY]})}
    kept = _kept(drifted("aws_thing.a", before, after, mask={"p": True}))
    assert CANARY not in kept
    assert encoded not in kept


def test_sensitive_outputs_variables_and_check_messages_are_hidden() -> None:
    """What the configuration or the state marks is hidden wherever it turns up."""
    made = plan(
        [],
        [entry("aws_thing.a", ["update"], {"s": 1}, {"s": f"{CANARY}-v"})],
        variables={"v": {"value": f"{CANARY}-v"}},
        configuration={"root_module": {"variables": {"v": {"sensitive": True}}}},
        output_changes={
            "o": {"actions": ["create"], "before": None, "after": f"{CANARY}-o", "after_sensitive": True},
            "copy": {"actions": ["create"], "before": None, "after": f"x {CANARY}-p"},
        },
        prior_state={"values": {"outputs": {"p": {"sensitive": True, "value": f"{CANARY}-p"}}, "root_module": {}}},
        checks=[{"status": "fail", "instances": [{"problems": [{"message": f"got {CANARY}-v"}]}]}],
    )
    assert CANARY not in _kept(made)


@pytest.mark.parametrize(
    "text",
    [
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "ASIA" + "ABCDEFGHIJKLMNOP",
        "xox" + "b-123456789012-abcdefghij",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijk",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEabc\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nMIIEabc and cut off",
        "postgres://admin:s3cr3tpass@db/x",
        "password=s3cr3tpass",
        '"client_secret": "s3cr3tpass"',
        "Authorization: Bearer s3cr3tpass12",
        "gh" + "p_abcdefghijklmnopqrstuvwxyz0123456789",
    ],
)
def test_what_looks_like_a_secret_is_hidden_anywhere(text: str) -> None:
    """Keys, tokens and passwords are known by their looks, with words around them left alone."""
    scrubbed = scrub_text(f"before {text} after")
    assert SENSITIVE in scrubbed
    assert scrubbed.startswith("before ")
    for part in ("MIIE", "s3cr3tpass", "ABCDEFGH", "abcdefghij", "eyJ"):
        assert part not in scrubbed


@pytest.mark.parametrize(
    "text", ["arn:aws:iam::111111111111:role/x", "t3.small -> t3.large", "sg-0123456789abcdef0", "module.db.aws_x.y[0]"]
)
def test_ordinary_text_stays(text: str) -> None:
    """Identifiers that people need are not taken for secrets."""
    assert scrub_text(text) == text


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("password", True),
        ("master_password", True),
        ("DB_PASSWORD", True),
        ("privateKey", True),
        ("auth_token", True),
        ("secret_string", True),
        ("secret_arn", False),
        ("password_policy", False),
        ("http_tokens", False),
        ("key_name", False),
        ("kms_key_id", False),
        ("token_validity", False),
    ],
)
def test_names_tell_secrets_from_words_about_secrets(name: str, secret: bool) -> None:
    """A policy about passwords is no password."""
    assert secret_name(name) is secret


def test_unmarked_password_and_container_variables_are_hidden() -> None:
    """Attributes and container variables named like secrets are hidden though no provider marks them."""
    containers = json.dumps([{"name": "app", "environment": [{"name": "DB_PASSWORD", "value": CANARY}]}])
    kept = _kept(drifted("aws_x.a", {"password": "a", "c": "[]"}, {"password": CANARY + "x", "c": containers}))
    assert CANARY not in kept


def test_scrubbing_known_secrets_needs_a_length() -> None:
    """Very short secrets would empty every text; short ones count as whole words only."""
    assert scrub_text("abc abcd abcdx", ["abc", "abcd"]) == f"abc {SENSITIVE} abcdx"
    assert scrub_text("xlonger1x", ["longer1"]) == f"x{SENSITIVE}x"


def test_addresses_keep_their_names() -> None:
    """A secret that is also a resource's name does not make addresses unreadable; keys are scrubbed."""
    scrubber = Scrubber(["production"])
    assert scrubber.address('module.production.aws_x.y["production"]') == f'module.production.aws_x.y["{SENSITIVE}"]'


def test_masks_of_both_sides_count_for_every_item() -> None:
    """A list's items move, so what hides one of them hides all."""
    mask = merged({"l": [{"a": True}, {}]}, {"l": [{}, {"b": True}]})
    assert mask_at(mask, ("l", 5, "a")) is True
    assert mask_at(mask, ("l", 0, "b")) is True
    assert not mask_at(mask, ("l", 0, "c"))


_NAMES = st.sampled_from(["a", "b", "size", "tags", "rule"])
_PLAIN = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.sampled_from(["", "x", "small", "HUGE"]))


@st.composite
def _masked(draw: st.DrawFn, depth: int = 3) -> tuple[Any, Any]:
    """A value and its mask; whatever is masked holds the canary, and nothing else does."""
    kind = draw(st.sampled_from(["secret", "plain", "dict", "list"] if depth else ["secret", "plain"]))
    if kind == "secret":
        return draw(st.sampled_from([CANARY, [CANARY, "x"], {"k": CANARY}, f"a {CANARY} b", CANARY * 40])), True
    if kind == "plain":
        return draw(_PLAIN), draw(st.sampled_from([False, None, {}]))
    if kind == "dict":
        items = draw(st.dictionaries(_NAMES, _masked(depth - 1), max_size=3))
        return {k: v for k, (v, _) in items.items()}, {k: m for k, (_, m) in items.items()}
    pairs = draw(st.lists(_masked(depth - 1), max_size=3))
    return [v for v, _ in pairs], [m for _, m in pairs]


@st.composite
def _resource(draw: st.DrawFn) -> tuple[dict[str, Any], Any]:
    items = draw(st.dictionaries(_NAMES, _masked(), min_size=1, max_size=4))
    return {k: v for k, (v, _) in items.items()}, {k: m for k, (_, m) in items.items()}


@settings(max_examples=150, deadline=None)
@given(_resource(), _resource(), _resource())
def test_no_masked_value_is_ever_kept(
    before: tuple[dict[str, Any], Any], after: tuple[dict[str, Any], Any], wanted: tuple[dict[str, Any], Any]
) -> None:
    """Whatever the shape of values and masks, what a mask hides is in nothing that is kept."""
    drift = entry("aws_security_group.a", ["update"], before[0], after[0])
    drift["change"] |= {"before_sensitive": before[1], "after_sensitive": after[1]}
    change = entry("aws_security_group.a", ["update"], after[0], wanted[0])
    change["change"] |= {"before_sensitive": after[1], "after_sensitive": wanted[1]}
    assert "kanarienvogel" not in _kept(plan([drift], [change]))


def test_key_with_quotes_and_brackets_is_scrubbed_to_its_end() -> None:
    """A for_each key may hold what looks like the end of the key."""
    shown = Scrubber({CANARY}).address(f'module.m["a\\"]b"].aws_thing.a["x\\"]{CANARY}"]')
    assert shown == f'module.m["a\\"]b"].aws_thing.a["x\\"]{SENSITIVE}"]'


def test_long_text_without_blanks_is_scrubbed_in_time() -> None:
    """The patterns take time in proportion to the text, whatever is in it."""
    began = time.process_time()
    for text in ("a-" * 20000, "eyJaaaaaaa-" * 2000, "password" * 5000, "://a:" * 8000):
        scrub_text(text)
    assert time.process_time() - began < 10

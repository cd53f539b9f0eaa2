"""The log: readable, in UTC, and without secrets."""

from __future__ import annotations

import io
import json
import logging
import re
import warnings
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from daemon import logs

CANARY = 'c4nary/sécret&"word"'
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END PRIVATE KEY-----"

LONG = ["a.", "eyJ-", "token", "token=", "eyJaaaaaaaa.", "x://", "secret-", "-----BEGIN ", "\" '"]


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    """Leave logging as it was."""
    root = logging.getLogger()
    level = root.level
    quiet = ("apscheduler", "asyncio", "boto3", "botocore", "slack_sdk", "urllib3", "uvicorn")
    levels = {name: logging.getLogger(name).level for name in quiet}
    yield
    for handler in [h for h in root.handlers if isinstance(h, logs.ScrubbingHandler)]:
        root.removeHandler(handler)
    root.setLevel(level)
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)
    logging.captureWarnings(capture=False)


def logged(form: str = "text", secrets: tuple[str, ...] = (CANARY, PEM, "x")) -> io.StringIO:
    stream = io.StringIO()
    logs.set_up("info", form, secrets, stream)
    return stream


def test_a_line_has_time_level_and_origin() -> None:
    """The time is UTC to the millisecond."""
    stream = logged()
    logging.getLogger("daemon.runner").warning("took %d s", 3)

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING daemon\.runner: took 3 s\n", stream.getvalue())


def test_json_lines_are_json() -> None:
    """Each line is one object, whatever the message holds."""
    stream = logged("json")
    logging.getLogger("a").error("two\nlines \x1b[31m")

    (line,) = stream.getvalue().splitlines()
    fields = json.loads(line)
    assert {name: fields[name] for name in ("level", "logger", "message")} == {
        "level": "error",
        "logger": "a",
        "message": "two\nlines \x1b[31m",
    }


def test_a_message_cannot_forge_a_second_line() -> None:
    """Line breaks and terminal codes from outside do not reach a text log."""
    stream = logged()
    logging.getLogger("a").info("%s", "x\n2031-01-01T00:00:00.000Z ERROR b: forged\r\x1b[2J")

    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    "text",
    [CANARY, repr(CANARY), json.dumps(CANARY), json.dumps({"a": CANARY}), f"https://x/?q={quote(CANARY, safe='')}",
     f"a{CANARY}b", repr({"k": [CANARY]}), str(CANARY.encode())],
)  # fmt: skip
def test_a_configured_secret_is_removed_in_the_forms_it_is_written_in(form: str, text: str) -> None:
    """As it is, in JSON, in Python's repr, in an address."""
    stream = logged(form, (CANARY, str(CANARY.encode())[2:-1]))
    logging.getLogger("a").warning("before %s after", text)

    assert "c4nary" not in stream.getvalue()
    assert "<secret>" in stream.getvalue()
    assert "before" in stream.getvalue()
    assert "after" in stream.getvalue()


def test_each_line_of_a_key_is_removed() -> None:
    """A private key that is shown line by line is hidden line by line."""
    stream = logged()
    for line in PEM.splitlines():
        logging.getLogger("a").info("%s", line)

    assert "kqhkiG9w0BAQEF" not in stream.getvalue()
    assert "MIIEvQIBADANBg" not in stream.getvalue()


@pytest.mark.parametrize("form", ["text", "json"])
def test_exceptions_and_their_causes_are_scrubbed(form: str) -> None:
    """A secret in the text of an exception, its cause or its notes is not logged."""
    stream = logged(form)
    try:
        try:
            raise KeyError(CANARY)
        except KeyError as cause:
            error = RuntimeError(f"failed with {CANARY}")
            error.add_note(CANARY)
            raise error from cause
    except RuntimeError:
        logging.getLogger("a").exception("it broke: %s", CANARY)

    text = stream.getvalue()
    assert "c4nary" not in text
    assert "RuntimeError: failed with <secret>" in text
    assert "KeyError" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("token=abcdefgh1234 next", "token=<secret> next"),
        ('{"client_secret": "abc def", "a": 1}', '{"client_secret": <secret>, "a": 1}'),
        ("Authorization: Bearer abcdefgh.ijk", "Authorization: <secret>"),
        ("sent bearer abcdefgh.ijk now", "sent bearer <secret> now"),
        ("https://user:pass@host/x", "https://<secret>@host/x"),
        ("got xoxb-123456789-abc!", "got <secret>!"),
        ("AWS_SECRET_ACCESS_KEY=abc/def+ghi", "AWS_SECRET_ACCESS_KEY=<secret>"),
        ("acme-prod/service/payments: in_sync in 3.2 s", "acme-prod/service/payments: in_sync in 3.2 s"),
        ("token_bucket.rate is fine", "token_bucket.rate is fine"),
    ],
)
def test_what_looks_like_a_secret_is_removed(text: str, expected: str) -> None:
    """Known forms of credentials, and values that are named as secret; other words stay."""
    assert logs.scrubber(())(text) == expected


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "part", ["a.", "eyJ-", "token", "token=", "eyJaaaaaaaa.", "x://", "secret-", "-----BEGIN ", "\" '"]
)
def test_a_long_line_does_not_keep_the_log_busy(part: str) -> None:
    """What is written by somebody else is scrubbed in time that grows with its length, not with its square."""
    assert logs.scrubber((CANARY,))(part * 30_000 + CANARY).endswith("<secret>")


def test_a_very_short_secret_does_not_black_out_the_log() -> None:
    """One letter cannot be hidden without hiding everything."""
    assert logs.scrubber(("x", "", "ab"))("a fox, about") == "a fox, about"


def test_the_longer_of_two_secrets_is_removed_whole() -> None:
    """A secret that begins like another leaves no rest behind."""
    assert logs.scrubber(("abcd", "abcdefgh"))("abcdefgh abcd") == "<secret> <secret>"


def test_a_wrong_format_is_told_and_loses_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake in a log call neither ends the program nor prints the arguments."""
    stream = io.StringIO()
    handler = logs.set_up("info", "text", (CANARY,), stream)
    with monkeypatch.context() as patch:
        patch.setattr(logging.getLogger(), "handlers", [handler])  # pytest's own handler raises instead
        logging.getLogger("a").info("%d things", CANARY)
        logging.getLogger("a").info("next")

    assert "%d things (its arguments do not fit: TypeError)" in stream.getvalue()
    assert "next" in stream.getvalue()
    assert "c4nary" not in stream.getvalue() + capsys.readouterr().err


def test_a_stream_that_is_gone_does_not_end_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be written is told by name only."""
    stream = logged()
    stream.close()
    logging.getLogger("a").info("%s", CANARY)

    assert capsys.readouterr().err == "a log line of a could not be written: ValueError\n"


def test_setting_up_again_replaces_the_secrets_and_the_level() -> None:
    """After a reload each line is written once, without the new secrets."""
    first = logged()
    second = io.StringIO()
    logs.set_up("warning", "text", ("another-one",), second)
    logging.getLogger("a").warning("another-one")
    logging.getLogger("a").info("not wanted")

    assert first.getvalue() == ""
    assert second.getvalue().count("\n") == 1
    assert "another-one" not in second.getvalue()


def test_libraries_are_heard_from_warning_on_and_warnings_are_logged() -> None:
    """What a library says of each request is left out; Python's warnings are scrubbed like anything else."""
    stream = logged()
    logging.getLogger("botocore.auth").info("headers")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn(f"odd {CANARY}", stacklevel=1)

    assert "headers" not in stream.getvalue()
    assert "odd <secret>" in stream.getvalue()


def test_a_role_that_is_refused_fills_no_log() -> None:
    """Its reading tells of it; botocore would write 30 lines for each request."""
    stream = logged()
    logging.getLogger("botocore.credentials").warning("Refreshing temporary credentials failed")
    logging.getLogger("botocore.credentials").error("something else")
    assert "Refreshing" not in stream.getvalue()
    assert "something else" in stream.getvalue()

"""`barograph verdict`: exit codes, output, and what it refuses."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from daemon.commands.verdict import verdict

PLANS = Path(__file__).parents[2] / "fixtures" / "terraform-plans"


def _run(*words: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(verdict, words, input=stdin)


@pytest.mark.parametrize(
    ("name", "word", "code"),
    [
        ("0", "in_sync", 0),
        ("2", "accepted", 0),
        ("aws-clean-refresh-only-phantom", "in_sync", 0),
        ("1", "drift", 1),
        ("5", "pending", 1),
        ("6", "drift+pending", 1),
    ],
)
def test_verdict_and_exit_code(name: str, word: str, code: int) -> None:
    """Only in_sync and accepted end with 0; text and JSON say the same."""
    file = str(PLANS / f"{name}.plan.json")
    result = _run(file, "--json")
    assert (result.exit_code, json.loads(result.stdout)["verdict"]) == (code, word)
    text = _run(file)
    assert (text.exit_code, text.stdout.partition(":")[0]) == (code, word)


def test_json_has_classes_and_labelled_differences() -> None:
    """The differences of the JSON carry the three labels."""
    shown = json.loads(_run(str(PLANS / "6.plan.json"), "--json").stdout)
    assert shown["classes"] == {"drift+pending": 1}
    assert shown["differences"][0]["address"] == "fake_thing.a"
    assert shown["differences"][0]["paths"] == [
        {"path": "size", "recorded": "small", "actual": "HUGE", "desired": "medium"}
    ]


def test_text_has_the_labels_as_columns() -> None:
    """People see recorded, actual and desired beside one another."""
    lines = _run(str(PLANS / "6.plan.json")).stdout.splitlines()
    assert any(line.split() == ["size", "small", "HUGE", "medium"] for line in lines)
    assert any("recorded" in line and "actual" in line and "desired" in line for line in lines)


@pytest.mark.parametrize("flag", [[], ["--json"]])
def test_sensitive_values_are_not_printed(flag: list[str]) -> None:
    """Neither form prints a sensitive value."""
    output = _run(str(PLANS / "8.plan.json"), *flag).output
    assert "hunter2" not in output
    assert "leaked" not in output


def test_standard_input_is_read() -> None:
    """A dash stands for standard input."""
    assert _run("-", stdin=(PLANS / "0.plan.json").read_bytes()).exit_code == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"hello", "no JSON"),
        ((PLANS / "1.plan.json").read_bytes()[:2000], "cut off"),
        (b"[]", "not a plan"),
        (b'{"format_version": "1.0"}', "not a plan"),
        (b'{"format_version": "1.2", "planned_values": {}, "errored": true}', "errored"),
        (b"PK\x03\x04\xff\xfe binary", "plan file itself"),
        (b"[" * 200_000, "cannot be judged"),
        (b'{"format_version": ' + b"9" * 5000 + b"}", "cannot be judged"),
    ],
)
def test_what_cannot_be_judged_ends_with_3(tmp_path: Path, content: bytes, said: str) -> None:
    """What is no whole plan gets one sentence and no verdict, as text and as JSON."""
    file = tmp_path / "plan.json"
    file.write_bytes(content)
    result = _run(str(file))
    assert (result.exit_code, result.stdout) == (3, "")
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert json.loads(_run(str(file), "--json").stdout)["verdict"] is None


def test_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    """A file that is not there, or is a folder, ends with 2 and its name."""
    for path in (tmp_path / "none.json", tmp_path):
        result = _run(str(path))
        assert result.exit_code == 2
        assert str(path) in result.stderr
    assert _run().exit_code == 2


def test_control_characters_do_not_reach_the_terminal(tmp_path: Path) -> None:
    """What a plan holds must not steer the reader's terminal."""
    plan = json.loads((PLANS / "1.plan.json").read_bytes())
    plan["resource_drift"][0]["change"]["after"]["size"] = "\x1b[2Jboo"
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plan))
    output = _run(str(file)).output
    assert "\x1b" not in output
    assert "boo" in output


def test_help_warns_of_refresh_false() -> None:
    """The help says what a plan cannot show."""
    assert "-refresh=false" in _run("--help").output


@pytest.mark.parametrize("redirect", ["<&-", ">/dev/full"])
def test_closed_input_and_full_output_are_told_in_one_line(redirect: str) -> None:
    """Neither is a traceback, and neither is a verdict."""
    plan = "-" if "<" in redirect else str(PLANS / "0.plan.json")
    line = f"{shlex.quote(sys.executable)} -m daemon verdict {shlex.quote(plan)} {redirect}"
    done = subprocess.run(["sh", "-c", line], cwd=PLANS.parents[2], capture_output=True, text=True, timeout=60)
    assert done.returncode in (2, 3)
    assert "Traceback" not in done.stderr
    assert "closed" in done.stderr or "cannot be written" in done.stderr

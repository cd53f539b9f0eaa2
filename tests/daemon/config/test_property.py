"""Whatever is wrong, wherever it stands: a problem at its line, and never a traceback."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.config import Config, ConfigError, load
from tests.daemon.config.sample import CANARY, CHECKS, ENV

# One option per line, so that the line of a mistake is known.
GOOD = """\
source:
  kind: terraform
  path: .
  atmos:
    command: atmos
    deadline: 5m
    output_limit: 1MiB
  roots:
    - path: network
      stack: acme-prod
      stage: production
      vars:
        a: 1
stages:
  - stack: "*"
    stage: production
owners:
  default: team
planning:
  workers: 2
  deadline: 15m
  rules:
    - stacks: a
      plan_role: arn:aws:iam::{account}:role/plan
      environment:
        A: b
aws:
  region: eu-west-1
  read_timeout: 30s
checks:
  weather:
    enabled: true
    every: 1h
    limit: 3
    ignore:
      - place: sea
        until: 2031-01-01
alerts:
  default_channel: C0123456789
  routes:
    - channel: C0123456789
      tiers: critical
  tiers:
    - tier: info
      why: reason
      kind: drift
  baseline:
    wait: 1h
slack:
  token: ${CANARY}
  pacing:
    per_second: 1
store:
  path: x.db
  retention: 1d
web:
  listen: 127.0.0.1:0
  auth:
    tokens:
      - name: a
        token: ${CANARY}
        scopes: read
log:
  level: info
metrics:
  series_limit: 5
timezone: UTC
"""
LINES = GOOD.splitlines()
KEYS = [
    n for n, line in enumerate(LINES) if not re.match(r" {8}a: 1| {8}A: b", line)
]  # what stands in vars and environment is free
LEAVES = [n for n in KEYS if re.search(r": \S", LINES[n])]
TAKES_TEXT = re.compile(r"(stack|default|region|why|token|name|place|path|command|stacks): ")
SYNTAX = ["\t", "*a", "&a ", "!x ", "{", "]", "${", "%", "\n- ", "<<: "]
STRANGE = ["\x00", "a: " + "9" * 5000, "a: .5e99999", "? ? ? a", "{" * 300, "a: !!float x", "- " * 900, "\ud800"]


def attempt(text: str) -> Config | ConfigError:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.yml"
        path.write_text(text, errors="surrogateescape")
        try:
            return load(path, ENV, CHECKS)
        except ConfigError as error:
            return error


def test_the_starting_point_is_good() -> None:
    """Without a mistake the file loads, so what the next tests see comes from their mistakes."""
    assert isinstance(attempt(GOOD), Config)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(KEYS), st.sampled_from(["zz", "_", "S", "é"]))
def test_a_wrong_key_anywhere_is_told_at_its_line(line: int, end: str) -> None:
    """The key that is not known is named at the place where it stands."""
    changed = re.sub(r"^( *(?:- )?)(\w+):", rf"\1\2{end}:", LINES[line])
    column = len(changed) - len(changed.lstrip(" -")) + 1
    result = attempt("\n".join([*LINES[:line], changed, *LINES[line + 1 :]]))

    assert isinstance(result, ConfigError)
    assert [p for p in result.problems if (p.line, p.column) == (line + 1, column)]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(LEAVES), st.sampled_from(["[[1]]", "{x: {y: 1}}", "true", "'...'", "-7", "''", "2031-99-99"]))
def test_a_wrong_value_anywhere_is_told_at_its_line_or_fits(line: int, value: str) -> None:
    """A value of the wrong type is told where it stands; text is right only where text is asked for."""
    head, _, _ = LINES[line].partition(": ")
    result = attempt("\n".join([*LINES[:line], f"{head}: {value}", *LINES[line + 1 :]]))

    if isinstance(result, Config):
        assert value[0] not in "[{"
        assert TAKES_TEXT.search(LINES[line]) or "true" in (value, LINES[line].split()[-1])
    else:
        told = [p for p in result.problems if p.line == line + 1]
        assert told
        assert CANARY not in str(result)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(0, len(GOOD)), st.text(max_size=12) | st.sampled_from(["\t", "*a", "&a ", "!x ", "{", "]", "${", "%"])
)
def test_anything_inserted_anywhere_gives_a_configuration_or_problems(at: int, text: str) -> None:
    """No input ends in another exception than ConfigError, and no problem repeats a secret."""
    result = attempt(GOOD[:at] + text.encode("utf-8", "replace").decode() + GOOD[at:])

    if isinstance(result, ConfigError):
        assert result.problems
        assert CANARY not in str(result)
        assert all("\n" not in str(problem) for problem in result.problems)


@pytest.mark.parametrize(
    "text", ["\x00", "a: " + "9" * 5000, "a: .5e99999", "? ? ? a", "{" * 300, "a: !!float x", "- " * 900]
)
def test_strange_files_give_problems(text: str) -> None:
    """Numbers beyond measure, odd keys and deep nests are told like anything else."""
    assert isinstance(attempt(text), ConfigError)

"""Options of the record of executions: what is refused, where and why."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from checks import discover
from checks.runs.after import Rules
from daemon.config import ConfigError, load
from daemon.config.reference import MINIMAL
from daemon.executions.settings import after_rules, execution_settings

SLACK = {"SLACK_BOT_TOKEN": "a-bot-token-for-this-test"}
UUID = "8d7a4c6e-5b1f-4e0a-9d3c-2f6b7a8c9d0e"


def read(folder: Path, text: str) -> Path:
    (folder / "infrastructure").mkdir(exist_ok=True)
    path = folder / "barograph.yml"
    path.write_text(f"{MINIMAL}executions:\n{text}\n")
    return path


def test_what_is_given_is_what_is_used(tmp_path: Path) -> None:
    """A schedule takes its workflow from its name, and its zone from the file."""
    path = read(tmp_path, "  signing_secret: ${KEY}\n  schedules: [{name: nightly, uuid: '${ID}', cron: '0 3 * * *'}]")
    settings = execution_settings(load(path, {**SLACK, "KEY": "a-key-of-ours", "ID": UUID}, discover()))
    (nightly,) = settings.schedules
    assert (nightly.workflow, nightly.place, nightly.zone.key) == ("nightly", "nightly", "UTC")
    assert settings.signing == ("a-key-of-ours",)
    assert {"a-key-of-ours", UUID} <= set(settings.secrets)
    assert "a-key-of-ours" not in repr(settings)
    assert UUID not in repr(settings)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("{name: Nightly Backup}", "must be a slug"),
        (f"{{name: {UUID}}}", "must be a slug"),
        ("{name: a, cron: '0 3 * *'}", "five fields"),
        ("{name: a, cron: '0 3 * * *', every: 1d}", "goes not with every"),
        ("{name: a, uuid: '${KEY}'}", "must be a UUID"),
        ("{name: a}, {name: a}", "has the name of an earlier one"),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(tmp_path: Path, row: str, why: str) -> None:
    """With the place in the file, and without a secret."""
    with pytest.raises(ConfigError) as refused:
        load(read(tmp_path, f"  schedules: [{row}]"), {**SLACK, "KEY": "not-a-uuid-at-all"}, discover())
    (problem,) = refused.value.problems
    assert why in str(problem)
    assert "not-a-uuid-at-all" not in str(problem)


def test_how_stacks_are_watched_after_applies(tmp_path: Path) -> None:
    """On unless it is switched off; not so often that nothing else could be asked."""
    assert after_rules(load(read(tmp_path, "  stuck_after: 1h"), SLACK, discover())) == Rules()
    rules = after_rules(load(read(tmp_path, "  after_apply: {watch: 1h, every: 2m, plan: false}"), SLACK, discover()))
    assert (rules.watch, rules.every, rules.plan) == (timedelta(hours=1), timedelta(minutes=2), False)
    assert not after_rules(load(read(tmp_path, "  after_apply: {enabled: false}"), SLACK, discover())).enabled
    for row, why in (("{every: 10s}", "must be at least 1m"), ("{watch: 2m}", "must not be shorter than every")):
        with pytest.raises(ConfigError, match=why):
            load(read(tmp_path, f"  after_apply: {row}"), SLACK, discover())

"""`barograph config check|show|schema` as a person calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from daemon.commands.config import config
from daemon.config.show import schema, show
from tests.daemon.config.sample import CANARY, CHECKS, MINIMAL, loaded, write

SECRETS = "alerts: {default_channel: C0123456789}\nslack: {token: '${CANARY}'}\n"


def run(*arguments: str) -> Result:
    return CliRunner(env={"CANARY": CANARY}).invoke(config, arguments)


def test_check_says_ok_and_what_will_be_done(tmp_path: Path) -> None:
    """A good file ends with 0, and the output says what is watched and where the news goes."""
    result = run("check", "-c", str(write(tmp_path, MINIMAL + SECRETS)))

    assert result.exit_code == 0
    assert result.stdout.startswith(f"{tmp_path}/barograph.yml: ok\nsource   atmos: {tmp_path}")
    assert "slack    everything else -> C0123456789\n" in result.stdout
    assert CANARY not in result.output


def test_check_prints_every_problem_and_ends_with_2(tmp_path: Path) -> None:
    """Problems go to standard error, one line each, without a traceback."""
    path = write(tmp_path, MINIMAL + "log: {level: loud}\nstor: {}\n")
    result = run("check", "-c", str(path))

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        f"{path}:2:14: log.level cannot be 'loud'; choose from debug, error, info, warning",
        f"{path}:3:1: the configuration has no option 'stor'; did you mean store?",
    ]


def test_check_warns_and_still_ends_with_0(tmp_path: Path) -> None:
    """A secret in clear works, and is warned of without being printed."""
    path = write(tmp_path, MINIMAL + SECRETS.replace("${CANARY}", CANARY))
    path.chmod(0o600)
    result = run("check", "-c", str(path))

    assert result.exit_code == 0
    assert (
        result.stderr == f"{path}:3:16: slack.token is written in clear; take it from ${{NAME}} or a file (warning)\n"
    )
    assert CANARY not in result.output


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """The name that was looked for and what to do."""
    result = run("show", "-c", str(tmp_path / "no.yml"))

    assert result.exit_code == 2
    assert result.stderr == f"{tmp_path}/no.yml: there is no such file; name the configuration with -c FILE\n"


def test_show_gives_yaml_with_defaults_marked_and_secrets_hidden(tmp_path: Path) -> None:
    """What is shown is YAML again, says what was chosen and what is a default, and holds no secret."""
    text = run("show", "-c", str(write(tmp_path, MINIMAL + SECRETS + "planning: {deadline: 90m}\n"))).stdout
    values = yaml.safe_load(text)

    assert CANARY not in text
    assert values["slack"]["token"] == "<secret>"
    assert values["source"]["atmos"]["output_limit"] == "256MiB"
    assert "  deadline: 1h30m\n" in text
    assert "  workers: 2  # default\n" in text


def test_what_show_prints_loads_again_to_the_same(tmp_path: Path) -> None:
    """The effective configuration is itself a configuration that says the same."""
    text = MINIMAL + "checks: {weather: {limit: 4, ignore: [{place: 'a: b #', until: 2031-01-01}], extra: {a: [1]}}}\n"
    text += (
        "stages: [{stack: '*-prod', stage: production}]\nstage_words: {uat: staging}\nweb: {public_url: 'http://x'}\n"
    )
    first = loaded(tmp_path, text)
    again = loaded(tmp_path, show(first))

    assert again.checks == first.checks
    assert show(again).replace("  # default", "") == show(first).replace("  # default", "")


def test_the_schema_knows_every_group_and_the_options_of_checks() -> None:
    """An editor gets the words to choose from, the descriptions, and what is required."""
    content = json.loads(schema(CHECKS))
    definitions = content["$defs"]

    assert content["required"] == ["source"]
    assert content["additionalProperties"] is False
    assert definitions["Source"]["properties"]["kind"]["enum"] == ["atmos", "terraform", "file"]
    stacks = definitions["PlanRule"]["properties"]["stacks"]
    assert stacks["anyOf"] == [{"type": "string"}, {"items": {"type": "string"}, "type": "array"}]
    weather = definitions["weather_options"]["properties"]
    assert weather["wait"]["default"] == "5m"
    assert weather["limit"]["description"] == "hectopascals below which a storm is near"
    assert definitions["IgnoreRule"]["required"] == ["place"]
    assert definitions["Slack"]["allOf"] == [{"oneOf": [{"required": ["token"]}, {"required": ["token_file"]}]}]
    assert definitions["Slack"]["properties"]["token"]["writeOnly"] is True


def test_the_schema_command_prints_json() -> None:
    """`config schema` needs no configuration file."""
    result = run("schema")

    assert result.exit_code == 0
    assert json.loads(result.stdout)["title"] == "Barograph"


@pytest.mark.parametrize("command", ["check", "show", "schema"])
def test_every_command_explains_itself(command: str) -> None:
    """--help says in a sentence what it does."""
    assert "configuration" in run(command, "--help").stdout

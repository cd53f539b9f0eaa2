"""Secrets come from the environment or from files, and are seen nowhere."""

from __future__ import annotations

import copy
import json
import os
import pickle
import traceback
from pathlib import Path

import pytest

from daemon.config import ConfigError, Secret, load
from daemon.config.secrets import Source, looks_secret
from daemon.config.show import show
from daemon.config.summary import summary
from tests.daemon.config.sample import CANARY, CHECKS, ENV, MINIMAL, loaded, write

SLACK = "alerts: {default_channel: C0123456789}\nslack: "
EVERYWHERE = """\
source:
  kind: terraform
  path: .
  roots:
    - path: .
      stack: a
      vars: {plain: word, deep: [{x: "${CANARY}"}], db_password: canary-4f1d9a-in-clear}
      backend_config: {access_key: "${CANARY}"}
planning:
  rules:
    - environment: {A: "${CANARY}", B: {file: canary}, REGION: eu-west-1, N: 1, S: true}
    - environment: {API_TOKEN: canary-4f1d9a-in-clear}
      variables: {x: "${CANARY}"}
alerts: {default_channel: C0123456789}
slack: {token: "${CANARY}", app_token_file: canary}
web:
  auth:
    tokens: [{name: a, token: canary-4f1d9a-in-clear}]
    basic: [{user: b, password_file: canary}]
"""


def canary_file(folder: Path, mode: int = 0o600, content: str = f"{CANARY}-from-file\n") -> Path:
    path = folder / "canary"
    path.write_text(content)
    path.chmod(mode)
    return path


def test_a_secret_shows_itself_only_when_asked() -> None:
    """Text, repr, format, copies and pickles do not give it away."""
    secret = Secret(CANARY, Source.FILE)

    assert (str(secret), repr(secret), f"{secret:>3}", f"{secret!r}") == ("<secret>",) * 4
    assert secret.reveal() == CANARY
    assert secret == Secret(CANARY)
    for attempt in (pickle.dumps, copy.copy):
        with pytest.raises(TypeError) as caught:
            attempt(secret)
        assert CANARY not in str(caught.value)


def test_secrets_of_every_place_are_read_and_never_shown(tmp_path: Path) -> None:
    """Whatever prints a configuration prints no secret, and secrets() knows all of them."""
    canary_file(tmp_path)
    config = loaded(tmp_path, EVERYWHERE)
    rule = config.planning.rules[0]

    assert rule.environment["A"].reveal() == CANARY
    assert rule.environment["B"].reveal() == f"{CANARY}-from-file"
    assert (rule.environment["N"].reveal(), rule.environment["S"].reveal()) == ("1", "true")
    assert config.slack is not None
    assert config.slack.app_token == Secret(f"{CANARY}-from-file")
    assert config.secrets() == {CANARY, f"{CANARY}-from-file", f"{CANARY}-in-clear"}
    shown = [repr(config), str(config), show(config), "\n".join(summary(config)), repr(config.file), repr(rule)]
    shown += [config.planning.model_dump_json(), str(config.web.model_dump()), *map(str, config.warnings)]
    for text in shown:
        assert CANARY not in text


def test_a_word_in_clear_for_a_child_is_no_secret(tmp_path: Path) -> None:
    """A region written in the file must not vanish from every log line."""
    canary_file(tmp_path)

    assert "eu-west-1" not in loaded(tmp_path, EVERYWHERE).secrets()


def test_the_line_end_of_a_secret_file_is_no_part_of_it(tmp_path: Path) -> None:
    """An editor's line end at the end is dropped; everything inside is kept."""
    canary_file(tmp_path, content=" a\nb \r\n\n")
    config = loaded(tmp_path, MINIMAL + SLACK + "{token_file: canary}\n")

    assert config.slack is not None
    assert config.slack.token.reveal() == " a\nb "


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "is empty"), (b"\n", "is empty"), (b"\xff\xfe", "not UTF-8"), (b"x" * 70_000, "more than 64 KiB")],
)
def test_a_secret_file_that_holds_no_secret_is_an_error(tmp_path: Path, content: bytes, reason: str) -> None:
    """A named file never counts as an empty secret."""
    (tmp_path / "canary").write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, MINIMAL + SLACK + "{token_file: canary}\n")

    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (3, 21)
    assert reason in problem.text


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_secret_file_without_permission_is_an_error(tmp_path: Path) -> None:
    """Not being allowed to read is told as that."""
    canary_file(tmp_path, 0o000)

    with pytest.raises(ConfigError, match="permission denied"):
        loaded(tmp_path, MINIMAL + SLACK + "{token_file: canary}\n")


def test_careless_keeping_is_warned_of(tmp_path: Path) -> None:
    """Secrets in clear, files open to others, guessable tokens and a token over plain HTTP each give a warning."""
    canary_file(tmp_path, 0o644)
    text = MINIMAL + SLACK + "{token: xoxb-canary-4f1d9a, app_token_file: canary, api_url: 'http://10.0.0.1/api/'}\n"
    path = write(tmp_path, text + "web: {auth: {tokens: [{name: a, token: '${CANARY}'}]}}\n")
    path.chmod(0o640)

    warnings = [str(w).replace(str(path), "F") for w in load(path, ENV, CHECKS).warnings]

    assert warnings == [
        "F: holds secrets in clear, and others than its owner may read it; chmod 600 helps",
        "F:3:16: slack.token is written in clear; take it from ${NAME} or a file",
        "F:3:52: slack.app_token comes from a file that others than its owner may read; chmod 600 helps",
        "F:3:69: slack.api_url is plain http: the token crosses the network in clear",
        "F:4:40: web.auth.tokens[0].token is shorter than 16 characters and can be guessed",
    ]


def test_a_secret_from_the_environment_is_not_warned_of(tmp_path: Path) -> None:
    """A file that holds no secret may be read by everybody."""
    path = write(tmp_path, MINIMAL + SLACK + "{token: '${CANARY}'}\n")
    path.chmod(0o644)

    assert load(path, ENV, CHECKS).warnings == ()


def test_the_traceback_of_a_bad_configuration_holds_no_secret(tmp_path: Path) -> None:
    """Even printed as a traceback with its causes, the error repeats nothing secret."""
    text = MINIMAL + SLACK + "{token: ['${CANARY}'], x: '${CANARY}', timeout: '${CANARY}'}\n"
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text + 'planning: {rules: [{environment: {A: ["${CANARY}"]}}]}\n')

    error = caught.value
    text = "".join(traceback.format_exception(error)) + repr(error) + repr(error.args) + repr(error.problems)
    assert len(error.problems) == 4
    assert CANARY not in text


@pytest.mark.parametrize(
    "text",
    ["xoxb-1234567890-abc", "xapp-1-A0-123", "https://hooks.slack.com/services/T0/B0/x", "AKIAIOSFODNN7EXAMPLE",
     "ghp_" + "a" * 36, "glpat-" + "a" * 20, "-----BEGIN RSA PRIVATE KEY-----\nabc", "eyJhbGciOiJI.eyJzdWIiOiIx.abc"],
)  # fmt: skip
def test_well_known_credentials_are_recognised(text: str) -> None:
    """The forms of common credentials count as secret wherever they stand."""
    assert looks_secret(f"x {text} y")


@pytest.mark.parametrize(
    "text", ["acme-prod", "arn:aws:iam::111111111111:role/x", "C0123456789", "https://slack.com/api/"]
)
def test_common_words_are_not_taken_for_credentials(text: str) -> None:
    """Names, ARNs and addresses stay readable."""
    assert not looks_secret(text)


def test_json_of_the_models_hides_secrets(tmp_path: Path) -> None:
    """A library that serialises a model gets the placeholder."""
    config = loaded(tmp_path, MINIMAL + SLACK + "{token: '${CANARY}'}\n")

    assert json.loads(config.file.model_dump_json())["slack"]["token"] == "<secret>"


@pytest.mark.parametrize(
    "written",
    [
        "address: 'https://u:{0}@h'",
        "conn_str: 'postgres://u:{0}@h/db'",
        "connection_string: {0}",
        "sse_customer_key: {0}",
        "encryption_key: {0}",
        'encryption: \'{{"passphrase": "{0}"}}\'',
        "headers: {{Authorization: 'Basic {0}'}}",
        "dbpw: {0}",
        "master_pwd: {0}",
        "note: 'key xoxb-12345678-{0}'",
    ],
)
def test_what_terraform_is_given_in_clear_is_hidden_where_its_name_or_form_says_so(
    tmp_path: Path, written: str
) -> None:
    """Also where nobody took it from the environment; a plain name beside it stays readable."""
    text = (
        "source:\n  kind: terraform\n  path: .\n  roots:\n    - path: .\n      stack: a\n"
        f"      vars: {{{written.format(CANARY)}, key: states/a.tfstate}}\n"
    )
    config = loaded(tmp_path, text)
    assert CANARY not in show(config)
    assert "states/a.tfstate" in show(config)
    assert any(CANARY in secret for secret in config.secrets())

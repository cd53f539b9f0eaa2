"""`barograph alerts`, as people type it: without a daemon on the store itself, beside one over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from alerts.base import Action, Change, IncidentState, Transition
from alerts.policy import Policy
from alerts.routes import Routes
from daemon.cli import cli
from daemon.desk import Desk
from daemon.store import Store, open_reader
from daemon.web import AuthSettings, Credential, create_app, serving
from tests.alerts.build import incident
from tests.daemon.test_app import free_port
from tests.daemon.web.world import World

WRITER, READER = "token-that-may-acknowledge", "token-that-may-read"


def now() -> datetime:
    return datetime.now(UTC)


class Terminal:
    """A folder with a configuration, and a store with one open incident."""

    def __init__(self, folder: Path, *, auth: str = "") -> None:
        self.folder, self.port = folder, free_port()
        self.config = folder / "barograph.yml"
        self.path = folder / "b.db"
        self.config.write_text(
            f"source: {{kind: atmos, path: repo}}\nstore: {{path: b.db}}\nweb:\n  listen: 127.0.0.1:{self.port}\n{auth}"
        )
        (folder / "repo").mkdir()
        with Store.open(self.path, now) as store:
            self.put(store)

    @staticmethod
    def put(store: Store, fingerprint: str = "v1:abc", **more: Any) -> None:
        found = incident(fingerprint=fingerprint, thread=f"{fingerprint}#1", opened_at=now(), clock_from=now(), **more)
        fact = Transition(fingerprint, 1, now(), Action.OPEN, "seen", "", "open", found.tier, found.summary)
        with store.transaction() as tx:
            tx.save_change(Change(found, fact))

    def type(self, *words: str, env: dict[str, str] | None = None) -> Result:
        command, *rest = words
        found = CliRunner().invoke(cli, ["alerts", command, "-c", str(self.config), *rest], env={
            "BAROGRAPH_TOKEN": None, "USER": "anna", "LOGNAME": "anna", **(env or {}),
        })  # fmt: skip
        assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
        return found

    def state(self) -> IncidentState:
        with open_reader(self.path) as view:
            found = view.incident("v1:abc")
        assert found is not None
        return found.state

    def who(self) -> list[tuple[str, str]]:
        with open_reader(self.path) as view:
            return [(line.who, line.action) for line in view.audit()]

    @contextmanager
    def daemon(self, auth: AuthSettings | None = None) -> Iterator[Store]:
        """What a daemon is to the command: the store's lock is held, and somebody answers."""
        with Store.open(self.path, now) as store:
            deps = World(store).deps(auth=auth)
            deps = type(deps)(**{
                **{name: getattr(deps, name) for name in deps.__dataclass_fields__},
                "desk": Desk(store, Policy(routes=Routes("C1")), now),
            })  # fmt: skip
            with serving(create_app(deps), "127.0.0.1", self.port):
                yield store


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def test_what_is_open_is_listed_for_people_and_for_programs(terminal: Terminal) -> None:
    """Also beside a daemon, whose lock it does not need."""
    with terminal.daemon():
        text, data = terminal.type("list"), json.loads(terminal.type("list", "--json").output)

    assert "v1:abc  warning  open  since " in text.output
    assert [each["fingerprint"] for each in data["incidents"]] == ["v1:abc"]


def test_without_a_daemon_it_is_stored_directly(terminal: Terminal) -> None:
    """Who is the user of the machine; the next daemon posts it."""
    first, again = terminal.type("ack", "v1:a", "--for", "2h"), terminal.type("ack", "v1:abc")

    assert (first.exit_code, again.exit_code) == (0, 0)
    assert first.output.startswith("acknowledged by anna (command line), until ")
    assert again.output.startswith("already acknowledged by anna (command line)")
    assert terminal.state() is IncidentState.ACKNOWLEDGED
    assert terminal.who() == [("anna (command line)", "acknowledge")]
    with open_reader(terminal.path) as view:
        assert [str(delivery.state) for delivery in view.deliveries()] == ["pending", "pending"]


def test_beside_a_daemon_the_daemon_does_it(terminal: Terminal) -> None:
    """The store has one writer: the command asks it."""
    with terminal.daemon():
        done = terminal.type("ack", "v1:abc", "--json")
        assert done.exit_code == 0
        assert json.loads(done.output)["changed"]
        assert terminal.who() == [("anna, on this machine, where nobody signs in (HTTP)", "acknowledge")]
        assert "acknowledged" in terminal.type("list").output
        shown = terminal.type("show", "v1:abc").output
    assert "acknowledge: acknowledged by anna" in shown
    assert "acknowledged: by anna" in shown


AUTH = f"""\
  auth:
    tokens:
      - {{name: prometheus, token: {READER}}}
      - {{name: ops, token: {WRITER}, scopes: [read, acknowledge]}}
"""
SIGN_IN = AuthSettings(tokens=(
    Credential("prometheus", READER), Credential("ops", WRITER, frozenset({"read", "acknowledge"})),
))  # fmt: skip


def test_it_signs_in_with_a_token_that_may_acknowledge(tmp_path: Path) -> None:
    """One of the configuration, or the one in the environment; one that may only read is refused, with the reason."""
    terminal = Terminal(tmp_path, auth=AUTH)
    with terminal.daemon(SIGN_IN):
        refused = terminal.type("ack", "v1:abc", env={"BAROGRAPH_TOKEN": READER})
        assert (refused.exit_code, refused.output) == (4, "This needs the scope acknowledge.\n")
        assert terminal.type("ack", "v1:abc").exit_code == 0
        assert terminal.who() == [("anna, signed in as ops (HTTP)", "acknowledge")]


def test_with_no_token_that_may_acknowledge_it_says_what_to_do(tmp_path: Path) -> None:
    """And does nothing."""
    terminal = Terminal(tmp_path, auth=f"  auth: {{tokens: [{{name: p, token: {READER}}}]}}\n")
    with terminal.daemon(SIGN_IN):
        found = terminal.type("ack", "v1:abc")
    assert found.exit_code == 4
    assert "no token of web.auth has the scope acknowledge" in found.output
    assert READER not in found.output


def test_a_silence_is_made_listed_and_ended(terminal: Terminal) -> None:
    """Of all that fits, and of one incident; a second end is refused."""
    fits = ("--stack", "acme-*", "--tier", "warning")
    made = terminal.type("silence", *fits, "--for", "4h", "--reason", "moving", "--json")
    assert made.exit_code == 0
    silence = json.loads(made.output)["silence"]
    assert silence["matcher"] == {"tiers": ["warning"], "stacks": ["acme-*"]}
    listed = terminal.type("list", "--silences").output
    assert f"{silence['id']}  until " in listed
    assert "tier=warning stack=acme-*  anna (command line): moving" in listed
    assert terminal.type("unsilence", silence["id"]).exit_code == 0
    assert terminal.type("unsilence", silence["id"]).exit_code == 1
    assert terminal.type("list", "--silences").output == ""
    assert terminal.type("silence", "v1:abc", "--for", "1h", "--reason", "at it").exit_code == 0
    assert "open silenced" in terminal.type("list").output
    assert terminal.type("unsilence", "v1:abc").output == "no longer silenced: fingerprint=v1:abc\n"


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (["ack", "v1:nope"], 1, "there is no incident v1:nope"),
        (["show", "v1:nope"], 1, "there is no incident v1:nope"),
        (["ack", "v1:abc", "--for", "soon"], 2, "must be a duration"),
        (["ack", "v1:abc", "--for", "60d"], 1, "30 days at most"),
        (["silence", "--for", "1h", "--reason", "x"], 2, "give an incident, or options"),
        (["silence", "v1:abc", "--stack", "a", "--for", "1h", "--reason", "x"], 2, "give an incident, or options"),
        (["silence", "--kind", "sadness", "--for", "1h", "--reason", "x"], 2, "there is no kind among: sadness"),
        (["silence", "--stack", "a", "--for", "90d", "--reason", "x"], 1, "30 days at most"),
        (["silence", "--stack", "a", "--reason", "x"], 2, "--for"),
        (["unsilence", "nothing"], 1, "there is no silence nothing that holds"),
    ],
)
def test_what_cannot_be_done_is_told_why_and_by_its_exit_code(
    terminal: Terminal, words: list[str], code: int, why: str
) -> None:
    """The same without a daemon and beside one; nothing is stored."""
    alone = terminal.type(*words)
    with terminal.daemon():
        beside = terminal.type(*words)

    assert (alone.exit_code, beside.exit_code) == (code, code)
    assert why in alone.output
    assert why in beside.output
    assert terminal.who() == []


def test_a_beginning_that_several_incidents_have_is_refused(terminal: Terminal) -> None:
    """It asks for more of it."""
    with Store.open(terminal.path, now) as store:
        terminal.put(store, "v1:abd")
    found = terminal.type("ack", "v1:ab")
    assert (found.exit_code, found.output) == (1, "2 incidents begin with v1:ab; give more of it\n")


def test_a_daemon_that_does_not_answer_is_told(terminal: Terminal) -> None:
    """The lock is held and nobody listens: nothing was done, and it says so."""
    with Store.open(terminal.path, now):
        found = terminal.type("ack", "v1:abc")
    assert found.exit_code == 4
    assert "does not answer" in found.output


def test_without_a_store_none_is_made(terminal: Terminal) -> None:
    """A mistyped path becomes no empty database."""
    terminal.config.write_text(terminal.config.read_text().replace("b.db", "other.db"))
    for words in (["ack", "v1:abc"], ["list"]):
        assert terminal.type(*words).exit_code == 4
    assert not (terminal.folder / "other.db").exists()


def test_what_a_finding_says_steers_no_terminal(tmp_path: Path) -> None:
    """Names of resources are data."""
    terminal = Terminal(tmp_path)
    with Store.open(terminal.path, now) as store:
        terminal.put(store, "v1:evil", summary="\x1b[2J gone\nroot# rm", place="\x07bell")
    for words in (["list"], ["show", "v1:evil"]):
        assert "\x1b" not in terminal.type(*words).output
        assert "\x07" not in terminal.type(*words).output

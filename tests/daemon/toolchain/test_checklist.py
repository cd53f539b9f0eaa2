"""The checklist before anything is executed: each item passes, fails, or could not be looked at; and what to do."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checks.base import Instance, Kind, Outcome
from checks.toolchain import Answer, Item, Toolchain
from daemon.aws import Aws, AwsSettings, Identity
from daemon.inventory.model import Backend, Inventory, Watched
from daemon.inventory.settings import RootModule, SourceKind, SourceSettings
from daemon.planning.settings import BYTES_PER_PLAN, Grant, PlanningSettings, PlanRule, grant
from daemon.processes import Processes
from daemon.repository.tree import Tree
from daemon.toolchain import Bench, Workshop, checklist, exit_code, report, table
from daemon.toolchain import ground as grounds
from daemon.toolchain.network import hosts_needed
from daemon.toolchain.reaching import Host, host_of, why_unreachable
from daemon.toolchain.variables import given
from tests.daemon.states.support import Clock
from tests.worlds import Proxy, moto_server, recording_proxy

PASS, FAIL, UNKNOWN, UNNEEDED = Answer.PASS, Answer.FAIL, Answer.COULD_NOT_LOOK, Answer.NOT_NEEDED
CANARY = "canary-hunter2"
GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@t")


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """A moto server."""
    with moto_server() as url:
        yield url


@pytest.fixture
def proxy(moto: str) -> Iterator[Proxy]:
    """A proxy before it."""
    with recording_proxy(moto) as made:
        yield made


@pytest.fixture
def processes() -> Iterator[Processes]:
    """What starts programs."""
    made = Processes()
    yield made
    made.close()


class Desk:
    """A repository with one module, in git, and programs that say what they are told to say."""

    def __init__(self, folder: Path, processes: Processes, url: str) -> None:
        self.folder, self.repository, self.programs = folder, folder / "repository", folder / "bin"
        (self.repository / "app").mkdir(parents=True)
        self.programs.mkdir()
        self.write("app/main.tf", 'variable "size" {}\nvariable "colour" {\n  default = "red"\n}\n')
        self.write("atmos.yaml", "base_path: .\n")
        self.git("init", "-q")
        self.commit()
        self.program("terraform", 'echo \'{"terraform_version": "1.11.4"}\'')
        self.program("atmos", "echo 'Atmos 1.226.1 on linux/amd64'")
        for name in ("git", "sh", "echo", "sleep"):
            found = Path("/usr/bin") / name
            (self.programs / name).symlink_to(found if found.exists() else Path("/bin") / name)
        self.source = SourceSettings(
            SourceKind.ATMOS, self.repository, environment={"PATH": str(self.programs)},
            modules=(RootModule("app", "dev"),),
        )  # fmt: skip
        self.planning = PlanningSettings(
            folder / "scratch", terraform=("terraform",), inherited={"PATH": str(self.programs)},
            provider_mirror=folder,
        )  # fmt: skip
        self.bench = Bench(
            self.source, self.planning, processes.run, Aws(AwsSettings(attempts=1)), BYTES_PER_PLAN, "us-east-1", url,
            folder=self.repository,
        )  # fmt: skip

    def write(self, name: str, text: str) -> None:
        (self.repository / name).write_text(text)

    def git(self, *arguments: str) -> None:
        subprocess.run([*GIT, *arguments], cwd=self.repository, check=True, capture_output=True)

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", "x")

    def program(self, name: str, script: str) -> None:
        file = self.programs / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def items(self, inventory: Inventory | None = None, **changes: Any) -> dict[str, Item]:
        found = checklist(replace(self.bench, **changes), inventory)
        return {item.name: item for item in found}


@pytest.fixture
def desk(tmp_path: Path, processes: Processes, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk where everything is as it should be."""
    for name, value in (("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", CANARY)):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return Desk(tmp_path, processes, proxy.url)


def watched(url: str = "", **more: Any) -> Watched:
    backend = Backend("s3", {"bucket": "b", "key": "k", "region": "eu-west-1", "dynamodb_table": "t"})
    if url:
        backend = replace(backend, config={**backend.config, "endpoints": {"s3": url, "dynamodb": url}})
    instance = Instance("dev", "app", "app", working_directory="app")
    return Watched(instance, backend, **{"vars": {"size": "small"}, **more})


def test_a_desk_in_order_passes_everything(desk: Desk, proxy: Proxy) -> None:
    """All items, each with what was found."""
    items = desk.items(Inventory((watched(proxy.url),)))
    assert {item.answer for item in items.values()} == {PASS}, items
    port = proxy.url.rpartition(":")[2]
    assert set(items) == {
        "aws credentials", "atmos", "terraform", "repository root", "git clean", f"network 127.0.0.1:{port}",
        "variables dev/app", "disk space", "memory",
    }  # fmt: skip
    assert exit_code(list(items.values())) == 0
    assert "arn:aws:sts::" in items["aws credentials"].told


@pytest.mark.parametrize(
    ("program", "script", "answer", "told"),
    [
        ("terraform", 'echo \'{"terraform_version": "1.5.7"}\'', FAIL, "too old"),
        ("terraform", 'echo \'{"terraform_version": "1.6.0"}\'', PASS, "Terraform 1.6.0"),
        ("terraform", "echo hello", UNKNOWN, "does not tell"),
        ("terraform", "exit 3", UNKNOWN, "failed"),
        ("terraform", None, FAIL, "is not there"),
        ("atmos", "echo 'Atmos 1.162.9'", FAIL, "too old"),
        ("atmos", "echo 1.163.0", PASS, "1.163.0"),
        ("atmos", "echo hello", UNKNOWN, "does not tell"),
        ("atmos", "exit 1", UNKNOWN, "failed"),
        ("atmos", None, FAIL, "is not there"),
    ],
)
def test_programs_are_asked_for_their_version(
    desk: Desk, program: str, script: str | None, answer: Answer, told: str
) -> None:
    """Too old and missing is a fail; one that does not say could not be looked at."""
    if script is None:
        (desk.programs / program).unlink()
    else:
        desk.program(program, script)
    item = desk.items()[program]
    assert (item.answer, told in item.told) == (answer, True), item
    assert bool(item.remedy) or answer in (PASS, UNKNOWN)


def test_opentofu_is_as_good_as_terraform(desk: Desk) -> None:
    """One program that is new enough is enough, of those that are named."""
    desk.program("terraform", 'echo \'{"terraform_version": "1.5.7"}\'')
    desk.program("tofu", 'echo \'{"terraform_version": "1.10.0"}\'')
    planning = replace(desk.planning, terraform=("terraform", "tofu"))
    assert desk.items(planning=planning)["terraform"].told == "OpenTofu 1.10.0"


def test_the_repository_is_where_it_should_be(desk: Desk, tmp_path: Path) -> None:
    """A folder with atmos.yaml; of root modules, each of their folders."""

    def root(**changes: Any) -> Item:
        source = replace(desk.source, **changes)
        return grounds.root(source)

    assert root(path=tmp_path / "nowhere").answer is FAIL
    assert root(config_path="app").answer is FAIL
    desk.write("atmos.yaml", "a: [\n")
    assert "atmos.yaml:" in root().told
    assert root(kind=SourceKind.TERRAFORM).answer is PASS
    gone = root(kind=SourceKind.TERRAFORM, modules=(RootModule("gone", "dev"),))
    assert gone.told.startswith("there is no folder gone")
    assert desk.items(source=replace(desk.source, kind=SourceKind.FILE))["atmos"].answer is UNNEEDED


def test_a_work_tree_is_clean_or_not(desk: Desk, tmp_path: Path) -> None:
    """Changes, no repository at all, and no git to ask: three different answers."""
    desk.write("app/new.tf", "")
    dirty = desk.items()["git clean"]
    assert (dirty.answer, dirty.blinds) == (FAIL, False)
    desk.commit()
    assert desk.items()["git clean"].answer is PASS
    assert desk.items(folder=tmp_path / "bin")["git clean"].answer is FAIL
    assert desk.items(source=replace(desk.source, environment={"PATH": "/nowhere"}))["git clean"].answer is UNKNOWN
    (desk.repository / ".git" / "index").write_text("broken")
    assert desk.items()["git clean"].answer is UNKNOWN


def test_what_was_fetched_is_as_its_commit_has_it(desk: Desk, proxy: Proxy, tmp_path: Path) -> None:
    """Root and variables are those of the content that is watched; one that is gone or never came is not known."""
    inventory = Inventory((watched(proxy.url),))
    bench = replace(desk.bench, folder=None)
    names = {"repository root", "git clean", "variables dev/app", "variables"}

    def of(tree: Tree | None) -> dict[str, Answer]:
        return {item.name: item.answer for item in checklist(bench, inventory, tree) if item.name in names}

    assert of(Tree(desk.repository, "c0ffee" * 6)) == dict.fromkeys(
        ("repository root", "git clean", "variables dev/app"), PASS
    )
    unknown = dict.fromkeys(("repository root", "git clean", "variables"), UNKNOWN)
    assert of(None) == unknown
    assert of(Tree(tmp_path / "gone")) == unknown


def test_credentials_are_known_to_aws(desk: Desk, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused or none is a fail; no answer is none; and where nothing takes them, they are not needed."""
    s3 = Inventory((watched(proxy.url),))
    body = b"<ErrorResponse><Error><Code>InvalidClientTokenId</Code></Error></ErrorResponse>"
    proxy.answer = lambda call: (403, body)
    assert desk.items(s3)["aws credentials"].answer is FAIL
    for answer in ((503, b""), (200, b""), (200, b"<GetCallerIdentityResponse/>")):
        proxy.answer = lambda call, answer=answer: answer  # type: ignore[misc]  # bound at once
        assert desk.items(s3)["aws credentials"].answer is UNKNOWN, answer
    proxy.answer = lambda call: None
    assert desk.items(s3, endpoint_url="http://127.0.0.1:9")["aws credentials"].answer is UNKNOWN
    assert desk.items(s3, endpoint_url="nonsense")["aws credentials"].answer is UNKNOWN
    local = Inventory((replace(watched(), backend=Backend("local")),))
    assert desk.items(local)["aws credentials"].answer is UNNEEDED
    assert desk.items(local, accounts=True)["aws credentials"].answer is PASS
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    item = desk.items(s3, aws=Aws(AwsSettings(attempts=1)))["aws credentials"]
    assert item.answer is FAIL
    assert item.remedy


def test_what_is_configured_must_be_reached(desk: Desk) -> None:
    """The hosts follow from states, locks, STS, registry and Slack; each is named once, with what it is for."""
    bench = replace(desk.bench, endpoint_url="", slack_url="https://slack.com/api/",
                    planning=replace(desk.planning, provider_mirror=None))  # fmt: skip
    two = Inventory((watched(), watched(command="tofu")))
    hosts = {str(host): host.why for host in hosts_needed(bench, two)}
    assert hosts == {
        "s3.eu-west-1.amazonaws.com:443": "the states in S3",
        "dynamodb.eu-west-1.amazonaws.com:443": "their locks in DynamoDB",
        "sts.us-east-1.amazonaws.com:443": "AWS STS",
        "registry.terraform.io:443": "the registry of providers",
        "registry.opentofu.org:443": "the registry of providers",
        "slack.com:443": "Slack",
    }
    nobody = {item.name: item for item in checklist(replace(desk.bench, slack_url="http://127.0.0.1:9"), None)}
    assert nobody["network 127.0.0.1:9"].answer is FAIL
    assert nobody["network states"].answer is UNKNOWN
    assert nobody["variables"].answer is UNKNOWN


def test_a_host_is_reached_or_it_says_why_not() -> None:
    """Directly, through a proxy, and past it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        here = Host("127.0.0.1", port, "x")
        assert why_unreachable(here, {}) == ""
        away = {"HTTPS_PROXY": "http://127.0.0.1:9"}
        assert "through the proxy 127.0.0.1:9" in why_unreachable(here, away)
        assert why_unreachable(here, {**away, "NO_PROXY": "localhost,127.0.0.1"}) == ""
    assert "refused" in why_unreachable(here, {})
    assert "does not resolve" in why_unreachable(Host("nowhere.invalid", 443, "x"), {})
    assert host_of("nonsense", "x") is None
    assert host_of("https://[::1", "x") is None
    assert host_of("http://h:bad", "x") is None


MODULE = """
variable "plain" {}
variable "typed" { type = list(string) }
variable "secret" {
  sensitive = true
}
variable "optional" {
  type    = string
  default = null
}
"""


def _given(tmp_path: Path, rules: tuple[PlanRule, ...] = (), **more: Any) -> tuple[tuple[str, ...], ...]:
    (tmp_path / "app").mkdir(exist_ok=True)
    (tmp_path / "app" / "main.tf").write_text(MODULE)
    found = given(watched(**{"vars": {}, **more}), tmp_path, grant(rules, "dev", "app", ""))
    return found.missing, found.unknown, tuple(str(Path(one).name) for one in found.unread)


def test_variables_get_their_values_from_many_places(tmp_path: Path) -> None:
    """Vars, environment, rules, named files and those that Terraform reads by itself."""
    everything = ("plain", "typed", "secret")
    assert _given(tmp_path) == (everything, (), ())
    assert _given(tmp_path, vars={"plain": None, "typed": [], "secret": CANARY}) == ((), (), ())
    assert _given(tmp_path, env={"TF_VAR_plain": "x"}) == (("typed", "secret"), (), ())
    rule = PlanRule(variables={"secret": CANARY}, environment={"TF_VAR_typed": "[]"})
    assert _given(tmp_path, (rule,)) == (("plain",), (), ())
    (tmp_path / "app" / "terraform.tfvars").write_text('plain = "x"\n')
    (tmp_path / "app" / "b.auto.tfvars.json").write_text('{"typed": []}')
    assert _given(tmp_path) == (("secret",), (), ())
    (tmp_path / "own.tfvars").write_text(f'secret = "{CANARY}"\n')
    assert _given(tmp_path, var_files=("../own.tfvars",)) == ((), (), ())


def test_what_is_masked_or_not_worked_out_is_not_known(tmp_path: Path) -> None:
    """Such a value is neither there nor missing."""
    values = {"plain": "<MASKED>", "typed": ["x", {"y": "<MASKED>"}]}
    assert _given(tmp_path, vars=values, unresolved=("secret",)) == ((), ("plain", "typed", "secret"), ())
    assert _given(tmp_path, unresolved=("env.TF_VAR_plain",))[1] == ("plain",)


def test_an_override_file_may_add_a_default(tmp_path: Path) -> None:
    """As Terraform merges them."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "x_override.tf.json").write_text(
        json.dumps({"variable": {"plain": {"default": 1}, "typed": {"default": []}, "secret": [{"default": ""}]}})
    )
    assert _given(tmp_path) == ((), (), ())


def test_what_cannot_be_read_is_told_with_its_place(tmp_path: Path) -> None:
    """A file that does not parse, a var file that is not there, no folder at all."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "bad.tf").write_text("variable {\n}}")
    assert _given(tmp_path, vars={"plain": 1, "typed": 2, "secret": 3}, var_files=("gone.tfvars",))[2] == (
        "bad.tf:2: cannot be parsed", "gone.tfvars: cannot be read: No such file or directory",
    )  # fmt: skip
    gone = given(watched(), tmp_path / "elsewhere", Grant())
    assert gone.unread == ("app: the folder is not there",)


def test_a_missing_variable_fails_the_instance_that_lacks_it(desk: Desk, proxy: Proxy) -> None:
    """By name, and no value of any other is told."""
    other = replace(
        watched(proxy.url, vars={"colour": CANARY}), instance=Instance("dev", "b", "app", working_directory="app")
    )
    items = desk.items(Inventory((watched(proxy.url), other)))
    assert items["variables dev/app"].answer is PASS
    assert items["variables dev/b"].told == "dev/b gives no value to size"
    assert CANARY not in repr(items)
    unresolved = replace(watched(proxy.url, vars={}), unresolved=("size",))
    assert desk.items(Inventory((unresolved,)))["variables dev/app"].answer is UNKNOWN


def test_room_for_planning(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory of one plan, and disk for its providers."""
    assert desk.items(memory_bytes=BYTES_PER_PLAN - 1)["memory"].answer is FAIL
    assert desk.items(memory_bytes=0)["memory"].answer is UNKNOWN
    monkeypatch.setattr(grounds, "DISK_BYTES", 2**62)
    assert desk.items()["disk space"].answer is FAIL


ITEMS = (
    Item("a", PASS, "fine"), Item("b one", FAIL, "broken\x1b[31m", "mend it"),
    Item("c", UNKNOWN, "nobody knows", "look"), Item("d", UNNEEDED, "not used"),
)  # fmt: skip


def test_the_table_says_what_to_do() -> None:
    """One line each, the remedy below what did not pass, no control characters, and a count."""
    assert list(table(ITEMS)) == [
        "pass            a      fine",
        "FAIL            b one  broken [31m",
        "                       -> mend it",
        "COULD NOT LOOK  c      nobody knows",
        "                       -> look",
        "-               d      not used",
        "",
        "1 passed, 1 failed, 1 could not be looked at",
    ]
    assert [exit_code(ITEMS[:number]) for number in (0, 1, 2, 3, 4)] == [3, 0, 1, 3, 3]
    assert exit_code(ITEMS[3:]) == 0
    assert report(ITEMS)["exit_code"] == 3


def test_the_check_gives_a_reading_for_each_item(desk: Desk, proxy: Proxy) -> None:
    """And one that counts them; what is merely not as the guideline wants it is compliance."""
    desk.write("app/new.tf", "")
    desk.program("atmos", "exit 1")
    place = Workshop(desk.bench, Inventory((watched(proxy.url),), loaded_at=Clock()()), None, Clock())
    readings = {reading.resource: reading for reading in Toolchain().run(place)}
    assert readings["git clean"].findings[0].kind is Kind.COMPLIANCE
    assert (readings["atmos"].outcome, readings["atmos"].findings[0].kind) == (Outcome.UNKNOWN, Kind.MONITORING)
    assert readings["terraform"].outcome is Outcome.HEALTHY
    whole = readings["toolchain"]
    assert (whole.outcome, dict(whole.values)) == (
        Outcome.UNKNOWN, {"items_passed": 7.0, "items_failed": 1.0, "items_unknown": 1.0},
    )  # fmt: skip
    assert {reading.verdict for reading in readings.values()} <= set(Toolchain.verdicts)


def test_an_empty_list_is_no_pass() -> None:
    """Nothing looked at is nothing known."""

    class Nothing(Workshop):
        def checklist(self) -> tuple[Item, ...]:
            return ()

    place = Nothing.__new__(Nothing)
    object.__setattr__(place, "key", "toolchain")
    (reading,) = Toolchain().run(place)
    assert reading.outcome is Outcome.UNKNOWN


def test_identities_do_not_print_their_keys() -> None:
    """Nor does the bench."""
    assert CANARY not in repr(Identity("id", CANARY))

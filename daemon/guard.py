"""Stands in for Terraform and refuses whatever could write.

Run with ``python -I guard.py ARGUMENT…`` in place of `terraform` or `tofu`; the standard library is all it needs.
Its settings come from the environment (the wrapper that starts it sets them last, so that a stack cannot):

BAROGRAPH_GUARD_TERRAFORM  absolute path of the real program
BAROGRAPH_GUARD_LOG        file that gets one JSON line per call (optional)
BAROGRAPH_GUARD_WORKSPACE  the workspace of every plan (optional)
BAROGRAPH_GUARD_SELECT     "1": `workspace select` of one that exists may run, which writes nothing but a local note
BAROGRAPH_GUARD_INIT_LOCK  file that is locked while `init` runs: inits side by side damage a plugin cache (optional)
BAROGRAPH_GUARD_ROOT       folder outside which nothing is done but asking for the version (optional)
BAROGRAPH_GUARD_PROVIDERS  JSON list of provider sources that may run (optional: any)
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

REFUSED = 97  # Terraform ends with 0, 1 or 2
MESSAGE = "refused by Barograph's guard"

_PREFIX = "BAROGRAPH_GUARD_"

# What planning and listing need, with the flags that would make each write, migrate, prompt or skip looking.
_ALLOWED: Mapping[tuple[str, ...], frozenset[str]] = {
    ("version",): frozenset(),
    ("init",): frozenset({"migrate-state", "force-copy", "from-module"}),
    ("plan",): frozenset({"destroy", "target", "target-file", "exclude", "exclude-file", "replace", "refresh",
                          "refresh-only", "generate-config-out"}),
    ("show",): frozenset(),
    ("validate",): frozenset(),
    ("output",): frozenset(),
    ("providers", "schema"): frozenset(),
    ("workspace", "list"): frozenset(),
    ("workspace", "show"): frozenset(),
}  # fmt: skip
_GLOBAL = frozenset({"chdir", "version", "help", "no-color"})
_RUNS_PROVIDERS = frozenset({"plan", "show", "validate", "providers"})
# Backend settings and variables may be secret; a varfile's path is not.
_SECRET_VALUE = frozenset({"var", "backend-config"})


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Judge one call, run it if it only reads, log it. Gives the exit code."""
    began = time.time()
    terraform = environ.get(_PREFIX + "TERRAFORM", "")
    refusal = "" if terraform else "BAROGRAPH_GUARD_TERRAFORM is not set"
    command, rest = split_global(argv)
    refusal = refusal or why_refused(command, rest, may_select=environ.get(_PREFIX + "SELECT") == "1")
    refusal = refusal or _outside(environ.get(_PREFIX + "ROOT", ""), command, rest)
    child_env = child_environment(environ, rest)
    if not refusal and rest[:1] and rest[0] in _RUNS_PROVIDERS and _PREFIX + "PROVIDERS" in environ:
        refusal = _unlisted_providers(terraform, command, environ[_PREFIX + "PROVIDERS"], child_env)
    code = REFUSED
    if refusal:
        sys.stderr.write(f"{MESSAGE}: {refusal}\n")
        sys.stderr.flush()
    else:
        with _alone(environ.get(_PREFIX + "INIT_LOCK", "") if rest[:1] == ["init"] else ""):
            code = _run(terraform, [*command, *_forced(rest)], child_env)
    _log(environ.get(_PREFIX + "LOG", ""), argv, began, code, refusal)
    return code


def split_global(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Terraform's global options (before the subcommand), and the rest."""
    for index, argument in enumerate(argv):
        if not argument.startswith("-"):
            return list(argv[:index]), list(argv[index:])
    return list(argv), []


def why_refused(global_options: Sequence[str], rest: Sequence[str], *, may_select: bool = False) -> str:
    """Why this call must not run; empty: it only reads."""
    for option in global_options:
        if _flag(option) not in _GLOBAL:
            return f"option {_shown(option)}"
    if not rest:
        asked = any(_flag(option) in ("version", "help") for option in global_options)
        return "" if asked else "no subcommand"
    for words, forbidden in _ALLOWED.items():
        if tuple(rest[: len(words)]) == words:
            return _bad_flag(" ".join(words), rest[len(words) :], forbidden)
    if may_select and tuple(rest[:2]) == ("workspace", "select"):
        return ""
    return " ".join(word for word in rest[:2] if re.fullmatch(r"[a-z0-9-]+", word)) or "this subcommand"


def _outside(root: str, global_options: Sequence[str], rest: Sequence[str]) -> str:
    """Why the folder that Terraform would work in is not *root* or below; empty: it is, or does not matter."""
    if not root or rest[:1] in ([], ["version"]):
        return ""
    named = [option.partition("=")[2] for option in global_options if _flag(option) == "chdir"]
    folder = os.path.realpath(os.path.join(os.getcwd(), *named))
    within = os.path.commonpath([folder, os.path.realpath(root)]) == os.path.realpath(root)
    return "" if within else f"{rest[0]} outside the private copy"


def _bad_flag(subcommand: str, arguments: Sequence[str], forbidden: frozenset[str]) -> str:
    for argument in arguments:
        name, _, value = argument.lstrip("-").partition("=") if argument.startswith("-") else ("", "", "")
        if name in forbidden and not (name == "refresh" and value == "true"):
            return f"{subcommand} -{name}"
    return ""


def _forced(rest: Sequence[str]) -> list[str]:
    """A plan never locks, neither it nor `init` ever asks, and selecting a workspace never creates one."""
    if tuple(rest[:2]) == ("workspace", "select"):
        return [argument for argument in rest if _flag(argument) != "or-create"]
    ours = {"plan": ["-input=false", "-lock=false"], "init": ["-input=false"]}.get(rest[0] if rest else "")
    if ours is None:
        return list(rest)
    kept = [argument for argument in rest[1:] if _flag(argument) not in ("lock", "input", "lock-timeout")]
    return [rest[0], *ours, *kept]


def child_environment(environ: Mapping[str, str], rest: Sequence[str]) -> dict[str, str]:
    """The environment without what could change the call behind our back; a plan has its workspace set."""
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith(("TF_CLI_ARGS", "TF_LOG", _PREFIX)) and name != "TF_REATTACH_PROVIDERS"
    }
    workspace = environ.get(_PREFIX + "WORKSPACE")
    if workspace and rest[:1] == ["plan"]:
        kept["TF_WORKSPACE"] = workspace
    return kept


def redacted(argv: Sequence[str]) -> list[str]:
    """The arguments with the values of variables and backend settings put out."""
    shown: list[str] = []
    hide = False
    for argument in argv:
        if hide:
            shown.append(_without_value(argument))
            hide = False
            continue
        name = _flag(argument)
        if name in _SECRET_VALUE:
            head, equals, value = argument.partition("=")
            hide = not equals
            shown.append(f"{head}={_without_value(value)}" if equals else head)
        else:
            shown.append(argument)
    return shown


def _without_value(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    return f"{name}=***" if equals else "***"


def _flag(argument: str) -> str:
    """The name of an option: Go's flag package takes one dash or two."""
    if not argument.startswith("-"):
        return ""
    return argument.lstrip("-").partition("=")[0]


def _shown(argument: str) -> str:
    return argument.partition("=")[0]


def _unlisted_providers(terraform: str, command: Sequence[str], allowed: str, env: Mapping[str, str]) -> str:
    """Why the providers that `init` selected may not run. Reads the lock file only, by `version -json`."""
    read, write = os.pipe()
    pid = _spawn(terraform, [*command, "version", "-json"], env, [(os.POSIX_SPAWN_DUP2, write, 1)])
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(pid, 0)
    try:
        selected = json.loads(answer)["provider_selections"]
        listed = {short(source) for source in json.loads(allowed)}
    except (ValueError, KeyError, TypeError):
        return "the selected providers cannot be read"
    strangers = sorted(short(source) for source in selected if short(source) not in listed)
    return f"provider {', '.join(strangers)} is not on the list of allowed providers" if strangers else ""


def short(source: str) -> str:
    """A provider source without a public registry's host: "hashicorp/aws"."""
    for host in ("registry.terraform.io/", "registry.opentofu.org/"):
        source = source.removeprefix(host)
    return source.lower()


@contextmanager
def _alone(lock: str) -> Iterator[None]:
    """Hold the file *lock*; without one, nothing. The system drops it when this process is killed."""
    if not lock:
        yield
        return
    with open(lock, "a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _spawn(program: str, argv: Sequence[str], env: Mapping[str, str], actions: Sequence[tuple[int, int, int]]) -> int:
    return os.posix_spawn(program, [program, *argv], dict(env), file_actions=list(actions))


def _run(terraform: str, argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Run Terraform as a child, pass signals on, and give its exit code (128+n after a signal, as shells do)."""
    try:
        pid = _spawn(terraform, argv, env, [])
    except OSError as error:
        sys.stderr.write(f"{terraform} cannot be started: {error.strerror}\n")
        return 127

    def forward(number: int, _frame: FrameType | None) -> None:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, forward)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _log(path: str, argv: Sequence[str], began: float, code: int, refusal: str) -> None:
    if not path:
        return
    line = json.dumps({"argv": redacted(argv), "start": began, "end": time.time(), "rc": code, "refused": refusal})
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, line.encode() + b"\n")  # one write: calls that run side by side do not mix their lines
    finally:
        os.close(handle)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))

"""What is known of a run beside its output: who, where, which commit, which argv. No variable's value."""

from __future__ import annotations

import getpass
import os
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from checks.plans.redact import SENSITIVE, Scrubber, secret_name
from daemon.guard import redacted
from daemon.processes import Processes, ProgramMissingError

GIT_SECONDS = 1.0
_SHORTEST = 6  # characters of a variable's value that is taken for a secret

# What a CI sets: its name, actor, number of the attempt, and the page of this job.
_CIS: tuple[tuple[str, str, tuple[str, ...], str, tuple[str, ...]], ...] = (
    ("github", "GITHUB_ACTIONS", ("GITHUB_TRIGGERING_ACTOR", "GITHUB_ACTOR"), "GITHUB_RUN_ATTEMPT", ()),
    ("gitlab", "GITLAB_CI", ("GITLAB_USER_LOGIN",), "", ("CI_JOB_URL", "CI_PIPELINE_URL")),
    ("circleci", "CIRCLECI", ("CIRCLE_USERNAME",), "", ("CIRCLE_BUILD_URL",)),
    ("buildkite", "BUILDKITE", ("BUILDKITE_BUILD_CREATOR_EMAIL", "BUILDKITE_BUILD_CREATOR"), "BUILDKITE_RETRY_COUNT",
     ("BUILDKITE_BUILD_URL",)),
    ("jenkins", "JENKINS_URL", ("BUILD_USER_ID", "CHANGE_AUTHOR"), "", ("BUILD_URL",)),
)  # fmt: skip
_URL = re.compile(r"https?://[^\s@]{1,900}")


def scrubber(environ: Mapping[str, str], argv: Sequence[str]) -> Scrubber:
    """What takes secrets out: what variables and arguments of secret names hold, and what looks like one."""
    known = {value for name, value in environ.items() if secret_name(name.lower()) and len(value) >= _SHORTEST}
    pairs = [word.lstrip("-").removeprefix("var=").partition("=") for word in argv]
    known |= {value for name, _, value in pairs if secret_name(name.lower()) and value}
    known |= {after for word, after in pairwise(argv) if _is_secret_option(word)}
    return Scrubber(frozenset(known))


def shown_argv(argv: Sequence[str], scrub: Scrubber) -> list[str]:
    """*argv* without the values of variables, backend settings and options of secret names."""
    shown: list[str] = []
    hide = False
    for word in redacted(argv):
        name, equals, _ = word.partition("=")
        if hide:
            word = SENSITIVE
        elif equals and secret_name(name.lstrip("-").lower()):
            word = f"{name}={SENSITIVE}"
        hide = not hide and _is_secret_option(word)
        shown.append(scrub.text(word)[:500])
    return shown[:200]


def _is_secret_option(word: str) -> bool:
    return word.startswith("-") and "=" not in word and secret_name(word.lstrip("-").lower())


def surroundings(environ: Mapping[str, str]) -> dict[str, Any]:
    """Actor, host, CI and its page, the attempt, the run that this one is part of."""
    facts: dict[str, Any] = {"host": platform.node(), "actor": "", "pid": os.getppid()}
    for name, mark, actors, attempt, urls in _CIS:
        if not environ.get(mark):
            continue
        facts["ci"] = name
        facts["actor"] = next((environ[actor] for actor in actors if environ.get(actor)), "")
        facts["ci_url"] = _github_url(environ) if name == "github" else _url(environ, urls)
        if environ.get(attempt, "").isascii() and environ.get(attempt, "").isdigit():
            facts["attempt"] = int(environ[attempt][:6])
        break
    facts["actor"] = facts["actor"] or _user(environ)
    parent, depth = environ.get("BAROGRAPH_RUN_ID", ""), environ.get("ATMOS_SHLVL", "")
    if re.fullmatch(r"[0-9a-f-]{36}", parent):
        facts["parent"] = parent
    if depth.isascii() and depth.isdigit():
        facts["depth"] = int(depth[:4])
    return {name: value for name, value in facts.items() if value != ""}


def _github_url(environ: Mapping[str, str]) -> str:
    parts = [environ.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
    url = f"{parts[0]}/{parts[1]}/actions/runs/{parts[2]}"
    if environ.get("GITHUB_RUN_ATTEMPT"):
        url += f"/attempts/{environ['GITHUB_RUN_ATTEMPT']}"
    return url if all(parts) and _URL.fullmatch(url) else ""


def _url(environ: Mapping[str, str], names: Sequence[str]) -> str:
    return next((environ[name] for name in names if _URL.fullmatch(environ.get(name, ""))), "")


def _user(environ: Mapping[str, str]) -> str:
    if environ.get("SUDO_USER"):
        return environ["SUDO_USER"]
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def git(folder: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    """Commit and its time, branch, and whether files differ from it; only what git tells within a second each."""
    own = {name: environ[name] for name in ("PATH", "HOME") if name in environ}
    own |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    # Without fsmonitor: a repository's configuration may name a program there.
    words = ["git", "-c", "core.fsmonitor=false", "status", "--porcelain=v2", "--branch", "--untracked-files=no"]
    try:
        done = Processes().run(words, cwd=folder, env=own, deadline=GIT_SECONDS, stdout_limit=1_048_576)
    except (ProgramMissingError, OSError):
        return {}
    if done.rc != 0 and not done.truncated:
        return {}
    facts: dict[str, Any] = {"git_dirty": False}
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        if line.startswith("# branch.oid ") and re.fullmatch(r"[0-9a-f]{40,64}", line[13:]):
            facts["git_sha"] = line[13:]
        elif line.startswith("# branch.head ") and line[14:] != "(detached)":
            facts["git_branch"] = line[14:]
        elif not line.startswith("#"):
            facts["git_dirty"] = True
    committed = _committed_at(folder, own, facts["git_sha"]) if "git_sha" in facts else ""
    return {**facts, "git_committed_at": committed} if committed else facts


def _committed_at(folder: Path, own: Mapping[str, str], commit: str) -> str:
    """When the commit was made, by who committed it; empty: not known."""
    # Plumbing: `git show` may start what a repository's configuration names for signatures.
    try:
        done = Processes().run(
            ["git", "cat-file", "commit", commit], cwd=folder, env=own, deadline=GIT_SECONDS, stdout_limit=65_536
        )
    except (ProgramMissingError, OSError):
        return ""
    head = done.stdout.partition(b"\n\n")[0].decode("utf-8", "replace")
    found = re.search(r"^committer [^\n]*> (\d{1,11}) [+-]\d{4}$", head, re.MULTILINE | re.ASCII)
    return datetime.fromtimestamp(int(found[1]), UTC).isoformat() if found else ""

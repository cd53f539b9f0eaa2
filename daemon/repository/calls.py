"""Runs git so that nothing a repository holds is ever executed, and every call ends.

All of git's configuration comes from one file of ours, which git takes for the user's own: the processes that git
itself starts heed it, too, and what would make git run something cannot be undone by a repository's own configuration.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from daemon.processes import MIB, Finished, ProcessesClosedError, ProgramMissingError
from daemon.repository.access import Access
from daemon.repository.address import Address, Transport
from daemon.repository.faults import Fault, FetchError, fault_of, told

LOCAL_SECONDS = 120.0  # of a call that only reads or writes our own disk
_STDERR = MIB

_PASSED_ON = ("http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "TMPDIR")

# Histories are full of small sins that do no harm; all else that fsck finds is refused.
_FORGIVEN = (
    "badDate", "badDateOverflow", "badEmail", "badFilemode", "badName", "badTimezone", "emptyName", "missingEmail",
    "missingNameBeforeEmail", "missingSpaceBeforeDate", "missingSpaceBeforeEmail", "missingTaggerEntry",
    "nullSha1", "unknownType", "zeroPaddedDate", "zeroPaddedFilemode",
)  # fmt: skip

_CONFIG: tuple[tuple[str, str], ...] = (
    ("core.hooksPath", os.devnull),
    ("core.fsmonitor", "false"),
    ("core.askPass", ""),
    ("core.attributesFile", os.devnull),
    ("core.excludesFile", os.devnull),
    ("core.autocrlf", "false"),
    ("core.symlinks", "true"),
    ("core.protectHFS", "true"),
    ("core.protectNTFS", "true"),
    ("core.logAllRefUpdates", "false"),
    ("core.fsync", "loose-object,pack,pack-metadata,reference"),
    ("protocol.version", "2"),
    ("protocol.allow", "never"),
    ("safe.directory", "*"),  # a volume may belong to somebody else; what is in it is not run either way
    ("safe.bareRepository", "explicit"),
    ("transfer.fsckObjects", "true"),
    ("transfer.unpackLimit", "1"),  # one pack, whose growth can be watched
    ("transfer.bundleURI", "false"),
    ("transfer.credentialsInUrl", "die"),
    ("fetch.recurseSubmodules", "false"),
    ("submodule.recurse", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("http.followRedirects", "false"),
    ("http.lowSpeedLimit", "1000"),  # bytes a second …
    ("http.lowSpeedTime", "30"),  # … for that many seconds: a server that hangs
    ("http.sslVerify", "true"),
    ("pack.threads", "1"),
    *((f"fetch.fsck.{name}", "warn") for name in _FORGIVEN),
)


class Run(Protocol):
    """daemon.processes.Processes.run."""

    def __call__(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | str,
        env: Mapping[str, str],
        deadline: float,
        stdout_limit: int = ...,
        stderr_limit: int = ...,
        pass_fds: Sequence[int] = ...,
        enough: Callable[[], bool] | None = ...,
    ) -> Finished: ...


@dataclass(frozen=True, slots=True)
class Git:
    """Git for one repository. *home* is a folder of ours that nobody else can read."""

    run: Run
    home: Path
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)  # of which git sees a little
    access: Access = field(default_factory=Access)

    def local(
        self, repository: Path, *arguments: str, what: str, more: Mapping[str, str] | None = None,
        enough: Callable[[], bool] | None = None, stdout_limit: int = 16 * MIB, deadline: float = LOCAL_SECONDS,
    ) -> bytes:  # fmt: skip
        """What git prints about a repository on this disk. Raises FetchError; *what* says what was tried."""
        argv = [f"--git-dir={repository}", *arguments]
        return self._checked(argv, what, None, None, more or {}, deadline, enough, stdout_limit)

    def remote(
        self, address: Address, *arguments: str, what: str, deadline: float,
        enough: Callable[[], bool] | None = None, stdout_limit: int = 16 * MIB,
    ) -> bytes:  # fmt: skip
        """The same of a call that talks to *address*, signed in."""
        with self.access.opened(address) as descriptor:
            return self._checked(arguments, what, address, descriptor, {}, deadline, enough, stdout_limit)

    def _checked(
        self, arguments: Sequence[str], what: str, address: Address | None, descriptor: int | None,
        more: Mapping[str, str], deadline: float, enough: Callable[[], bool] | None, stdout_limit: int,
    ) -> bytes:  # fmt: skip
        program = shutil.which("git", path=self.environment.get("PATH", os.defpath))
        if program is None:
            raise FetchError(Fault.NO_GIT, what)
        with self._configured(address, descriptor) as env:
            try:
                finished = self.run(
                    [program, *arguments],
                    cwd=self.home,
                    env={**env, **more},
                    deadline=deadline,
                    stdout_limit=stdout_limit,
                    stderr_limit=_STDERR,
                    pass_fds=() if descriptor is None else (descriptor,),
                    enough=enough,
                )
            except ProgramMissingError as missing:
                raise FetchError(Fault.NO_GIT, what, str(missing)) from None
            except ProcessesClosedError:
                raise FetchError(Fault.STOPPED, what) from None
        return self._judged(finished, what)

    def _judged(self, finished: Finished, what: str) -> bytes:
        if finished.stopped:
            raise FetchError(Fault.STOPPED, what)
        if finished.enough:
            raise FetchError(Fault.TOO_LARGE, what)
        if finished.timed_out:
            raise FetchError(Fault.TIMED_OUT, what)
        if finished.truncated:
            raise FetchError(Fault.TOO_LARGE, what, "git printed too much, and was ended")
        if finished.rc == 0:
            return finished.stdout
        text = finished.stderr.decode("utf-8", errors="replace")
        if finished.rc is None:
            # What a signal cut off has said nothing that could be relied on.
            raise FetchError(Fault.FAILED, what, f"git was ended by signal {finished.signal}")
        raise FetchError(fault_of(text), what, told(text, self.access.secrets) or f"exit code {finished.rc}")

    @contextmanager
    def _configured(self, address: Address | None, descriptor: int | None) -> Iterator[dict[str, str]]:
        """The environment of one call. Its configuration goes into a file of its own: calls run side by side."""
        transport = address.transport if address is not None else None
        pairs = [*_CONFIG]
        if transport is not None:
            pairs.append((f"protocol.{transport}.allow", "always"))
        if address is not None:
            pairs += self.access.helper(descriptor)
        file = self.home / f"config-{os.urandom(8).hex()}"
        try:
            try:
                file.touch(mode=0o600, exist_ok=False)
                file.write_text(_as_config(pairs))
            except OSError as error:
                what = f"git's configuration in {self.home}"
                raise FetchError(of_system(error), what, error.strerror or "") from None
            yield self._env(file, transport)
        finally:
            file.unlink(missing_ok=True)

    def _env(self, config: Path, transport: Transport | None) -> dict[str, str]:
        given = self.environment
        env = {name: given[name] for name in _PASSED_ON if name in given}
        for ours, name in (("SSL_CERT_FILE", "GIT_SSL_CAINFO"), ("SSL_CERT_DIR", "GIT_SSL_CAPATH")):
            if ours in given:
                env[name] = given[ours]
        env |= {
            "PATH": given.get("PATH", os.defpath),
            "HOME": str(self.home),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(config),
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_CEILING_DIRECTORIES": str(self.home.parent),
            "GIT_ALLOW_PROTOCOL": str(transport or "none"),
            "GIT_PROTOCOL_FROM_USER": "0",
        }
        if transport is Transport.SSH:
            env |= {"GIT_SSH_COMMAND": self.access.ssh(), "GIT_SSH_VARIANT": "ssh"}
        return env


def of_system(error: OSError) -> Fault:
    """Which reason an error of the system stands for."""
    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return Fault.DISK_FULL if error.errno in full else Fault.FAILED


def _as_config(pairs: Sequence[tuple[str, str]]) -> str:
    """The text of a git configuration file."""
    lines = []
    for name, value in pairs:
        section, _, key = name.rpartition(".")
        section, _, subsection = section.partition(".")
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'[{section} "{subsection}"]' if subsection else f"[{section}]")
        lines.append(f'\t{key} = "{quoted}"')
    return "\n".join(lines) + "\n"

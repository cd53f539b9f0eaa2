"""How a repository is signed in to, so that the credential is in no argument, variable, file of git's or log."""

from __future__ import annotations

import contextlib
import os
import shlex
import tempfile
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from daemon.repository.address import Address

USERNAME = "x-access-token"  # what GitHub takes beside a token; GitLab takes any name, Bitbucket x-token-auth


@dataclass(frozen=True, slots=True)
class Access:
    """A token for HTTPS, or a key for SSH; nothing for what is public."""

    origin: str = ""  # Address.origin of the one host that is told the token
    username: str = ""
    token: str = field(default="", repr=False)
    ssh_key_file: Path | None = None
    known_hosts_file: Path | None = None

    @property
    def secrets(self) -> frozenset[str]:
        """The token in the forms in which an error text could quote it."""
        if not self.token:
            return frozenset()
        return frozenset({self.token, urllib.parse.quote(self.token, safe=""), urllib.parse.quote(self.token)})

    def helper(self, descriptor: int | None) -> list[tuple[str, str]]:
        """Configuration of git: asked for a password for our own host, it reads the open *descriptor*.

        Any other host, be it of a redirect or of a submodule, gets nothing.
        """
        found = [("credential.helper", "")]
        if descriptor is not None:
            command = f'!f() {{ test "$1" = get && cat /dev/fd/{descriptor}; }}; f'
            found.append((f"credential.{self.origin}.helper", command))
        return found

    @contextlib.contextmanager
    def opened(self, address: Address) -> Iterator[int | None]:
        """A descriptor from which git's helper reads the credential; None where there is none to give.

        It is memory (memfd_create), so that nothing stays on a disk however this process ends; where the system has no
        such thing, a file that is removed before anything is written into it.
        """
        if not self.token or not self.origin or address.origin != self.origin:
            yield None
            return
        answer = f"username={self.username or USERNAME}\npassword={self.token}\n".encode()
        descriptor = os.memfd_create("git") if hasattr(os, "memfd_create") else _unlinked()
        try:
            os.write(descriptor, answer)
            os.lseek(descriptor, 0, os.SEEK_SET)
            yield descriptor
        finally:
            os.close(descriptor)

    def ssh(self) -> str:
        """GIT_SSH_COMMAND: this key and these hosts only, nobody's own ssh configuration, never a question."""
        known = str(self.known_hosts_file or os.devnull).replace("%", "%%")
        options = {
            "BatchMode": "yes",
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": f'"{known}"',
            "GlobalKnownHostsFile": os.devnull,
            "UpdateHostKeys": "no",
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "PreferredAuthentications": "publickey",
            "ForwardAgent": "no",
            "ForwardX11": "no",
            "ClearAllForwardings": "yes",
            "PermitLocalCommand": "no",
            "ControlPath": "none",
            "ConnectTimeout": "15",
            "ServerAliveInterval": "10",
            "ServerAliveCountMax": "3",
        }
        words = [
            "ssh",
            "-F",
            os.devnull,
            *(word for name, value in options.items() for word in ("-o", f"{name}={value}")),
        ]
        if self.ssh_key_file is not None:
            words += ["-i", str(self.ssh_key_file).replace("%", "%%")]
        return shlex.join(words)


def _unlinked() -> int:
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())

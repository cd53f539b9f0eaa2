"""Addresses of git repositories, and names of refs: what may be given to git, and what never is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import unquote, urlsplit

_SCP = re.compile(r"(?P<user>[A-Za-z0-9_][\w.-]*)@(?P<host>[A-Za-z0-9][\w.-]*):(?P<path>(?!//)[^-:].*)")
_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_NO_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)|\.(?:/|$)|/$")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LONGEST = 2048


class Transport(StrEnum):
    """How a repository is reached."""

    HTTPS = "https"
    HTTP = "http"  # to this machine only
    SSH = "ssh"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Address:
    """One repository. There is no user, password or token in *url*, apart from the user of SSH, which is public."""

    url: str  # as git takes it
    transport: Transport
    origin: str = ""  # https://host:port, for which alone credentials are given out; empty: none

    def __str__(self) -> str:
        return self.url


def parse(text: str) -> Address:
    """An address as people write it: https://…, ssh://…, git@host:path, file:///…, /path.

    Raises ValueError, whose words never repeat *text*: people paste tokens into it.
    """
    if not text.isprintable() or len(text) > _LONGEST or " " in text:
        raise ValueError("must be the address of a git repository; it holds what no address can hold")
    if text.startswith("/"):
        return Address(Path(text).as_uri(), Transport.FILE)
    if "://" not in text and _SCP.fullmatch(text):
        return Address(text, Transport.SSH)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("must be the address of a git repository, such as https://github.com/acme/infra.git") from None
    # A token that holds a / would end the host's name early: no @ may follow either.
    if parts.password is not None or ("@" in unquote(parts.path) and parts.scheme != "file"):
        raise ValueError("must not hold a password or token; give it in source.token or source.token_file")
    if parts.query or parts.fragment or "?" in text or "#" in text:
        raise ValueError("must not hold a ? or #; a ref is given in source.ref, a folder in source.subfolder")
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        return Address(text, Transport.FILE)
    host = parts.hostname or ""
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*|[0-9a-fA-F:.]+", host) or parts.path in ("", "/"):
        raise ValueError(
            "must be the address of a git repository, such as https://github.com/acme/infra.git or "
            "git@github.com:acme/infra.git"
        )
    if parts.scheme == "ssh":
        if parts.username is not None and not _NAME.fullmatch(parts.username):
            raise ValueError("must name a plain user before the @")
        return Address(text, Transport.SSH)
    return _web(text, parts.scheme, host, port, named=parts.username is not None)


def _web(text: str, scheme: str, host: str, port: int | None, *, named: bool) -> Address:
    if scheme not in ("https", "http"):
        raise ValueError("must begin with https://, ssh://, file:/// or be of the form git@host:path")
    if named:
        raise ValueError("must not hold a user; give it in source.username, and its token in source.token")
    if scheme == "http" and host not in _LOOPBACK:
        raise ValueError("is plain http: what is fetched could be changed on the way, and is run; use https")
    shown = f"[{host}]" if ":" in host else host
    return Address(text, Transport(scheme), f"{scheme}://{shown}" + (f":{port}" if port is not None else ""))


def beside(parent: Address, written: str) -> Address:
    """The address that `.gitmodules` of *parent* writes; `./` and `../` start from the parent. Raises ValueError."""
    if not written.startswith(("./", "../")):
        return parse(written)
    base, rest = parent.url.rstrip("/"), written
    while rest.startswith(("./", "../")):
        if rest.startswith("../"):
            at = max(base.rfind("/"), base.rfind(":") if parent.transport is Transport.SSH else -1)
            base = base[: at + 1].rstrip("/") if base[at] == "/" else base[: at + 1]
        rest = rest.partition("/")[2]
    found = parse(base + ("" if base.endswith(":") else "/") + rest)
    if found.origin != parent.origin or found.transport is not parent.transport:
        raise ValueError("leads to another host")
    return found


def is_commit(ref: str) -> bool:
    """Whether *ref* is the whole hash of a commit."""
    return _COMMIT.fullmatch(ref) is not None


def check_ref(text: str) -> str:
    """A branch, a tag, `refs/…` or the whole hash of a commit, as it is. Raises ValueError for what git could misread.

    The rules are those of git-check-ref-format.
    """
    if not text or text.startswith(("-", "/", ".", "+")) or text == "@" or _NO_REF.search(text) or len(text) > 255:
        raise ValueError("must be a branch, a tag, or the whole hash of a commit")
    if not text.isprintable():
        raise ValueError("must be a branch, a tag, or the whole hash of a commit; it holds what cannot be shown")
    if text.startswith("refs/") and not text.startswith(("refs/heads/", "refs/tags/")):
        raise ValueError("must be a branch or tag: refs/heads/… or refs/tags/…")
    return text

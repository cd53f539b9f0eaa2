"""What the configuration names to be looked at: endpoints and files. Each is an option, and the target of one place."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from checks.certs.endpoints import Expectation

StartTls = Literal["none", "smtp", "imap", "pop3", "ftp", "postgres", "mysql", "ldap"]
_PORTS: Mapping[str, int] = {
    "none": 443, "smtp": 25, "imap": 143, "pop3": 110, "ftp": 21, "postgres": 5432, "mysql": 3306, "ldap": 389,
}  # fmt: skip
_STAGES = ("", "production", "staging", "development")
_FORM = "write host:port, such as example.com:443 or [2001:db8::1]:443"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host and a port that speak TLS, at once or after they were asked to (STARTTLS).

    Raises ValueError for a host, a port or a stage that there cannot be.
    """

    host: str  # DNS name or IP address to connect to
    port: int = 0  # 443, or the protocol's own with starttls
    server_name: str = ""  # the name that clients ask for (SNI), where it is not the host
    starttls: StartTls = "none"  # the protocol that is asked to go over to TLS
    ca_bundle: Path | None = None  # PEM bundle that is trusted in place of the machine's own roots
    family: Literal["any", "ipv4", "ipv6"] = "any"  # addresses to look at
    expect_trusted: bool = True  # its chain must lead to a trusted root
    expect_name: bool = True  # its certificate must be for the name
    renewed_by: str = ""  # who renews it by itself, such as cert-manager: then it alarms only when that is late
    stage: str = ""  # its stage: production, staging, development; not given, it counts as production
    owner: str = ""  # who looks after it
    stack: str = ""  # the stack that it belongs to: it is looked at more often after an apply to that

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port must be 1 to 65535, not {self.port}")
        if self.stage not in _STAGES:
            raise ValueError("stage must be production, staging or development")
        for name in (self.host, self.server_name or self.host):
            if not _ascii(name):
                raise ValueError(f"this is no host: {_FORM}")
        if not self.port:
            object.__setattr__(self, "port", _PORTS[self.starttls])

    @classmethod
    def from_text(cls, text: str) -> Mapping[str, Any]:
        """The options that `host`, `host:port` or `[address]:port` stand for. Raises ValueError."""
        found = re.fullmatch(r"(?:\[([^\[\]]+)\]|([^:/\s\[\]]+))(?::([0-9]{1,5}))?", text.strip())
        if found is None:
            raise ValueError(_FORM)
        host = found[1] or found[2]
        return {"host": host, "port": int(found[3])} if found[3] else {"host": host}

    @property
    def name(self) -> str:
        """What the certificate must be for, in the form that certificates have."""
        return _ascii(self.server_name or self.host)

    @property
    def sni(self) -> str:
        """The name that is asked for; empty: an address, for which there is none."""
        return "" if is_address(self.name) else self.name

    @property
    def expectation(self) -> Expectation:
        return Expectation(self.name, self.expect_trusted, self.expect_name, self.renewed_by)

    @property
    def key(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host.lower()
        name = self.server_name and f"/{self.server_name.lower()}"
        return f"{host}:{self.port}{name}"

    @property
    def labels(self) -> Mapping[str, str]:
        return {"stage": self.stage, "owner": self.owner, **({"stack": self.stack} if self.stack else {})}


@dataclass(frozen=True, slots=True)
class LiveTarget:
    """An endpoint, and how long each of its addresses may take, in seconds."""

    endpoint: Endpoint
    seconds: float

    @property
    def key(self) -> str:
        return self.endpoint.key

    @property
    def labels(self) -> Mapping[str, str]:
        return self.endpoint.labels


@dataclass(frozen=True, slots=True)
class FilesTarget:
    """A file, a folder, or a glob of files with certificates."""

    pattern: Path

    @property
    def key(self) -> str:
        return f"files:{self.pattern}"

    @property
    def labels(self) -> Mapping[str, str]:
        return {"stage": ""}


def is_address(text: str) -> bool:
    """Whether *text* is an IP address."""
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def _ascii(name: str) -> str:
    """The ASCII form of a host name, lower case; empty where it can be none."""
    if is_address(name):
        return name
    try:
        text = name.rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        return ""
    return text if re.fullmatch(r"(?!-)[a-z0-9_-]+(\.[a-z0-9_-]+)*", text) else ""

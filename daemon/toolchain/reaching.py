"""Whether a host can be reached: over TCP, or through the proxy that the environment names."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Host:
    """A host that something of the configuration needs; *why* is for people: "Slack"."""

    name: str
    port: int
    why: str

    def __str__(self) -> str:
        return f"{self.name}:{self.port}"


def host_of(url: str, why: str) -> Host | None:
    """The host of an address; None: it is none."""
    try:
        parts = urlsplit(url)
        port = parts.port or (80 if parts.scheme == "http" else 443)
    except ValueError:
        return None
    return Host(parts.hostname, port, why) if parts.hostname else None


def why_unreachable(host: Host, environ: Mapping[str, str], seconds: float = SECONDS) -> str:
    """Why nothing can be sent to *host*, in a few words; empty: it can. What is behind the port is not asked."""
    proxy = _proxy(host, environ)
    try:
        if proxy is None:
            socket.create_connection((host.name, host.port), timeout=seconds).close()
            return ""
        connection = http.client.HTTPConnection(proxy.name, proxy.port, timeout=seconds)
        connection.set_tunnel(host.name, host.port)
        connection.connect()
        connection.close()
    except socket.gaierror:
        return f"the name {(proxy or host).name} does not resolve"
    except TimeoutError:
        return f"no connection within {seconds:.0f} s{_through(proxy)}"
    except (OSError, http.client.HTTPException) as error:
        return f"{getattr(error, 'strerror', '') or 'it refuses'}{_through(proxy)}".lower()
    return ""


def _through(proxy: Host | None) -> str:
    return f" through the proxy {proxy}" if proxy else ""


def _proxy(host: Host, environ: Mapping[str, str]) -> Host | None:
    """The proxy for *host*, as most programs read HTTPS_PROXY and NO_PROXY."""
    names = ("HTTP_PROXY", "http_proxy") if host.port == 80 else ("HTTPS_PROXY", "https_proxy")
    given = next((environ[name] for name in names if environ.get(name)), "")
    if not given:
        return None
    for part in (environ.get("NO_PROXY") or environ.get("no_proxy") or "").split(","):
        part = part.strip().lstrip(".").lower()
        if part and (part == "*" or host.name.lower() == part or host.name.lower().endswith(f".{part}")):
            return None
    return host_of(given if "://" in given else f"http://{given}", "the proxy")

"""Clients of one identity each, for planning. The only import of boto3."""

from __future__ import annotations

import threading
from typing import Any

import boto3

from daemon.aws.errors import look
from daemon.aws.sessions import OWN, AwsSettings, Identity, Sessions


class Aws:
    """Gives clients, one session per identity. Thread-safe; nothing is called when it is made."""

    def __init__(self, settings: AwsSettings | None = None) -> None:
        self._made = Sessions(settings or AwsSettings())
        self._lock = threading.Lock()
        self._sessions: dict[Identity, Any] = {}
        self._clients: dict[tuple[Any, ...], Any] = {}

    def client(
        self, service: str, region: str, *, identity: Identity = OWN, endpoint_url: str = "", path_style: bool = False
    ) -> Any:
        """A client of *service* in *region*. Raises LookFailed when the identity cannot be taken on."""
        key = (service, region, identity, endpoint_url, path_style)
        with self._lock:
            if key not in self._clients:
                with look(f"AWS credentials for {service}"):
                    self._clients[key] = self._session(identity).client(
                        service,
                        region_name=region or None,
                        endpoint_url=endpoint_url or None,
                        config=self._made.config(path_style),
                    )
            return self._clients[key]

    def _session(self, identity: Identity) -> Any:
        if identity not in self._sessions:
            self._sessions[identity] = boto3.Session(botocore_session=self._made.of(identity))
        return self._sessions[identity]

"""Sessions of botocore, and whose credentials they have. All sessions share one loader of service models.

A session that loads the models itself takes 50 MB; one that shares the loader takes 4.
"""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.loaders
import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, CredentialProvider, DeferredRefreshableCredentials
from botocore.exceptions import NoCredentialsError

from daemon.aws.refusals import Refusals

# Below 1800, botocore would take on the role for every request: it renews credentials 15 minutes before their end.
# Above it, AWS refuses a role that was taken on from another role.
ROLE_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """How clients behave. Times in seconds."""

    connect_timeout: float = 5.0
    read_timeout: float = 20.0
    attempts: int = 5  # the first included
    session_name: str = "barograph"
    connections: int = 10  # per client, at most
    # Of the clients that checks look through; planning says its own.
    profile: str = ""
    region: str = ""  # where roles are taken on
    endpoint_url: str = ""  # stands in for all of AWS


@dataclass(frozen=True, slots=True)
class Role:
    """A role to assume, and from which identity on."""

    arn: str
    external_id: str = field(default="", repr=False)
    session_name: str = ""
    sts_endpoint: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose credentials a client uses: keys, else a profile, else the daemon's own; then, in turn, the *roles*."""

    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    profile: str = ""
    config_file: str = ""  # where the profile stands; empty: the daemon's own place
    credentials_file: str = ""
    roles: tuple[Role, ...] = ()


OWN = Identity()


class Sessions:
    """Makes sessions and clients. Thread-safe; nothing is called when it is made."""

    def __init__(self, settings: AwsSettings, loader: Any = None, ticks: Callable[[], float] = time.monotonic) -> None:
        """*loader*: a botocore loader whose models are read already; its own if not given. *ticks*: as Refusals."""
        self.settings = settings
        self._ticks = ticks
        self._loader = loader
        self._lock = threading.RLock()  # botocore: making clients of one session is not thread-safe

    def new(self) -> Any:
        """A session with the shared loader and no credentials of its own yet."""
        session = botocore.session.get_session()
        with self._lock:
            if self._loader is None:
                self._loader = botocore.loaders.create_loader(session.get_config_variable("data_path"))
                self._loader.file_loader = SlimModels()
        session.register_component("data_loader", self._loader)
        session.set_config_variable("sts_regional_endpoints", "regional")
        if self.settings.region:
            session.set_config_variable("region", self.settings.region)
        return session

    def of(self, identity: Identity) -> Any:
        """A new session with the credentials of *identity*. Raises what botocore raises where there are none."""
        base = self.new()
        if identity.access_key:
            base.set_credentials(identity.access_key, identity.secret_key, identity.token or None)
        for name, value in (
            ("profile", identity.profile),
            ("config_file", identity.config_file),
            ("credentials_file", identity.credentials_file),
        ):
            if value:
                base.set_config_variable(name, value)
        for role in identity.roles:
            base = self._assumed(base, role)
        return base

    def client(self, session: Any, service: str, **options: Any) -> Any:
        """A client of a session made here."""
        with self._lock:
            return session.create_client(service, **options)

    def config(self, path_style: bool = False, **more: Any) -> Config:
        """How every client behaves. Mode `legacy`, botocore's default, would give up at once on some throttles."""
        return Config(
            retries={"mode": "standard", "total_max_attempts": self.settings.attempts},
            connect_timeout=self.settings.connect_timeout,
            read_timeout=self.settings.read_timeout,
            max_pool_connections=self.settings.connections,
            s3={"addressing_style": "path" if path_style else "auto"},
            **more,
        )

    def _assumed(self, source: Any, role: Role) -> Any:
        """A session with *role*'s credentials, fetched when first needed and again before they end."""

        def sts(service: str, **credentials: Any) -> Any:
            region = source.get_config_variable("region") or "us-east-1"
            options = {"region_name": region, "endpoint_url": role.sts_endpoint or None, "config": self.config()}
            return self.client(source, service, **options, **credentials)

        credentials = source.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        session = self.new()
        session.get_component("credential_provider").insert_before(
            "env", _Fetched(self.taken_on(role, credentials, sts))
        )
        return session

    def taken_on(self, role: Role, source: Any, sts: Callable[..., Any]) -> Any:
        """The credentials of *role*, taken on with those of *source* through the client that *sts* makes."""
        extra = {"RoleSessionName": role.session_name or self.settings.session_name, "DurationSeconds": ROLE_SECONDS}
        if role.external_id:
            extra["ExternalId"] = role.external_id
        fetcher = AssumeRoleCredentialFetcher(sts, source, role.arn, extra_args=extra)
        fetch = Refusals(fetcher.fetch_credentials, self._ticks).fetch
        return DeferredRefreshableCredentials(method=_Fetched.METHOD, refresh_using=fetch)


class SlimModels:
    """Reads service models for botocore's loader, without their documentation: half the memory."""

    def exists(self, file_path: str) -> bool:
        return any(Path(file_path + ending).is_file() for ending in _OPENERS)

    def load_file(self, file_path: str) -> Any:
        """What the file says; None: there is no such file. *file_path* lacks its ending."""
        for ending, opened in _OPENERS.items():
            if Path(file_path + ending).is_file():
                with opened(file_path + ending, "rb") as file:
                    return json.loads(file.read(), object_pairs_hook=_without_documentation)
        return None


_OPENERS: dict[str, Callable[..., Any]] = {".json": open, ".json.gz": gzip.open}


def _without_documentation(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # What is called "documentation" and is no text is a member of a shape. botocore reads some of them: none may lack.
    return {name: "" if name == "documentation" and isinstance(value, str) else value for name, value in pairs}


class _Fetched(CredentialProvider):  # type: ignore[misc]  # botocore ships no types
    """Credentials of an assumed role, as botocore's chain takes them."""

    METHOD = "barograph-assume-role"

    def __init__(self, credentials: Any) -> None:
        super().__init__()
        self._credentials = credentials

    def load(self) -> Any:
        return self._credentials

"""Clients for AWS, and what their errors mean. The only import of boto3."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, CredentialProvider, DeferredRefreshableCredentials
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
)
from botocore.exceptions import ConnectionError as NoConnectionError

from checks.base import LookFailed

_ROLE_SECONDS = 3600
_DENIED = frozenset(
    {
        "403", "AccessDenied", "AccessDeniedException", "AllAccessDisabled", "AuthFailure", "ExpiredToken",
        "ExpiredTokenException", "Forbidden", "InvalidAccessKeyId", "InvalidClientTokenId",
        "SignatureDoesNotMatch", "UnauthorizedOperation", "UnrecognizedClientException",
        "KMS.AccessDeniedException",
    }
)  # fmt: skip
_THROTTLED = frozenset(
    {
        "429", "LimitExceededException", "PriorRequestNotComplete", "ProvisionedThroughputExceededException",
        "RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException", "ThrottledException",
        "TooManyRequestsException",
    }
)  # fmt: skip
_UNAVAILABLE = frozenset(
    {
        "500", "502", "503", "504", "InternalError", "InternalFailure", "InternalServerError",
        "ServiceUnavailable",
    }
)  # fmt: skip
_MISSING = frozenset(["404", "NoSuchKey", "NotFound"])


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """How clients behave. Times in seconds."""

    connect_timeout: float = 5.0
    read_timeout: float = 20.0
    attempts: int = 5  # the first included
    session_name: str = "barograph"


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


class Aws:
    """Gives clients, one session per identity. Thread-safe; nothing is called when it is made."""

    def __init__(self, settings: AwsSettings | None = None) -> None:
        self._settings = settings or AwsSettings()
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
                        config=self._config(path_style),
                    )
            return self._clients[key]

    def _session(self, identity: Identity) -> Any:
        if identity not in self._sessions:
            base = botocore.session.get_session()
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
            self._sessions[identity] = boto3.Session(botocore_session=base)
        return self._sessions[identity]

    def _assumed(self, source: Any, role: Role) -> Any:
        """A session with *role*'s credentials, fetched when first needed and again before they end."""

        def sts(service: str, **credentials: Any) -> Any:
            region = source.get_config_variable("region") or "us-east-1"
            options = {"region_name": region, "endpoint_url": role.sts_endpoint or None, "config": self._config()}
            return source.create_client(service, **options, **credentials)

        extra = {"RoleSessionName": role.session_name or self._settings.session_name, "DurationSeconds": _ROLE_SECONDS}
        if role.external_id:
            extra["ExternalId"] = role.external_id
        credentials = source.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        fetcher = AssumeRoleCredentialFetcher(sts, credentials, role.arn, extra_args=extra)
        session = botocore.session.get_session()
        session.get_component("credential_provider").insert_before("env", _Fetched(fetcher))
        return session

    def _config(self, path_style: bool = False) -> Config:
        return Config(
            retries={"mode": "standard", "total_max_attempts": self._settings.attempts},
            connect_timeout=self._settings.connect_timeout,
            read_timeout=self._settings.read_timeout,
            s3={"addressing_style": "path" if path_style else "auto"},
        )


class _Fetched(CredentialProvider):  # type: ignore[misc]  # botocore ships no types
    """Credentials of an assumed role, as botocore's chain takes them."""

    METHOD = "barograph-assume-role"

    def __init__(self, fetcher: Any) -> None:
        super().__init__()
        self._fetcher = fetcher

    def load(self) -> Any:
        return DeferredRefreshableCredentials(method=self.METHOD, refresh_using=self._fetcher.fetch_credentials)


@contextmanager
def look(what: str) -> Iterator[None]:
    """Turn an AWS error inside the block into LookFailed; *what* says, for people, what was being read."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise LookFailed(reason_of(error), f"{what}: {describe(error)}") from error


def error_code(error: BaseException | None) -> str:
    """AWS' code for what went wrong: "NoSuchKey", "404"; empty when no answer came."""
    if not isinstance(error, ClientError):
        return ""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_missing(error: BaseException | None) -> bool:
    """Whether AWS said that the object is not there (a missing bucket is something else)."""
    return error_code(error) in _MISSING


def is_deleted(error: BaseException | None) -> bool:
    """Whether S3 said that there was such an object, and that a delete marker stands in its place."""
    headers = (
        error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}) if isinstance(error, ClientError) else {}
    )
    return str(headers.get("x-amz-delete-marker", "")).lower() == "true"


def reason_of(error: Exception) -> str:
    """LookFailed's word for a botocore error: denied, throttled, timeout, unavailable or failed."""
    code = error_code(error)
    status = ""
    if isinstance(error, ClientError):
        status = str(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
    for reason, codes in (("throttled", _THROTTLED), ("denied", _DENIED), ("unavailable", _UNAVAILABLE)):
        if code in codes or (status in codes and not isinstance(error, BotoCoreError)):
            return reason
    if isinstance(error, NoCredentialsError | PartialCredentialsError | ProfileNotFound):
        return "denied"
    if isinstance(error, ConnectTimeoutError | ReadTimeoutError):
        return "timeout"
    if isinstance(error, HTTPClientError | NoConnectionError):
        return "unavailable"
    return "failed"


def describe(error: Exception) -> str:
    """One line for people. AWS' own message is left out where it may quote a request."""
    if isinstance(error, ClientError):
        return f"AWS answered {error_code(error) or 'an error'} to {error.operation_name}"
    if isinstance(error, HTTPClientError | NoConnectionError):
        return f"no answer from AWS ({type(error).__name__})"
    return type(error).__name__

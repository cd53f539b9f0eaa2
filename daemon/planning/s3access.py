"""How Terraform's S3 backend reaches its bucket and its lock table: as whom, where, by which address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from checks.plans.redact import scrub_text
from daemon.aws import OWN, Aws, Identity, Role
from daemon.inventory.model import Backend
from daemon.planning.state import text, truth

_OLDER_NAMES = {"s3": "endpoint", "dynamodb": "dynamodb_endpoint"}  # of endpoints, before Terraform 1.6


class BadEndpointError(Exception):
    """An endpoint that is no address. The text is for people."""


@dataclass(frozen=True, slots=True)
class S3Access:
    """Clients for one backend. *env* is what its Terraform gets: credentials and endpoints may come from there."""

    backend: Backend
    env: Mapping[str, str] = field(repr=False)
    aws: Aws = field(repr=False)

    @property
    def table(self) -> str:
        """The lock table; empty: none is configured."""
        return text(self.backend.config, "dynamodb_table", "lock_table")

    @property
    def region(self) -> str:
        config, env = self.backend.config, self.env
        return text(config, "region") or env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1"

    def endpoint(self, service: str) -> str:
        """The address of s3 or dynamodb where one is given; empty: AWS' own."""
        config = self.backend.config
        given = text(_block(config.get("endpoints")), service) or text(config, _OLDER_NAMES[service])
        variable = f"AWS_ENDPOINT_URL_{service.upper()}"
        return given or self.env.get(variable) or self.env.get("AWS_ENDPOINT_URL") or ""

    def client(self, service: str) -> Any:
        """A client of s3 or dynamodb. Raises LookFailed and BadEndpointError."""
        config, endpoint = self.backend.config, self.endpoint(service)
        try:
            return self.aws.client(
                service,
                self.region,
                identity=identity(config, self.env),
                endpoint_url=endpoint,
                path_style=truth(config, "use_path_style", "force_path_style"),
            )
        except ValueError:
            raise BadEndpointError(
                f"the backend's endpoint for {service} is no address: {scrub_text(endpoint)}"
            ) from None


def identity(config: Mapping[str, Any], env: Mapping[str, str]) -> Identity:
    """Who Terraform's S3 backend would be with *config* in *env*: the backend's own keys or profile, then the roles."""
    base = OWN
    if text(config, "access_key"):
        base = Identity(text(config, "access_key"), text(config, "secret_key"), text(config, "token"))
    elif text(config, "profile"):
        base = Identity(
            profile=text(config, "profile"),
            config_file=_first(config.get("shared_config_files")) or env.get("AWS_CONFIG_FILE", ""),
            credentials_file=_first(config.get("shared_credentials_files"))
            or text(config, "shared_credentials_file")
            or env.get("AWS_SHARED_CREDENTIALS_FILE", ""),
        )
    elif env.get("AWS_ACCESS_KEY_ID"):
        base = Identity(
            env["AWS_ACCESS_KEY_ID"], env.get("AWS_SECRET_ACCESS_KEY", ""), env.get("AWS_SESSION_TOKEN", "")
        )
    elif env.get("AWS_PROFILE"):
        base = Identity(
            profile=env["AWS_PROFILE"],
            config_file=env.get("AWS_CONFIG_FILE", ""),
            credentials_file=env.get("AWS_SHARED_CREDENTIALS_FILE", ""),
        )
    role = _block(config.get("assume_role"))
    if not text(role, "role_arn") and text(config, "role_arn"):
        role = config  # how it was written before Terraform 1.6
    if not text(role, "role_arn"):
        return base
    sts = (
        text(_block(config.get("endpoints")), "sts")
        or text(config, "sts_endpoint")
        or env.get("AWS_ENDPOINT_URL_STS", "")
    )
    taken = Role(text(role, "role_arn"), text(role, "external_id"), text(role, "session_name"), sts)
    return Identity(
        base.access_key, base.secret_key, base.token, base.profile, base.config_file, base.credentials_file, (taken,)
    )


def _block(value: object) -> Mapping[str, Any]:
    """A nested block, which HCL parsers give as a list of one."""
    if isinstance(value, list | tuple) and value:
        value = value[0]
    return value if isinstance(value, Mapping) else {}


def _first(value: object) -> str:
    return str(value[0]) if isinstance(value, list | tuple) and value else ""

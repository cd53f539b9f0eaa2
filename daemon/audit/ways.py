"""From the configuration to who is told where the audit trail ends."""

from __future__ import annotations

from collections.abc import Iterator

from alerts.sinks.http import Http
from daemon.audit.anchoring import Hook, Target, Vault
from daemon.aws import Aws
from daemon.aws.locked import LockedBucket
from daemon.config import Config
from daemon.wiring import aws_settings


def vault_of(config: Config) -> Vault | None:
    """The bucket with object lock; None: none is configured."""
    section = config.audit.anchor.s3
    if section is None:
        return None
    bucket = LockedBucket(
        section.bucket, section.prefix, section.mode.upper(), Aws(aws_settings(config)),
        section.region or config.aws.region or "", config.aws.endpoint_url or "",
    )  # fmt: skip
    return Vault(bucket, section.lock_for)


def targets_of(config: Config) -> Iterator[Target]:
    """All that are configured."""
    hook = config.audit.anchor.webhook
    if hook is not None:
        secrets = tuple(one.reveal() for one in (hook.secret, hook.secret_before) if one is not None)
        yield Hook(hook.url.reveal(), secrets, Http(hook.timeout.total_seconds(), hook.ca_file))
    vault = vault_of(config)
    if vault is not None:
        yield vault

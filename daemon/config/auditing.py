"""Options: the audit trail, and who outside is told where it ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import model_validator

from daemon.config.outlets import check_address
from daemon.config.section import SecretPath, SecretText, Section, group
from daemon.config.values import FilePath, Interval, Region, SomeDuration, Text, wrong_at


class AnchorHook(Section):
    """A receiver that is told with a signed webhook."""

    url: SecretText
    """Where to post; it is a secret."""
    url_file: SecretPath | None = None
    """File that holds `url`."""
    secret: SecretText
    """What each message is signed with."""
    secret_file: SecretPath | None = None
    """File that holds `secret`."""
    secret_before: SecretText | None = None
    """An earlier `secret` that signs too, while the receiver changes to the new one."""
    secret_before_file: SecretPath | None = None
    """File that holds `secret_before`."""
    ca_file: FilePath | None = None
    """Certificates (PEM) that are trusted beside the machine's own."""
    timeout: SomeDuration = timedelta(seconds=10)
    """How long one request may take."""

    @model_validator(mode="after")
    def _is_an_address(self) -> AnchorHook:
        check_address("url", self.url.reveal())
        return self


class AnchorBucket(Section):
    """A bucket with object lock, written with Barograph's own credentials (`s3:PutObject`, `s3:PutObjectRetention`)."""

    bucket: Text
    """The bucket. It must have object lock."""
    prefix: Text = "barograph/audit/"
    """What the names of the objects begin with. Each installation needs one of its own."""
    region: Region | None = None
    """Region of the bucket; that of `aws` if not given."""
    mode: Literal["compliance", "governance"] = "compliance"
    """compliance: nobody can shorten the lock; governance: whoever has `s3:BypassGovernanceRetention` can."""
    lock_for: SomeDuration = timedelta(days=400)
    """How long an anchor is locked."""

    @model_validator(mode="after")
    def _is_a_bucket(self) -> AnchorBucket:
        if "/" in self.bucket or ":" in self.bucket:
            raise wrong_at("bucket", "must be the name of a bucket alone")
        return self


class Anchor(Section):
    """Who outside is told where the audit trail ends."""

    every: Interval = timedelta(hours=1)
    """How often, where the trail has moved."""
    webhook: AnchorHook | None = None
    """A receiver of signed webhooks."""
    s3: AnchorBucket | None = None
    """A bucket with object lock."""


class Audit(Section):
    """The audit trail."""

    retention: SomeDuration = timedelta(days=2557)
    """How long its rows are kept, apart from everything else; seven years if not given."""
    anchor: Anchor = group()
    """Who outside is told where it ends."""

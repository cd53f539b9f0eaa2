"""A signed webhook: the event itself as JSON, for whoever can check an HMAC.

`X-Barograph-Signature: v1=HEX` is the HMAC-SHA256 of `TIMESTAMP.BODY` under the shared secret. The timestamp lets a
receiver refuse what is old, the id in the body lets it know a repeat; both are signed.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from alerts.base import Delivery, NotifyError
from alerts.sinks.base import JSON, as_json
from alerts.sinks.http import Answer, Request, refused

SCHEME = "v1"


@dataclass(frozen=True, slots=True)
class SignedWebhook:
    """alerts.sinks.base.Form. Several *secrets* sign side by side, so that one can be replaced by another."""

    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if not any(self.secrets):
            raise ValueError("a signed webhook needs a secret")

    def request(self, delivery: Delivery, now: datetime) -> Request | None:
        body = as_json({**delivery.body, "id": delivery.id})
        stamp = str(int(now.timestamp()))
        headers = {
            **JSON, "X-Barograph-Id": delivery.id, "X-Barograph-Timestamp": stamp,
            "X-Barograph-Signature": signature(self.secrets, stamp, body),
        }  # fmt: skip
        return Request(self.url, body, headers)

    def problem(self, answer: Answer) -> NotifyError | None:
        # What the other side says may hold what it was sent: only its status is told.
        return None if 200 <= answer.status < 300 else refused("webhook", answer, repeatable=True)


def signature(secrets: Sequence[str], stamp: str, body: bytes) -> str:
    """The value of X-Barograph-Signature: one signature for each secret, with commas between."""
    text = stamp.encode() + b"." + body
    return ",".join(f"{SCHEME}={hmac.new(s.encode(), text, hashlib.sha256).hexdigest()}" for s in secrets if s)

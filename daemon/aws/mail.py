"""The way out by e-mail: Amazon SES, version 2 of its API.

SES gives no way to ask whether a message was taken, and SendEmail takes no token that would make it idempotent. So a
mail whose answer is missing is sent again, marked "(may repeat)": at least once, where Slack gets it exactly once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import botocore.exceptions
import botocore.session
from botocore.config import Config

from alerts.base import Delivery, NotifyError
from alerts.delivery import MAY_REPEAT

PREFIX = "mail:"
# Words of SES -> what they say of the message (docs: SES API v2, SendEmail, errors).
_CLASSES = {
    "TooManyRequestsException": "not_sent", "LimitExceededException": "not_sent", "SendingPausedException": "not_sent",
    "AccountSuspendedException": "not_sent", "ThrottlingException": "not_sent",
    "MailFromDomainNotVerifiedException": "not_sent", "NotFoundException": "not_sent",
    "MessageRejected": "payload", "BadRequestException": "payload",
}  # fmt: skip
# A refusal of these credentials is of mail alone: it must not stop what goes to Slack.
_DENIED = (
    "AccessDenied",
    "Unrecognized",
    "InvalidClientToken",
    "ExpiredToken",
    "SignatureDoesNotMatch",
    "NotAuthorized",
)


@dataclass(frozen=True, slots=True)
class SesSettings:
    sender: str
    region: str = ""
    endpoint_url: str = ""
    profile: str = ""


class SesNotifier:
    """alerts.base.Notifier for destinations "mail:ADDRESS". The client is made at the first mail."""

    def __init__(self, settings: SesSettings, content: Callable[[str], bytes], client: Any = None) -> None:
        self._settings = settings
        self._content = content
        self._client = client
        self._lock = threading.Lock()

    def post(self, delivery: Delivery) -> str:
        """Send; give SES' id of the message. Raises NotifyError."""
        mail = delivery.body.get("mail") or {}
        text = str(delivery.body["text"])
        subject = str(mail.get("subject") or "Barograph")
        body: dict[str, Any] = {"Text": {"Data": text, "Charset": "UTF-8"}}
        if mail.get("html"):
            try:
                page = self._content(mail["html"]).decode()
            except LookupError:
                raise NotifyError("payload", "the page of the report is not kept any more") from None
            body["Html"] = {"Data": page, "Charset": "UTF-8"}
        if text.startswith(MAY_REPEAT):
            subject = f"{MAY_REPEAT} {subject}"
        answer = self._call(
            FromEmailAddress=self._settings.sender,
            Destination={"ToAddresses": [delivery.channel.removeprefix(PREFIX)]},
            Content={"Simple": {"Subject": {"Data": subject, "Charset": "UTF-8"}, "Body": body}},
        )
        return str(answer.get("MessageId") or delivery.id)

    def update(self, delivery: Delivery) -> str:
        """A mail cannot be edited: what is said once stays."""
        return delivery.root_ts

    def find(self, delivery: Delivery) -> str | None:
        raise NotifyError("destination", "nobody can ask SES whether it took a mail")

    def probe(self) -> None:
        """Only the next mail can tell."""

    def _call(self, **arguments: Any) -> dict[str, Any]:
        try:
            return dict(self._made().send_email(**arguments))
        except botocore.exceptions.ClientError as error:
            word = str(error.response.get("Error", {}).get("Code", ""))
            status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
            raise NotifyError(_class(word, status), f"ses:SendEmail: {word or status}") from None
        except (botocore.exceptions.NoCredentialsError, botocore.exceptions.EndpointConnectionError,
                botocore.exceptions.NoRegionError, botocore.exceptions.ParamValidationError) as error:  # fmt: skip
            raise NotifyError("not_sent", f"ses:SendEmail: {type(error).__name__}") from None
        except (botocore.exceptions.BotoCoreError, OSError) as error:
            raise NotifyError("ambiguous", f"ses:SendEmail: {type(error).__name__}") from None

    def _made(self) -> Any:
        with self._lock:
            if self._client is None:
                session = botocore.session.Session(profile=self._settings.profile or None)
                self._client = session.create_client(
                    "sesv2", region_name=self._settings.region or None,
                    endpoint_url=self._settings.endpoint_url or None,
                    # One attempt is one request: a repeated SendEmail is a second mail.
                    config=Config(
                        retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=5, read_timeout=25
                    ),
                )  # fmt: skip
            return self._client


def _class(word: str, status: int) -> str:
    if any(part in word for part in _DENIED) or status in (401, 403):
        return "not_sent"
    return _CLASSES.get(word) or ("ambiguous" if status >= 500 or not status else "not_sent")

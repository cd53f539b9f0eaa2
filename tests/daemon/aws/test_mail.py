"""E-mail through SES: one request for each attempt, and what each failure says of the mail."""

from __future__ import annotations

from typing import Any

import botocore.exceptions
import botocore.session
import pytest
from botocore.stub import Stubber

from alerts.base import Delivery, DeliveryKind, NotifyError
from alerts.degrade import noted
from alerts.delivery import MAY_REPEAT
from checks.base import Tier
from daemon.aws.mail import SesNotifier, SesSettings
from daemon.destinations import ByDestination

BODY = {"text": "One sentence.", "mail": {"subject": "Weekly report", "html": "weekly/2026-W47/1/report.html"}}


def delivery(body: dict[str, Any] | None = None, channel: str = "mail:boss@example.com") -> Delivery:
    return Delivery("k", "s", DeliveryKind.POST, channel, Tier.INFO, body or BODY, id="d1")


class Stubbed:
    """A real SES client whose answers are checked against botocore's model."""

    def __init__(self) -> None:
        session = botocore.session.Session()
        session.set_credentials("AKIDEXAMPLE", "secret")
        self.client = session.create_client("sesv2", region_name="eu-west-1")
        self.stub = Stubber(self.client)
        self.stub.activate()
        self.notifier = SesNotifier(
            SesSettings("barograph@example.com", "eu-west-1"), {BODY["mail"]["html"]: b"<p>page</p>"}.__getitem__,  # type: ignore[index]
            self.client,
        )  # fmt: skip


def expected(subject: str = "Weekly report", text: str = "One sentence.") -> dict[str, Any]:
    return {
        "FromEmailAddress": "barograph@example.com",
        "Destination": {"ToAddresses": ["boss@example.com"]},
        "Content": {"Simple": {
            "Subject": {"Data": subject, "Charset": "UTF-8"},
            "Body": {"Text": {"Data": text, "Charset": "UTF-8"}, "Html": {"Data": "<p>page</p>", "Charset": "UTF-8"}},
        }},
    }  # fmt: skip


def test_a_mail_has_the_page_as_its_body() -> None:
    """And gives SES' id of it."""
    ses = Stubbed()
    ses.stub.add_response("send_email", {"MessageId": "m-1"}, expected())
    assert ses.notifier.post(delivery()) == "m-1"
    ses.stub.assert_no_pending_responses()


def test_a_mail_that_may_repeat_says_so_in_its_subject() -> None:
    """The mark of the courier stands where a reader sees it first, and the page is still there."""
    ses = Stubbed()
    ses.stub.add_response(
        "send_email", {"MessageId": "m-2"}, expected("(may repeat) Weekly report", "(may repeat)\nOne sentence.")
    )
    assert ses.notifier.post(delivery(noted(BODY, MAY_REPEAT))) == "m-2"


@pytest.mark.parametrize(
    ("code", "status", "error_class"),
    [
        ("TooManyRequestsException", 429, "not_sent"), ("MessageRejected", 400, "payload"),
        ("BadRequestException", 400, "payload"), ("AccessDeniedException", 403, "not_sent"),
        ("MailFromDomainNotVerifiedException", 400, "not_sent"), ("InternalFailure", 500, "ambiguous"),
        ("ServiceUnavailable", 503, "ambiguous"),
    ],
)  # fmt: skip
def test_what_an_answer_says_of_the_mail(code: str, status: int, error_class: str) -> None:
    """Refused, not sent, or perhaps sent; a refusal of these credentials never stops what goes to Slack."""
    ses = Stubbed()
    ses.stub.add_client_error("send_email", code, http_status_code=status)
    with pytest.raises(NotifyError) as raised:
        ses.notifier.post(delivery())
    assert raised.value.error_class == error_class


@pytest.mark.parametrize(
    ("error", "error_class"),
    [
        (botocore.exceptions.ReadTimeoutError(endpoint_url="https://ses"), "ambiguous"),
        (botocore.exceptions.ConnectionClosedError(endpoint_url="https://ses"), "ambiguous"),
        (botocore.exceptions.EndpointConnectionError(endpoint_url="https://ses"), "not_sent"),
        (botocore.exceptions.NoCredentialsError(), "not_sent"),
    ],
)
def test_what_no_answer_says_of_the_mail(error: Exception, error_class: str) -> None:
    """Not sent only where no connection was made."""

    class Broken:
        def send_email(self, **arguments: Any) -> None:
            raise error

    notifier = SesNotifier(SesSettings("a@example.com"), lambda ref: b"", Broken())
    with pytest.raises(NotifyError) as raised:
        notifier.post(delivery())
    assert raised.value.error_class == error_class


def test_nobody_can_ask_whether_a_mail_was_taken() -> None:
    """So doubt ends with another, marked mail."""
    with pytest.raises(NotifyError) as raised:
        Stubbed().notifier.find(delivery())
    assert raised.value.error_class == "destination"


def test_a_destination_finds_its_way() -> None:
    """Mail to SES, all else to the chat."""

    class Way:
        def __init__(self, name: str) -> None:
            self.name = name

        def post(self, delivery: Delivery) -> str:
            return self.name

        def update(self, delivery: Delivery) -> str:
            return self.name

        def find(self, delivery: Delivery) -> str | None:
            return self.name

        def probe(self) -> None:
            raise NotifyError("credential", self.name)

    ways = ByDestination(Way("chat"), {"mail:": Way("mail")})
    assert ways.post(delivery()) == ways.find(delivery()) == ways.update(delivery()) == "mail"
    assert ways.post(delivery(channel="C1")) == "chat"
    with pytest.raises(NotifyError, match="chat"):
        ways.probe()

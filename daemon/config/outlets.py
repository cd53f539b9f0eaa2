"""Options: ways out that are no Slack channel, and the sign of life."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal
from urllib.parse import urlsplit

from pydantic import model_validator

from daemon.config.section import SecretPath, SecretText, Section
from daemon.config.values import Count, FilePath, Interval, Rate, SomeDuration, Url, is_loopback, wrong, wrong_at

_NEEDS = {
    "slack_webhook": ("url",),
    "pagerduty": ("routing_key",),
    "alertmanager": ("address",),
    "webhook": ("url", "secret"),
}
_MAY = {
    "slack_webhook": (),
    "pagerduty": ("url", "webhook_secret", "webhook_secret_before"),
    "alertmanager": ("authorization", "resend", "hold"),
    "webhook": ("secret_before",),
}


class Sink(Section):
    """A way out beside Slack's channels, by its name. Routes name it under `sinks`."""

    kind: Literal["slack_webhook", "pagerduty", "alertmanager", "webhook"]
    """What it is."""
    url: SecretText | None = None
    """slack_webhook, webhook: where to post; it is a secret. pagerduty: in place of PagerDuty's own address."""
    url_file: SecretPath | None = None
    """File that holds `url`."""
    address: Url | None = None
    """alertmanager: where it is, without `/api/v2/alerts`."""
    routing_key: SecretText | None = None
    """PagerDuty: the integration key of a service's Events API v2 integration."""
    routing_key_file: SecretPath | None = None
    """File that holds `routing_key`."""
    webhook_secret: SecretText | None = None
    """PagerDuty: what it signs its webhooks with, sent to `/webhooks/pagerduty`. Without it nothing comes back."""
    webhook_secret_file: SecretPath | None = None
    """File that holds `webhook_secret`."""
    webhook_secret_before: SecretText | None = None
    """PagerDuty: an earlier `webhook_secret` that is still taken, while it is being replaced."""
    webhook_secret_before_file: SecretPath | None = None
    """File that holds `webhook_secret_before`."""
    secret: SecretText | None = None
    """webhook: what each event is signed with."""
    secret_file: SecretPath | None = None
    """File that holds `secret`."""
    secret_before: SecretText | None = None
    """webhook: an earlier `secret` that signs too, while receivers change to the new one."""
    secret_before_file: SecretPath | None = None
    """File that holds `secret_before`."""
    authorization: SecretText | None = None
    """alertmanager: the value of the header Authorization, such as `Bearer …`."""
    authorization_file: SecretPath | None = None
    """File that holds `authorization`."""
    resend: Interval = timedelta(minutes=1)
    """alertmanager: how often what is open is told again."""
    hold: Interval = timedelta(minutes=15)
    """alertmanager: how long it takes what is open for open without being told again; at least twice `resend`."""
    ca_file: FilePath | None = None
    """Certificates (PEM) that are trusted beside the machine's own."""
    timeout: SomeDuration = timedelta(seconds=10)
    """How long one request may take."""
    per_second: Rate = 1.0
    """Events per second in the long run."""
    burst: Count = 10
    """Events that may leave at once after a pause."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Sink:
        missing = [name for name in _NEEDS[self.kind] if getattr(self, name) is None]
        if missing:
            raise wrong(f"is a {self.kind} and needs {missing[0]}")
        common = {"kind", "ca_file", "timeout", "per_second", "burst"}
        fitting = common | {*_NEEDS[self.kind], *_MAY[self.kind]}
        for name in self.model_fields_set:
            if name.removesuffix("_file") not in fitting and getattr(self, name) is not None and name not in fitting:
                raise wrong_at(name, f"is not for a {self.kind}")
        if self.hold < 2 * self.resend:
            raise wrong_at("hold", "must be at least twice resend, or an alert would end between two tellings")
        if self.url is not None:
            check_address("url", self.url.reveal())
        return self


class DeadMan(Section):
    """The sign of life: a request to an address that raises the alarm where it does not come."""

    url: SecretText
    """Address of the check at Healthchecks.io or a service like it; `/start` and `/fail` are added to it."""
    url_file: SecretPath | None = None
    """File that holds `url`."""
    every: Interval = timedelta(minutes=1)
    """How often it is sent. Give the service a grace time of at least five times this."""
    timeout: SomeDuration = timedelta(seconds=10)
    """How long one request may take."""

    @model_validator(mode="after")
    def _is_an_address(self) -> DeadMan:
        check_address("url", self.url.reveal())
        return self


def check_address(key: str, text: str) -> None:
    """Raise what is wrong with a secret address, without repeating it."""
    try:
        parts = urlsplit(text)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        fine = False
    if not fine or any(char.isspace() for char in text):
        raise wrong_at(key, "must be an address such as https://hooks.example.com/…")
    if parts.username or parts.password:
        raise wrong_at(key, "must not hold a user or password")
    if parts.scheme == "http" and not is_loopback(f"{parts.hostname}:80"):
        raise wrong_at(key, "must begin with https://, for what it holds is secret")

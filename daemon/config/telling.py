"""Options: who is told what, over Slack and HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated

from pydantic import Field, model_validator

from checks.kinds import Kind, Tier
from daemon.config.answering import Deadlines, InfoDigest, WindowRow
from daemon.config.doors import ProxySection, Scope, same_place
from daemon.config.outlets import DeadMan, Sink
from daemon.config.routing import CalendarRow, EscalationRow, RouteRow
from daemon.config.section import SecretPath, SecretText, Section, group
from daemon.config.stages import Stage
from daemon.config.values import (
    Channel,
    Count,
    Duration,
    Glob,
    Listen,
    Mention,
    OneOrMany,
    Rate,
    RunbookUrl,
    SomeDuration,
    Text,
    Url,
    UserGroup,
    VariableName,
    is_loopback,
    wrong_at,
)


class TierRow(Section):
    """A row that goes before the guideline's table of tiers. A condition that is not given fits everything."""

    tier: Tier
    """The tier."""
    why: Text
    """The reason, which every message shows."""
    kind: Kind | None = None
    """Kind of alert."""
    stage: Stage | None = None
    """Stage."""
    stack: Glob | None = None
    """Pattern of stack names."""
    resource: Glob | None = None
    """Pattern of resources, such as `acme-prod/service/*`."""


class Baseline(Section):
    """The first look over what is already there."""

    wait: Duration = timedelta(hours=1)
    """How long the one message about a first look waits for slower places."""


class Alerts(Section):
    """What is posted where."""

    default_channel: Channel | None = None
    """ID of the channel for what no route fits. Required with `slack`: no alert may go nowhere."""
    default_mention: Mention = ""
    """Whom a critical message mentions that no route fits."""
    default_escalation: EscalationRow | None = None
    """Who hears of a critical incident that nobody acknowledges, where no route that fits says another."""
    default_calendar: VariableName | None = None
    """Name of the calendar on which a warning's deadline runs, where no route that fits says another."""
    default_sinks: Annotated[tuple[Text, ...], OneOrMany] = ()
    """Names of sinks that hear of what no route fits."""
    fallback_channel: Channel | None = None
    """ID of the channel used when Slack refuses a message's own: archived, deleted, not invited."""
    routes: tuple[RouteRow, ...] = ()
    """Rows in order; the first that fits decides, and where it says `continue`, the next that fits too."""
    calendars: Mapping[VariableName, CalendarRow] = Field(default_factory=dict)
    """Working time, by the names that routes use. Without a calendar every hour counts."""
    runbook_url: RunbookUrl | None = None
    """Address of the runbooks that messages link to; `{kind}` stands for the kind of alert, `{verdict}` for the check's
    word. Default: those that the daemon serves, at `web.public_url`."""
    runbooks: Mapping[Kind, Url] = Field(default_factory=dict)
    """Addresses of single runbooks, by kind. `settings.barograph.runbook` of a component goes before all."""
    tiers: tuple[TierRow, ...] = ()
    """Rows in order that go before the guideline's table; the first that fits decides."""
    baseline: Baseline = group()
    """The first look."""
    reopen_within: Duration = timedelta(minutes=30)
    """A comeback sooner than this goes on in the old thread."""
    sinks: Mapping[Text, Sink] = Field(default_factory=dict)
    """Ways out beside Slack's channels, by name."""
    fallback_sink: Text | None = None
    """Name of the sink that hears of incidents while Slack refuses Barograph's token."""
    gather_from: Count = 10
    """So many new messages that wait for one channel become one, with the list in its thread. Critical ones do not."""
    gather_for: Duration = timedelta(minutes=1)
    """How long what comes after that joins it."""
    group_wait: Duration = timedelta(seconds=30)
    """How long a new incident waits for more of a cause that people have heard of, before a thread hears of them."""
    group_for: Duration = timedelta(hours=24)
    """How long incidents with the same cause join one message."""
    dead_man: DeadMan | None = None
    """The sign of life, sent only while looks are on time and messages leave."""

    deadlines: Deadlines = group()
    """How soon incidents are to be answered."""
    info_digest: InfoDigest | None = None
    """A daily message about what is informational."""
    windows: tuple[WindowRow, ...] = ()
    """Maintenance that comes again."""

    @model_validator(mode="after")
    def _sinks_exist(self) -> Alerts:
        _known_sink("fallback_sink", self.fallback_sink, self.sinks)
        return self

    @model_validator(mode="after")
    def _windows_have_names(self) -> Alerts:
        names = [window.name for window in self.windows]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise wrong_at("windows", "has the name of an earlier one; a report could not tell them apart", index)
        return self


def _known_sink(key: str, name: str | None, sinks: Mapping[str, Sink]) -> None:
    if name is not None and name not in sinks:
        raise wrong_at(key, f"is {name}, and alerts.sinks has no sink of that name")


class Pacing(Section):
    """How fast messages leave, per channel."""

    per_second: Rate = 1.0
    """Messages per second in the long run. Slack allows about one."""
    burst: Count = 3
    """Messages that may leave at once after a pause."""


class Slack(Section):
    """The Slack workspace. Without this group, messages are written to the log."""

    token: SecretText
    """Bot token (`xoxb-…`) with `chat:write` and `channels:history` (`groups:history` for private channels)."""
    token_file: SecretPath | None = None
    """File that holds `token`."""
    app_token: SecretText | None = None
    """App-level token (`xapp-…`) for buttons over Socket Mode."""
    app_token_file: SecretPath | None = None
    """File that holds `app_token`."""
    button_groups: Annotated[tuple[UserGroup, ...], OneOrMany] = ()
    """IDs of user groups whose members may press buttons (needs `usergroups:read`); everybody if not given."""
    api_url: Url = "https://slack.com/api/"
    """Address of Slack's Web API."""
    timeout: SomeDuration = timedelta(seconds=10)
    """How long one call may take."""
    settle: Duration = timedelta(seconds=30)
    """How long after `timeout` an unclear message may still appear in the channel's history."""
    pacing: Pacing = group()
    """How fast messages leave."""


class Token(Section):
    """A bearer token for programs and people."""

    name: Text
    """Who holds it; shown in the audit trail, and the approver of what is approved with it."""
    token: SecretText
    """The token."""
    token_file: SecretPath | None = None
    """File that holds `token`."""
    scopes: Annotated[tuple[Scope, ...], OneOrMany] = (Scope.READ,)
    """What it allows; `admin` allows all that the others do."""


class Login(Section):
    """A user and password for browsers (HTTP basic authentication)."""

    user: Text
    """The user's name; shown in the audit trail, and the approver of what is approved with it."""
    password: SecretText
    """The password."""
    password_file: SecretPath | None = None
    """File that holds `password`."""
    scopes: Annotated[tuple[Scope, ...], OneOrMany] = (Scope.READ,)
    """What it allows; `admin` allows all that the others do."""


class Auth(Section):
    """Who may see and do what over HTTP. Health is open to everybody."""

    tokens: tuple[Token, ...] = ()
    """Bearer tokens."""
    basic: tuple[Login, ...] = ()
    """Users and passwords."""
    proxy: ProxySection | None = None
    """A proxy that signs people in."""

    @property
    def asks(self) -> bool:
        """Whether anybody has to sign in."""
        return bool(self.tokens or self.basic or self.proxy)

    @model_validator(mode="after")
    def _no_name_twice(self) -> Auth:
        _unique("tokens", [token.name for token in self.tokens])
        _unique("basic", [login.user for login in self.basic])
        return self


def _unique(key: str, names: Sequence[str]) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise wrong_at(key, "has the name of an earlier one; the audit trail could not tell them apart", index)


class Web(Section):
    """The status page, the metrics and the API."""

    listen: Listen = "127.0.0.1:9877"
    """Address and port. One that other machines can reach needs `auth`."""
    metrics_listen: Listen | None = None
    """Address and port for `/metrics` alone, which is then nowhere else."""
    webhooks_listen: Listen | None = None
    """Address and port for what runs and other services tell (`/api/v1/events`, `/ping/…`, `/webhooks/…`) alone."""
    public_url: Url | None = None
    """Address of the status page as people reach it; messages link to it."""
    auth: Auth = group()
    """Who may see and do what."""

    @model_validator(mode="after")
    def _not_open_to_all(self) -> Web:
        for option, listen in self.listeners():
            if not is_loopback(listen) and not self.auth.asks:
                raise wrong_at(
                    option,
                    f"is {listen}, which other machines can reach, and nobody would have to sign in; "
                    "add web.auth with tokens, basic or proxy, or listen on 127.0.0.1",
                )
        return self

    @model_validator(mode="after")
    def _apart(self) -> Web:
        twice = same_place(self.listeners())
        if twice is not None:
            option, other, listen = twice
            raise wrong_at(option, f"is {listen}, where web.{other} listens already; give it a port of its own")
        return self

    def listeners(self) -> list[tuple[str, str]]:
        """The options that are given, each with its address."""
        named = (("metrics_listen", self.metrics_listen), ("webhooks_listen", self.webhooks_listen))
        return [("listen", self.listen), *((option, listen) for option, listen in named if listen)]

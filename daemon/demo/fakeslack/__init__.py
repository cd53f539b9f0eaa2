"""A strict fake of Slack for tests and the demo: `FakeSlack`, `Fault`, `validate_message`."""

from daemon.demo.fakeslack.faults import Fault, FaultKind
from daemon.demo.fakeslack.journal import Entry, read_journal
from daemon.demo.fakeslack.limits import validate_message
from daemon.demo.fakeslack.rates import Rates
from daemon.demo.fakeslack.server import APP_TOKEN, BOT_TOKEN, FakeSlack
from daemon.demo.fakeslack.workspace import Message, SlackError, channel_id

__all__ = [
    "APP_TOKEN", "BOT_TOKEN", "Entry", "FakeSlack", "Fault", "FaultKind", "Message", "Rates", "SlackError",
    "channel_id", "read_journal", "validate_message",
]  # fmt: skip

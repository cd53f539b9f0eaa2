"""Options: the weekly report."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from daemon.config.section import Section, as_written, group
from daemon.config.values import Channel, LocalTime, OneOrMany, Region, Text, Zone

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class Mail(Section):
    """The report by e-mail, through Amazon SES with Barograph's own credentials (`ses:SendEmail`)."""

    sender: Text
    """Address it comes from, verified in SES."""
    to: Annotated[tuple[Text, ...], OneOrMany, Field(min_length=1)]
    """Addresses it goes to, each as a message of its own."""
    region: Region | None = None
    """Region of SES; that of `aws` if not given."""


class Weekly(Section):
    """The weekly report. It is sent once `channel` or `mail` says where to."""

    channel: Channel | None = None
    """ID of the Slack channel. The token then needs `files:write` too."""
    day: Weekday = "monday"
    """Day on which the report on the week before is made."""
    time: LocalTime = as_written("09:00")
    """Time of that day."""
    timezone: Zone | None = None
    """Time zone of its weeks and times; `timezone` of the file if not given."""
    mail: Mail | None = None
    """The report by e-mail."""


class Reports(Section):
    """Reports on complete periods."""

    weekly: Weekly = group()
    """The weekly report."""

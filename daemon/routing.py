"""From the configuration's rows to routes and calendars."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from alerts.calendars import Calendar
from alerts.routes import NO_ESCALATION, Escalation, Route, Routes

if TYPE_CHECKING:
    from daemon.config.models import Alerts, CalendarRow, EscalationRow, RouteRow

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def routes_of(alerts: Alerts, nowhere: str) -> Routes:
    """Who hears of what. *nowhere* stands for the default channel of an installation that has none."""
    return Routes(
        default=alerts.default_channel or nowhere,
        rows=tuple(map(_route, alerts.routes)),
        default_mention=alerts.default_mention,
        default_escalation=_escalation(alerts.default_escalation),
        default_calendar=alerts.default_calendar or "",
        default_sinks=alerts.default_sinks,
    )


def calendars_of(alerts: Alerts, zone: ZoneInfo) -> Mapping[str, Calendar]:
    """Working time by name. *zone* is that of calendars without one of their own."""
    return {name: calendar_of(row, zone) for name, row in alerts.calendars.items()}


def _route(row: RouteRow) -> Route:
    return Route(
        channel=row.channel or "", mention=row.mention, tiers=row.tiers, kinds=row.kinds,
        stages=tuple(map(str, row.stages)), checks=row.checks, tenants=row.tenants, stacks=row.stacks,
        components=row.components, owners=row.owners, accounts=row.accounts, escalation=_escalation(row.escalation),
        calendar=row.calendar or "", sinks=row.sinks, further=row.further,
    )  # fmt: skip


def _escalation(row: EscalationRow | None) -> Escalation:
    return NO_ESCALATION if row is None else Escalation(row.channel, row.mention)


def calendar_of(row: CalendarRow, zone: ZoneInfo) -> Calendar:
    """Working time of one row."""
    return Calendar(
        zone=row.timezone or zone,
        days=frozenset(DAYS.index(day) for day in row.days),
        holidays=frozenset(date(off.year, off.month, off.day) for off in row.holidays if off.year is not None),
        opens=row.start,
        closes=row.end,
        yearly=frozenset((off.month, off.day) for off in row.holidays if off.year is None),
    )

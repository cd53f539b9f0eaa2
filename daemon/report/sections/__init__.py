"""The sections of the weekly report, in their order: each a function from the book to a Section."""

from __future__ import annotations

from collections.abc import Callable

from daemon.report.book import Book
from daemon.report.model import Section
from daemon.report.sections.backups import backups
from daemon.report.sections.capacity import quotas, utilization
from daemon.report.sections.cost import cost
from daemon.report.sections.deployments import deployments
from daemon.report.sections.drift import drift
from daemon.report.sections.expiries import expiries
from daemon.report.sections.incidents import incidents
from daemon.report.sections.own import barograph, quality
from daemon.report.sections.security import security
from daemon.report.sections.state import state

SECTIONS: tuple[Callable[[Book], Section], ...] = (
    incidents, drift, expiries, backups, cost, quotas, utilization, security, state, deployments, barograph, quality,
)  # fmt: skip

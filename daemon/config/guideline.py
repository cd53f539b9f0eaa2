"""Options: what an apply is held against."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import model_validator

from daemon.config.routing import CalendarRow
from daemon.config.section import Section
from daemon.config.values import Glob, OneOrMany, SomeDuration, Text, wrong_at
from daemon.executions.cron import parse


class CycleStep(StrEnum):
    """The guideline's words for what runs do."""

    DRIFT_DETECTION = "drift-detection"
    COMPLIANCE_CHECK = "compliance-check"
    VALIDATE = "validate"
    LINT = "lint"
    PLAN = "plan-environment"
    APPROVAL = "manual-approval"
    APPLY = "apply-environment"
    VALIDATION = "post-validation"


class StepRow(Section):
    """What a workflow or a command does, in the guideline's words; the first row that fits decides."""

    match: Glob
    """Pattern of a workflow's name, a step's name, or a command."""
    step: CycleStep
    """The guideline's word for it."""


class WindowRow(CalendarRow):
    """When changes may be made: on these days and times, or for a while from each time of `cron`."""

    stack: Glob = "*"
    """Pattern of stacks. A stack without a window may be changed at all times."""
    cron: Text | None = None
    """When it begins, as a line of a crontab; in place of `days`, `start` and `end`."""
    lasts: SomeDuration = timedelta(hours=1)
    """For how long, with `cron`."""

    @model_validator(mode="after")
    def _readable(self) -> WindowRow:
        if self.cron is not None:
            try:
                parse(self.cron)
            except ValueError as error:
                raise wrong_at("cron", str(error)) from None
        return self


class FreezeRow(Section):
    """When no changes may be made, windows or not."""

    begins: Text
    """From when on, with the zone: `2026-12-20T00:00+01:00`."""
    ends: Text
    """Until when, with the zone."""
    why: Text | None = None
    """The reason, which findings show."""
    stack: Glob = "*"
    """Pattern of stacks."""

    @model_validator(mode="after")
    def _in_order(self) -> FreezeRow:
        for name in ("begins", "ends"):
            try:
                moment_of(getattr(self, name))
            except ValueError:
                raise wrong_at(name, "must be a time with its zone, such as 2026-12-20T00:00+01:00") from None
        if moment_of(self.ends) <= moment_of(self.begins):
            raise wrong_at("ends", "must be later than begins")
        return self


class NeedRow(Section):
    """What a component depends on: within one stack it is applied after that."""

    component: Glob
    """Pattern of components."""
    needs: Annotated[tuple[Text, ...], OneOrMany]
    """Components that are to be applied before."""


class Guideline(Section):
    """What an apply is held against: see docs/executions.md. Without this section none is."""

    steps: tuple[StepRow, ...] = ()
    """What runs are called here. What has the guideline's own name needs no row; what applies is an apply."""
    fresh: SomeDuration = timedelta(days=1)
    """How long before an apply its steps may have run."""
    approval_holds: SomeDuration = timedelta(days=7)
    """How long before an apply it may have been approved."""
    validated_within: SomeDuration = timedelta(hours=1)
    """How soon after an apply to production `post-validation` is to begin."""
    review_within: SomeDuration = timedelta(days=3)
    """How soon an emergency is to be reviewed by somebody else."""
    told: SomeDuration = timedelta(days=30)
    """For how long a broken rule is told of."""
    rollback: bool = True
    """Whether an apply to production says how to go back."""
    staged: bool = True
    """Whether a commit is applied to staging before production."""
    windows: tuple[WindowRow, ...] = ()
    """When changes may be made to production."""
    freezes: tuple[FreezeRow, ...] = ()
    """When none may be made."""
    depends_on: tuple[NeedRow, ...] = ()
    """What is to be applied before what."""


def moment_of(text: str) -> datetime:
    """Raises ValueError where it names no time, or no zone."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("no zone")
    return found

"""Options: the record of executions."""

from __future__ import annotations

import re
from datetime import timedelta

from pydantic import model_validator

from daemon.config.guideline import Guideline
from daemon.config.section import SecretPath, SecretText, Section
from daemon.config.stages import Stage
from daemon.config.values import Glob, SomeDuration, Text, Zone, wrong_at
from daemon.executions.cron import parse

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,98}[a-z0-9])?")
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


class ScheduleRow(Section):
    """A job that is pinged at `/ping/NAME` or `/ping/UUID`, and, with `every` or `cron`, is overdue where no run of its
    workflow ends well in time."""

    name: Text
    """Its slug: small letters, digits, `-` and `_`. A ping by it needs a token with the scope `ingest`."""
    uuid: SecretText | None = None
    """Its UUID. Who knows it may ping, without a token."""
    uuid_file: SecretPath | None = None
    """File that holds `uuid`."""
    workflow: Text | None = None
    """The workflow whose runs these are; `name` if not given."""
    stack: Text | None = None
    """The stack that it runs on."""
    component: Text | None = None
    """The component that it runs on."""
    stage: Stage | None = None
    """Its stage, where the inventory does not know the stack. One that nobody knows counts as production."""
    every: SomeDuration | None = None
    """How often a run is to begin and end well."""
    cron: Text | None = None
    """The same as a line of a crontab: minute hour day month weekday."""
    timezone: Zone | None = None
    """Time zone of `cron`; `timezone` of the file if not given."""
    grace: SomeDuration = timedelta(hours=1)
    """How much later is not overdue yet; and how long after a `start` ping its end may take."""

    @model_validator(mode="after")
    def _fits(self) -> ScheduleRow:
        if not _SLUG.fullmatch(self.name) or _UUID.fullmatch(self.name):  # a UUID pings without a token
            raise wrong_at("name", "must be a slug such as nightly-backup")
        if self.uuid is not None and not _UUID.fullmatch(self.uuid.reveal()):
            raise wrong_at("uuid", "must be a UUID, such as `uuidgen` prints")
        if self.every is not None and self.cron is not None:
            raise wrong_at("cron", "goes not with every: give one of them")
        if self.cron is not None:
            try:
                parse(self.cron)
            except ValueError as error:
                raise wrong_at("cron", str(error)) from None
        return self


class GithubRow(Section):
    """Which stack the workflows of a repository deploy; the first row that fits decides."""

    repository: Glob = "*"
    """Pattern of `owner/name`."""
    workflow: Glob = "*"
    """Pattern of the workflow's name."""
    stack: Text
    """The stack."""
    component: Text | None = None
    """The component."""
    environment: Glob | None = None
    """Pattern of GitHub environments whose approval counts for the run. Without it none does: another environment's
    approval is not this stack's."""
    reviews: bool = False
    """Whether the approval of a pull request counts for the very commit that was reviewed, on this stack."""


class AfterApply(Section):
    """For how long the stack of a production run that applies is watched, and how: see docs/executions.md."""

    enabled: bool = True
    """Whether it is."""
    watch: SomeDuration = timedelta(minutes=30)
    """How long after the run's end."""
    every: SomeDuration = timedelta(minutes=5)
    """How often the checks look at what the stack has, from the run's start on."""
    plan: bool = True
    """Whether what was applied is planned once more when it is over."""

    @model_validator(mode="after")
    def _not_too_often(self) -> AfterApply:
        if self.every < timedelta(minutes=1):
            raise wrong_at("every", "must be at least 1m")
        if self.watch < self.every:
            raise wrong_at("watch", "must not be shorter than every")
        return self


class Executions(Section):
    """The record of runs of workflows and Terraform: see docs/executions.md."""

    signing_secret: SecretText | None = None
    """What senders of events sign them with, in place of a token."""
    signing_secret_file: SecretPath | None = None
    """File that holds `signing_secret`."""
    signing_secret_before: SecretText | None = None
    """An earlier one that is still taken, while it is being replaced."""
    signing_secret_before_file: SecretPath | None = None
    """File that holds `signing_secret_before`."""
    github_secret: SecretText | None = None
    """What GitHub signs its webhooks with, sent to `/webhooks/github`. Without it none is taken."""
    github_secret_file: SecretPath | None = None
    """File that holds `github_secret`."""
    github_secret_before: SecretText | None = None
    """An earlier one that is still taken, while it is being replaced."""
    github_secret_before_file: SecretPath | None = None
    """File that holds `github_secret_before`."""
    github_workflows: tuple[GithubRow, ...] = ()
    """Which stacks GitHub's workflows deploy."""
    github_silence: SomeDuration = timedelta(days=1)
    """How long GitHub may say nothing of a run before it is lost: a run may wait for an approval."""
    stuck_after: SomeDuration | None = None
    """How long a run may take that has no history: with five runs that ended well it is three times what they took."""
    retention: SomeDuration = timedelta(days=400)
    """How long runs are kept. The last of each workflow at each place is kept always."""
    schedules: tuple[ScheduleRow, ...] = ()
    """Jobs that are pinged, or are to run by the clock."""
    after_apply: AfterApply = AfterApply()
    """How the stack of a production run is watched after it."""
    guideline: Guideline | None = None
    """What an apply is held against."""

    @model_validator(mode="after")
    def _no_name_twice(self) -> Executions:
        names = [row.name for row in self.schedules]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise wrong_at("schedules", "has the name of an earlier one", index)
        return self

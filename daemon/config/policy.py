"""The configuration of alerting in the words of alerts.policy."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from alerts.policy import Policy
from alerts.routes import Route, Routes
from alerts.tiers import TierOverride
from daemon.config.load import Config
from daemon.config.models import RouteRow

UNSENT = "none"  # the channel of messages that are kept and shown, where no Slack is configured


def policy(config: Config) -> Policy:
    """Give what the pure decisions of alerting need."""
    alerts = config.alerts
    return Policy(
        routes=Routes(
            default=alerts.default_channel or UNSENT,
            rows=tuple(itertools.chain.from_iterable(map(_routes, alerts.routes))),
            default_mention=alerts.default_mention,
        ),
        overrides=tuple(
            TierOverride(
                tier=row.tier,
                why=row.why,
                kind=row.kind,
                stage=str(row.stage or ""),
                stack=row.stack or "",
                resource=row.resource or "",
            )
            for row in alerts.tiers
        ),
        reopen_within=alerts.reopen_within,
        baseline_wait=alerts.baseline.wait,
        status_url=config.web.public_url or "",
    )


def _routes(row: RouteRow) -> Iterator[Route]:
    """One row with lists of conditions is as many rows with one condition each, side by side."""
    for tier, kind, stage, stack in itertools.product(
        row.tiers or (None,), row.kinds or (None,), row.stages or (None,), row.stacks or ("",)
    ):
        yield Route(row.channel, row.mention, tier, kind, str(stage or ""), stack)

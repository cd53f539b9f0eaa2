"""How a look ends before there is a plan."""

from __future__ import annotations

from collections.abc import Mapping

from checks.plans.look import LookStatus


class LookEndedError(Exception):
    """The look is over: *status* and *cause* for the machine, the text and *remedy* for people (not yet scrubbed)."""

    def __init__(
        self,
        status: LookStatus,
        reason: str,
        *,
        cause: str = "",
        remedy: str = "",
        diagnostics: tuple[str, ...] = (),
        facts: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.cause = cause or f"{status}: {reason}"
        self.remedy = remedy
        self.diagnostics = diagnostics
        self.facts = dict(facts or {})


def config_error(reason: str, *, cause: str = "", remedy: str = "") -> LookEndedError:
    return LookEndedError(LookStatus.CONFIG_ERROR, reason, cause=cause, remedy=remedy)


def error(reason: str, *, cause: str = "", remedy: str = "") -> LookEndedError:
    return LookEndedError(LookStatus.ERROR, reason, cause=cause, remedy=remedy)

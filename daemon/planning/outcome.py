"""From what Terraform said and left behind to a plan, or to the reason why there is none. Never by exit code alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from checks.plans.look import LookStatus
from daemon.planning.drivers import Made
from daemon.planning.ended import LookEndedError, config_error, error
from daemon.planning.events import Diagnostic, Events, cause_of, read_events, read_text
from daemon.planning.guarding import GuardedCall
from daemon.processes import Finished

_MOST_DIAGNOSTICS = 20
_KILLED = 128  # exit codes above it stand for signals


def check_made(made: Made, calls: Sequence[GuardedCall], plan_file: Path, seconds: float) -> Events:
    """The events of a plan that came to its end. Raises LookEndedError, one reason for each way it can fail."""
    if made.init is not None:
        _check_ended(made.init, "terraform init", seconds)
    if made.plan is not None:
        _check_ended(made.plan, "the plan", seconds)
    _check_refused(calls)
    planned = [call for call in calls if call.subcommand == "plan"]
    last = made.plan or made.init
    assert last is not None
    events = read_events(last.stdout)
    if events.errors:
        _failed("terraform plan", events.errors)
    if not planned:
        _failed_before(calls, last)
    if planned[-1].rc >= _KILLED:
        raise error(f"Terraform was ended by signal {planned[-1].rc - _KILLED}", cause="terraform killed")
    if planned[-1].rc not in (0, 2):
        _failed("terraform plan", read_text(last.stderr or last.stdout))
    if not events.summarised:
        raise error(
            f"Terraform ended with exit code {planned[-1].rc} and no summary of changes: it crashed",
            cause="terraform crashed",
        )
    _check_plan_file(plan_file)
    return events


def read_plan(shown: Finished, calls: Sequence[GuardedCall], seconds: float) -> dict[str, Any]:
    """The plan that `show -json` printed. Raises LookEndedError."""
    _check_ended(shown, "terraform show", seconds)
    _check_refused(calls)
    if shown.rc != 0:
        _failed("terraform show", read_text(shown.stderr))
    try:
        plan = json.loads(shown.stdout)
    except (ValueError, RecursionError) as bad:
        raise error("terraform show printed JSON that is cut short or broken", cause="plan unreadable") from bad
    if not isinstance(plan, dict) or "format_version" not in plan:
        raise error("terraform show printed no plan", cause="plan unreadable")
    return plan


def _check_ended(finished: Finished, what: str, seconds: float) -> None:
    if finished.timed_out:
        raise error(f"{what} did not end within {seconds:.0f} s", cause="timeout", remedy="raise planning.deadline")
    if finished.stopped:
        raise error(f"{what} was ended, as Barograph is stopping", cause="stopping")
    if finished.truncated:
        raise error(f"{what} printed more than is read", cause="output too long")
    if finished.signal is not None:
        raise error(f"{what} was ended by signal {finished.signal}", cause="terraform killed")


def _check_refused(calls: Sequence[GuardedCall]) -> None:
    """What the guard refused is the configuration's fault for providers; else it is a plan that would have written."""
    refused = [call.refused for call in calls if call.refused]
    strangers = [why for why in refused if why.startswith("provider ")]
    if strangers:
        raise config_error(strangers[0], cause="provider not allowed", remedy="add it to allowed_providers, if it is")
    # Atmos asks for a new workspace first and selects the one that exists when that is refused: no failure in itself.
    serious = [why for why in refused if why != "workspace new"]
    if serious:
        raise error(f"Barograph's guard refused to run `{serious[0]}`", cause="guard refused")


def _failed_before(calls: Sequence[GuardedCall], last: Finished) -> NoReturn:
    """There was no plan: init failed, or Atmos ended before it came that far."""
    failed = [call for call in calls if call.rc != 0 and not call.refused]
    if failed and failed[-1].rc >= _KILLED:
        raise error(f"Terraform was ended by signal {failed[-1].rc - _KILLED}", cause="terraform killed")
    what = f"terraform {failed[-1].subcommand}" if failed else "Atmos"
    found = read_text(last.stderr) or read_text(last.stdout)
    if not found and last.rc == 0:
        raise error("no plan was made, though nothing failed: is the component disabled?", cause="no plan")
    _failed(what, found or (Diagnostic(_last_line(last)),))


def _last_line(finished: Finished) -> str:
    lines = (finished.stderr or finished.stdout).decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else f"it ended with exit code {finished.rc} and said nothing"


def _failed(what: str, found: Sequence[Diagnostic]) -> NoReturn:
    status, cause = cause_of(found)
    first = found[0].text() if found else "it said nothing"
    label = {LookStatus.CONFIG_ERROR: f"{what} failed ({cause})"}.get(status, f"{what} failed")
    raise LookEndedError(
        status,
        f"{label}: {first}",
        cause=f"{cause}: {found[0].summary if found else ''}",
        diagnostics=tuple(diagnostic.text() for diagnostic in found[:_MOST_DIAGNOSTICS]),
    )


def _check_plan_file(plan_file: Path) -> None:
    try:
        with plan_file.open("rb") as file:
            start = file.read(2)
    except OSError as missing:
        raise error("Terraform ended well, but left no plan file", cause="no plan file") from missing
    if start != b"PK":  # a plan file is a zip archive
        raise error("the plan file is empty or no plan", cause="no plan file")

"""One line of Terraform's human output, or of Atmos' words around it.

Written after Terraform 1.5 to 1.15 and OpenTofu, and Atmos 1.163, 1.205 and 1.226, as recorded. A line that only looks
like one of these, such as what a provisioner prints, has the resource's name and the provisioner's before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from checks.runs.model import (
    Doing,
    Event,
    Interrupted,
    Phase,
    PhaseBegun,
    ResourceEvent,
    Status,
    StepBegun,
    StepFailed,
    Summary,
)

_INDEX = r'\[(?:\d{1,18}|"(?:[^"\\]|\\.){0,500}")\]'
_NAME = r"[^\W\d][\w-]{0,250}"
ADDRESS = rf"(?:module\.{_NAME}(?:{_INDEX})?\.){{0,20}}(?:data\.|ephemeral\.)?{_NAME}\.{_NAME}(?:{_INDEX})?"

_BEGUN: Mapping[str, Doing] = {
    "Creating": Doing.CREATE, "Modifying": Doing.UPDATE, "Destroying": Doing.DELETE, "Reading": Doing.READ,
    "Importing": Doing.IMPORT, "Provisioning": Doing.CREATE,
}  # fmt: skip
_ENDED: Mapping[str, Doing] = {
    "Creation": Doing.CREATE, "Modifications": Doing.UPDATE, "Destruction": Doing.DELETE, "Read": Doing.READ,
    "Import": Doing.IMPORT,
}  # fmt: skip
_STILL: Mapping[str, Doing] = {
    "creating": Doing.CREATE, "modifying": Doing.UPDATE, "destroying": Doing.DELETE, "reading": Doing.READ,
    "importing": Doing.IMPORT,
}  # fmt: skip
_WILL: tuple[tuple[str, Doing], ...] = (
    ("will be created", Doing.CREATE), ("will be updated in-place", Doing.UPDATE), ("will be destroyed", Doing.DELETE),
    ("must be replaced", Doing.REPLACE), ("will be replaced", Doing.REPLACE), ("is tainted, so", Doing.REPLACE),
    ("will be read during apply", Doing.READ), ("will be imported", Doing.IMPORT), ("has moved to", Doing.MOVE),
    ("will no longer be managed by", Doing.FORGET),
)  # fmt: skip

_START = re.compile(
    rf"(?P<address>{ADDRESS}): (?P<word>Creating|Modifying|Destroying|Reading|Importing)\.\.\.(?: \[id=(?P<id>.*)\])?"
)
_STILL_AT = re.compile(
    rf"(?P<address>{ADDRESS}): Still (?P<word>[a-z]+)\.\.\. \[(?:id=(?P<id>.*), )?(?P<time>[\dhms.]+) elapsed\]"
)
_END = re.compile(
    rf"(?P<address>{ADDRESS}): (?P<word>Creation|Modifications|Destruction|Read|Import) complete"
    r"(?: after (?P<time>[\dhms.]+))?(?: \[id=(?P<id>.*)\])?"
)
_REFRESH = re.compile(rf"{ADDRESS}: Refreshing state\.\.\.(?: \[id=.*\])?")
_PLANNED = re.compile(rf"  # (?P<address>{ADDRESS})(?: \(deposed object [0-9a-f]+\))? (?P<will>[a-z].*)")
_REPLACED = re.compile(rf'\s*(?P<sign>-/\+|\+/-) resource "{_NAME}" "{_NAME}" \{{')
_COUNTS = r"(?:(?P<imported>\d+) (?:to import|imported), )?(?P<added>\d+) (?:to add|added), "
_COUNTS += r"(?P<changed>\d+) (?:to change|changed), (?P<removed>\d+) (?:to destroy|destroyed)"
_PLAN = re.compile(rf"Plan: {_COUNTS}(?:, \d+ to forget)?\.")
_APPLIED = re.compile(rf"Apply complete! Resources: {_COUNTS}(?:, \d+ forgotten)?\.")
_DESTROYED = re.compile(r"Destroy complete! Resources: (?P<removed>\d+) destroyed\.")
_WORKSPACE = re.compile(r'(?:Switched to|Created and switched to) workspace "(?P<name>[^"]{1,200})"[.!]')
_INIT = re.compile(r"Initializing (?:the backend|modules|provider plugins)\.\.\.")
_PLANNING = re.compile(
    r"(?:Terraform|OpenTofu) used the selected providers to generate the following execution|No changes\. .*"
    r"|(?:Terraform|OpenTofu) will perform the following actions:"
)
_STEP = re.compile(r"(?:INFO )?(?:[▶ℹ] )?(?:Executing command: (?P<command>.+)|Executing workflow step: (?P<step>.+))")
_STEP_FAILED = re.compile(r"Step '(?P<name>[^']{1,200})' failed!")
_EXIT = re.compile(r"subcommand exited with code (?P<code>\d{1,3})")
_RESUME = re.compile(r"(?P<command>atmos workflow [^<]{1,400}--from-step '?(?P<name>[^'\s<]{1,200})'?.{0,200})")
_INTERRUPT = re.compile(r"Interrupt received\.|Stopping operation\.\.\.|Two interrupts received\. .*")
_TIME = re.compile(r"(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+(?:\.\d+)?)s)?")


def seconds(text: str) -> float | None:
    """Seconds of a duration as Terraform prints it: "1m30s", "00m10s"; None if it is none."""
    found = _TIME.fullmatch(text)
    if not text or found is None:
        return None
    return int(found["h"] or 0) * 3600 + int(found["m"] or 0) * 60 + float(found["s"] or 0)


def order(line: str) -> str:
    """How a resource is replaced, of the line that begins its plan, below the one with its address; empty: none."""
    found = _REPLACED.fullmatch(line)
    return "" if found is None else "destroy_first" if found["sign"] == "-/+" else "create_first"


def parse(line: str) -> tuple[Event, ...]:
    """The events that one line tells of, without colour; none: it is about something else."""
    return _resource(line) or _plan(line) or _phase(line) or _atmos(line)


def _resource(line: str) -> tuple[Event, ...]:
    if ": " not in line:
        return ()
    found = _START.fullmatch(line)
    if found:
        return (ResourceEvent(found["address"], _BEGUN[found["word"]], Status.STARTED, id=found["id"] or ""),)
    found = _STILL_AT.fullmatch(line)
    if found and found["word"] in _STILL:
        time = seconds(found["time"])
        return (ResourceEvent(found["address"], _STILL[found["word"]], Status.STARTED, time, found["id"] or ""),)
    found = _END.fullmatch(line)
    if found:
        time = seconds(found["time"]) if found["time"] else None
        return (ResourceEvent(found["address"], _ENDED[found["word"]], Status.DONE, time, found["id"] or ""),)
    return (PhaseBegun(Phase.PLAN),) if _REFRESH.fullmatch(line) else ()


def _plan(line: str) -> tuple[Event, ...]:
    if line.startswith("  # "):
        found = _PLANNED.fullmatch(line)
        doing = next((doing for words, doing in _WILL if found and found["will"].startswith(words)), None)
        return (ResourceEvent(found["address"], doing, Status.PLANNED),) if found and doing else ()
    for pattern, operation in ((_PLAN, "plan"), (_APPLIED, "apply"), (_DESTROYED, "destroy")):
        found = pattern.fullmatch(line)
        if found:
            return (Summary(operation, **{name: int(number or 0) for name, number in found.groupdict().items()}),)
    if line.startswith("No changes. "):
        return (PhaseBegun(Phase.PLAN), Summary("plan"))
    return ()


def _phase(line: str) -> tuple[Event, ...]:
    if _INIT.fullmatch(line):
        return (PhaseBegun(Phase.INIT),)
    if _PLANNING.fullmatch(line):
        return (PhaseBegun(Phase.PLAN),)
    found = _WORKSPACE.fullmatch(line)
    if found:
        return (PhaseBegun(Phase.WORKSPACE, found["name"]),)
    return (Interrupted(),) if _INTERRUPT.fullmatch(line) else ()


def _atmos(line: str) -> tuple[Event, ...]:
    found = _STEP.fullmatch(line)
    if found:
        return (StepBegun(found["command"] or f"atmos {found['step']}"),)
    found = _STEP_FAILED.fullmatch(line)
    if found:
        return (StepFailed(found["name"]),)
    found = _RESUME.search(line)
    if found:
        return (StepFailed(found["name"], resume=found["command"].strip()),)
    found = _EXIT.search(line)
    return (StepFailed(exit_code=int(found["code"])),) if found else ()

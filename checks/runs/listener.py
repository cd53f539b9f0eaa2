"""From the bytes that a run prints to events, in memory that does not grow with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from checks.runs import grammar, stream
from checks.runs.model import Doing, Event, Heard, ResourceEvent, Status, StepBegun, StepFailed, Trouble

LONGEST = 65_536  # bytes of a line that are read; the rest of it is passed over
_LINES = 80  # of an error, that are kept
_TEXT = 4_000  # characters of a detail

_COLOUR = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_STAMP = re.compile(r"(?P<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) ")
_ERROR = re.compile(r"(?P<mark>│ )?(?P<word>Error|Warning): (?P<summary>.+)")
_HEADING = re.compile(r"# (?:Error|Workflow Error|Incorrect Usage|Invalid Workflow Name|Workflow File Not Found)\s*")
_ATMOS_ERROR = re.compile(r"\*\*Error:\*\* (?P<summary>.+)")
_ASIDE = ("## Hints", "## Usage", "💡", "The following command failed to execute:")  # what follows is no detail
# Said in better words elsewhere: by the step's own name, by the exit code.
_NO_NEWS = re.compile(r"exit status \d+|subcommand exited with code \d+|workflow step execution failed: .*|")
_WITH = re.compile(rf"\s*with (?P<address>{grammar.ADDRESS}),\s*")
_ON = re.compile(r"\s*on (?P<file>.{1,400}) line (?P<line>\d{1,9})(?:, in .*)?:\s*")
_CODE = re.compile(r"\s*\d{1,9}: .*")  # source text of the configuration: not kept, it may hold a value


@dataclass(slots=True)
class _Box:
    """An error that is being read."""

    summary: str
    framed: bool
    error: bool  # a warning is read to know where it ends
    at: datetime | None
    lines: list[str] = field(default_factory=list)


class Listener:
    """Reads the output of one run, piece by piece; however it is cut into pieces, the events are the same."""

    def __init__(self, scrub: Callable[[str], str]) -> None:
        """*scrub* takes what is secret out of a text that is kept."""
        self._scrub = scrub
        self._rest = b""
        self._passing = False  # over the rest of a line that is too long
        self._box: _Box | None = None
        self._replaced = ""  # the address of a replacement that is planned, until its order is told

    def feed(self, piece: bytes) -> list[Heard]:
        """Events of the lines that *piece* completes."""
        heard: list[Heard] = []
        lines = piece.split(b"\n")
        for line in lines[:-1]:
            heard += self._complete(line)
        self._keep(lines[-1])
        return heard

    def close(self) -> list[Heard]:
        """Events of what was printed last, without an end of line."""
        heard = self._complete(b"") if self._rest else []
        return heard + self._end_box()

    def _keep(self, piece: bytes) -> None:
        room = LONGEST - len(self._rest)
        self._rest += piece[:room] if room > 0 else b""

    def _complete(self, piece: bytes) -> list[Heard]:
        self._keep(piece)
        line, self._rest = self._rest, b""
        return self._line(_COLOUR.sub("", line.decode("utf-8", "replace")).rstrip("\r"))

    def _line(self, line: str) -> list[Heard]:
        stamp = _STAMP.match(line)
        at = stream.moment(stamp["at"]) if stamp else None
        if stamp:
            line = line[stamp.end() :]
        if stream.is_stream(line):
            return self._end_box() + [self._scrubbed(one) for one in stream.parse(line)]
        if self._box is not None and self._box.framed:
            return self._framed(line)
        found = _ERROR.fullmatch(line)
        if found:
            ended = self._end_box()
            self._box = _Box(found["summary"], bool(found["mark"]), found["word"] == "Error", at)
            return ended
        events = grammar.parse(line) or self._ordered(line)
        if events:
            self._remember(events[0])
            return self._end_box() + [self._scrubbed(Heard(event, at)) for event in events]
        if _HEADING.fullmatch(line):
            ended = self._end_box()
            self._box = _Box("", False, True, at)
            return ended
        if self._box is not None:
            self._into(self._box, line)
        return []

    def _remember(self, event: Event) -> None:
        planned = isinstance(event, ResourceEvent) and event.status is Status.PLANNED and event.doing is Doing.REPLACE
        self._replaced = event.address if planned and isinstance(event, ResourceEvent) and not event.order else ""

    def _ordered(self, line: str) -> tuple[Event, ...]:
        order = grammar.order(line) if self._replaced else ""
        return (ResourceEvent(self._replaced, Doing.REPLACE, Status.PLANNED, order=order),) if order else ()

    def _into(self, box: _Box, line: str) -> None:
        """A line of an error without a frame. Under Atmos' headings the first line that says something sums it up."""
        if not box.summary:
            found = _ATMOS_ERROR.fullmatch(line)
            box.summary = found["summary"] if found else line.strip()
        elif len(box.lines) < _LINES:
            box.lines.append(line)

    def _framed(self, line: str) -> list[Heard]:
        assert self._box is not None
        if line.startswith("╵"):
            return self._end_box()
        if not line.startswith("│"):
            return self._end_box() + self._line(line)  # the frame was cut off: something else goes on
        if len(self._box.lines) < _LINES:
            self._box.lines.append(line[1:].removeprefix(" "))
        return []

    def _end_box(self) -> list[Heard]:
        box, self._box = self._box, None
        if box is None or not box.error or _NO_NEWS.fullmatch(box.summary):
            return []
        return [self._scrubbed(Heard(_trouble(box), box.at))]

    def _scrubbed(self, heard: Heard) -> Heard:
        event: Event = heard.event
        if isinstance(event, Trouble):
            event = replace(event, summary=self._short(event.summary, 500), detail=self._short(event.detail, _TEXT))
        elif isinstance(event, ResourceEvent):
            event = replace(event, address=self._scrub(event.address), id=self._short(event.id, 200))
        elif isinstance(event, StepBegun):
            event = replace(event, command=self._short(event.command, 500))
        elif isinstance(event, StepFailed):
            event = replace(event, resume=self._short(event.resume, 500))
        return replace(heard, event=event)

    def _short(self, text: str, most: int) -> str:
        return self._scrub(text)[:most]


def _trouble(box: _Box) -> Trouble:
    address, file, line = "", "", 0
    kept: list[str] = []
    for text in box.lines:
        if text.startswith(_ASIDE):
            break
        if text.strip() == "## Explanation":
            continue
        with_, on = _WITH.fullmatch(text), _ON.fullmatch(text)
        if with_ and not address:
            address = with_["address"]
        elif on and not file:
            file, line = on["file"], int(on["line"])
        elif not (file and _CODE.fullmatch(text) and not any(kept)):
            kept.append(text)
    return Trouble(box.summary, _joined(kept), address, file, line)


def _joined(lines: Iterable[str]) -> str:
    return "\n".join(lines).strip("\n ")

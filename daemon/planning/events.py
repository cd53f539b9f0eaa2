"""What Terraform said: JSON events of a plan, text of an init, and which failures are the configuration's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from checks.plans.look import LookStatus

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_FRAME = re.compile(r"^[\s╷│╵]+|\s+$")
_LONGEST = 65536  # characters of a message that are read; what is kept is cut when it is scrubbed
# What a function could not work with: a value of the code's, from anywhere, marked as sensitive or not.
_QUOTED = re.compile(r'((?:convert|parse|parsing|decode|decoding)\b[^"]{0,40})"(?:[^"\\]|\\.)*"')

# Trouble on the way to somewhere: not the configuration's fault, whatever the rest of the text says.
_NETWORK = re.compile(
    r"could not connect|connection (refused|reset)|no such host|i/o timeout|TLS handshake|context deadline exceeded"
    r"|Client\.Timeout|dial tcp|network is unreachable|\b50[0234]\b|Throttling|RequestLimitExceeded",
    re.IGNORECASE,
)

# First match decides. Texts of Terraform 1.x, OpenTofu and the AWS provider; anything unknown stays an error.
_CAUSES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (cause, re.compile("|".join(patterns), re.IGNORECASE))
    for cause, *patterns in (
        ("missing variable", "No value for required variable"),
        ("terraform version", r"Unsupported (Terraform Core|OpenTofu( Core)?) version"),
        ("backend", r"Unsupported backend type|There is no (explicitly declared )?backend type named|Invalid backend",
         r"Backend (configuration|initialization required)|Missing backend|Unset(ting)? backend"),
        ("workspace", r"Currently selected workspace|Workspace .* does(n't| not) exist"),
        ("module", r"Module (not installed|source has changed|not found)|Unreadable module|Failed to download module",
         r"Could not download module|Invalid module|Unresolvable module"),
        ("provider version", r"Failed to query available provider packages|Inconsistent dependency lock",
         r"Could not retrieve the list of available versions|Incompatible provider version|Failed to install provider",
         r"Required plugins are not installed|Invalid provider (source|requirements|registry)"),
        ("provider sign-in", r"credential|InvalidClientTokenId|ExpiredToken|Cannot assume IAM Role",
         r"Unable to authenticate|UnrecognizedClientException|SignatureDoesNotMatch|Invalid provider configuration",
         r"Missing (required )?(provider )?(token|api key)|\b401\b|Unauthenticated|Missing region",
         r"Invalid AWS Region|shared config profile"),
        ("syntax", r"^(Invalid|Unsupported|Unclosed|Unterminated|Missing|Argument or block definition)",
         r"^(Reference to undeclared|Duplicate|Variables not allowed|Error in function call|Incorrect attribute)",
         r"^(Extra characters|Cycle|Unknown (variable|token|function)|Call to unknown function|Value for undeclared)",
         r"^(No (module|configuration)|Terraform encountered problems|Attribute redefined)"),
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """An error Terraform reported. Not scrubbed."""

    summary: str
    detail: str = ""
    file: str = ""
    line: int = 0
    address: str = ""

    def text(self) -> str:
        where = f"{self.file}:{self.line}: " if self.file else ""
        whose = f"{self.address}: " if self.address else ""
        detail = f": {' '.join(self.detail.split())}" if self.detail else ""
        return _QUOTED.sub(r"\g<1>(not shown)", f"{where}{whose}{self.summary}{detail}")[:_LONGEST]


@dataclass(frozen=True, slots=True)
class Events:
    """The JSON events of one plan."""

    summarised: bool  # there is a change_summary of a plan: Terraform came to its end
    errors: tuple[Diagnostic, ...] = ()
    terraform: str = ""  # its version


def read_events(stdout: bytes) -> Events:
    """Read the lines that are JSON objects with `@level` and `type`; init's and Atmos' own text is passed over."""
    summarised, version = False, ""
    errors: list[Diagnostic] = []
    for line in stdout.splitlines():
        event = _event(line)
        kind = event.get("type")
        if kind == "change_summary":
            changes = event.get("changes")
            summarised = summarised or (isinstance(changes, Mapping) and changes.get("operation") == "plan")
        elif kind == "version":
            version = str(event.get("terraform") or event.get("tofu") or "")
        elif kind == "diagnostic":
            found = event.get("diagnostic")
            if isinstance(found, Mapping) and found.get("severity") == "error":
                errors.append(_diagnostic(found))
    return Events(summarised, tuple(errors), version)


def _event(line: bytes) -> Mapping[str, Any]:
    if not line.startswith(b"{"):
        return {}
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) and "@level" in event and "type" in event else {}


def _diagnostic(found: Mapping[str, Any]) -> Diagnostic:
    """Its snippet is left out: it quotes code and values."""
    place = found.get("range")
    place = place if isinstance(place, Mapping) else {}
    start = place.get("start")
    return Diagnostic(
        summary=str(found.get("summary", "")),
        detail=str(found.get("detail", "")),
        file=str(place.get("filename", "")),
        line=int(start.get("line", 0)) if isinstance(start, Mapping) else 0,
        address=str(found.get("address", "")),
    )


def read_text(output: bytes) -> tuple[Diagnostic, ...]:
    """The errors in the human text of `init` (or of Atmos), without colours and frames."""
    found: list[Diagnostic] = []
    lines = [_FRAME.sub("", _ANSI.sub("", line)) for line in output.decode(errors="replace").splitlines()]
    current: list[str] | None = None
    for line in [*lines, "Error: "]:
        if line.startswith("Error: "):
            if current is not None:
                found.append(_from_text(current))
            current = [line.removeprefix("Error: ")]
        elif current is not None:
            current.append(line)
    # The first only says that there are more.
    telling = [
        diagnostic for diagnostic in found if not diagnostic.summary.startswith("Terraform encountered problems")
    ]
    return tuple(telling or found)


def _from_text(lines: list[str]) -> Diagnostic:
    file, number, detail = "", 0, []
    for line in lines[1:]:
        if place := re.match(r"on (\S+) line (\d+)", line):
            file, number = place[1], int(place[2])
        elif line and not re.match(r"\d+: ", line) and not line.startswith(("{", "├", "WARN")):
            detail.append(line)
    return Diagnostic(lines[0], " ".join(detail), file, number)


def cause_of(errors: Iterable[Diagnostic]) -> tuple[LookStatus, str]:
    """Whose fault the *errors* are: the configuration's, and which of its faults; or none we know."""
    known = tuple(errors)
    texts = [f"{diagnostic.summary}\n{diagnostic.detail}" for diagnostic in known]
    if any(_NETWORK.search(text) for text in texts):
        return LookStatus.ERROR, "network"
    for cause, pattern in _CAUSES:
        if any(pattern.search(text) for text in texts):
            return LookStatus.CONFIG_ERROR, cause
    return LookStatus.ERROR, known[0].summary if known else "no message"

"""The arguments of `barograph exec`, taken apart by hand: a library for it takes longer than the job's start may."""

from __future__ import annotations

from collections.abc import Sequence

USAGE = """\
Usage: barograph exec [OPTIONS] -- COMMAND [ARGUMENT]...
       barograph exec --flush

Run a job unchanged (same output, same exit code, same signals), and report it to Barograph. The job goes on whatever
happens to the report.

Options:
  --workflow NAME    The workflow that this is, as its runs are grouped.
  --stack NAME       The stack it is about.
  --component NAME   The component it is about.
  --name SLUG        A name of the job, for what is no workflow.
  --step NAME        A step that is expected; once for each, in their order.
  --rollback LINK    How this change is undone: a page or a commit.
  --emergency        This run may leave out steps and approval, and owes a review.
  --dry-run          This run applies nothing. Only told: the job is not changed.
  --no-shim          Do not stand in for terraform and tofu; phases are then taken from their output.
  --no-wait          Do not wait at the end for what is still to be sent.
  --verbose          Say at the end, in one line, what became of the report.
  --flush            Send what earlier runs could not send.
  -h, --help         Show this.

Environment: BAROGRAPH_URL (where the daemon is), BAROGRAPH_TOKEN (a token with the scope ingest) or
BAROGRAPH_HMAC_SECRET, BAROGRAPH_SPOOL (the folder where events wait), BAROGRAPH_EXEC_IMPACT=0 (saved plans are not
read), BAROGRAPH_EXEC_SHOW_SECONDS (how long Terraform may take to show one; 120).
"""

_TEXTS = ("workflow", "stack", "component", "name", "rollback")
_SWITCHES = ("emergency", "dry-run", "no-shim", "no-wait", "verbose", "flush", "help")


class UsageError(ValueError):
    """Arguments that make no sense; its text says which."""


class Options:
    """What was asked for."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.steps: list[str] = []
        self.switches: set[str] = set()
        self.command: list[str] = []

    def on(self, switch: str) -> bool:
        """Whether a switch such as "no-shim" was given."""
        return switch in self.switches


def parse(arguments: Sequence[str]) -> Options:
    """What *arguments* ask for. The command begins after `--`, or with the first word that is no option.

    Raises UsageError.
    """
    options = Options()
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--":
            options.command = rest
            break
        if not word.startswith("-") or word == "-":
            options.command = [word, *rest]
            break
        _take(options, "--help" if word == "-h" else word, rest)
    if not options.command and not options.switches & {"help", "flush"}:
        raise UsageError("there is no command; write it after `--`")
    return options


def _take(options: Options, word: str, rest: list[str]) -> None:
    name, equals, value = word[2:].partition("=")
    if not word.startswith("--") or name not in (*_TEXTS, "step", *_SWITCHES):
        raise UsageError(f"there is no option {word.partition('=')[0]}; the job's own options come after `--`")
    if name in _SWITCHES:
        if equals:
            raise UsageError(f"--{name} takes no value")
        options.switches.add(name)
        return
    if not equals:
        if not rest or rest[0] == "--":
            raise UsageError(f"--{name} needs a value")
        value = rest.pop(0)
    if name == "step":
        options.steps.append(value)
    else:
        options.texts[name] = value

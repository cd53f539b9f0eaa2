"""`barograph verdict PLAN.json`: judge a saved plan, offline."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from checks.plans.evidence import evidence
from checks.plans.judge import judge
from checks.plans.model import MEANING, Judgement, NotJudgeable, Verdict
from checks.plans.words import brief

_FINE = frozenset({Verdict.IN_SYNC, Verdict.ACCEPTED})
_USAGE, _CANNOT_JUDGE = 2, 3
_LABELS = ("recorded", "actual", "desired")


@click.command(short_help="Judge a saved plan.")
@click.argument("plan", metavar="PLAN.json")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@click.pass_context
def verdict(context: click.Context, plan: str, *, as_json: bool) -> None:
    """Judge a saved plan, offline: was something changed outside Terraform, or is it only not applied yet?

    PLAN.json is what `terraform show -json PLANFILE` prints; - reads it from standard input. Make the plan with plain
    `terraform plan -out=PLANFILE`.

    Never judge a plan made with `-refresh=false`: such a plan has not looked at the real world, and its JSON does not
    show that. A plan made with -refresh-only cannot show which differences the code accepts, so all of them are drift.

    Sensitive values and what looks like a secret are not printed.

    \b
    Exit codes:
      0  in_sync or accepted; what was accepted may open something: see `security` in what is printed
      1  any other verdict
      2  usage: the file is missing or cannot be read
      3  cannot be judged: no JSON, cut off, no plan, an errored or incomplete plan
    """
    try:
        judgement = judge(_loaded(plan))
    except NotJudgeable as error:
        _refuse(plan, str(error), as_json=as_json)
        context.exit(_CANNOT_JUDGE)
    if as_json:
        click.echo(json.dumps(_as_json(judgement), indent=2, ensure_ascii=True))
    else:
        click.echo("\n".join(printable(line) for line in _lines(judgement)))
    context.exit(0 if judgement.verdict in _FINE else 1)


def _loaded(plan: str) -> Any:
    name = "standard input" if plan == "-" else plan
    if plan == "-" and sys.stdin is None:
        raise click.UsageError("standard input is closed: there is no plan to read")
    try:
        raw = sys.stdin.buffer.read() if plan == "-" else Path(plan).read_bytes()
    except OSError as error:
        raise click.UsageError(f"{name} cannot be read: {error.strerror or type(error).__name__}") from None
    if not raw.strip():
        raise NotJudgeable("it is empty")
    try:
        return json.loads(raw)
    except json.JSONDecodeError as error:
        # The decoder's own text can quote nothing of the plan; its message and position are safe to show.
        where = f"line {error.lineno}, column {error.colno}"
        cut_off = error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated")
        why = "it is cut off" if cut_off else "it is no JSON (give the output of `terraform show -json PLANFILE`)"
        raise NotJudgeable(f"{why}: {error.msg} at {where}") from None
    except UnicodeDecodeError:
        raise NotJudgeable(
            "it is no text: is it the plan file itself? Give what `terraform show -json` prints"
        ) from None
    except (RecursionError, ValueError):
        raise NotJudgeable("it is no plan: nested too deeply, or with a number too long to read") from None


def _refuse(plan: str, why: str, *, as_json: bool) -> None:
    name = "standard input" if plan == "-" else plan
    if as_json:
        click.echo(json.dumps({"verdict": None, "reason": why, "error": "cannot be judged"}, indent=2))
    click.echo(f"{printable(name)} cannot be judged: {why}", err=True)


def _as_json(judgement: Judgement) -> Mapping[str, Any]:
    shown = evidence(judgement)
    return {
        "verdict": judgement.verdict.value,
        "reason": judgement.reason,
        "meaning": MEANING[judgement.verdict],
        "classes": shown.get("classes", {}),
        "differences": shown.get("differences", []),
        "more": shown.get("more", 0),
        "failed_checks": shown.get("failed_checks", []),
        "unknown_checks": judgement.unknown_checks,
        "security": shown.get("security", []),
        "phantoms": judgement.phantoms,
        "resources": judgement.resources,
        "refresh_only": judgement.refresh_only,
    }


def _lines(judgement: Judgement) -> Iterator[str]:
    yield f"{judgement.verdict.value}: {MEANING[judgement.verdict]}"
    if judgement.differences or judgement.failed_checks:
        yield judgement.reason
    shown = evidence(judgement)
    for item in shown.get("differences", ()):
        yield ""
        yield f"[{item['class']}] {item['address']} ({item['action']})" + (
            f": {item['note']}" if item.get("note") else ""
        )
        if item.get("ignored_by"):
            yield f"  ignored by {item['ignored_by']}"
        yield from _table(item["paths"])
        if item.get("more"):
            yield f"  … {item['more']} more attributes"
    if shown.get("more"):
        yield f"… {shown['more']} more resources"
    for check in judgement.failed_checks:
        yield ""
        yield f"[check {check.status}] {check.address}"
        yield from (f"  {message}" for message in check.messages)
    for violation in judgement.violations:
        yield ""
        yield f"[security {violation.category}] {violation.address}: {violation.summary}"
    if judgement.phantoms:
        yield ""
        yield (
            f"{judgement.phantoms} differences left out that say nothing "
            "(null against empty, order of a set, echo of another resource)"
        )


def _table(paths: list[dict[str, Any]]) -> Iterator[str]:
    """Columns of equal width: attribute, recorded, actual, desired."""
    if not paths:
        return
    rows: list[tuple[str, ...]] = [("attribute", "recorded (state)", "actual (real world)", "desired (code)")]
    rows += [(path["path"] or "value", *(brief(path[label], 48) for label in _LABELS)) for path in paths]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def printable(text: str) -> str:
    """*text* without control characters: what a plan holds must not steer a terminal."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)

"""How changes reach production: the row of it, on the dashboard of executions."""

from __future__ import annotations

from dashboards import names
from dashboards.board import DRIFT, Board, to
from dashboards.palette import BLIND, CRITICAL, NO_DATA, PLAIN, QUIET, WARNING, Steps, unknown, wrong_from
from dashboards.panels import Label, Panel, Value, number, rows
from dashboards.query import above, in_stacks, middle, most, ratio, times, total

DAYS = 30  # that the metrics look back
STACK = ("stack",)
FAILED: Steps = ((None, PLAIN), (0.15, WARNING), (0.3, CRITICAL))
KEPT: Steps = ((None, CRITICAL), (0.8, WARNING), (1, PLAIN))
RUNS = "${status_page}/runs"


def deployments(board: Board) -> None:
    """A line of numbers over all chosen stacks, and one table by stack."""
    board.row(25, f"How changes reach production, last {DAYS} days")
    board.line(
        4,
        (26, 4, number(
            "Deployments", "Recorded applies to production that ended well. What ran before applies were recorded is "
            "not counted.",
            total(in_stacks(names.DEPLOYED)), decimals=0, links=[("Runs", RUNS)], nothing=NO_DATA,
        )),
        (27, 4, number(
            "Change failure rate", "Of all recorded applies to production, the part that failed, was lost or rolled "
            "back, or after which the stack got worse. Those after which nobody looked count as not failed: see Not "
            "watched.",
            _failing(), unit="percentunit", decimals=0, steps=FAILED, links=[("Runs", RUNS)], nothing=NO_DATA,
        )),
        (28, 4, number(
            "Median lead time", "From the commit to the end of its apply. Each stack has its median; this is the "
            "middle one of theirs. A stack of whose commits nobody told the time is not in it: its cell below says "
            f"{NO_DATA}.",
            middle(in_stacks(names.DEPLOY_LEAD)), unit="s", decimals=1, nothing=NO_DATA,
        )),
        (29, 4, number(
            "Through the recorded cycle", "Of the changes of which it is known, the part that kept to the guideline's "
            "cycle. Changes that no recorded run explains count as not.",
            _kept(), unit="percentunit", decimals=0, steps=KEPT, nothing=NO_DATA,
        )),
        (30, 4, number(
            "Unrecorded changes", "Changes to production that no recorded run explains. Each is a security violation "
            "of the check state, which names what was changed.",
            total(in_stacks(names.DEPLOY_UNRECORDED)), decimals=0, steps=wrong_from(1), nothing=NO_DATA,
        )),
        (31, 4, number(
            "Not watched", "Applies that ended well, and of which nobody knows how the stack was afterwards. They may "
            "have made it worse: the failure rate beside this does not know of it.",
            total(in_stacks(names.DEPLOY_UNWATCHED)), decimals=0, steps=wrong_from(1, BLIND), nothing=NO_DATA,
        )),
    )  # fmt: skip
    board.line(7, (32, 24, _stacks()))


def _applies(*labels: str) -> str:
    """How many there were, where there were any: a part of none is not known."""
    return above(0, total(in_stacks(names.DEPLOY_APPLIES), *labels))


def _failing(*labels: str) -> str:
    return ratio(total(in_stacks(names.DEPLOY_FAILURES), *labels), _applies(*labels))


def _kept(*labels: str) -> str:
    """Each stack's part counts by the changes of which it is known."""
    known = in_stacks(names.DEPLOY_CYCLE_CHANGES)
    kept = total(times(in_stacks(names.DEPLOY_CYCLE), known), *labels)
    return ratio(kept, above(0, total(known, *labels)))


def _stacks() -> Panel:
    wrong = f"{total(in_stacks(names.DEPLOY_FAILURES), *STACK)} + {total(in_stacks(names.DEPLOY_UNRECORDED), *STACK)}"
    missing, nothing = (unknown(NO_DATA),), (unknown(NO_DATA, QUIET),)
    return rows(
        "Stacks of production, worst first",
        f"Wrong: changes of {DAYS} days that failed, or that no recorded run explains. Lead and Restored in are "
        "medians: from the commit to the end of its apply, and until what failed was well again. "
        f"{NO_DATA.capitalize()}: of none is it known, or there was none; it is never 0.",
        [Label("stack", "Stack", links=(
            ("Runs on this stack", RUNS + "?place=${__value.text}"),
            ("Drift and state of this stack", to(DRIFT, "var-stack=${__value.text}")),
        ))],
        [
            Value(wrong, "Wrong", width=100, steps=wrong_from(1, WARNING)),
            Value(_failing(*STACK), "Failure rate", "percentunit", decimals=0, width=150, steps=FAILED,
                  mappings=missing),
            Value(_kept(*STACK), "Through the cycle", "percentunit", decimals=0, width=180, steps=KEPT,
                  mappings=missing),
            Value(most(in_stacks(names.DEPLOY_LEAD), *STACK), "Lead", "s", decimals=1, width=140,
                  steps=((None, PLAIN),), mappings=missing),
            Value(most(in_stacks(names.DEPLOY_RESTORE), *STACK), "Restored in", "s", decimals=1, width=140,
                  steps=((None, PLAIN),), mappings=nothing),
            Value(total(in_stacks(names.DEPLOY_UNRECORDED), *STACK), "Unrecorded", width=140, steps=wrong_from(1)),
            Value(total(in_stacks(names.DEPLOY_UNWATCHED), *STACK), "Not watched", width=140,
                  steps=wrong_from(1, BLIND)),
            Value(total(in_stacks(names.DEPLOY_APPLIES), *STACK), "Applies", width=110),
        ],
        first=("Wrong", "Failure rate"),
        nothing="nothing was changed in production, or nobody recorded it and the check state does not look",
    )  # fmt: skip

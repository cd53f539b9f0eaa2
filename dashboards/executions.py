"""Runs of workflows, and what security, access and compliance say of where they ran."""

from __future__ import annotations

from dashboards import names
from dashboards.board import DRIFT, EXECUTIONS, Addresses, Board, to
from dashboards.deployments import deployments
from dashboards.palette import BLIND, CRITICAL, INFO, PLAIN, QUIET, WARNING, Steps, wrong_from
from dashboards.panels import Label, Line, Panel, Value, bars, blind, graph, number, rows
from dashboards.query import (
    age,
    at_places,
    constant,
    either,
    in_stacks,
    least,
    most,
    of,
    of_least,
    of_most,
    or_none,
    rate,
    ratio,
    total,
)

DAYS = 30  # that the metrics of runs look back
RUN = ("workflow", "stack")
SCORE: Steps = ((None, CRITICAL), (0.6, WARNING), (0.9, INFO))


def executions(addresses: Addresses) -> Board:
    """How changes go, and whether they leave things in order."""
    board = Board(EXECUTIONS, "How changes go, who changes what by hand, and whether the rules are kept.", addresses)
    board.row(1, f"Executions of the last {DAYS} days")
    board.line(
        4,
        (2, 4, number(
            "Runs a day", f"Runs that ended well, a day, over {DAYS} days, of every workflow and stage.",
            ratio(_ended("succeeded"), f"{DAYS}"), decimals=1,
        )),
        (3, 4, number(
            "Failure rate of runs", f"Part of the runs of {DAYS} days that failed or were lost, of every workflow and "
            "stage. Cancelled ones do not count. How changes fare in production is a row of its own.",
            ratio(_ended("failed|lost"), _ended("succeeded|failed|lost")), unit="percentunit", decimals=0,
            steps=((None, PLAIN), (0.15, WARNING), (0.3, CRITICAL)),
        )),
        (4, 4, number(
            "Failed", "Runs that failed. Each is an incident that names the step, the resource and what to run next.",
            _ended("failed"), steps=wrong_from(1, WARNING), links=[("Runs", "${status_page}/runs")],
        )),
        (5, 4, number(
            "Lost", "Runs that fell silent: nobody knows how they ended. Look at what they were changing.",
            _ended("lost"), steps=wrong_from(1, BLIND), links=[("Runs", "${status_page}/runs")],
        )),
        (6, 4, number(
            "Under way", "Runs that have begun and not yet ended.",
            total(in_stacks(names.RUN_IN_PROGRESS)), steps=wrong_from(1, INFO), links=[("Runs", "${status_page}/runs")],
        )),
        (7, 4, number(
            "Last good run ago", "How long ago a run last ended well on any chosen stack.",
            age(most(in_stacks(names.RUN_LAST_SUCCESS))), unit="s", decimals=0,
        )),
    )  # fmt: skip
    board.line(9, (8, 15, _workflows()), (9, 9, _durations()))
    board.line(7, (10, 12, _results()), (11, 12, _changed()))
    deployments(board)
    board.row(12, "Security and access")
    board.line(
        4,
        (13, 4, number(
            "Violations", "Things that are wrong and not suppressed, verdicts of Security Hub, Config, GuardDuty and "
            "Access "
            "Analyzer among them.",
            total(at_places(names.SECURITY_VIOLATIONS)), steps=wrong_from(1), filled=True,
        )),
        (14, 4, number(
            "Data open to everybody", "Resources whose data anybody can read, suppressed or not. Critical in every "
            "stage.",
            total(at_places(names.SECURITY_PUBLIC)), steps=wrong_from(1), filled=True,
        )),
        (15, 3, number(
            "Use of root", "What the root user did, in cases that are open. Nobody should need it.",
            or_none(total(at_places(names.ACCESS_ROOT)), at_places(names.ACCESS_READ_TO)), steps=wrong_from(1),
        )),
        (16, 4, number(
            "Sensitive, by hand", "Changes by hand of access, exposure, keys or the audit trail, in open cases.",
            or_none(total(at_places(names.ACCESS_SENSITIVE)), at_places(names.ACCESS_READ_TO)), steps=wrong_from(1),
        )),
        (17, 3, number(
            "Failed sign-ins", "Console sign-ins that failed, in open cases.",
            or_none(total(at_places(names.ACCESS_FAILED)), at_places(names.ACCESS_READ_TO)),
            steps=wrong_from(5, WARNING),
        )),
        (18, 3, number(
            "CloudTrail read to", "How long ago: how far behind the reading of CloudTrail is, at the slowest place.",
            age(least(at_places(names.ACCESS_READ_TO))), unit="s", decimals=0, steps=wrong_from(7200, BLIND),
        )),
        (24, 3, blind("Blind to these", "security", "access", "compliance")),
    )  # fmt: skip
    board.line(9, (19, 15, _accounts()), (20, 9, _by_hand()))
    board.row(21, "Compliance")
    board.line(9, (22, 9, _scores()), (23, 15, _rules()))
    return board


def _ended(how: str, *labels: str) -> str:
    """How many runs ended so. A result that no run had has no series: where there were runs, that is 0."""
    found = total(in_stacks(names.RUN_RESULTS, f'result=~"{how}"'), *labels)
    return f"({either(found, constant(0, total(in_stacks(names.RUN_RESULTS), *labels)))})"


def _workflows() -> Panel:
    return rows(
        "Workflows, most failures first",
        f"Runs of the last {DAYS} days by workflow and stack. A workflow with failures and no good run since is "
        "broken.",
        [Label("workflow", "Workflow", links=(("Runs", "${status_page}/runs"),)),
         Label("stack", "Stack", links=(("Drift and state of this stack", to(DRIFT, "var-stack=${__value.text}")),))],
        [
            Value(_ended("failed", *RUN), "Failed", width=80, steps=wrong_from(1, WARNING)),
            Value(_ended("lost", *RUN), "Lost", width=70, steps=wrong_from(1, BLIND)),
            Value(_ended("cancelled", *RUN), "Cancelled", width=95, steps=wrong_from(1, QUIET)),
            Value(_ended("succeeded", *RUN), "Succeeded", width=100),
            Value(age(most(in_stacks(names.RUN_LAST_SUCCESS), *RUN)), "Last good ago", "s", decimals=0, width=120),
            Value(most(in_stacks(names.RUN_DURATION, 'result="succeeded"'), *RUN), "Took", "s", decimals=0, width=90),
        ],
        first="Failed", nothing="no run has told of itself",
    )  # fmt: skip


def _durations() -> Panel:
    return graph(
        "How long runs take", "The last run of each workflow on each stack that ended well, the ten slowest.",
        [Line(of_most(10, most(in_stacks(names.RUN_DURATION, 'result="succeeded"'), *RUN)), "{{workflow}} {{stack}}")],
        unit="s",
    )  # fmt: skip


def _results() -> Panel:
    return graph(
        f"Runs of {DAYS} days that did not end well",
        "As known at each time. A rise of `failed` or `lost` is a new failure.",
        [Line(_ended(each), each) for each in ("failed", "lost", "cancelled")],
        colours={"failed": CRITICAL, "lost": BLIND, "cancelled": QUIET}, stacked=True, decimals=0,
    )  # fmt: skip


def _changed() -> Panel:
    return graph(
        "Resources that runs changed", "Created, updated and deleted by runs, per minute, and what failed.",
        [
            Line("60 * " + total(rate(of(names.RUN_RESOURCES, 'result="done"')), "action"), "{{action}}"),
            Line("60 * " + total(rate(of(names.RUN_RESOURCES, 'result="failed"'))), "failed"),
        ],
        colours={"failed": CRITICAL},
    )  # fmt: skip


def _accounts() -> Panel:
    labels = ("account", "region")

    def counted(metric: str) -> str:
        return total(at_places(metric), *labels)

    return rows(
        "Accounts and regions, worst first",
        "An empty region is what belongs to the whole account: users, roles, buckets. Suppressed ones have an owner, a "
        "reason and an end.",
        [Label("account", "Account"), Label("region", "Region", 110)],
        [
            Value(counted(names.SECURITY_PUBLIC), "Open to everybody", width=145, steps=wrong_from(1)),
            Value(counted(names.SECURITY_VIOLATIONS), "Violations", width=110, steps=wrong_from(1)),
            Value(counted(names.SECURITY_SUPPRESSED), "Suppressed", width=105, steps=wrong_from(1, QUIET)),
            Value(counted(names.ACCESS_SENSITIVE), "Sensitive changes", width=145, steps=wrong_from(1)),
            Value(counted(names.ACCESS_BY_HAND), "Other changes by hand", width=175, steps=wrong_from(1, INFO)),
        ],
        first="Violations", nothing="no account was looked at",
    )  # fmt: skip


def _by_hand() -> Panel:
    return graph(
        "Violations and changes by hand", "Open cases over time. A step of `by hand` that comes with drift is its "
        "cause.",
        [
            Line(total(at_places(names.SECURITY_VIOLATIONS)), "violations"),
            Line(or_none(total(at_places(names.ACCESS_SENSITIVE)), at_places(names.ACCESS_READ_TO)), "sensitive by "
            "hand"),
            Line(or_none(total(at_places(names.ACCESS_BY_HAND)), at_places(names.ACCESS_READ_TO)), "other by hand"),
        ],
        colours={"violations": CRITICAL, "sensitive by hand": WARNING, "other by hand": INFO}, decimals=0,
    )  # fmt: skip


def _scores() -> Panel:
    return bars(
        "Score, worst first", "The mean over rules of the part of a stack's resources that keep it. What could not be "
        "judged does not count as kept.",
        of_least(15, least(at_places(names.COMPLIANCE_SCORE), "scored")), "{{scored}}", steps=SCORE, ceiling=1,
        decimals=0,
    )  # fmt: skip


def _rules() -> Panel:
    def counted(metric: str) -> str:
        return total(at_places(metric), "scored")

    return rows(
        "Rules, most broken first",
        "Rules about tags, names, encryption, logging, alarms and what the guideline asks of each environment. The "
        "incidents of the kind compliance name resource and rule.",
        [Label("scored", "Stack")],
        [
            Value(counted(names.COMPLIANCE_FAILED), "Not kept", width=90, steps=wrong_from(1, WARNING)),
            Value(counted(names.COMPLIANCE_UNKNOWN), "Not known", width=100, steps=wrong_from(1, BLIND)),
            Value(counted(names.COMPLIANCE_CHECKED), "Rules", width=80),
            Value(least(at_places(names.COMPLIANCE_SCORE), "scored"), "Score", "percentunit", decimals=0, width=80,
                  steps=((None, CRITICAL), (0.6, WARNING), (0.9, PLAIN))),
        ],
        first="Not kept", nothing="no rule was judged",
    )  # fmt: skip

"""Drift of every instance, its state, and what no state holds."""

from __future__ import annotations

from dashboards import names
from dashboards.board import DRIFT, EXECUTIONS, Addresses, Board, to
from dashboards.palette import BLIND, CRITICAL, INFO, PLAIN, QUIET, WARNING, words, wrong_below, wrong_from
from dashboards.panels import Label, Line, Panel, Value, bars, graph, number, rows
from dashboards.query import age, at_places, either, in_stacks, least, most, of_least, of_most, ratio, total

INSTANCE = ("stack", "component")
# Every verdict of the drift check, the worst first, with its colour. A test holds it against the check.
VERDICTS = {
    "drift": CRITICAL, "drift+pending": CRITICAL, "check_failed": WARNING, "error": BLIND, "config_error": BLIND,
    "unknown": BLIND, "stale": BLIND, "busy": BLIND, "never_deployed": INFO, "pending": INFO, "perpetual": INFO,
    "accepted": QUIET, "in_sync": PLAIN, "not_applicable": QUIET,
}  # fmt: skip
_RANK = {verdict: len(VERDICTS) - number for number, verdict in enumerate(VERDICTS)}
_NOT_IN_SYNC = 'state!~"in_sync|accepted|not_applicable"'
_PLANNED = 'state!="not_applicable"'
_PAGE = "${status_page}/instances/${__data.fields.Stack}/${__data.fields.Component}"
_LABELS = [
    Label("stack", "Stack", links=(("Executions of this stack", to(EXECUTIONS, "var-stack=${__value.text}")),)),
    Label("component", "Component", links=(("Verdicts, difference and owner", _PAGE),)),
]


def drift(addresses: Addresses) -> Board:
    """Instances, worst first."""
    board = Board(DRIFT, "Where the real infrastructure differs from its code, and how the states are.", addresses)
    board.row(1, "Drift")
    board.line(
        4,
        (2, 4, number(
            "Instances that drifted", "Component instances changed outside Terraform. Open one to see what differs and "
            "the command that shows or mends it.",
            _instances("drift", "drift+pending"), steps=wrong_from(1), filled=True,
        )),
        (3, 4, number(
            "Deleted by hand", "Resources that the state holds and that are gone. In production this is critical.",
            total(at_places(names.DRIFT_DELETED)), steps=wrong_from(1),
        )),
        (4, 4, number(
            "Opened or weakened", "Changes outside Terraform that open or weaken something: ingress, policies, "
            "encryption, logging. Each is a security violation.",
            total(at_places(names.DRIFT_SECURITY)), steps=wrong_from(1),
        )),
        (5, 4, number(
            "Not known", "Instances that could not be planned, or not for too long: an error, a missing variable, a "
            "held "
            "lock. They may have drifted.",
            _instances("unknown", "error", "config_error", "stale", "busy"), steps=wrong_from(1, BLIND),
        )),
        (6, 4, number(
            "Waiting for an apply", "Instances whose code has changes that are not applied. Not wrong, but drift hides "
            "behind them.",
            _instances("pending", "drift+pending", "never_deployed"), steps=wrong_from(1, INFO),
        )),
        (7, 4, number(
            "In sync", "Part of the instances whose last plan succeeded, is not old and wants to change nothing.",
            ratio(_instances("in_sync", "accepted"), total(in_stacks(names.DRIFT_STATE, _PLANNED))),
            unit="percentunit", decimals=0, steps=wrong_below(0.5, WARNING),
        )),
    )  # fmt: skip
    board.line(12, (8, 24, _worst()))
    board.line(8, (9, 12, _verdicts()), (10, 12, _plans()))
    board.row(11, "State")
    board.line(10, (12, 16, _states()), (13, 8, _sizes()))
    board.row(14, "What no state holds")
    board.line(9, (15, 12, _unmanaged()), (16, 12, _covered()))
    return board


def _instances(*verdicts: str) -> str:
    """How many instances have one of these verdicts."""
    found = "|".join(each.replace("+", "[+]") for each in verdicts)
    return total(in_stacks(names.DRIFT_STATE, f'state=~"{found}"'))


def _worst() -> Panel:
    rank = most(either(*(
        f"{rank} * " + in_stacks(names.DRIFT_STATE, f'state="{each}"') for each, rank in _RANK.items()
    )), *INSTANCE)  # fmt: skip

    def counted(metric: str) -> str:
        return total(at_places(metric), *INSTANCE)

    return rows(
        "Instances, worst first",
        "The verdict of the last plan of each instance and what it found. Click a component for the difference and the "
        "command to run. Empty cells: the last plan gave no numbers.",
        _LABELS,
        [
            Value(rank, "Verdict", "none", width=140, mappings=(
                words({_RANK[each]: (each, colour) for each, colour in VERDICTS.items()}),)),
            Value(counted(names.DRIFT_DRIFTED), "Changed by hand", width=140, steps=wrong_from(1)),
            Value(counted(names.DRIFT_DELETED), "Deleted by hand", width=135, steps=wrong_from(1)),
            Value(counted(names.DRIFT_SECURITY), "Opened or weakened", width=165, steps=wrong_from(1)),
            Value(counted(names.DRIFT_PENDING), "Not applied", width=110, steps=wrong_from(1, INFO)),
            Value(counted(names.DRIFT_IGNORES_EXPIRED), "Expired ignore rules", width=165,
                  steps=wrong_from(1, WARNING)),
            Value(age(least(at_places(names.CHECK_LAST_SUCCESS, 'check="drift"'), *INSTANCE)),
                  "Last good look ago", "s", decimals=0, width=150, steps=wrong_from(172800, BLIND)),
        ],
        first="Verdict", nothing="no instance is watched",
    )  # fmt: skip


def _verdicts() -> Panel:
    return graph(
        "Instances that are not in sync", "How many instances had which verdict. Drift that comes and goes at the "
        "same hour is "
        "something that changes by itself: give it to the code or ignore it with a reason.",
        [Line(total(in_stacks(names.DRIFT_STATE, _NOT_IN_SYNC), "state") + " > 0", "{{state}}")],
        colours=VERDICTS, stacked=True, decimals=0,
    )  # fmt: skip


def _plans() -> Panel:
    return graph(
        "How long plans take", "Wall-clock time of the plan that decided, the ten slowest instances. A plan that takes "
        "minutes makes drift detection late: split the component or raise its deadline.",
        [Line(of_most(10, most(at_places(names.DRIFT_PLAN_TOOK), *INSTANCE)), "{{stack}}/{{component}}")],
        unit="s", table=True,
    )  # fmt: skip


def _states() -> Panel:
    def counted(metric: str) -> str:
        return total(at_places(metric), *INSTANCE)

    return rows(
        "States, worst first",
        "What the state check reads from each backend. Tainted: the next apply replaces it. Deposed: replaced and not "
        "yet destroyed. A lock that is hours old belongs to a run that died: ask its owner before you unlock.",
        _LABELS,
        [
            Value(age(least(at_places(names.STATE_LOCK_TAKEN), *INSTANCE)), "Locked for", "s", decimals=0, width=110,
                  steps=((None, INFO), (3600, WARNING))),
            Value(counted(names.STATE_TAINTED), "Tainted", width=80, steps=wrong_from(1, WARNING)),
            Value(counted(names.STATE_DEPOSED), "Deposed", width=85, steps=wrong_from(1, WARNING)),
            Value(counted(names.STATE_RESOURCES), "Resources", width=95),
            Value(counted(names.STATE_SIZE), "Size", "bytes", width=90),
            Value(age(most(at_places(names.STATE_WRITTEN), *INSTANCE)), "Written ago", "s", decimals=0, width=120),
        ],
        first=("Locked for", "Tainted", "Deposed"), nothing="no state was read",
    )  # fmt: skip


def _sizes() -> Panel:
    return graph(
        "Resources under Terraform", "Managed resource instances in the states, by stack. A sudden fall is a state "
        "that "
        "lost what it held.",
        [Line(total(at_places(names.STATE_RESOURCES), "stack"), "{{stack}}")], decimals=0,
    )  # fmt: skip


def _unmanaged() -> Panel:
    return rows(
        "Held by no state, most first",
        "Resources in the accounts that no Terraform state holds and nobody accepted, by type. Import them, delete "
        "them "
        "or accept them with a reason (`checks.unmanaged.ignore`).",
        [Label("account", "Account", 140), Label("type", "Type")],
        [
            Value(total(at_places(names.UNMANAGED), "account", "type") + " > 0", "In no state", width=110,
                  steps=wrong_from(1, WARNING)),
            Value(total(at_places(names.UNMANAGED_MANAGED), "account", "type"), "In a state", width=110),
        ],
        first="In no state", nothing="everything is in a state",
    )  # fmt: skip


def _covered() -> Panel:
    return bars(
        "Part that Terraform holds, least first", "Of the resources that Terraform could hold, the part that it "
        "holds, by "
        "type. What nobody wrote down as code cannot drift, and is not rebuilt after a loss.",
        of_least(12, least(at_places(names.UNMANAGED_RATIO), "type")), "{{type}}",
        steps=((None, WARNING), (0.8, INFO)), ceiling=1, decimals=0,
    )  # fmt: skip

"""Barograph itself: whether it looks, whether what it says arrives, and what that costs."""

from __future__ import annotations

from dashboards import names
from dashboards.board import ITSELF, Addresses, Board
from dashboards.palette import CRITICAL, INFO, NOTHING_WRONG, PLAIN, QUIET, WARNING, words, wrong_below, wrong_from
from dashboards.panels import Label, Line, Panel, Value, bars, graph, number, rows
from dashboards.query import (
    age,
    at_places,
    increase,
    least,
    most,
    of,
    of_most,
    or_none,
    quantile,
    rate,
    ratio,
    total,
    until,
)

_BUCKETS = f"{names.DELIVERY_LATENCY}_bucket"


def itself(addresses: Addresses) -> Board:
    """Who watches the watcher."""
    board = Board(ITSELF, "Whether Barograph looks, whether what it says arrives, and what that costs.", addresses,
                  since="now-6h")  # fmt: skip
    board.row(1, "Does it look?")
    board.line(
        4,
        (2, 4, number(
            "Last sign of life", "How old the metrics are; of several Barographs, those of the one that is silent "
            "longest. More than a minute: it stands still. Nothing here can be trusted then.",
            age(least(of(names.SNAPSHOT))), unit="s", decimals=0, steps=wrong_from(60), filled=True, always=True,
        )),
        (3, 4, number(
            "Scheduler's beat", "How long ago the scheduler last proved that it runs. Without it no check is started.",
            age(least(of(names.SCHEDULER_BEAT))), unit="s", decimals=0, steps=wrong_from(60), always=True,
        )),
        (4, 4, number(
            "Started late by", "How late the last started job was. Minutes: more is asked than can be done; spread the "
            "schedule or allow more at once.",
            most(of(names.SCHEDULER_LATENESS)), unit="s", decimals=1, steps=wrong_from(60, WARNING),
        )),
        (5, 4, number(
            "Overdue looks", "Places whose next look was due a whole interval ago. What is known of them is old.",
            f"sum(({age(at_places(names.CHECK_NEXT_RUN))}) > bool {at_places(names.CHECK_INTERVAL)})",
            steps=wrong_from(1, WARNING),
        )),
        (6, 4, number(
            "Inventory", "Whether the last load of the repository worked. Stale: an older inventory is used, and "
            "new stacks are not watched.",
            f"{most(of(names.INVENTORY_STALE))} and on () {most(of(names.INVENTORY_LOADED))}", unit="none",
            steps=wrong_from(1),
            mappings=[words({0: ("up to date", PLAIN), 1: ("stale", CRITICAL)})],
        )),
        (7, 4, number(
            "Version", "The running version. It is a label: the number is always 1.",
            most(of(names.BUILD_INFO), "version"), unit="none", legend="{{version}}",
        )),
    )  # fmt: skip
    board.line(8, (8, 8, _looks()), (9, 8, _waiting()), (10, 8, _slowest()))
    board.line(8, (25, 12, _tasks()), (26, 12, _lateness()))
    board.row(11, "Does what it says arrive?")
    board.line(
        4,
        (12, 5, number(
            "Waiting to be sent", "Messages that are stored and not yet sent. A few for a second are normal.",
            _or_none(total(of(names.DELIVERY_BACKLOG))), steps=wrong_from(20, WARNING),
        )),
        (13, 5, number(
            "Oldest waits for", "How long the oldest waiting message waits. A critical one must be out within 2 "
            "seconds.",
            _or_none(age(least(of(names.DELIVERY_OLDEST)))), unit="s", decimals=0,
            steps=((None, PLAIN), (60, WARNING), (300, CRITICAL)),
        )),
        (14, 5, number(
            "Critical, 99 % sent within", "Of the messages since the start, from stored to taken by Slack.",
            quantile(0.99, total(of(_BUCKETS, 'tier="critical"'), "le")),
            unit="s", decimals=1, steps=wrong_from(2, WARNING),
        )),
        (15, 5, number(
            "Failed attempts, an hour", "Attempts to send that failed, and are made again. By reason below.",
            _or_none(total(increase(of(names.DELIVERY_ERRORS), "[1h]"))), decimals=0, steps=wrong_from(1, WARNING),
        )),
        (27, 4, number(
            "Next report in", "When the next report is due. Negative: it is missing.",
            until(least(of(names.REPORT_DUE))), unit="s", decimals=0, steps=((None, CRITICAL), (-900, PLAIN)),
        )),
    )  # fmt: skip
    board.line(8, (16, 12, _latency()), (17, 12, _errors()))
    board.row(18, "What it keeps, and what it takes")
    board.line(
        4,
        (28, 4, number(
            "Database", "Whether the file was sound when it was last looked at. Damaged: restore the last copy "
            "(`barograph db restore`).",
            least(of(names.STORE_SOUND)), unit="none", steps=NOTHING_WRONG,
            mappings=[words({1: ("sound", PLAIN), 0: ("damaged", CRITICAL)})],
        )),
        (29, 4, number(
            "Audit trail", "Whether its chain was whole when it was last walked. Broken: somebody changed what had "
            "been "
            "written down.",
            least(of(names.AUDIT_INTACT)), unit="none", steps=NOTHING_WRONG,
            mappings=[words({1: ("whole", PLAIN), 0: ("broken", CRITICAL)})],
        )),
        (30, 4, number(
            "Free on its disk", "What the disk has left for the database.",
            least(of(names.STORE_FREE)), unit="bytes", decimals=0, steps=wrong_below(1e9, WARNING),
        )),
        (31, 4, number(
            "Slowest writes", "99 % of the transactions since the start took less. Everything waits for the one "
            "writer.",
            quantile(0.99, total(of(f"{names.STORE_TOOK}_bucket"), "le")), unit="s", decimals=2,
            steps=wrong_from(1, WARNING),
        )),
        (32, 4, number(
            "Series of the limit", "Time series against `metrics.series_limit`. Above it whole metrics are left out, "
            "and "
            "panels show gaps.",
            most(ratio(of(names.SERIES), of(names.SERIES_LIMIT))), unit="percentunit", decimals=0,
            steps=((None, PLAIN), (0.8, WARNING), (1, CRITICAL)),
        )),
        (33, 4, number(
            "Paid requests today", "Estimated cost of the requests that `aws.paid_usd_per_day` bounds, of that bound.",
            most(ratio(of(names.AWS_PAID), of(names.AWS_PAID_LIMIT))), unit="percentunit", decimals=0,
            steps=((None, PLAIN), (0.8, WARNING), (1, CRITICAL)),
        )),
    )  # fmt: skip
    board.line(8, (19, 8, _requests()), (20, 8, _money()), (21, 8, _refused()))
    board.line(8, (22, 8, _memory()), (23, 8, _store()), (24, 8, _tables()))
    return board


def _or_none(expr: str) -> str:
    """What is absent while there is none of it: 0, as long as there are metrics at all."""
    return or_none(expr, of(names.SNAPSHOT))


def _looks() -> Panel:
    return graph(
        "Looks at work", "Looks that are running, and processes that were started for them.",
        [Line(_or_none(total(of(names.RUNNING))), "looks"), Line(total(of(names.CHILDREN)), "processes")],
        decimals=0, colours={"looks": INFO, "processes": QUIET},
    )  # fmt: skip


def _waiting() -> Panel:
    return graph(
        "Waiting for their turn", "Looks that are due and not begun, and those of them that wait for their region. "
        "What "
        "grows all day is more than the machine can do.",
        [Line(most(of(names.QUEUE), "queue"), "{{queue}}")], decimals=0, colours={"checks": INFO, "aws": WARNING},
    )  # fmt: skip


def _tasks() -> Panel:
    return rows(
        "What the daemon does by the clock, latest first",
        "Its own periodic tasks. `Overdue by`: since it was to have ended well again; negative: there is time. One "
        "that "
        "stays overdue fails each time: its log says why.",
        [Label("task", "Task")],
        [
            Value(age(least(of(names.TASK_DUE), "task")), "Overdue by", "s", decimals=0, width=130,
                  steps=wrong_from(60)),
            Value(age(least(of(names.TASK_SUCCESS), "task")), "Last ended well ago", "s", decimals=0, width=150),
        ],
        first="Overdue by", nothing="no task has begun",
    )  # fmt: skip


def _lateness() -> Panel:
    return graph(
        "Lateness of the scheduler", "How late jobs are started. It should stay near zero.",
        [Line(most(of(names.SCHEDULER_LATENESS)), "late by")], unit="s",
    )  # fmt: skip


def _slowest() -> Panel:
    return bars(
        "Slowest looks", "How long the last look took, the ten slowest checks at places.",
        of_most(10, most(at_places(names.CHECK_DURATION), "check", "place")), "{{check}} {{place}}", unit="s",
        steps=((None, INFO), (300, WARNING)), decimals=1,
    )  # fmt: skip


def _latency() -> Panel:
    buckets = total(rate(of(_BUCKETS)), "le", "tier")

    return graph(
        "From stored to taken by Slack", "Half and 99 % of the messages of each tier. Warnings are grouped for up to "
        "a minute "
        "before they are stored; that is not part of it.",
        [Line(quantile(0.5, buckets), "{{tier}} 50 %"), Line(quantile(0.99, buckets), "{{tier}} 99 %")], unit="s",
    )  # fmt: skip


def _errors() -> Panel:
    return graph(
        "Failed attempts by reason", "credential: the token is not accepted. destination: the channel is gone or not "
        "joined. "
        "payload: Slack refuses the message. not_sent and ambiguous: the network; they are made again.",
        [Line(total(increase(of(names.DELIVERY_ERRORS)), "sink", "reason"), "{{sink}} {{reason}}")], decimals=0,
    )  # fmt: skip


def _requests() -> Panel:
    return graph(
        "Requests to AWS", "A second, by service, the eight most asked.",
        [Line(of_most(8, total(rate(of(names.AWS_REQUESTS)), "service")), "{{service}}")], unit="reqps",
    )  # fmt: skip


def _money() -> Panel:
    return graph(
        "Cost of paid requests", "Estimated cost, today, of the requests that `aws.paid_usd_per_day` bounds, and that "
        "bound.",
        [Line(total(of(names.AWS_PAID)), "today"), Line(total(of(names.AWS_PAID_LIMIT)), "limit")],
        unit="currencyUSD", colours={"today": INFO, "limit": CRITICAL},
    )  # fmt: skip


def _refused() -> Panel:
    return graph(
        "Requests that AWS refused", "A second, by class of error. Denied: a permission is missing (`barograph "
        "iam-policy` "
        "prints all). Throttled: slow down.",
        [Line(total(rate(of(names.AWS_REQUESTS, 'result!="ok"')), "result"), "{{result}}")], unit="reqps",
    )  # fmt: skip


def _memory() -> Panel:
    return graph(
        "Memory", "Resident memory of the daemon, without the processes that plan.",
        [Line(most(_ours(names.PROCESS_MEMORY)), "resident")], unit="bytes", colours={"resident": INFO},
    )  # fmt: skip


def _ours(metric: str) -> str:
    """A metric that every process has, of Barograph's."""
    return f"{metric} and on (job, instance) {names.BUILD_INFO}"


def _store() -> Panel:
    return graph(
        "Size of the database", "With its write-ahead log. It grows to what retention allows, and then stays.",
        [Line(most(of(names.STORE_SIZE)), "size")], unit="bytes", colours={"size": INFO},
    )  # fmt: skip


def _tables() -> Panel:
    return rows(
        "Rows in the database, most first", "What is kept, by table. What grows without end has no retention.",
        [Label("table", "Table")], [Value(most(of(names.STORE_ROWS), "table"), "Rows", width=100)], first="Rows",
    )  # fmt: skip

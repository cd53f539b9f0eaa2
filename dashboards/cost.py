"""Money, limits, and how full things are."""

from __future__ import annotations

from dashboards import names
from dashboards.board import COST, Addresses, Board
from dashboards.palette import CRITICAL, INFO, PLAIN, QUIET, WARNING, Steps, wrong_from
from dashboards.panels import Label, Line, Panel, Value, bars, blind, graph, number, rows
from dashboards.query import at_places, least, most, of_most, or_none, ratio, total, until

USD = "currencyUSD"
DAY = 86400.0
FULL: Steps = ((None, INFO), (0.8, WARNING), (0.95, CRITICAL))
FULL_TEXT: Steps = ((None, PLAIN), (0.8, WARNING), (0.95, CRITICAL))
SOON_FULL: Steps = ((None, CRITICAL), (7 * DAY, WARNING), (30 * DAY, PLAIN))


def cost(addresses: Addresses) -> Board:
    """What it costs, what it could save, and what is full next."""
    board = Board(COST, "What it costs, what could be saved, and what is full next.", addresses, since="now-7d")
    board.row(1, "Cost")
    board.line(
        4,
        (2, 4, number(
            "Last closed day", "What the newest closed day of the bill cost in total.",
            total(at_places(names.COST_DAY, 'by="total"')), unit=USD,
        )),
        (3, 4, number(
            "Against a usual day", "The newest closed day against what such a day usually costs. Above 20 % is worth a "
            "look at the services below.",
            ratio(total(at_places(names.COST_DAY, 'by="total"')), total(at_places(names.COST_USUAL_DAY))) + " - 1",
            unit="percentunit", decimals=0, steps=((None, PLAIN), (0.2, WARNING), (0.5, CRITICAL)),
        )),
        (4, 4, number(
            "Last 7 days", "What the last seven closed days cost.",
            total(at_places(names.COST_WEEK)), unit=USD,
        )),
        (5, 4, number(
            "Against the week before", "The last seven closed days against the seven before them.",
            ratio(total(at_places(names.COST_WEEK)), total(at_places(names.COST_WEEK_BEFORE))) + " - 1",
            unit="percentunit", decimals=0, steps=((None, PLAIN), (0.1, WARNING), (0.3, CRITICAL)),
        )),
        (6, 4, number(
            "This month, by forecast", "What AWS expects the month to have cost.",
            total(at_places(names.COST_FORECAST)), unit=USD,
        )),
        (7, 4, number(
            "Could be saved a month", "What AWS' recommendations would save in a month, if all were taken.",
            total(at_places(names.COST_SAVING)), unit=USD, steps=wrong_from(1, INFO),
        )),
    )  # fmt: skip
    board.line(9, (8, 8, _services()), (9, 8, _days()), (10, 8, _savings()))
    board.line(7, (11, 12, _budgets()), (12, 12, _commitments()))
    board.row(13, "Quotas")
    board.line(9, (14, 10, _quotas()), (15, 14, _quota_table()))
    board.row(16, "Utilization")
    board.line(
        4,
        (17, 5, number(
            "Impaired", "Instances, clusters and node groups whose own health checks fail.",
            or_none(total(at_places(names.IMPAIRED)), at_places(names.ALARMS)), steps=wrong_from(1),
        )),
        (18, 5, number(
            "Unhealthy targets", "Targets of load balancers that get no traffic.",
            or_none(total(at_places(names.TARGETS_UNHEALTHY)), at_places(names.ALARMS)), steps=wrong_from(1, WARNING),
        )),
        (19, 5, number(
            "CloudWatch alarms", "Alarms of the accounts that are in ALARM.",
            total(at_places(names.ALARMS)), steps=wrong_from(1, WARNING),
        )),
        (20, 5, number(
            "Hardly used", "Gauges that every look has found hardly used: candidates for a smaller size.",
            or_none(total(at_places(names.UNDER_USED)), at_places(names.ALARMS)), steps=wrong_from(1, INFO),
        )),
        (24, 4, blind("Blind to these", "cost", "quotas", "utilization", "network")),
    )  # fmt: skip
    board.line(9, (21, 10, _fullest()), (22, 7, _growth()), (23, 7, _addresses()))
    return board


def _services() -> Panel:
    return bars(
        "Last closed day by service, most first", "The ten services that cost most on the newest closed day.",
        of_most(10, total(at_places(names.COST_DAY, 'by="service"'), "name")), "{{name}}", unit=USD,
        steps=((None, INFO),),
    )  # fmt: skip


def _days() -> Panel:
    return graph(
        "A day's cost by account", "The newest closed day as it was known at each time, by account, and what such a "
        "day "
        "usually costs.",
        [
            Line(total(at_places(names.COST_DAY, 'by="account"'), "name"), "{{name}}"),
            Line(total(at_places(names.COST_USUAL_DAY)), "usual day, all"),
        ],
        unit=USD, colours={"usual day, all": QUIET},
    )  # fmt: skip


def _savings() -> Panel:
    return rows(
        "What could be saved, most first", "What AWS' recommendations would save in a month, by what is to be done. "
        "The incidents of the kind cost_opportunity name the resources.",
        [Label("account", "Account", 125), Label("action", "Do")],
        [Value(total(at_places(names.COST_SAVING), "account", "action") + " > 0", "A month", USD, width=100,
               steps=wrong_from(1, INFO))],
        first="A month", nothing="nothing to save is known",
    )  # fmt: skip


def _budgets() -> Panel:
    labels = ("account", "budget")

    def money(metric: str) -> str:
        return total(at_places(metric), *labels)

    return rows(
        "Budgets, fullest first", "Budgets of AWS Budgets. `Will be`: of the limit, by AWS' forecast.",
        [Label("account", "Account", 140), Label("budget", "Budget")],
        [
            Value(ratio(money(names.COST_BUDGET_FORECAST), money(names.COST_BUDGET)), "Will be", "percentunit",
                  decimals=0, width=90, steps=((None, PLAIN), (0.9, WARNING), (1, CRITICAL))),
            Value(ratio(money(names.COST_BUDGET_SPENT), money(names.COST_BUDGET)), "Is", "percentunit", decimals=0,
                  width=80, steps=((None, PLAIN), (0.9, WARNING), (1, CRITICAL))),
            Value(money(names.COST_BUDGET), "Limit", USD, width=100),
        ],
        first="Will be", nothing="no budget is known",
    )  # fmt: skip


def _commitments() -> Panel:
    labels = ("account", "commitment")
    return rows(
        "Savings plans and reservations", "Used: what is paid for and used. Covered: the part of the use that they pay "
        "for. Little used is money lost; little covered is a saving that nobody took.",
        [Label("account", "Account", 140), Label("commitment", "Commitment")],
        [
            Value(least(at_places(names.COST_COMMITMENT_USED), *labels), "Used", "percentunit", decimals=0, width=80,
                  steps=((None, WARNING), (0.9, PLAIN))),
            Value(least(at_places(names.COST_COMMITMENT_COVERS), *labels), "Covered", "percentunit", decimals=0,
                  width=90, steps=((None, INFO), (0.5, PLAIN))),
        ],
        first="Used", descending=False, nothing="none is known",
    )  # fmt: skip


def _quotas() -> Panel:
    labels = ("account", "region", "service_code", "quota_code")
    return bars(
        "Fullest quotas", "Used part of the limit, the twelve fullest. Orange from 80 %, red from 95 %: ask for more "
        "before something cannot be made.",
        of_most(12, most(at_places(names.QUOTA_RATIO), *labels)),
        "{{service_code}} {{quota_code}} {{account}} {{region}}", steps=FULL, ceiling=1, decimals=0,
    )  # fmt: skip


def _quota_table() -> Panel:
    labels = ("account", "region", "service_code", "quota_code")
    return rows(
        "Quotas, fullest first", "`Full in`: at the growth of the last weeks; empty where it does not grow.",
        [Label("account", "Account", 130), Label("region", "Region", 100), Label("service_code", "Service"),
         Label("quota_code", "Quota", 110)],
        [
            Value(most(at_places(names.QUOTA_RATIO), *labels), "Used part", "percentunit", decimals=0, width=105,
                  steps=FULL_TEXT),
            Value(most(at_places(names.QUOTA_USED), *labels), "Used", width=80),
            Value(most(at_places(names.QUOTA_LIMIT), *labels), "Limit", width=80),
            Value(until(least(at_places(names.QUOTA_FULL), *labels)), "Full in", "s", decimals=0, width=100,
                  steps=SOON_FULL),
        ],
        first="Used part", nothing="no quota was read",
    )  # fmt: skip


def _fullest() -> Panel:
    return bars(
        "Fullest resources", "Used part of what a resource has (storage, memory, connections …), the twelve fullest by "
        "service. The incidents of the kind utilization name the resource.",
        of_most(12, most(at_places(names.USED_RATIO), "account", "region", "service", "gauge")),
        "{{service}} {{gauge}} {{account}} {{region}}", steps=FULL, ceiling=1, decimals=0,
    )  # fmt: skip


def _growth() -> Panel:
    labels = ("account", "service", "gauge")
    return rows(
        "Full next, soonest first", "Storage that will be full if it goes on growing as it did.",
        [Label("account", "Account", 120), Label("service", "Service", 100), Label("gauge", "What", 105)],
        [Value(until(least(at_places(names.STORAGE_FULL), *labels)), "Full in", "s", decimals=0, width=100,
               steps=SOON_FULL)],
        first="Full in", descending=False, nothing="nothing grows towards its end",
    )  # fmt: skip


def _addresses() -> Panel:
    labels = ("account", "region")
    free = total(at_places(names.ADDRESSES_FREE), *labels)
    return rows(
        "Free addresses, least first", "IPv4 addresses of the subnets of each account and region. Without any nothing "
        "can be "
        "started, and load balancers cannot scale.",
        [Label("account", "Account", 125), Label("region", "Region", 115)],
        [
            Value(ratio(free, total(at_places(names.ADDRESSES), *labels)), "Free part", "percentunit", decimals=0,
                  width=100, steps=((None, CRITICAL), (0.1, WARNING), (0.2, PLAIN))),
            Value(free, "Free", width=90),
        ],
        first="Free part", descending=False, nothing="no subnet was seen",
    )  # fmt: skip

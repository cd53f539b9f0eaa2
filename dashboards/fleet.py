"""The fleet at a glance: what is wrong and where, what needs a person now, and where nobody could look."""

from __future__ import annotations

from dashboards import names
from dashboards.board import COST, DRIFT, EXECUTIONS, EXPIRIES, FLEET, TITLES, Addresses, Board, to
from dashboards.palette import (
    BLIND,
    CLEAR,
    CRITICAL,
    INFO,
    PLAIN,
    QUIET,
    WARNING,
    Steps,
    span,
    words,
    wrong_below,
    wrong_from,
)
from dashboards.panels import Label, Line, Panel, Value, graph, matrix, number, rows
from dashboards.query import age, at_places, constant, either, least, most, named, of, ratio, row, total

# Columns of the two matrices. A check that is not here stands at the end.
OF_STACKS = ("drift", "state", "execution")
OF_OTHERS = (
    "security", "access", "quotas", "certificates", "backups", "network", "utilization", "compliance", "cost",
    "unmanaged", "repository", "toolchain", "accounts", "inventory", "barograph",
)  # fmt: skip
_NOWHERE = -3.0
_BLIND = -2.0
_NOTHING = -1.0
WRONG = " wrong"  # the column of sums: the blank puts it first where columns are sorted by name


def fleet(addresses: Addresses) -> Board:
    """The dashboard to have on the wall."""
    board = Board(FLEET, "What is wrong in the estate, where, and what needs a person now.", addresses)
    board.row(1, "What needs a person now")
    board.line(
        4,
        (2, 4, _open("critical", "Critical, nobody has it", "They are told again until somebody does.", CRITICAL)),
        (3, 4, _open("warning", "Warnings, nobody has it", "Answer within 24 hours of the first message.", WARNING)),
        (4, 4, number(
            "Oldest critical",
            "How long the oldest critical incident has been open, acknowledged or not. Of the whole estate.",
            either(age(least(of(names.INCIDENT_OLDEST, 'tier="critical"'))),
                   constant(_NOTHING, total(of(names.INCIDENTS, 'tier="critical"')))),
            unit="s", decimals=0, steps=((None, PLAIN), (0, WARNING), (3600, CRITICAL)),
            mappings=[words({_NOTHING: ("none", PLAIN)})], links=[("Status page", "${status_page}")],
        )),
        (5, 4, number(
            "Places wrong",
            "Checks at places (an instance, an account, a region, an endpoint) whose last look found something wrong. "
            "Follows what is chosen above. The matrix says where.",
            total(at_places(names.CHECK_OUTCOME, 'outcome="unhealthy"')), steps=wrong_from(1, WARNING), trend=True,
        )),
        (6, 4, number(
            "Blind places",
            "Checks at places that could not be looked at, or not for too long. Whether they are fine, nobody knows: "
            "treat them as open questions. The table below names them.",
            total(at_places(names.CHECK_OUTCOME, 'outcome="unknown"')), steps=wrong_from(1, BLIND), trend=True,
        )),
        (7, 4, number(
            "Looked at and fine",
            "Part of the places that are watched whose last look succeeded, is not old and found nothing wrong. What "
            "could not be looked at does not count as fine.",
            ratio(total(at_places(names.CHECK_OUTCOME, 'outcome="healthy"')),
                  total(at_places(names.CHECK_OUTCOME, 'outcome!="not_applicable"'))),
            unit="percentunit", decimals=0, steps=wrong_below(0.5, WARNING),
        )),
    )  # fmt: skip
    board.row(8, "Where")
    board.line(12, (9, 7, _stacks()), (15, 17, _others()))
    board.row(10, "What, and since when")
    board.line(10, (11, 10, _kinds()), (12, 14, _blind_places()))
    board.line(8, (13, 12, _outcomes()), (14, 12, _tiers()))
    return board


def _open(tier: str, title: str, answer: str, colour: str) -> Panel:
    return number(
        title,
        f"Open incidents of the tier {tier} that nobody has acknowledged, of the whole estate. {answer} "
        "Acknowledge them in Slack, on the status page or with `barograph alerts ack`.",
        total(of(names.INCIDENTS, f'tier="{tier}"', 'state="open"')), steps=wrong_from(1, colour), filled=True,
        links=[("Status page", "${status_page}")],
    )  # fmt: skip


def _cells(which: str) -> str:
    """For each row and check how it stands, and for each row how many places are wrong. *which*: a matcher."""

    def places(outcome: str) -> str:
        stand = at_places(names.CHECK_OUTCOME, which, f'outcome="{outcome}"')
        return total(row(f"{stand} == 1"), "row", "check")

    every = row(at_places(names.CHECK_OUTCOME, which, 'outcome="unhealthy"'))
    return either(
        places("unhealthy"), constant(_BLIND, places("unknown")), constant(0, places("healthy")),
        constant(_NOWHERE, places("not_applicable")), named(total(every, "row"), "check", WRONG),
    )  # fmt: skip


_MEANING = (
    "A number is how many places have something wrong, red from three on; blind: could not look; ok: looked, nothing "
    "wrong; a dot: there is nothing to look at; empty: not watched there."
)
_MAPPINGS = (words({0: ("ok", CLEAR), _BLIND: ("blind", BLIND), _NOWHERE: ("·", CLEAR)}),)
_STEPS: Steps = ((None, CLEAR), (1, WARNING), (3, CRITICAL))


def _stacks() -> Panel:
    return matrix(
        "Stacks × checks, worst first",
        f"How each check stands in each stack. {_MEANING} Click a stack for its instances.",
        _cells('stack!=""'), across="check", down="row", corner="stack", order=OF_STACKS, mappings=_MAPPINGS,
        steps=_STEPS, first=WRONG, links=[
            ("Drift and state of this stack", to(DRIFT, "var-stack=${__value.text}")),
            ("Executions of this stack", to(EXECUTIONS, "var-stack=${__value.text}")),
        ],
    )  # fmt: skip


def _others() -> Panel:
    return matrix(
        "Accounts, endpoints and the rest × checks, worst first",
        f"How each check stands in each account; what belongs to none stands under its own name. {_MEANING}",
        _cells('stack=""'), across="check", down="row", corner="account or place", order=OF_OTHERS, mappings=_MAPPINGS,
        steps=_STEPS, first=WRONG, links=[
            (f"{TITLES[uid]} there", to(uid, "var-account=${__value.text}")) for uid in (EXECUTIONS, EXPIRIES, COST)
        ],
    )  # fmt: skip


def _kinds() -> Panel:
    def counted(state: str) -> str:
        return total(of(names.INCIDENTS, f'state="{state}"'), "kind", "tier")

    live = "(" + total(of(names.INCIDENTS), "kind", "tier") + " > 0)"
    rank = either(*(
        constant(value, total(of(names.INCIDENTS, f'tier="{tier}"'), "kind", "tier"))
        for value, tier in ((3, "critical"), (2, "warning"), (1, "info"))
    ))  # fmt: skip
    return rows(
        "Live incidents by kind, worst first",
        "What is open, by tier and kind, of the whole estate. `open`: nobody has it yet. The kind leads to its "
        "runbook.",
        [Label("kind", "Kind", links=(("Runbook of this kind", "${runbook}${__value.text}"),)),
         Label("tier", "tier label")],
        [
            Value(f"({rank}) and on (kind, tier) {live}", "Tier", "none", width=90, mappings=(
                words({3: ("critical", CRITICAL), 2: ("warning", WARNING), 1: ("info", INFO)}),)),
            Value(f"({counted('open')}) and on (kind, tier) {live}", "Open", width=80, steps=wrong_from(1, PLAIN)),
            Value(f"({counted('acknowledged')}) and on (kind, tier) {live}", "Acknowledged", width=120,
                  steps=wrong_from(1, QUIET)),
        ],
        first="Tier", hidden=("tier label",), nothing="nothing is open",
    )  # fmt: skip


def _blind_places() -> Panel:
    labels = ("check", "place")
    blind = "(" + most(at_places(names.CHECK_OUTCOME, 'outcome="unknown"'), *labels) + " == 1)"
    seen = age(most(at_places(names.CHECK_LAST_SUCCESS), *labels))
    return rows(
        "Blind places, longest first",
        "Where Barograph could not look, or has not looked for too long, and how long ago it last could. Why is on the "
        "status page: access denied, throttled, timed out, or the look is late.",
        [Label("check", "Check", 120), Label("place", "Place", links=(("Status page", "${status_page}"),))],
        [
            Value(either(f"({seen}) and on (check, place) {blind}", f"1e9 * ({blind} unless on (check, place) {seen})"),
                  "Last good look ago", "s", decimals=0, width=170, steps=((None, PLAIN), (86400, BLIND)),
                  mappings=(span(1e9, None, "never", BLIND),)),
        ],
        first="Last good look ago", nothing="no blind place",
    )  # fmt: skip


def _outcomes() -> Panel:
    return graph(
        "Places that are wrong or blind",
        "Checks at the places that are chosen whose last look found something wrong, or that could not be looked at. "
        "A rise of `wrong` after a run is worth a look at that run; "
        "a "
        "rise of `blind` is often one missing permission.",
        [
            Line(total(at_places(names.CHECK_OUTCOME, 'outcome="unhealthy"')), "wrong"),
            Line(total(at_places(names.CHECK_OUTCOME, 'outcome="unknown"')), "blind"),
        ],
        colours={"wrong": WARNING, "blind": BLIND}, stacked=True, decimals=0,
    )  # fmt: skip


def _tiers() -> Panel:
    return graph(
        "Live incidents by tier",
        "Open and acknowledged incidents of the whole estate. What was there at the first look of a check is among "
        "them "
        "(baseline) and shrinks as it is mended.",
        [
            *(Line(total(of(names.INCIDENTS, f'tier="{tier}"')), tier) for tier in ("critical", "warning", "info")),
            Line(total(of(names.INCIDENTS_BASELINE)), "of them baseline"),
        ],
        colours={"critical": CRITICAL, "warning": WARNING, "info": INFO, "of them baseline": QUIET}, decimals=0,
    )  # fmt: skip

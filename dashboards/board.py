"""A dashboard: its variables, its links, and panels laid out in lines of the same height."""

from __future__ import annotations

from dataclasses import dataclass

from grafana_foundation_sdk.builders.dashboard import (
    AnnotationQuery,
    Dashboard,
    DatasourceVariable,
    QueryVariable,
    Row,
    TextBoxVariable,
)
from grafana_foundation_sdk.builders.dashboard import DashboardLink as Link
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLink,
    DashboardLinkType,
    GridPos,
    VariableHide,
    VariableModel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from dashboards.names import CHECK_OUTCOME, RUN_LAST_SUCCESS
from dashboards.palette import INFO
from dashboards.panels import DATASOURCE, Panel
from dashboards.query import in_stacks, of

WIDTH = 24
FLEET, DRIFT, EXPIRIES, COST, EXECUTIONS, ITSELF = (
    f"barograph-{name}" for name in ("fleet", "drift", "expiries", "cost", "executions", "itself")
)
TITLES = {
    FLEET: "Fleet",
    DRIFT: "Drift and state",
    EXPIRIES: "Expiries and backups",
    COST: "Cost, quotas, utilization",
    EXECUTIONS: "Executions, security, compliance",
    ITSELF: "Barograph itself",
}
EVERYTHING = "${__all_variables}&${__url_time_range}"  # what a link carries on: what is chosen, and the time


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where links lead that leave Grafana. Both can be changed on the dashboard."""

    status_page: str = "http://127.0.0.1:9877"
    runbook: str = ""  # the kind of an alert is added; empty: the status page's own

    @property
    def runbooks(self) -> str:
        return self.runbook or f"{self.status_page}/runbooks/"


def to(uid: str, *chosen: str) -> str:
    """The address of another dashboard, with all that is chosen, or with *chosen* ("var-stack=…") and the rest."""
    if not chosen:
        return f"/d/{uid}?{EVERYTHING}"
    kept = ("tenant", "stage", "account", "region", "datasource", "status_page", "runbook")
    rest = "&".join(f"${{{name}:queryparam}}" for name in kept)
    return f"/d/{uid}?{'&'.join(chosen)}&{rest}&${{__url_time_range}}"


class Board:
    """One dashboard in the making."""

    def __init__(self, uid: str, about: str, addresses: Addresses, *, since: str = "now-24h") -> None:
        self._made = (
            Dashboard(f"Barograph / {TITLES[uid]}")
            .uid(uid).description(about).tags(["barograph"]).readonly()
            .time(since, "now").refresh("30s").timezone("browser").tooltip(DashboardCursorSync.CROSSHAIR)
            .variables(_variables(addresses)).links(_links(uid))
            .annotation(_deployments())
        )  # fmt: skip
        self._x = self._y = self._height = 0

    def row(self, id_: int, title: str) -> Board:
        """A heading above what comes next."""
        self._break()
        self._made.with_row(Row(title).id(id_).grid_pos(GridPos(h=1, w=WIDTH, x=0, y=self._y)))
        self._y += 1
        return self

    def line(self, height: int, *panels: tuple[int, int, Panel]) -> Board:
        """Panels side by side: (id, width, panel). Ids stay as they are: links and alerts hold on to them."""
        self._break()
        if sum(width for _, width, _ in panels) != WIDTH:
            raise ValueError(f"a line is {WIDTH} wide: {[width for _, width, _ in panels]}")
        for id_, width, panel in panels:
            self._made.with_panel(panel.id(id_).grid_pos(GridPos(h=height, w=width, x=self._x, y=self._y)))
            self._x += width
        self._height = height
        return self

    def _break(self) -> None:
        self._y += self._height
        self._x = self._height = 0

    @property
    def dashboard(self) -> Dashboard:
        return self._made


# Label -> what it is called. Each is chosen among what the ones before it leave.
_CHOSEN = {"tenant": "Tenant", "stage": "Stage", "stack": "Stack", "account": "Account", "region": "Region"}
_MATCHERS = {name: f'{name}=~"${name}|{"all|" if name == "stage" else ""}"' for name in _CHOSEN}


def _variables(addresses: Addresses) -> list[Builder[VariableModel]]:
    found: list[Builder[VariableModel]] = [
        DatasourceVariable("datasource").label("Prometheus").type("prometheus"),
    ]
    names = list(_CHOSEN)
    for number, (name, label) in enumerate(_CHOSEN.items()):
        before = [_MATCHERS[each] for each in names[:number]]
        asked = f"label_values({of(CHECK_OUTCOME, *before)}, {name})"
        variable = (
            QueryVariable(name).label(label).datasource(DATASOURCE)
            .query({"query": asked, "refId": f"{name}"}).definition(asked)
            .multi(True).include_all(True).current(VariableOption(True, ["All"], ["$__all"]))
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)
        )  # fmt: skip
        found.append(variable.regex("/^(?!all$).*$/") if name == "stage" else variable)
    for name, label, address in (
        ("status_page", "Status page", addresses.status_page), ("runbook", "Runbook", addresses.runbooks),
    ):  # fmt: skip
        found.append(
            TextBoxVariable(name)
            .label(label)
            .default_value(address)
            .hide(VariableHide.HIDE_VARIABLE)  # whoever generates or imports it says it once
            .current(VariableOption(True, address, address))
        )
    return found


def _links(uid: str) -> list[Builder[DashboardLink]]:
    """To the other dashboards with all that is chosen, and out."""
    found: list[Builder[DashboardLink]] = [
        Link(title).type(DashboardLinkType.LINK).icon("dashboard").url(f"/d/{other}").include_vars(True).keep_time(True)
        .tooltip(f"{title}, of what is chosen here")
        for other, title in TITLES.items() if other != uid
    ]  # fmt: skip
    out = (("Status page", "${status_page}", "Incidents, verdicts and what runs when"),
           ("Runbook", "${runbook}", "What to do"))  # fmt: skip
    for title, url, tooltip in out:
        found.append(
            Link(title).type(DashboardLinkType.LINK).icon("external link").url(url).target_blank(True).tooltip(tooltip)
        )
    return found


def _deployments() -> AnnotationQuery:
    """Lines where the last run of a workflow on a chosen stack ended well: most of what changes was changed by one."""
    return (
        AnnotationQuery().name("Last good runs").datasource(DATASOURCE).enable(True).hide(False).icon_color(INFO)
        .expr(f"{in_stacks(RUN_LAST_SUCCESS)} * 1000").use_value_for_time(True)
        .title_format("{{workflow}}").text_format("ended well on {{stack}}").tag_keys("stack").step("60s")
    )  # fmt: skip

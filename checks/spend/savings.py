"""What AWS itself says could be saved, with dollars: Cost Optimization Hub, else Compute Optimizer; and its budgets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from checks.aws import Arn, AwsPlace, owner_of, unsaid
from checks.base import Json, Outcome, Reading
from checks.spend.explorer import number
from checks.spend.told import money, opportunity, usd

HUB_REGION = "us-east-1"  # where Cost Optimization Hub is asked, whatever region it is asked about
PURCHASES = ("PurchaseSavingsPlans", "PurchaseReservedInstances")
VERDICTS: Mapping[str, str] = {
    "saving": "AWS recommends a change that costs less",
    "not_enrolled": "neither Cost Optimization Hub nor Compute Optimizer is switched on",
}


@dataclass(frozen=True, slots=True)
class Saving:
    """A recommendation of AWS."""

    id: str  # of the recommendation, or what stands for it
    arn: str  # of the resource; empty: of a purchase
    name: str  # of the resource, for people
    action: str  # "Rightsize", "Delete", "PurchaseSavingsPlans"
    monthly: float
    unit: str
    change: str = ""  # "m5.large to m5.medium"

    @property
    def words(self) -> str:
        """One sentence for people."""
        change = f" ({self.change})" if self.change else ""
        return f"{self.action} {self.name}{change}: saves about {money(self.monthly, self.unit)} a month"


def hub_enrolled(place: AwsPlace) -> bool:
    """Whether Cost Optimization Hub is on for the account that is asked. Elsewhere than in "aws" there is none."""
    if place.partition != "aws":
        return False
    items = place.shared("cost-optimization-hub", "list_enrollment_statuses", "items", region=HUB_REGION)
    return any(item.get("status") == "Active" and item.get("accountId") in ("", None, place.account) for item in items)


def hub(place: AwsPlace, wanted: Mapping[str, Any]) -> list[Saving]:
    """The recommendations of Cost Optimization Hub that fit its filter."""
    rows = place.pages("cost-optimization-hub", "list_recommendations", "items", region=HUB_REGION, filter=dict(wanted))
    return [_of_hub(place, row) for row in rows]


def _of_hub(place: AwsPlace, row: Mapping[str, Any]) -> Saving:
    before, after = (str(row.get(f"{each}ResourceSummary") or "") for each in ("current", "recommended"))
    name = str(row.get("resourceId") or row.get("recommendedResourceType") or row.get("recommendationId"))
    return Saving(
        str(row.get("recommendationId") or ""), str(row.get("resourceArn") or ""), name,
        str(row.get("actionType") or ""),
        number(place, "ListRecommendations", row.get("estimatedMonthlySavings"), "cost-optimization-hub"),
        str(row.get("currencyCode") or ""), f"{before} to {after}" if before and after else after,
    )  # fmt: skip


def optimizer_enrolled(place: AwsPlace) -> bool:
    """Whether Compute Optimizer is on for the account that is asked."""
    status = place.call("compute-optimizer", "get_enrollment_status").get("status")
    if not status:
        raise unsaid(place, "compute-optimizer", "GetEnrollmentStatus", "no status in the answer")
    return bool(status == "Active")


def optimizer(place: AwsPlace) -> list[Saving]:
    """What Compute Optimizer says of a region: instances of another size, and what is idle."""
    found = []
    instances = place.pages("compute-optimizer", "get_ec2_instance_recommendations", "instanceRecommendations")
    for row in instances:
        options = [each for each in row.get("recommendationOptions") or () if each.get("savingsOpportunity")]
        best = min(options, key=lambda each: each.get("rank", 0), default=None)
        if best is not None:
            arn, now = str(row["instanceArn"]), row.get("currentInstanceType", "")
            change = f"{now} to {best.get('instanceType', '')}"
            found += _of_optimizer(place, arn, "Rightsize", best["savingsOpportunity"], change)
    for row in place.pages("compute-optimizer", "get_idle_recommendations", "idleRecommendations"):
        if row.get("savingsOpportunity"):
            found += _of_optimizer(place, str(row["resourceArn"]), "Delete", row["savingsOpportunity"], "")
    return found


def _of_optimizer(place: AwsPlace, arn: str, action: str, said: Mapping[str, Any], change: str) -> list[Saving]:
    monthly = said.get("estimatedMonthlySavings")
    if not monthly:
        return []
    amount = number(place, "GetRecommendations", monthly.get("value"), "compute-optimizer")
    parsed = Arn.parse(arn)
    name = parsed.name if parsed else arn
    return [Saving(f"{arn}#{action}", arn, name, action, amount, str(monthly.get("currency") or ""), change)]


def by_arn(savings: Iterable[Saving]) -> Mapping[str, Saving]:
    """The best saving of each resource: of several for one thing, only one can be done."""
    best: dict[str, Saving] = {}
    for one in savings:
        key = one.arn or one.id
        if key not in best or one.monthly > best[key].monthly:
            best[key] = one
    return best


def saving_reading(place: AwsPlace, key: str, one: Saving) -> Reading:
    """One recommendation, with its owner."""
    values = usd({"savings_monthly_usd": one.monthly}, one.unit)
    finding = opportunity(
        "saving", one.words, f"cost:saving:{one.action}",
        "aws cost-optimization-hub list-recommendations --region us-east-1  # how much work it is, and how risky",
        addresses=(one.arn,) if one.arn else (),
        owner=owner_of(place, one.arn, one.name) if one.arn else None,
    )  # fmt: skip
    resource = f"{key}#saving" if one.arn else f"{place.key}/saving/{one.id}"
    return Reading(
        resource, Outcome.UNHEALTHY, "saving", one.words, (finding,), values,
        {"action": one.action, "unit": one.unit},
    )  # fmt: skip


def summary_reading(place: AwsPlace, resource: str, savings: Iterable[Saving]) -> Reading:
    """How many recommendations there are."""
    count = len(list(savings))
    return Reading(resource, Outcome.HEALTHY, "looked", f"{count} recommendations", values={"savings": float(count)})


def budgets(place: AwsPlace) -> Iterator[Mapping[str, Json]]:
    """The account's budgets of money, as told.budget_reading() takes them. Reading them is free."""
    for one in place.pages("budgets", "describe_budgets", "Budgets", AccountId=place.account):
        if one.get("BudgetType") != "COST":
            continue
        spend = one.get("CalculatedSpend") or {}
        limit = one.get("BudgetLimit") or _planned(one.get("PlannedBudgetLimits") or {}, place.now().timestamp())
        parts = {"limit": limit, "actual": spend.get("ActualSpend"), "forecast": spend.get("ForecastedSpend")}
        units = {str(part.get("Unit") or "") for part in parts.values() if part}
        if len(units) > 1:
            raise unsaid(place, "budgets", "DescribeBudgets", "a budget in two currencies")
        amounts = {
            name: number(place, "DescribeBudgets", part.get("Amount"), "budgets") if part else None
            for name, part in parts.items()
        }
        yield {"name": str(one["BudgetName"]), "unit": next(iter(units), ""), **amounts}


def _planned(limits: Mapping[str, Mapping[str, str]], now: float) -> Mapping[str, str] | None:
    """Of limits by the second that their period begins, the one that holds now."""
    begun = [second for second in limits if second.isdigit() and int(second) <= now]
    return limits[max(begun, key=int)] if begun else None


def purchases(place: AwsPlace) -> list[Saving]:
    """What Cost Optimization Hub recommends to commit to."""
    return hub(place, {"actionTypes": list(PURCHASES)})


def of_region(place: AwsPlace) -> list[Saving]:
    """What Cost Optimization Hub says of the resources of one region of one account."""
    found = hub(place, {"accountIds": [place.account], "regions": [place.region]})
    return [one for one in found if one.action not in PURCHASES]

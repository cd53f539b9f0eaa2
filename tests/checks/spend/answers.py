"""Answers of AWS in which something costs too much and something is fine, and a look at them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from checks.base import Json, Reading, Scope
from checks.cost import Cost
from tests.aws.fake import FakeAws
from tests.aws.places import ACCOUNT, NOW, REGION, fake_place

Answers = Mapping[tuple[str, str], Any]
USAGE, FORECAST, ANOMALIES = ("ce", "get_cost_and_usage"), ("ce", "get_cost_forecast"), ("ce", "get_anomalies")
BUDGETS, PLANS = ("budgets", "describe_budgets"), ("savingsplans", "describe_savings_plans")
ENROLLED, ADVICE = (("cost-optimization-hub", f"list_{each}") for each in ("enrollment_statuses", "recommendations"))
OPTIMIZER = ("compute-optimizer", "get_enrollment_status")
METRICS = ("cloudwatch", "get_metric_data")
DAY = timedelta(days=1)
TODAY = NOW.date()  # a Monday
RISE = TODAY - 3 * DAY
PLACE = f"{ACCOUNT}/{REGION}"
OLD = NOW - timedelta(days=400)


def money(amount: float, unit: str = "USD") -> Mapping[str, str]:
    return {"Amount": f"{amount:.4f}", "Unit": unit}


def days(start: str, end: str) -> Iterable[date]:
    first, after = date.fromisoformat(start), date.fromisoformat(end)
    return (first + number * DAY for number in range((after - first).days))


def billed(amount: Any, unit: str = "USD", estimated: Any = lambda day: day >= TODAY - DAY) -> Any:
    """The answer of GetCostAndUsage: *amount* of a day gives {(service, account): amount}; None: no such day."""

    def answer(call: Any) -> Mapping[str, Any]:
        asked = call.parameters
        basis = asked["Metrics"][0]
        results = []
        for day in days(asked["TimePeriod"]["Start"], asked["TimePeriod"]["End"]):
            groups = amount(day)
            if groups is not None:
                results.append({
                    "TimePeriod": {"Start": day.isoformat(), "End": (day + DAY).isoformat()}, "Total": {},
                    "Groups": [{"Keys": list(keys), "Metrics": {basis: money(one, unit)}} for keys, one in
                               groups.items()],
                    "Estimated": estimated(day),
                })  # fmt: skip
        return {"ResultsByTime": results}

    return answer


def spend(day: date) -> Mapping[tuple[str, str], float]:
    """Weekends cost half; one service rises on one day."""
    usual = 50.0 if day.weekday() >= 5 else 100.0
    return {("EC2", ACCOUNT): usual + (80.0 if day == RISE else 0.0), ("S3", "222222222222"): 20.0}


def forecast(call: Any) -> Mapping[str, Any]:
    period = call.parameters["TimePeriod"]
    rows = [
        {"TimePeriod": {"Start": day.isoformat(), "End": (day + DAY).isoformat()}, "MeanValue": "100",
         "PredictionIntervalLowerBound": "90", "PredictionIntervalUpperBound": "115"}
        for day in days(period["Start"], period["End"])
    ]  # fmt: skip
    return {"Total": money(100 * len(rows)), "ForecastResultsByTime": rows}


ANOMALY: Mapping[str, Any] = {
    "AnomalyId": "anomaly-1", "AnomalyStartDate": "2026-02-27", "AnomalyEndDate": "2026-02-28",
    "AnomalyScore": {"MaxScore": 0.9, "CurrentScore": 0.5}, "Impact": {"MaxImpact": 80.0, "TotalImpact": 80.0},
    "MonitorArn": f"arn:aws:ce::{ACCOUNT}:anomalymonitor/1", "DimensionValue": "EC2",
    "RootCauses": [{"Service": "EC2", "Region": REGION, "LinkedAccount": ACCOUNT}],
}  # fmt: skip


def budget(name: str, limit: float, actual: float, ahead: float) -> Mapping[str, Any]:
    return {
        "BudgetName": name, "BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": money(limit),
        "CalculatedSpend": {"ActualSpend": money(actual), "ForecastedSpend": money(ahead)},
    }  # fmt: skip


def advice(number: int, **more: Any) -> Mapping[str, Any]:
    return {
        "recommendationId": f"r-{number}", "accountId": ACCOUNT, "region": REGION, "resourceId": f"i-{number}",
        "resourceArn": f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-{number}", "actionType": "Rightsize",
        "estimatedMonthlySavings": 40.0, "currencyCode": "USD", "currentResourceSummary": "m5.large",
        "recommendedResourceSummary": "m5.medium", **more,
    }  # fmt: skip


def advised(call: Any) -> Mapping[str, Any]:
    if "actionTypes" in call.parameters["filter"]:
        plan = {"recommendationId": "p-1", "actionType": "PurchaseSavingsPlans", "estimatedMonthlySavings": 200.0}
        return {"items": [{**plan, "recommendedResourceType": "ComputeSavingsPlans", "currencyCode": "USD"}]}
    return {"items": [advice(1), advice(2, estimatedMonthlySavings=0.5)]}


PAYER: Answers = {
    USAGE: billed(spend),
    FORECAST: forecast,
    ANOMALIES: [{"Anomalies": [ANOMALY]}, {"Anomalies": [{**ANOMALY, "AnomalyId": "a-2", "Feedback": "NO"}]}],
    ("ce", "get_savings_plans_utilization"): {
        "Total": {"Utilization": {"TotalCommitment": "10", "UsedCommitment": "5", "UnusedCommitment": "5",
                                  "UtilizationPercentage": "50"}}},
    ("ce", "get_savings_plans_coverage"): {"SavingsPlansCoverages": [
        {"Coverage": {"SpendCoveredBySavingsPlans": "80", "OnDemandCost": "20", "TotalCost": "100",
                      "CoveragePercentage": "80"}}]},
    ("ce", "get_reservation_utilization"): {
        "UtilizationsByTime": [], "Total": {"PurchasedHours": "168", "UtilizationPercentage": "97"}},
    ("ce", "get_reservation_coverage"): {
        "CoveragesByTime": [{"Groups": [
            {"Attributes": {"linkedAccount": account},
             "Coverage": {"CoverageHours": {"ReservedHours": reserved, "TotalRunningHours": "100"}}}
            for account, reserved in ((ACCOUNT, "20"), ("222222222222", "0"))]}],
        "Total": {"CoverageHours": {"TotalRunningHours": "200", "CoverageHoursPercentage": "10"}}},
    BUDGETS: {"Budgets": [budget("team", 1000, 400, 900), budget("lab", 100, 50, 130)]},
    PLANS: {"savingsPlans": [
        {"savingsPlanArn": f"arn:aws:savingsplans::{ACCOUNT}:savingsplan/{number}", "state": "active",
         "end": end, "savingsPlanType": "Compute", "commitment": "1.0", "currency": "USD"}
        for number, end in ((1, "2026-03-20T00:00:00.000Z"), (2, "2028-03-20T00:00:00.000Z"))]},
    ENROLLED: {"items": [{"accountId": ACCOUNT, "status": "Active"}]},
    ADVICE: advised,
}  # fmt: skip


def volume(number: int, state: str, created: datetime = OLD) -> Mapping[str, Any]:
    return {"VolumeId": f"vol-{number}", "State": state, "Size": 100, "CreateTime": created}


def balancer(name: str, created: datetime = OLD) -> Mapping[str, Any]:
    arn = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/{name}/1"
    return {"LoadBalancerArn": arn, "LoadBalancerName": name, "Type": "application", "CreatedTime": created}


def flows(**by_name: list[float]) -> Any:
    """The answer of GetMetricData: of what has a name in it, these values; of all else nothing."""

    def answer(call: Any) -> Mapping[str, Any]:
        results = []
        for query in call.parameters["MetricDataQueries"]:
            value = query["MetricStat"]["Metric"]["Dimensions"][0]["Value"].replace("-", "_")
            told = next((values for name, values in by_name.items() if name in value), [])
            stamps = [NOW - number * DAY for number in range(len(told))]
            results.append({"Id": query["Id"], "Values": told, "Timestamps": stamps, "StatusCode": "Complete"})
        return {"MetricDataResults": results}

    return answer


FULL = 13  # days that are asked for with the default of idle_after
REGIONAL: Answers = {
    ENROLLED: PAYER[ENROLLED],
    ADVICE: advised,
    ("ec2", "describe_reserved_instances"): {"ReservedInstances": [
        {"ReservedInstancesId": "r-1", "InstanceCount": 3, "InstanceType": "m5.large", "End": NOW + 10 * DAY}]},
    ("rds", "describe_reserved_db_instances"): {"ReservedDBInstances": [
        {"ReservedDBInstanceArn": f"arn:aws:rds:{REGION}:{ACCOUNT}:ri:db", "DBInstanceCount": 1, "State": "active",
         "DBInstanceClass": "db.t3.small", "StartTime": NOW - 10 * DAY, "Duration": 31536000}]},
    ("elasticache", "describe_reserved_cache_nodes"): {"ReservedCacheNodes": [
        {"ReservationARN": f"arn:aws:elasticache:{REGION}:{ACCOUNT}:reserved-instance:c", "CacheNodeCount": 1,
         "CacheNodeType": "cache.t3.small", "State": "retired", "StartTime": OLD, "Duration": 31536000}]},
    ("ec2", "describe_volumes"): [
        {"Volumes": [volume(1, "in-use"), volume(2, "available")]}, {"Volumes": [volume(3, "available", NOW - DAY)]}],
    ("ec2", "describe_addresses"): {"Addresses": [
        {"AllocationId": "eipalloc-1", "PublicIp": "192.0.2.1"},
        {"AllocationId": "eipalloc-2", "PublicIp": "192.0.2.2", "AssociationId": "a"}]},
    ("ec2", "describe_images"): {"Images": [{"ImageId": "ami-1", "BlockDeviceMappings": [
        {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": "snap-2"}}]}]},
    ("ec2", "describe_snapshots"): {"Snapshots": [
        {"SnapshotId": "snap-1", "StartTime": OLD, "VolumeSize": 8},
        {"SnapshotId": "snap-2", "StartTime": OLD, "VolumeSize": 8},
        {"SnapshotId": "snap-3", "StartTime": OLD, "Tags": [{"Key": "aws:backup:source-resource", "Value": "x"}]},
        {"SnapshotId": "snap-4", "StartTime": NOW - DAY, "VolumeSize": 8}]},
    ("elb", "describe_load_balancers"): {"LoadBalancerDescriptions": [
        {"LoadBalancerName": "old", "CreatedTime": OLD, "Instances": []}]},
    ("elbv2", "describe_load_balancers"): {"LoadBalancers": [
        balancer("busy"), balancer("quiet"), balancer("fresh", NOW - DAY)]},
    ("ec2", "describe_nat_gateways"): {"NatGateways": [
        {"NatGatewayId": "nat-quiet", "State": "available", "CreateTime": OLD},
        {"NatGatewayId": "nat-gone", "State": "deleted", "CreateTime": OLD}]},
    METRICS: flows(busy=[0.0] * 12 + [3.0], quiet=[0.0] * FULL),
    ("s3", "list_buckets"): {"Buckets": [{"Name": "logs", "BucketRegion": REGION},
                                         {"Name": "far", "BucketRegion": "us-west-2"}]},
    ("s3", "get_bucket_lifecycle_configuration"): {"Rules": [{"Status": "Disabled"}]},
}  # fmt: skip
# The same where only Compute Optimizer is on.
OPTIMIZED: Answers = {
    **{key: answer for key, answer in REGIONAL.items() if key != ADVICE},
    ENROLLED: {"items": [{"accountId": ACCOUNT, "status": "Inactive"}]},
    OPTIMIZER: {"status": "Active"},
    ("compute-optimizer", "get_ec2_instance_recommendations"): {"instanceRecommendations": [
        {"instanceArn": f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-1", "currentInstanceType": "m5.large",
         "finding": "Overprovisioned", "recommendationOptions": [
             {"instanceType": "m5.medium", "rank": 1, "savingsOpportunity": {
                 "savingsOpportunityPercentage": 50.0,
                 "estimatedMonthlySavings": {"currency": "USD", "value": 40.0}}}]}]},
    ("compute-optimizer", "get_idle_recommendations"): {"idleRecommendations": [
        {"resourceArn": f"arn:aws:rds:{REGION}:{ACCOUNT}:db:lab", "resourceId": "lab", "resourceType": "RDSDBInstance",
         "finding": "Idle", "savingsOpportunity": {"savingsOpportunityPercentage": 100.0, "estimatedMonthlySavings":
                                                   {"currency": "USD", "value": 70.0}}}]},
}  # fmt: skip


def look(
    answers: Answers | FakeAws,
    check: Cost | None = None,
    *,
    scope: Scope = Scope.ACCOUNT,
    now: datetime = NOW,
    memory: Mapping[str, Json] | None = None,
    **more: Any,
) -> tuple[Mapping[str, Reading], Mapping[str, Json]]:
    """Readings by resource, and all that is remembered after the look."""
    check = check or Cost()
    place = fake_place(check, answers, scope=scope, now=now, memory=memory, **more)
    readings = {reading.resource: reading for reading in check.run(place)}
    return readings, {**(memory or {}), **place.kept}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)

"""Cost: what was spent against what such days cost, what was promised for it, and what is paid for nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar, Literal

from checks.aws import VERDICTS as AWS_VERDICTS
from checks.aws import AwsError, AwsPlace, ErrorClass, guarded, not_enabled
from checks.base import Asks, Check, Finding, Kind, Outcome, Reading, Role, Scope
from checks.spend import commitments, idle, savings, told
from checks.spend.compare import Sensitivity
from checks.spend.explorer import read_anomalies, read_bill, read_forecast, read_stacks
from checks.spend.model import DAY, Bill, restored
from checks.spend.purse import CappedError, Purse

_ANOMALIES = 14  # days back
Basis = Literal["AmortizedCost", "BlendedCost", "NetAmortizedCost", "NetUnblendedCost", "UnblendedCost"]


@dataclass(frozen=True)
class Cost(Check):
    """Spend against its weekdays, weeks, forecast and budgets; anomalies, commitments, savings and what lies idle."""

    basis: Basis = "AmortizedCost"  # which cost; amortized spreads what is paid upfront over its time
    data_delay_days: int = 2  # the newest days, today (UTC) included, whose bill is not complete
    settled_after_days: int = 7  # a day older than this counts as closed, although AWS still calls it estimated
    look_back_days: int = 3  # so many of the newest closed days are judged
    rise_deviations: float = 4.0  # a rise is so many robust deviations above the same weekdays
    rise_ratio: float = 0.25  # and by this part above them
    rise_usd: float = 10.0  # and by so much money a day, in the currency of the bill
    week_rise_ratio: float = 0.25  # a week rises by this part above the week before and the mean of eight
    week_rise_usd: float = 50.0  # and by so much money
    shown: int = 30  # services, and accounts, with a name of their own; the rest are summed up
    monthly_budget_usd: float = 0.0  # what a month may cost by the forecast; 0: only AWS Budgets says
    anomaly_usd: float = 10.0  # anomalies of less money are left out
    used_at_least: float = 0.9  # part of savings plans and reservations that should be used
    covered_at_least: float = 0.6  # part of steady use that savings plans or reservations should cover
    ends_within: timedelta = timedelta(days=45)  # a commitment that ends sooner is told
    saving_usd: float = 1.0  # recommendations that save less a month are left out
    idle_after: timedelta = timedelta(days=14)  # what was made later is not called idle
    snapshots_after: timedelta = timedelta(days=365)  # older snapshots are told
    bucket_lifecycle: bool = True  # that a bucket has no lifecycle rule is a finding
    stack_tag: str = ""  # the cost allocation tag whose values are the names of stacks: their spend is asked for too
    refresh: timedelta = timedelta(hours=8)  # the bill is not asked for more often
    refresh_rest: timedelta = timedelta(hours=24)  # nor are the other paid questions
    max_requests_per_day: int = 24  # paid requests at each place, of one cent or less each; by UTC day

    scope: ClassVar[Scope] = Scope.ACCOUNT
    more_scopes: ClassVar[tuple[Scope, ...]] = (Scope.REGION,)
    role: ClassVar[Role] = Role.PAYER
    every: ClassVar[timedelta] = timedelta(hours=8)
    deadline: ClassVar[timedelta] = timedelta(minutes=15)
    asks: ClassVar[Mapping[Scope, Asks]] = {
        Scope.ACCOUNT: Asks(10),
        Scope.REGION: Asks(9, 0.3, metrics_per_resource=0.1),
    }
    iam: ClassVar[tuple[str, ...]] = (
        "budgets:ViewBudget",
        "ce:GetAnomalies",
        "ce:GetCostAndUsage",
        "ce:GetCostForecast",
        "ce:GetReservationCoverage",
        "ce:GetReservationUtilization",
        "ce:GetSavingsPlansCoverage",
        "ce:GetSavingsPlansUtilization",
        "cost-optimization-hub:ListEnrollmentStatuses",
        "cost-optimization-hub:ListRecommendations",
        "savingsplans:DescribeSavingsPlans",
    )
    sweep_iam: ClassVar[tuple[str, ...]] = (
        "cloudwatch:GetMetricData",
        "compute-optimizer:GetEC2InstanceRecommendations",
        "compute-optimizer:GetEnrollmentStatus",
        "compute-optimizer:GetIdleRecommendations",
        "cost-optimization-hub:ListEnrollmentStatuses",
        "cost-optimization-hub:ListRecommendations",
        "ec2:DescribeAddresses",
        "ec2:DescribeImages",
        "ec2:DescribeNatGateways",
        "ec2:DescribeReservedInstances",
        "ec2:DescribeSnapshots",
        "ec2:DescribeVolumes",
        "elasticache:DescribeReservedCacheNodes",
        "elasticloadbalancing:DescribeLoadBalancers",
        "rds:DescribeReservedDBInstances",
        "s3:GetLifecycleConfiguration",
        "s3:ListAllMyBuckets",
    )
    measures: ClassVar[Mapping[str, str]] = {
        "day_usd": "What the newest closed day cost: in total, by service, by account.",
        "day_usual_usd": "What a day as the newest judged one usually costs in total.",
        "week_usd": "What the last seven closed days cost.",
        "week_before_usd": "What the seven days before them cost.",
        "week_mean_usd": "What the eight weeks before cost on average.",
        "bill_timestamp_seconds": "When the bill was asked for.",
        "forecast_usd": "What the month will have cost.",
        "forecast_lower_usd": "The same at least, with 80 % probability a day.",
        "forecast_upper_usd": "The same at most, with 80 % probability a day.",
        "budget_limit_usd": "What a budget of AWS Budgets allows.",
        "budget_actual_usd": "What was spent of it.",
        "budget_forecast_usd": "What will have been spent of it.",
        "anomaly_impact_usd": "How much more than expected the anomalies cost that AWS found.",
        "commitment_utilization_ratio": "Part of savings plans, or reservations, that is used.",
        "commitment_coverage_ratio": "Part of the use that savings plans, or reservations, cover.",
        "commitment_end_timestamp_seconds": "When the next commitment ends.",
        "savings": "Recommendations of AWS to save.",
        "savings_monthly_usd": "What they would save in a month.",
        "idle": "Things that are paid for and not used, found without AWS' recommendations.",
        "paid_requests": "Paid requests that this place made today (UTC), before its last look.",
    }
    measure_labels: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "day_usd": ("by", "name"),
        "budget_limit_usd": ("budget",),
        "budget_actual_usd": ("budget",),
        "budget_forecast_usd": ("budget",),
        "commitment_utilization_ratio": ("commitment",),
        "commitment_coverage_ratio": ("commitment",),
        "commitment_end_timestamp_seconds": ("commitment",),
        "savings_monthly_usd": ("action",),
        "idle": ("verdict",),
    }
    verdicts: ClassVar[Mapping[str, str]] = {
        "not_looked": "Not looked: the configuration does not say which account pays.",
        **told.VERDICTS,
        **commitments.VERDICTS,
        **savings.VERDICTS,
        **idle.VERDICTS,
        **AWS_VERDICTS,
        "capped": "Could not look: the paid requests of the day are used up; the last values keep their age.",
    }

    def asking(self, scope: Scope) -> Asks:
        """What one look costs; in the account that pays, most answers are kept for long."""
        if scope is not self.scope:
            return super().asking(scope)
        day = timedelta(days=1)
        questions = len(commitments.QUESTIONS) + 2 + bool(self.stack_tag)  # forecast, anomalies
        paid = day / self.refresh + questions * (day / self.refresh_rest)
        return replace(super().asking(scope), paid_per_day=min(paid, self.max_requests_per_day))

    def run(self, place: AwsPlace) -> Iterator[Reading]:
        """Readings of the account that pays, or of one region of any account."""
        if not place.account:
            words = "spend was not looked at: name the account that pays in aws.payer_account, and a role in it"
            yield Reading(f"{place.key}/spend", Outcome.NOT_APPLICABLE, "not_looked", words)
            return
        purse = Purse(place, self.max_requests_per_day)
        paid = float(purse.paid)  # before this look: what it costs itself depends on what AWS answers
        words = f"{paid:.0f} of {self.max_requests_per_day} paid requests of today were made before this look"
        yield Reading(f"{place.key}/paid_requests", Outcome.HEALTHY, "looked", words, values={"paid_requests": paid})
        yield from self._region(place, purse) if "/" in place.key else self._payer(place, purse)

    # -- the account that pays ----------------------------------------------------------------------------------

    def _payer(self, place: AwsPlace, purse: Purse) -> Iterator[Reading]:
        today = place.now().astimezone(UTC).date()  # bills are by UTC days, whatever the clock on the wall says
        key = place.key
        bills: list[tuple[Bill, datetime]] = []
        yield from _part(f"{key}/spend", "what was spent", self._spend, place, purse, today, bills)
        if bills:
            bill, _ = bills[0]
            yield from _part(f"{key}/forecast", "what the month will cost", self._forecast, place, purse, today, bill)
            closed = bill.closed(today, self.data_delay_days, self.settled_after_days)
            newest = closed[-1] if closed else today - max(self.data_delay_days, 1) * DAY
            shares: dict[str, commitments.Share] = {}
            for question in commitments.QUESTIONS:
                yield from _part(
                    f"{key}/{question.name}", question.what, self._commitment, place, purse, question, newest, shares
                )
            plans, reserved = (shares.get(name) for name in ("savings_plans_coverage", "reservation_coverage"))
            yield commitments.coverage_reading(key, plans, reserved)
        if self.stack_tag:
            yield from _part(f"{key}/stacks", "what each stack costs", self._stacks, place, purse, today)
        yield from _part(f"{key}/anomalies", "which anomalies AWS found", self._anomalies, place, purse, today)
        yield from _part(f"{key}/budgets", "how the budgets stand", self._budgets, place)
        yield from _part(f"{key}/savings_plans", "when the savings plans end", self._plans, place)
        yield from _part(f"{key}/purchases", "what AWS recommends to commit to", self._purchases, place)

    def _spend(
        self, place: AwsPlace, purse: Purse, today: date, bills: list[tuple[Bill, datetime]]
    ) -> Iterator[Reading]:
        asked = {"basis": self.basis, "version": 1}
        kept = place.recall("bill")
        before = kept.get("value") if isinstance(kept, Mapping) and kept.get("asked") == asked else None
        value, at = purse.remembered(
            "bill", self.refresh, asked, lambda: read_bill(place, purse, today, self.basis, before)
        )
        bill = restored(value)
        bills.append((bill, at))
        sensitivity = Sensitivity(self.rise_deviations, self.rise_ratio, self.rise_usd)
        judge = told.Judge(
            sensitivity, self.data_delay_days, self.settled_after_days, self.look_back_days, self.week_rise_ratio,
            self.week_rise_usd, self.shown,
        )  # fmt: skip
        yield from judge.readings(place.key, bill, today, at)

    def _stacks(self, place: AwsPlace, purse: Purse, today: date) -> Iterator[Reading]:
        """Asked for and kept: what a change did to the cost of its stack is worked out from it."""
        asked = {"basis": self.basis, "tag": self.stack_tag, "version": 1}
        kept = place.recall("stacks")
        before = kept.get("value") if isinstance(kept, Mapping) and kept.get("asked") == asked else None
        value, _ = purse.remembered(
            "stacks", self.refresh_rest, asked,
            lambda: read_stacks(place, purse, today, self.basis, self.stack_tag, before),
        )  # fmt: skip
        words = f"{len(restored(value).amounts)} values of the tag {self.stack_tag} have spend"
        yield Reading(f"{place.key}/stacks", Outcome.HEALTHY, "looked", words)

    def _forecast(self, place: AwsPlace, purse: Purse, today: date, bill: Bill) -> Iterator[Reading]:
        # The month is part of the question: the forecast of the last one says nothing of this.
        asked = {"basis": self.basis, "month": today.isoformat()[:7]}
        value, _ = purse.remembered(
            "forecast", self.refresh_rest, asked, lambda: read_forecast(place, purse, today, self.basis)
        )
        yield told.forecast_reading(place.key, bill, value, today, self.monthly_budget_usd)

    def _anomalies(self, place: AwsPlace, purse: Purse, today: date) -> Iterator[Reading]:
        first = today - _ANOMALIES * DAY
        found, _ = purse.remembered(
            "anomalies", self.refresh_rest, {}, lambda: read_anomalies(place, purse, first, today)
        )
        yield Reading(f"{place.key}/anomalies", Outcome.HEALTHY, "looked", f"{len(found)} anomalies")
        yield from told.anomaly_readings(place.key, found, self.anomaly_usd)

    def _commitment(
        self,
        place: AwsPlace,
        purse: Purse,
        question: commitments.Question,
        newest: date,
        shares: dict[str, commitments.Share],
    ) -> Iterator[Reading]:
        value, _ = purse.remembered(
            question.name, self.refresh_rest, {"version": 2}, lambda: question.ask(place, purse, newest)
        )
        share = shares[question.name] = commitments.restored(value)
        least = self.used_at_least if question.name.endswith("utilization") else self.covered_at_least
        yield commitments.share_reading(place.key, question, share.percent, least)

    def _budgets(self, place: AwsPlace) -> Iterator[Reading]:
        found = list(savings.budgets(place))
        yield Reading(f"{place.key}/budgets", Outcome.HEALTHY, "looked", f"{len(found)} budgets of money")
        for one in found:
            yield told.budget_reading(place.key, one)

    def _plans(self, place: AwsPlace) -> Iterator[Reading]:
        yield from commitments.end_readings(place, "savings_plans", commitments.savings_plans(place), self.ends_within)

    def _purchases(self, place: AwsPlace) -> Iterator[Reading]:
        resource = f"{place.key}/purchases"
        if not savings.hub_enrolled(place):
            yield Reading(resource, Outcome.NOT_APPLICABLE, "not_enrolled", "Cost Optimization Hub is not switched on")
            return
        yield from self._told(place, resource, savings.purchases(place))

    # -- a region of any account --------------------------------------------------------------------------------

    def _region(self, place: AwsPlace, purse: Purse) -> Iterator[Reading]:
        yield from _part(f"{place.key}/savings", "what AWS recommends to save", self._savings, place)
        for what, read in commitments.RESERVED.items():
            yield from guarded(
                f"{place.key}/{what}", "when the reservations end", self._reserved, place, what, read, optional=True
            )
        how = idle.Idle(self.idle_after, self.snapshots_after, self.refresh_rest, self.bucket_lifecycle)
        yield from _part(f"{place.key}/metrics", "whether anything is used", idle.idle_readings, place, purse, how)

    def _savings(self, place: AwsPlace) -> Iterator[Reading]:
        resource = f"{place.key}/savings"
        if savings.hub_enrolled(place):
            yield from self._told(place, resource, savings.of_region(place))
        elif savings.optimizer_enrolled(place):
            yield from self._told(place, resource, savings.optimizer(place))
        else:
            words = "neither Cost Optimization Hub nor Compute Optimizer is switched on"
            yield Reading(resource, Outcome.NOT_APPLICABLE, "not_enrolled", words)

    def _told(self, place: AwsPlace, resource: str, found: Iterable[savings.Saving]) -> Iterator[Reading]:
        worth = {
            key: one for key, one in savings.by_arn(found).items() if one.monthly >= self.saving_usd
        }  # fmt: skip
        yield savings.summary_reading(place, resource, worth.values())
        for key, one in sorted(worth.items()):
            yield savings.saving_reading(place, key, one)

    def _reserved(
        self, place: AwsPlace, what: str, read: Callable[[AwsPlace], list[commitments.Commitment]]
    ) -> Iterator[Reading]:
        yield from commitments.end_readings(place, what, read(place), self.ends_within)


def _part(resource: str, what: str, look: Callable[..., Iterable[Reading]], *args: object) -> Iterator[Reading]:
    """The readings of one part; where it cannot be asked, what is known of *resource* instead: see guarded()."""
    try:
        yield from look(*args)
    except CappedError as error:
        words = f"not known: {what}: {error}"
        finding = Finding(
            Kind.MONITORING, "could_not_look", words, cause="cost:capped",
            remedy="Raise checks.cost.max_requests_per_day, or wait for the next UTC day.",
        )  # fmt: skip
        yield Reading(resource, Outcome.UNKNOWN, "capped", words, (finding,))
    except AwsError as error:
        yield not_enabled(resource, error, what)
    except (KeyError, TypeError, ValueError) as error:
        # An answer without what it has to have. Were the look to end here, what it paid would be forgotten with it.
        words = f"not known: {what}: AWS answered what was not foreseen ({type(error).__name__})"
        finding = Finding(Kind.MONITORING, "could_not_look", words, cause="cost:unforeseen")
        yield Reading(resource, Outcome.UNKNOWN, str(ErrorClass.ERROR), words, (finding,))

"""The compliance check at the estate: a score for each stack, and for what no stack owns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import pytest

from checks.base import UNMANAGED, Instance, Kind, Outcome, Reading
from checks.compliance import Compliance
from checks.comply.model import Exemption
from checks.comply.tally import Tally
from checks.cost import Cost
from checks.estate import Note, Seen
from daemon.aws.place import NoPayerPlace
from tests.checks.estates import NOW, FakeEstate, note, seen
from tests.checks.spend.answers import PAYER
from tests.checks.spend.answers import look as spend_look

ONE, TWO, GLOBAL = "111111111111/eu-west-1", "111111111111/us-east-1", "111111111111"
PROD = Instance("acme-prod", "app", "app", stage="production", account="111111111111", region="eu-west-1", owner="team")
DEV = Instance("acme-dev", "app", "app", stage="development", account="111111111111", region="eu-west-1")


def rules(**given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: {"passed": 0, **counts} for name, counts in given.items()}


def kept(
    place: str, stack: str, counts: Mapping[str, Any], *, outcome: Outcome = Outcome.HEALTHY, known: bool = True,
    stage: str = "production", steady: int = 0,
) -> Note:  # fmt: skip
    evidence = {
        "stack": stack, "known": known, "stage": stage, "account": place[:12], "resources": 3, "steady": steady,
        "rules": counts,
    }  # fmt: skip
    return note(f"{place}/stack/{stack or 'unmanaged'}", outcome=outcome, evidence={"compliance": evidence})


def gathered(place: str, *notes: Note, outcome: Outcome = Outcome.HEALTHY, gap: str = "", name: str = "") -> Seen:
    read = note(f"{place}/resources", outcome=outcome, summary="queues: access is denied")
    found = seen(place, read, *notes, gap=gap)
    return found if not name else Seen(place, {**found.labels, "account_name": name}, found.notes, found.looked_at)


def look(
    *places: Seen, instances: tuple[Instance, ...] = (PROD,), check: Compliance | None = None, **more: Any
) -> dict[str, Reading]:
    """The readings by resource; measures only where the score is known."""
    found = list((check or Compliance()).run(_estate(*places, instances=instances, **more)))
    for reading in found:
        assert reading.verdict in Compliance.verdicts, reading.verdict
        assert set(reading.values) <= set(Compliance.measures)
        assert not reading.values or reading.outcome is not Outcome.UNKNOWN
        json.dumps([reading.evidence, *(dict(one.evidence) for one in reading.findings)])
    by_resource = {reading.resource: reading for reading in found}
    assert len(by_resource) == len(found)
    return by_resource


def _estate(*places: Seen, cost: tuple[Seen, ...] = (), **more: Any) -> FakeEstate:
    return FakeEstate({"compliance": places, "cost": cost}, **more)


FINE = rules(encryption={"passed": 3}, flow_logs={"passed": 1})
BAD = rules(
    encryption={"passed": 3, "failed": [["arn:vol-1", "is not encrypted at rest"]]},
    flow_logs={"passed": 1},
    multi_az={"off": [["arn:db", "moves in May (platform)"]]},
)


def test_a_stack_that_keeps_every_rule() -> None:
    """Its numbers are measures, its score evidence."""
    reading = look(gathered(GLOBAL), gathered(ONE, kept(ONE, "acme-prod", FINE)))["stack/acme-prod"]
    assert (reading.outcome, reading.verdict, reading.findings) == (Outcome.HEALTHY, "kept", ())
    assert reading.values == {
        "rules_checked": 2, "rules_passed": 2, "rules_failed": 0, "rules_unknown": 0, "rules_off": 0,
        "results_passed": 4, "results_failed": 0, "results_unknown": 0, "score_ratio": 1.0,
    }  # fmt: skip
    assert (reading.evidence["score"], reading.evidence["scored"]) == (1.0, "acme-prod")
    assert reading.evidence["rules"]["encryption"]["about"].startswith("volumes")


def test_a_stack_with_gaps() -> None:
    """One finding for each rule, with the stack for its owner, and what is switched off with its reason."""
    reading = look(gathered(GLOBAL), gathered(ONE, kept(ONE, "acme-prod", BAD)))["stack/acme-prod"]
    (finding,) = reading.findings
    assert finding.summary == "acme-prod: not encrypted at rest (1): arn:vol-1"
    assert (finding.kind, finding.key) == (Kind.COMPLIANCE, "rule:encryption")
    assert finding.owner is not None
    assert (finding.owner.stack, finding.owner.stage, finding.owner.owner) == ("acme-prod", "production", "team")
    assert reading.evidence["score"] == pytest.approx((0.75 + 1) / 2)
    assert reading.evidence["rules"]["multi_az"]["off"] == [["arn:db", "moves in May (platform)"]]
    assert (reading.values["rules_off"], reading.values["rules_checked"]) == (1, 2)


def test_a_stack_in_several_places_has_one_score() -> None:
    """Regions and the account's global services are put together; a resource told twice is one."""
    other = rules(encryption={"passed": 1, "failed": [["arn:vol-1", "is not encrypted at rest"], ["arn:vol-2", "x"]]})
    found = look(
        gathered(GLOBAL, kept(GLOBAL, "acme-prod", rules(bucket_logs={"passed": 2}))),
        gathered(ONE, kept(ONE, "acme-prod", BAD)), gathered(TWO, kept(TWO, "acme-prod", other)),
    )  # fmt: skip
    reading = found["stack/acme-prod"]
    assert [name for name, _ in reading.evidence["rules"]["encryption"]["failed"]] == ["arn:vol-1", "arn:vol-2"]
    assert reading.values["results_passed"] == 3 + 1 + 1 + 2
    assert reading.evidence["resources"] == 9


def test_development_that_runs_at_night_is_money() -> None:
    """The guideline's kind for it."""
    night = rules(shutdown={"failed": [["arn:i-1", "runs outside working hours"]]})
    reading = look(gathered(GLOBAL), gathered(ONE, kept(ONE, "acme-dev", night, stage="development")), instances=(DEV,))
    assert [one.kind for one in reading["stack/acme-dev"].findings] == [Kind.COST_OPPORTUNITY]


UNREAD = gathered(ONE, outcome=Outcome.UNKNOWN)


@pytest.mark.parametrize(
    ("places", "why"),
    [
        ((gathered(GLOBAL), gathered(ONE, kept(ONE, "acme-prod", FINE, outcome=Outcome.UNKNOWN))), "acme-prod"),
        ((gathered(GLOBAL), gathered(ONE, kept(ONE, "acme-prod", FINE), outcome=Outcome.UNKNOWN)), "access is denied"),
        ((gathered(GLOBAL), UNREAD), "access is denied"),
        ((gathered(GLOBAL, outcome=Outcome.UNKNOWN), gathered(ONE, kept(ONE, "acme-prod", FINE))), "access is denied"),
        ((gathered(GLOBAL), seen(ONE, gap="denied: no role")), "no role"),
        ((gathered(GLOBAL), gathered(TWO)), "111111111111/eu-west-1 is not watched"),
        ((gathered("222222222222"), gathered("222222222222/eu-west-1")), "account 111111111111 is not watched"),
        ((gathered(GLOBAL), gathered(ONE, kept(ONE, "acme-prod", FINE), kept(ONE, "x", FINE, known=False))), "whose"),
    ],
    ids=["one answer", "a list, some seen", "a list", "global services", "the place", "region", "account", "ownership"],
)
def test_what_could_not_be_read_leaves_a_stack_without_a_score(places: tuple[Seen, ...], why: str) -> None:
    """Not known, with the reason; never a good score of the rest."""
    reading = look(*places)["stack/acme-prod"]
    assert (reading.outcome, reading.verdict) == (Outcome.UNKNOWN, "partial")
    assert why in reading.summary


def test_what_was_found_is_told_though_the_score_is_not_known() -> None:
    """A gap elsewhere does not hide it."""
    places = gathered(GLOBAL, outcome=Outcome.UNKNOWN), gathered(ONE, kept(ONE, "acme-prod", BAD))
    reading = look(*places)["stack/acme-prod"]
    assert reading.outcome is Outcome.UNKNOWN
    assert [one.key for one in reading.findings] == ["rule:encryption"]


def test_a_stack_is_not_spoiled_by_a_place_it_is_not_in() -> None:
    """Another region's refusal is another stack's matter."""
    places = gathered(GLOBAL), gathered(ONE, kept(ONE, "acme-prod", FINE)), gathered(TWO, outcome=Outcome.UNKNOWN)
    found = look(*places)
    assert found["stack/acme-prod"].outcome is Outcome.HEALTHY
    elsewhere = Instance("acme-far", "app", "app", account="111111111111", region="us-east-1")
    assert look(*places, instances=(PROD, elsewhere))["stack/acme-far"].outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("account", "outcome"), [("acme-live", Outcome.HEALTHY), ("nobody", Outcome.UNKNOWN), ("", Outcome.UNKNOWN)]
)
def test_accounts_by_name(account: str, outcome: Outcome) -> None:
    """As Atmos often has them. Of an instance whose account nobody knows, any gap may hold something."""
    named = Instance("acme-prod", "app", "app", stage="production", account=account, region="eu-west-1")
    places = (
        gathered(GLOBAL, name="acme-live"), gathered(ONE, kept(ONE, "acme-prod", FINE), name="acme-live"),
        gathered("222222222222/eu-west-1", outcome=Outcome.UNKNOWN),
    )  # fmt: skip
    assert look(*places, instances=(named,))["stack/acme-prod"].outcome is outcome


def test_what_no_stack_owns_is_scored_by_account() -> None:
    """Over its regions, and as unmanaged."""
    found = look(gathered(GLOBAL), gathered(ONE, kept(ONE, "", BAD)), gathered(TWO, kept(TWO, "", FINE)), instances=())
    reading = found["unmanaged in 111111111111"]
    assert reading.evidence["resources"] == 6
    assert [one.owner for one in reading.findings] == [UNMANAGED]
    blind = look(
        gathered(GLOBAL), gathered(ONE, kept(ONE, "", FINE)), gathered(TWO, outcome=Outcome.UNKNOWN), instances=()
    )
    assert blind["unmanaged in 111111111111"].outcome is Outcome.UNKNOWN


def test_a_stack_without_resources_has_no_score() -> None:
    """All was read, and there is nothing that a rule is about; what is switched off is not listed."""
    off = Instance("acme-off", "app", "app", enabled=False, account="111111111111", region="eu-west-1")
    found = look(gathered(GLOBAL), gathered(ONE), instances=(PROD, off))
    assert (found["stack/acme-prod"].outcome, found["stack/acme-prod"].verdict) == (Outcome.NOT_APPLICABLE, "empty")
    assert "stack/acme-off" not in found


@pytest.mark.parametrize(
    ("coverage", "verdict"),
    [({"111111111111": 0.8}, "kept"), ({"111111111111": 0.2}, "gaps"), ({}, "partial"), (None, "kept")],
)
def test_commitments_are_the_cost_checks_word(coverage: dict[str, float] | None, verdict: str) -> None:
    """Of production with steady load; where that check is off, nobody asks, and where it cannot tell, nobody knows."""
    cost = () if coverage is None else (seen("111111111111", note("coverage", evidence={"coverage": coverage})),)
    places = gathered(GLOBAL), gathered(ONE, kept(ONE, "acme-prod", FINE, steady=2))
    reading = look(*places, cost=cost)["stack/acme-prod"]
    assert reading.verdict == verdict
    idle = look(gathered(GLOBAL), gathered(ONE, kept(ONE, "acme-prod", FINE)), cost=cost)
    assert idle["stack/acme-prod"].verdict == "kept"


def noted(readings: Iterable[Reading], place: str) -> Seen:
    """What the daemon makes of a look, for the estate."""
    return seen(place, *(note(one.resource, outcome=one.outcome, verdict=one.verdict, evidence=one.evidence)
                         for one in readings))  # fmt: skip


@pytest.mark.parametrize(("hours", "verdict"), [("90", "kept"), ("0", "gaps")])
def test_the_cost_check_leaves_what_the_rule_of_commitments_reads(hours: str, verdict: str) -> None:
    """Both ends at once: what Cost Explorer answers decides what is said of the stack."""
    answer = {
        "CoveragesByTime": [{"Groups": [{
            "Attributes": {"linkedAccount": "111111111111"},
            "Coverage": {"CoverageHours": {"ReservedHours": hours, "TotalRunningHours": "100"}},
        }]}],
        "Total": {"CoverageHours": {"TotalRunningHours": "100", "CoverageHoursPercentage": hours}},
    }  # fmt: skip
    none = {"SavingsPlansCoverages": [{"Coverage": {"SpendCoveredBySavingsPlans": "0", "TotalCost": "100"}}]}
    changed = {("ce", "get_reservation_coverage"): answer, ("ce", "get_savings_plans_coverage"): none}
    spent, _ = spend_look({**PAYER, **changed})
    places = gathered(GLOBAL), gathered(ONE, kept(ONE, "acme-prod", FINE, steady=2))
    reading = look(*places, cost=(noted(spent.values(), "111111111111"),))["stack/acme-prod"]
    assert reading.verdict == verdict


def test_where_nobody_is_named_who_pays_no_rule_waits_for_the_bill() -> None:
    """The cost check looks at regions then, and its answer would never come."""
    nobody: Any = NoPayerPlace(lambda: NOW)
    unpaid = noted(Cost().run(nobody), "payer")
    places = gathered(GLOBAL), gathered(ONE, kept(ONE, "acme-prod", FINE, steady=2))
    assert look(*places, cost=(unpaid, noted((), ONE)))["stack/acme-prod"].verdict == "kept"


def test_exemptions_whose_day_is_over_are_shown() -> None:
    """So that somebody renews them or mends what they hid."""
    check = Compliance(exemptions=(Exemption("multi_az", "moves in May", "platform", date(2026, 5, 31)),))
    reading = look(gathered(GLOBAL), gathered(ONE, kept(ONE, "acme-prod", FINE)), check=check)["stack/acme-prod"]
    assert reading.evidence["expired_exemptions"] == ["multi_az * *: moves in May (platform, until 2026-05-31)"]


def test_nothing_is_scored_before_every_place_was_looked_at() -> None:
    """Else half a look would be the baseline."""
    found = look(gathered(GLOBAL), seen(ONE, gap="not_looked_yet", tried=False))
    assert {name: reading.verdict for name, reading in found.items()} == {"estate/stacks": "waiting"}
    assert found["estate/stacks"].look_again_in is not None


def test_without_accounts_there_are_no_scores() -> None:
    """Not applicable if there never were any, and not known if there were."""
    assert look(instances=())["estate/stacks"].verdict == "no_accounts"
    one = _estate(gathered(GLOBAL), gathered(ONE, kept(ONE, "acme-prod", BAD)), instances=(PROD,))
    list(Compliance().run(one))
    (after,) = Compliance().run(one.later(places={"compliance": ()}))
    assert after.outcome is Outcome.UNKNOWN


def test_an_old_inventory_may_lack_stacks() -> None:
    """Then the list of scores is not whole."""
    found = look(gathered(GLOBAL), gathered(ONE), inventory_gap="does not load")
    assert found["estate/stacks"].outcome is Outcome.UNKNOWN


def test_a_finding_of_many_names_some_and_the_reading_all() -> None:
    """A message stays readable."""
    many = rules(tags={"failed": [[f"arn:{n:04}", "no Owner"] for n in range(1000)]})
    reading = look(gathered(GLOBAL), gathered(ONE, kept(ONE, "acme-prod", many)))["stack/acme-prod"]
    (finding,) = reading.findings
    assert finding.summary.endswith("(1000): arn:0000, arn:0001, arn:0002, arn:0003, arn:0004 and 995 more")
    assert len(finding.evidence["failed"]) == 200
    assert len(reading.evidence["rules"]["tags"]["failed"]) == 1000


def test_a_tally_survives_being_kept() -> None:
    """What a place leaves as evidence gives the same numbers again."""
    first = Tally()
    first.merge(BAD)
    second = Tally()
    second.merge(json.loads(json.dumps(first.kept())))
    assert second.values() == first.values()
    assert second.score == first.score
    assert Tally().score is None

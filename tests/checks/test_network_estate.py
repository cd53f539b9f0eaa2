"""The network check at the estate: what no single account or region can tell."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from checks.base import Instance, Kind, LookFailed, Outcome, Reading
from checks.estate import UNKNOWN_VALUE, Answer, Seen
from checks.nets.facts import Declared
from checks.nets.overlap import Reuse
from checks.nets.told import fact
from checks.network import Network
from tests.checks.estates import FakeEstate, note, seen

ONE, TWO = "111111111111/eu-west-1", "222222222222/eu-west-1"
GLOBAL = "111111111111"


def vpc(name: str, *blocks: str, account: str = GLOBAL, called: str = "", stack: str = "") -> Any:
    evidence = fact("vpc", id=name, account=account, region="eu-west-1", name=called, blocks=list(blocks), stack=stack,
                    component="vpc" if stack else "")  # fmt: skip
    return note(f"arn:aws:ec2:eu-west-1:{account}:vpc/{name}", evidence=evidence)


def peering(one: tuple[str, str], other: tuple[str, str], *blocks: str) -> Any:
    sides = [{"vpc": name, "at": [account, "eu-west-1"], "blocks": list(blocks)} for account, name in (one, other)]
    return note("arn:pcx-1", evidence=fact("peering", id="pcx-1", sides=sides))


def look(estate: FakeEstate, check: Network | None = None) -> dict[str, Reading]:
    """The readings by resource, each with a verdict and measures that the check declares, and JSON for evidence."""
    found = list((check or Network()).run(estate))
    for reading in found:
        assert reading.verdict in Network.verdicts, reading.verdict
        assert set(reading.values) <= set(Network.measures)
        json.dumps([reading.evidence, *(finding.evidence for finding in reading.findings)])
        blind = [one for one in reading.findings if one.kind is Kind.MONITORING]
        assert (reading.outcome is Outcome.UNHEALTHY) is (len(reading.findings) > len(blind))
        assert not blind or reading.outcome is Outcome.UNKNOWN
    by_resource = {reading.resource: reading for reading in found}
    assert len(by_resource) == len(found)
    return by_resource


def estate(*places: Seen, **more: Any) -> FakeEstate:
    return FakeEstate({"network": places}, **more)


def verdicts(found: Mapping[str, Reading]) -> dict[str, str]:
    return {resource: reading.verdict for resource, reading in found.items()}


def kinds(found: Mapping[str, Reading]) -> dict[str, list[Kind]]:
    return {
        resource: [one.kind for one in reading.findings]
        for resource, reading in found.items()
        if reading.findings and reading.outcome is not Outcome.UNKNOWN
    }


A, B = vpc("vpc-a", "10.0.0.0/16", called="main"), vpc("vpc-b", "10.0.4.0/24", account="222222222222")


def test_an_overlap_across_accounts_that_nobody_joins_is_worth_a_line() -> None:
    """Both are named with account and region; the guideline's kind for it is info."""
    found = look(estate(seen(ONE, A), seen(TWO, B)))
    assert verdicts(found) == {"overlap/apart/10.0.0.0/16": "overlap_apart", "estate/networks": "compared"}
    assert kinds(found) == {"overlap/apart/10.0.0.0/16": [Kind.COMPLIANCE]}
    assert found["overlap/apart/10.0.0.0/16"].summary == (
        "2 networks share addresses of 10.0.0.0/16, not connected so far: 10.0.0.0/16 of main (vpc-a) in 111111111111 "
        "eu-west-1, 10.0.4.0/24 of vpc-b in 222222222222 eu-west-1"
    )
    assert found["estate/networks"].values == {
        "overlaps_reachable": 0, "overlaps_apart": 1, "records_dangling": 0,
    }  # fmt: skip


def test_an_overlap_of_networks_that_reach_each_other_is_a_warning() -> None:
    """By a transit gateway's table that a third account has."""
    table = note("arn:rtb", evidence=fact("table", id="tgw-rtb-1", members=["vpc-a", "vpc-b"], routes=[]))
    found = look(estate(seen(ONE, A), seen(TWO, B), seen("333333333333/eu-west-1", table)))
    assert kinds(found) == {"overlap/tgw-rtb-1/10.0.0.0/16": [Kind.UTILIZATION]}
    assert found["estate/networks"].values["overlaps_reachable"] == 1


def test_the_far_end_of_a_peering_counts_though_nobody_watches_it() -> None:
    """Its blocks are in the connection."""
    far = vpc("vpc-c", "10.9.0.0/16")
    link = peering((GLOBAL, "vpc-c"), ("999999999999", "vpc-x"), "10.9.1.0/24")
    found = look(estate(seen(ONE, far, link)))
    assert kinds(found) == {"overlap/peers-of-vpc-x/10.9.0.0/16": [Kind.UTILIZATION]}


def test_a_vpc_that_is_shared_is_one_and_its_owners() -> None:
    """Two accounts see it through RAM, only one of them its name."""
    shared = vpc("vpc-a", "10.0.0.0/16")
    found = look(estate(seen(ONE, A), seen(TWO, shared), seen("333333333333/eu-west-1", B)))
    (clash,) = (reading for reading in found.values() if reading.findings)
    assert clash.summary.count("vpc-a") == 1
    assert "main (vpc-a) in 111111111111" in clash.summary


@pytest.mark.parametrize("gap", ["denied: no", "stale: the next look is overdue"])
def test_with_a_gap_nothing_is_said_to_be_free_of_overlap(gap: str) -> None:
    """What was found is told, what was not is not known."""
    places = seen(ONE, A), seen(TWO, B, gap=gap)
    instance = Instance("acme-new", "vpc", "vpc", region="eu-west-1")
    found = look(estate(*places, instances=(instance,), given={instance.key: {"cidr_block": "10.200.0.0/16"}}))
    assert verdicts(found) == {
        "overlap/apart/10.0.0.0/16": "overlap_apart", "planned/acme-new/vpc": "partial", "estate/networks": "partial",
    }  # fmt: skip
    assert found["estate/networks"].outcome is found["planned/acme-new/vpc"].outcome is Outcome.UNKNOWN
    assert f"{TWO}: {gap}" in found["estate/networks"].summary


def test_an_old_inventory_is_a_gap() -> None:
    """Blocks may be planned that it does not know of."""
    found = look(estate(seen(ONE, A), inventory_gap="the repository does not load"))
    assert found["estate/networks"].outcome is Outcome.UNKNOWN
    assert "the repository does not load" in found["estate/networks"].summary


def test_nothing_is_judged_before_every_place_was_looked_at() -> None:
    """Else the first look would be a baseline of half of it, and the rest news. Declared names need no account."""
    check = Network(names=(Declared("db.example.com"),))
    found = look(estate(seen(ONE, A), seen(TWO, gap="not_looked_yet", tried=False),
                        dns={("db.example.com", "A"): Answer(True, ("192.0.2.1",))}), check)  # fmt: skip
    assert verdicts(found) == {"name/db.example.com/A": "resolves", "estate/networks": "waiting"}
    assert found["estate/networks"].look_again_in is not None


def test_without_accounts_there_is_nothing_to_compare() -> None:
    """Nobody is told of it for ever; declared names are looked at all the same."""
    assert verdicts(look(estate())) == {"estate/networks": "no_accounts"}
    named = Network(names=(Declared("db.example.com"),))
    assert verdicts(look(estate(dns={("db.example.com", "A"): Answer(False)}), named)) == {
        "name/db.example.com/A": "name_missing"
    }  # fmt: skip


def test_accounts_that_are_gone_all_at_once_resolve_nothing() -> None:
    """A list of accounts that comes out empty is no proof that the networks are gone."""
    one = estate(seen(ONE, A), seen(TWO, B))
    look(one)
    assert look(one.later(places={"network": ()}))["estate/networks"].outcome is Outcome.UNKNOWN


def test_an_overlap_that_is_gone_is_over_though_another_account_refuses() -> None:
    """Where the places it was about were seen, one refusal elsewhere does not keep it open."""
    refused = seen("333333333333/eu-west-1", gap="denied: no")
    first = estate(seen(ONE, A), seen(TWO, B), refused)
    look(first)
    mended = first.later(places={"network": (seen(ONE, A), seen(TWO), refused)})
    assert verdicts(look(mended))["overlap/apart/10.0.0.0/16"] == "over"
    assert "overlap/apart/10.0.0.0/16" not in look(mended.later())


def test_an_overlap_whose_place_cannot_be_seen_is_not_over() -> None:
    """Not after several looks either; then it is, once it was looked at."""
    one = estate(seen(ONE, A), seen(TWO, B))
    look(one)
    for _ in range(3):
        one = one.later(places={"network": (seen(ONE, A), seen(TWO, gap="throttled: slow"))})
        assert "overlap/apart/10.0.0.0/16" not in look(one)
    one = one.later(places={"network": (seen(ONE, A), seen(TWO))})
    assert look(one)["overlap/apart/10.0.0.0/16"].outcome is Outcome.HEALTHY


def planned(*given: tuple[str, Any], networks: Sequence[Any] = (A,), region: str = "eu-west-1", **more: Any) -> Reading:
    """The reading of one instance that plans what is *given*."""
    instance = Instance("acme-new", "vpc", "vpc", region=region, stage="staging", **more)
    found = look(estate(seen(ONE, *networks), instances=(instance,), given={instance.key: dict(given)}))
    return found["planned/acme-new/vpc"]


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        ("10.7.0.0/16", "planned_free"),
        ("10.0.0.0/20", "planned_overlap"),
        ("10.0.0.0/8", "planned_overlap"),
        (["10.7.0.0/16", "10.0.9.0/24"], "planned_overlap"),
        ([{"ipv4_cidr_block": "10.0.9.0/24", "name": "pods"}], "planned_overlap"),
        ({"primary": "10.7.0.0/16", "enabled": True}, "planned_free"),
        (UNKNOWN_VALUE, "planned_unknown"),
        ("{{ .vars.cidr }}", "planned_unknown"),
        ("***", "planned_unknown"),
    ],
)
def test_planned_blocks(value: Any, verdict: str) -> None:
    """Texts, lists and mappings of them; what nobody here can know is not free."""
    assert planned(("cidr_block", value)).verdict == verdict


def test_a_planned_blocks_finding_has_the_instance_for_its_owner() -> None:
    """So it goes where that stack's findings go."""
    (finding,) = planned(("cidr_block", "10.0.0.0/20")).findings
    assert finding.owner is not None
    assert (finding.owner.stack, finding.owner.stage, finding.kind) == ("acme-new", "staging", Kind.COMPLIANCE)


@pytest.mark.parametrize(
    ("network", "more", "verdict"),
    [
        (vpc("vpc-a", "10.0.0.0/16", stack="acme-new"), {}, "planned_free"),
        (vpc("vpc-a", "10.0.0.0/16", stack="acme-old"), {}, "planned_overlap"),
        (vpc("vpc-a", "10.0.0.0/16"), {"account": GLOBAL}, "planned_free"),
        (vpc("vpc-a", "10.0.0.0/16"), {"account": "production"}, "planned_free"),
        (vpc("vpc-a", "10.0.0.0/16"), {"account": "222222222222"}, "planned_overlap"),
        (vpc("vpc-a", "10.0.0.0/16"), {"region": "us-east-1"}, "planned_overlap"),
    ],
    ids=["its own by the state", "another stack's", "same account", "account by name", "other account", "other region"],
)
def test_what_the_plan_has_made_is_no_clash(network: Any, more: Mapping[str, str], verdict: str) -> None:
    """The very block, held by the VPC of the same stack, or where the plan would put it."""
    assert planned(("cidr_block", "10.0.0.0/16"), networks=(network,), **more).verdict == verdict


def test_values_that_are_no_blocks_are_kept_nowhere() -> None:
    """A variable of the name may hold anything, a secret too."""
    reading = planned(("cidr_block", "hunter2-is-no-cidr"))
    assert "hunter2" not in repr(reading)


def test_intended_reuse_and_the_default_of_it() -> None:
    """100.64.0.0/10 is not compared unless the option says otherwise."""
    pods = vpc("vpc-p", "100.64.0.0/16"), vpc("vpc-q", "100.64.0.0/16")
    assert kinds(look(estate(seen(ONE, *pods)))) == {}
    assert kinds(look(estate(seen(ONE, *pods)), Network(reuse=()))) != {}
    assert kinds(look(estate(seen(ONE, A), seen(TWO, B)), Network(reuse=(Reuse("10.0.0.0/16", "lab"),)))) == {}


def test_what_an_account_that_nobody_watches_shares_is_told_here() -> None:
    """And is not where somebody watches it."""
    told = {
        "place": TWO,
        "verdict": "exhausted",
        "findings": [{"kind": "utilization", "key": "subnet", "summary": "full"}],
    }
    shared = note("arn:subnet", outcome=Outcome.UNHEALTHY, verdict="told_elsewhere", evidence={"foreign": told})
    found = look(estate(seen(ONE, shared), seen("333333333333/eu-west-1", shared)))
    assert kinds(found) == {"arn:subnet": [Kind.UTILIZATION]}
    assert kinds(look(estate(seen(ONE, shared), seen(TWO)))) == {}


@pytest.mark.parametrize(
    ("answer", "verdict", "outcome"),
    [
        (Answer(True, ("192.0.2.1",)), "resolves", Outcome.HEALTHY),
        (Answer(False), "name_missing", Outcome.UNHEALTHY),
        (Answer(True, ("192.0.2.2",)), "name_differs", Outcome.UNHEALTHY),
        (LookFailed("timeout", "no answer"), "dns_no_answer", Outcome.UNKNOWN),
    ],
)
def test_declared_names(answer: Answer | LookFailed, verdict: str, outcome: Outcome) -> None:
    """A name that does not answer as it should is a warning; DNS that does not answer says nothing."""
    check = Network(names=(Declared("db.example.com", expect=("192.0.2.1",)),))
    found = look(estate(seen(ONE, A), dns={("db.example.com", "A"): answer}), check)["name/db.example.com/A"]
    assert (found.verdict, found.outcome) == (verdict, outcome)
    kind = {Outcome.HEALTHY: [], Outcome.UNHEALTHY: [Kind.UTILIZATION], Outcome.UNKNOWN: [Kind.MONITORING]}
    assert [one.kind for one in found.findings] == kind[outcome]


def zone(*pointers: tuple[str, str, str], stack: str = "acme-prod", stage: str = "production") -> Any:
    evidence = fact(
        "zone", id="Z1", arn="arn:aws:route53:::hostedzone/Z1", name="example.com", servers=["ns-1.awsdns-1.com"],
        pointers=[list(one) for one in pointers], stack=stack, component="dns", stage=stage,
    )  # fmt: skip
    return note("arn:aws:route53:::hostedzone/Z1", evidence=evidence)


DELEGATED = {("example.com", "delegation"): Answer(True, ("ns-1.awsdns-1.com",))}
RECORDS, WWW = "arn:aws:route53:::hostedzone/Z1/records", "arn:aws:route53:::hostedzone/Z1/www.example.com"
ADDRESS = ("www.example.com", "address", "52.1.2.3")


def ours(**values: Any) -> Any:
    return note("ours", evidence=fact("ours", **values))


def test_a_record_to_an_address_that_was_released_can_be_taken_over() -> None:
    """It was ours at one look and at the next it is not: critical in production, as its zone's owner says."""
    first = estate(seen(ONE, ours(addresses=["52.1.2.3"])), seen(GLOBAL, zone(ADDRESS)), dns=DELEGATED)
    assert verdicts(look(first))[RECORDS] == "points_home"
    second = first.later(places={"network": (seen(ONE, ours(addresses=[])), seen(GLOBAL, zone(ADDRESS)))})
    found = look(second)
    (finding,) = found[f"{WWW}/52.1.2.3"].findings
    assert finding.owner is not None
    assert (finding.kind, finding.owner.stage) == (Kind.SECURITY_VIOLATION, "production")
    assert found["estate/networks"].values["records_dangling"] == 1
    assert "us-east-1" in finding.remedy
    mended = second.later(places={"network": (seen(ONE, ours(addresses=[])), seen(GLOBAL, zone()))})
    assert verdicts(look(mended))[f"{WWW}/52.1.2.3"] == "over"


def test_a_record_whose_target_is_in_a_region_that_cannot_be_seen_is_not_known() -> None:
    """Neither released nor fine."""
    first = estate(seen(ONE, ours(addresses=["52.1.2.3"])), seen(GLOBAL, zone(ADDRESS)), dns=DELEGATED)
    look(first)
    blind = first.later(places={"network": (seen(ONE, gap="denied: no"), seen(GLOBAL, zone(ADDRESS)))})
    assert look(blind)[RECORDS].outcome is Outcome.UNKNOWN
    old = first.later(
        places={"network": (seen(ONE, ours(addresses=["52.1.2.3"]), gap="stale"), seen(GLOBAL, zone(ADDRESS)))}
    )
    assert look(old)[RECORDS].outcome is Outcome.UNKNOWN


def test_what_no_record_points_at_any_more_is_forgotten() -> None:
    """What is kept does not grow with every address there ever was."""
    one = estate(seen(ONE, ours(addresses=["52.1.2.3"])), seen(GLOBAL, zone(ADDRESS)), dns=DELEGATED)
    look(one)
    assert one.kept["pointed_at"] == {"52.1.2.3": "address"}
    released = one.later(places={"network": (seen(ONE, ours(addresses=[])), seen(GLOBAL, zone(ADDRESS)))})
    look(released)
    assert released.kept["pointed_at"] == {"52.1.2.3": "address"}, "as long as it is told of, it is known"
    mended = released.later(places={"network": (seen(ONE, ours(addresses=[])), seen(GLOBAL, zone()))})
    look(mended)
    assert mended.kept["pointed_at"] == {}


def test_a_target_that_no_account_has_could_be_anybodys() -> None:
    """Said so, counted, and no finding."""
    found = look(estate(seen(ONE, ours(addresses=[])), seen(GLOBAL, zone(ADDRESS)), dns=DELEGATED))[RECORDS]
    assert (found.verdict, found.outcome, found.values) == (
        "points_elsewhere",
        Outcome.HEALTHY,
        {"records_elsewhere": 1},
    )
    assert "could not tell" in found.summary


@pytest.mark.parametrize(
    ("pointer", "answer", "kind"),
    [
        (("www.example.com", "load_balancer", "x.elb.amazonaws.com"), Answer(False), Kind.UTILIZATION),
        (("www.example.com", "distribution", "d1.cloudfront.net"), Answer(False), Kind.SECURITY_VIOLATION),
        (("www.example.com", "other", "e.elasticbeanstalk.com"), Answer(False), Kind.SECURITY_VIOLATION),
        (("www.example.com", "load_balancer", "x.elb.amazonaws.com"), Answer(True), None),
        (("www.example.com", "load_balancer", "x.elb.amazonaws.com"), LookFailed("timeout", "no"), None),
    ],
)
def test_a_target_that_dns_does_not_know(pointer: Any, answer: Answer | LookFailed, kind: Kind | None) -> None:
    """What nobody can claim is a broken name, the rest a way in; no answer is neither."""
    found = look(estate(seen(GLOBAL, zone(pointer)), dns={**DELEGATED, (pointer[2], "A"): answer}))
    assert list(kinds(found).values()) == ([[kind]] if kind else [])


def test_a_distribution_that_does_not_answer_for_the_name() -> None:
    """It is ours, and the name can be claimed by others all the same."""
    pointer = ("www.example.com", "distribution", "d1.cloudfront.net")
    found = look(
        estate(seen(GLOBAL, zone(pointer), ours(distributions={"d1.cloudfront.net": ["example.com"]})), dns=DELEGATED)
    )
    assert kinds(found) == {f"{WWW}/d1.cloudfront.net": [Kind.SECURITY_VIOLATION]}


@pytest.mark.parametrize(
    ("answer", "verdict", "kind"),
    [
        (Answer(True, ("ns-1.awsdns-1.com",)), "delegated", None),
        (Answer(True, ("ns-1.awsdns-1.com", "ns.old.net")), "delegated_in_part", Kind.UTILIZATION),
        (Answer(True, ("ns.old.net",)), "delegated_elsewhere", Kind.COMPLIANCE),
        (Answer(False), "not_delegated", Kind.COMPLIANCE),
        (LookFailed("timeout", "no"), "dns_no_answer", Kind.MONITORING),
    ],
)
def test_delegation(answer: Answer | LookFailed, verdict: str, kind: Kind | None) -> None:
    """The parent's word against the zone's."""
    found = look(estate(seen(GLOBAL, zone()), dns={("example.com", "delegation"): answer}))
    reading = found["arn:aws:route53:::hostedzone/Z1/delegation"]
    assert (reading.verdict, [one.kind for one in reading.findings]) == (verdict, [kind] if kind else [])


def test_dns_that_is_silent_is_not_asked_for_ever() -> None:
    """A thousand records must not hold the look past its deadline, nor be taken for fine."""
    pointers = [(f"n{n}.example.com", "load_balancer", f"x{n}.elb.amazonaws.com") for n in range(1000)]
    one = estate(seen(GLOBAL, zone(*pointers)), dns={})
    found = look(one)
    assert len(one.asked) < 20
    assert found[RECORDS].values == {"records_elsewhere": 1000}
    assert kinds(found) == {}

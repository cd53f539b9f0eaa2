"""Replaying: with the same configuration it makes what was made, and with another what that one would have made."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.acting import acknowledge, silence
from alerts.base import LIVE, Action, Change, DeliveryState, Incident, Transition
from alerts.baseline import summarise
from alerts.escape import has_mention
from alerts.lifecycle import Look, changes, retire
from alerts.policy import Policy
from alerts.reminders import pass_time
from alerts.replay import Sent, is_page, really, replay
from alerts.routes import Escalation, Route, Routes
from alerts.silences import Matcher, Silence, Silences, make
from alerts.tiers import TierOverride
from checks.base import Finding, Kind, Outcome, Reading, Tier
from tests.alerts.build import DELETED, DRIFT, LABELS, NOTE, NOW

KINDS = (Kind.DRIFT, Kind.SECURITY_VIOLATION, Kind.COMPLIANCE, Kind.WORKFLOW_FAILURE)
POLICY = Policy(
    Routes(
        "C-ops",
        (
            Route("C-crit", "<!here>", tiers=(Tier.CRITICAL,), sinks=("pager",), further=True),
            Route("C-team", "<@U012>", stacks=("acme-1*",)),
            Route("C-dev", stages=("development",)),
        ),
        default_mention="<!channel>",
        default_escalation=Escalation("C-boss", "<@U345>"),
        default_sinks=("hook",),
    ),
    overrides=(TierOverride(Tier.INFO, "a laboratory", stack="acme-3"),),
)


class World:
    """Places that are looked at, with everything kept that the store keeps."""

    def __init__(self, policy: Policy, seed: int, places: int = 5) -> None:
        self.policy = policy
        self.now = NOW
        self.random = random.Random(seed)
        self.places = [f"acme-{number}/x" for number in range(places)]
        self.known: dict[str, dict[str, Incident]] = {place: {} for place in self.places}
        self.looked: set[str] = set()
        self.made: list[Silence] = []
        self.transitions: list[Transition] = []
        self.sent: list[Sent] = []
        self.keys: Counter[str] = Counter()

    def labels(self, place: str) -> dict[str, str]:
        number = int(place.removeprefix("acme-").partition("/")[0])
        return {**LABELS, "stack": place.partition("/")[0], "stage": ("production", "development")[number % 2]}

    def findings(self) -> tuple[Finding, ...]:
        chosen = [f for f in (DRIFT, DELETED, NOTE, replace(DRIFT, summary="more")) if self.random.random() < 0.2][:1]
        return (*chosen, *(Finding(kind, "k", f"a {kind}") for kind in KINDS if self.random.random() < 0.15))

    def step(self) -> None:
        """One look at one place, or a retirement, or a summary of first looks; some time after the last."""
        self.now += timedelta(minutes=self.random.choice([1, 7, 45, 300]))
        place = self.random.choice(self.places)
        dice = self.random.random()
        if dice < 0.03:
            self.keep(retire(self.known[place], "gone from the inventory", self.policy, self.now))
            return
        if dice < 0.08:
            everything = [one for held in self.known.values() for one in held.values()]
            summed_up = summarise(everything, 0, self.policy, self.now)
            self.keep(list(summed_up.changes) if summed_up is not None else [])
            return
        if dice < 0.09:
            self.flap(place)
            return
        if dice < 0.3:
            self.answer(dice)
            return
        if dice < 0.35:
            self.look(Look("drift", place, self.labels(place), None, ("timeout", "no answer")))
            return
        found = self.findings()
        outcome = Outcome.UNHEALTHY if found else Outcome.HEALTHY
        seen = Reading(place, outcome, self.random.choice(["drift", "deleted"]), "it is so", found)
        self.look(Look("drift", place, self.labels(place), (seen,), None, place not in self.looked))
        self.looked.add(place)

    def flap(self, place: str) -> None:
        """A place that cannot make up its mind, until it is quiet again; time passes all the while."""
        self.looked.add(place)
        for number in range(8):
            self.now += timedelta(minutes=4)
            found = (DRIFT,) if number % 2 == 0 else ()
            outcome = Outcome.UNHEALTHY if found else Outcome.HEALTHY
            seen = Reading(place, outcome, "drift", "it is so", found)
            self.look(Look("drift", place, self.labels(place), (seen,)))
            self.pass_time()
        for _ in range(4):
            self.now += timedelta(minutes=10)
            self.pass_time()

    def pass_time(self) -> None:
        every = list(self.incidents.values())
        self.keep([change for one in every if (change := pass_time(one, self.policy, self.now)) is not None])

    def answer(self, dice: float) -> None:
        """What is due is done; somebody acknowledges or silences something."""
        live = [one for one in self.incidents.values() if one.state in LIVE]
        if dice < 0.22:
            self.pass_time()
        elif live:
            one = self.random.choice(live)
            length = timedelta(minutes=self.random.choice([30, 600]))
            if dice < 0.27:
                answer = acknowledge(one, "eve", self.policy, self.now, length)
            else:
                made = make(f"s{len(self.made)}", Matcher((one.fingerprint,)), "eve", "noise", self.now, length)
                answer = silence(one, made, self.policy, self.now)
                if answer.change is not None:
                    self.made.append(made)
                    self.policy = replace(self.policy, silences=Silences(tuple(self.made)))
            self.keep([answer.change] if answer.change is not None else [])

    def look(self, seen: Look) -> None:
        self.keep(changes(self.known[seen.place], seen, self.policy, self.now))

    def keep(self, made: list[Change]) -> None:
        for change in made:
            one = change.incident
            self.known[one.place][one.fingerprint] = one
            if change.transition is not None:
                self.transitions.append(change.transition)
            for draft in change.drafts:
                self.sent.append(
                    Sent(draft.dedupe_key, draft.subject, str(draft.kind), draft.channel, DeliveryState.SENT, self.now,
                         has_mention(draft.body), is_page(draft))
                )  # fmt: skip
                if not draft.subject.startswith("baseline:"):
                    self.keys[draft.dedupe_key] += 1

    @property
    def incidents(self) -> dict[str, Incident]:
        return {mark: one for held in self.known.values() for mark, one in held.items()}


def lived(policy: Policy, seed: int, steps: int, places: int = 5) -> World:
    world = World(policy, seed, places)
    for _ in range(steps):
        world.step()
    return world


rows = st.builds(
    Route, channel=st.sampled_from(["C-a", "C-b", "C-c"]), mention=st.sampled_from(["", "<!here>"]),
    tiers=st.sampled_from([(), (Tier.CRITICAL,), (Tier.WARNING,)]),
    stacks=st.sampled_from([(), ("acme-1",), ("acme-[23]",)]),
    escalation=st.sampled_from([Escalation(), Escalation("C-d", "<!here>")]), further=st.booleans(),
    sinks=st.sampled_from([(), ("pager",), ("pager", "hook")]),
)  # fmt: skip
overrides = st.builds(
    TierOverride, tier=st.sampled_from(Tier), why=st.just("so"), kind=st.sampled_from([None, *KINDS]),
    stack=st.sampled_from(["", "acme-2"]),
)  # fmt: skip
policies = st.builds(
    Policy, st.builds(Routes, st.sampled_from(["C-a", "C-d"]), st.lists(rows, max_size=3).map(tuple)),
    st.lists(overrides, max_size=2).map(tuple),
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(policies, st.integers(0, 10_000), st.integers(0, 60))
def test_the_same_configuration_makes_the_same_messages(policy: Policy, seed: int, steps: int) -> None:
    """Each message of each incident, no other and none twice; counts of channels are those of what was stored."""
    world = lived(policy, seed, steps)
    policy = world.policy  # with what was silenced
    far = world.now + timedelta(days=1)
    again = replay(world.incidents, world.transitions, world.sent, policy, NOW, far)
    assert again.keys == world.keys
    assert (again.middle, again.guessed, again.moot) == (0, 0, {})
    made, _ = really(world.sent, NOW, far)
    assert again.tallies == made


def test_a_long_time() -> None:
    """The same over a long time, and over a part of it: what came before the part counts for its state alone."""
    world = lived(POLICY, 1, 650, places=40)
    assert len(world.transitions) > 1_500
    assert {one.action for one in world.transitions} == set(Action)  # so that each is replayed
    far = world.now + timedelta(days=1)
    again = replay(world.incidents, world.transitions, world.sent, world.policy, NOW, far)
    assert again.keys == world.keys
    part = NOW + (world.now - NOW) / 2
    made, gone = really(world.sent, part, far)
    half = replay(world.incidents, world.transitions, world.sent, world.policy, part, far)
    assert half.tallies == made == gone
    assert 0 < half.transitions < again.transitions == len(world.transitions)
    assert half == replay(world.incidents, world.transitions, world.sent, world.policy, part, far)


def test_another_configuration() -> None:
    """Everything in one quiet channel, and the pager for nothing: the same news, without a mention or a page."""
    world = lived(POLICY, 2, 250)
    far = world.now + timedelta(days=1)
    before = replay(world.incidents, world.transitions, world.sent, POLICY, NOW, far)
    assert before.tallies["sink:pager"].pages > 0
    assert before.tallies["C-crit"].mentions > 0
    quiet = replay(world.incidents, world.transitions, world.sent, Policy(Routes("C-one")), NOW, far)
    assert list(quiet.tallies) == ["C-one"]
    one = quiet.tallies["C-one"]
    assert (one.mentions, one.pages) == (0, 0)
    assert one.messages < sum(tally.messages for tally in before.tallies.values())
    assert quiet.guessed > 0  # the laboratory's tier came from the configuration that was


def test_an_incident_that_nobody_knows_the_beginning_of() -> None:
    """Its messages since are counted in the channel where it would have been told; and it says that it guessed."""
    world = lived(POLICY, 3, 200)
    kept = [one for one in world.transitions if one.at >= NOW + (world.now - NOW) / 2]
    found = replay(world.incidents, kept, [], POLICY, NOW, world.now + timedelta(days=1))
    begun = {one.fingerprint for one in kept if one.seq > 1} - {one.fingerprint for one in kept if one.seq == 1}
    assert found.middle == len(begun) > 0
    assert found.transitions == len(kept)

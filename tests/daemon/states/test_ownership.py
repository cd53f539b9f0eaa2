"""Whose a resource is, and when nobody may say that it is nobody's."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from checks.aws import owner_of
from checks.base import UNMANAGED, LookFailed
from checks.state import State
from daemon.aws import NoMemory
from daemon.inventory.model import ABSTRACT, Backend, Inventory, LeftOut
from daemon.states.library import NoCache
from daemon.states.ownership import Ownership
from daemon.states.watching import States
from tests.daemon.states.support import BUCKET, INSTANCE, KEY, StateWorld, bucket_arn, state

OTHER = replace(INSTANCE, component="other")


@pytest.fixture
def states(world: StateWorld) -> States:
    """Two instances, the state of one of which is there."""
    world.put(state(1))
    made = States(world.reach, NoCache(), world.clock, NoMemory())
    made.take(_inventory(world))
    return made


def _inventory(world: StateWorld, **more: object) -> Inventory:
    both = (world.watched(), world.watched(key="other.tfstate", instance=OTHER))
    return Inventory(both, **more)  # type: ignore[arg-type]  # fields of Inventory


class _Place:
    """What owner_of() asks of a place."""

    def __init__(self, owners: Ownership) -> None:
        self.owners = owners

    def owner(self, identifier: str) -> object:
        return self.owners.find(identifier, "", "us-east-1")

    @property
    def ownership_known(self) -> bool:
        return self.owners.known


def _owner(states: States, arn: str) -> object:
    return owner_of(_Place(states.owners), arn)  # type: ignore[arg-type]  # the part of a place that it needs


def test_nothing_is_unmanaged_before_every_state_was_read(states: States) -> None:
    """Known only once all were looked at; one that is not there holds nothing, and that is known."""
    assert _owner(states, "arn:aws:s3:::nobodys") is None
    states.refresh()
    assert _owner(states, "arn:aws:s3:::nobodys") == UNMANAGED
    assert str(_owner(states, bucket_arn(7))) == "acme-prod/app aws_s3_bucket.b7"


def test_a_state_that_cannot_be_read_makes_what_is_not_found_unknown(world: StateWorld, states: States) -> None:
    """And what was found stays found: its last good content still counts."""
    states.refresh()
    world.clock.time += timedelta(minutes=20)
    world.proxy.answer = lambda call: (403, b"") if KEY in call.path else None
    states.refresh()
    assert _owner(states, "arn:aws:s3:::nobodys") is None
    assert str(_owner(states, bucket_arn(7))) == "acme-prod/app aws_s3_bucket.b7"
    assert [(one.key, "denied" in one.why) for one in states.owners.unread()] == [("acme-prod/app", True)]
    world.proxy.answer = lambda call: None
    states.refresh()
    assert _owner(states, "arn:aws:s3:::nobodys") == UNMANAGED


def test_a_damaged_state_still_owns_what_it_held(world: StateWorld, states: States) -> None:
    """Its resources are there, and nobody else's; but what else it may hold by now is not known."""
    states.refresh()
    world.put(b"garbage")
    world.clock.time += timedelta(minutes=20)
    states.refresh()
    assert str(_owner(states, bucket_arn(7))) == "acme-prod/app aws_s3_bucket.b7"
    assert _owner(states, "arn:aws:s3:::nobodys") is None


def test_a_state_says_by_which_names_aws_knows_an_address(states: States) -> None:
    """By instance and address, so that what a plan found can be looked for in what CloudTrail lists."""
    states.refresh()
    assert ("arn", bucket_arn(7)) in states.owners.names("acme-prod/app", "aws_s3_bucket.b7")
    assert states.owners.names("acme-prod/app", "aws_s3_bucket.nobodys") == ()
    assert states.owners.names("acme-prod/other", "aws_s3_bucket.b7") == ()


def test_a_new_version_counts_at_once(world: StateWorld, states: States) -> None:
    """Whoever read it first, the check or the index."""
    states.refresh()
    world.put(state(2, resources=3))
    world.library = states.library
    world.look()
    assert _owner(states, bucket_arn(7)) == UNMANAGED
    assert str(_owner(states, bucket_arn(2))) == "acme-prod/app aws_s3_bucket.b2"


def test_what_was_seen_too_long_ago_is_not_trusted(world: StateWorld, states: States) -> None:
    """Nobody looked for an hour."""
    states.refresh()
    world.clock.time += timedelta(minutes=59)
    assert states.owners.known
    world.clock.time += timedelta(minutes=2)
    assert not states.owners.known


@pytest.mark.parametrize(
    ("more", "known"),
    [
        ({}, True),
        ({"left_out": (LeftOut("s", "c", ABSTRACT),)}, True),
        ({"left_out": (LeftOut("s", "c", "its folder is missing"),)}, False),
        ({"stale_because": "does not load"}, False),
        ({"held": frozenset({"acme-prod/missing"})}, False),
    ],
)
def test_an_inventory_that_lacks_something_knows_no_unmanaged(
    world: StateWorld, states: States, more: dict[str, object], known: bool
) -> None:
    """The state of what is left out may hold it."""
    states.take(_inventory(world, **more))
    states.refresh()
    assert states.owners.known is known


def test_a_backend_that_is_not_read_knows_no_unmanaged(world: StateWorld, states: States) -> None:
    """HCP Terraform, http: what they hold is not seen."""
    cloud = replace(world.watched(), backend=Backend("cloud"), instance=OTHER)
    states.take(Inventory((world.watched(), cloud)))
    states.refresh()
    assert [one.key for one in states.owners.unread()] == ["acme-prod/other"]


def test_what_is_switched_off_still_owns(world: StateWorld, states: States) -> None:
    """Its resources may be there; but its state is not checked."""
    off = replace(world.watched(), instance=replace(INSTANCE, enabled=False))
    states.take(Inventory((off,)))
    states.refresh()
    assert str(_owner(states, bucket_arn(7))) == "acme-prod/app aws_s3_bucket.b7"
    assert states.places() == {}


def test_nobody_waits_when_all_is_to_end(world: StateWorld, states: States) -> None:
    """A look that would wait for damage to stay ends at once, and is no look."""
    world.put(b"garbage")
    place = states.places()["acme-prod/app"]
    states.end()
    with pytest.raises(LookFailed, match="stopping"):
        list(State().run(place))  # type: ignore[arg-type]  # the place of a state


def test_places_are_instances_and_buckets(world: StateWorld, states: States) -> None:
    """One for the state of each instance, by its key, and one for the bucket."""
    assert set(states.places()) == {"acme-prod/app", "acme-prod/other", f"s3://{BUCKET}"}

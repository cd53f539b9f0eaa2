"""Whose an incident is decides its tier, its channel and its text."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from alerts.lifecycle import Look, Policy
from alerts.owners import labels_of, managed_by
from alerts.render import View, incident_message
from alerts.routes import Route, Routes
from checks.base import UNMANAGED, Finding, Kind, Outcome, Owner, Reading, Tier
from tests.alerts.build import NOW, History, sent

ACCOUNT = {"account": "111111111111", "region": "eu-west-1", "stage": "production", "owner": "cloud", "tenant": "acme"}
OWNER = Owner("acme-dev", "db", "aws_db_instance.this", "development", "team-db", {"environment": "euw1"})
ARN = "arn:aws:rds:eu-west-1:111111111111:db:main"
POLICY = Policy(routes=Routes("C-ops", (Route("C-dev", stacks=("acme-dev",)),)))


def plain(owner: Owner | None) -> Look:
    finding = Finding(Kind.SECURITY_VIOLATION, "plain", "the database is not encrypted", owner=owner)
    reading = Reading(ARN, Outcome.UNHEALTHY, "plain", "not encrypted", (finding,))
    return Look("security", "111111111111/eu-west-1", ACCOUNT, (reading,))


def test_the_owner_s_labels_lie_over_the_account_s() -> None:
    """What the owner does not say stays."""
    assert labels_of(ACCOUNT, OWNER) == {
        "account": "111111111111", "region": "eu-west-1", "tenant": "acme", "environment": "euw1", "stack": "acme-dev",
        "component": "db", "address": "aws_db_instance.this", "stage": "development", "owner": "team-db",
        "managed": "yes",
    }  # fmt: skip
    assert labels_of(ACCOUNT, replace(OWNER, stage="", owner=""))["stage"] == "production"


def test_unmanaged_is_said_and_not_known_is_not() -> None:
    """Three different things in three different words."""
    assert managed_by(labels_of(ACCOUNT, OWNER)) == "aws_db_instance.this"
    assert managed_by(labels_of(ACCOUNT, UNMANAGED)).startswith("unmanaged")
    assert labels_of(ACCOUNT, None) == ACCOUNT
    assert managed_by(ACCOUNT) == ""


def test_tier_and_route_go_by_the_owning_stack() -> None:
    """A development stack in a production account: a warning to its own channel, not a critical alert."""
    history = History(POLICY)
    made = history.look(plain(OWNER))
    assert (history.only.tier, sent(made)) == (Tier.WARNING, [("post", "C-dev")])


def test_a_resource_has_the_channel_and_the_runbook_of_its_component() -> None:
    """As its state names the owner, so the owner's own settings hold for what is found about it."""
    own = {"channel": "C0123456789", "runbook": "https://wiki.example.com/db"}
    history = History(Policy(routes=Routes("C-ops")))
    [change] = history.look(plain(replace(OWNER, labels=own)))
    assert [draft.channel for draft in change.drafts] == ["C0123456789"]
    assert "<https://wiki.example.com/db|Runbook (wiki.example.com)>" in change.drafts[0].body["text"]


def test_without_an_owner_the_account_decides() -> None:
    """Unmanaged in a production account is critical."""
    history = History(POLICY)
    made = history.look(plain(UNMANAGED))
    assert (history.only.tier, sent(made)) == (Tier.CRITICAL, [("post", "C-ops")])


def test_a_state_that_cannot_be_read_changes_no_tier() -> None:
    """What was known of the owner holds until somebody knows better."""
    history = History(POLICY)
    history.look(plain(OWNER))
    assert sent(history.look(plain(None), timedelta(hours=1))) == []
    assert (history.only.tier, history.only.labels["stack"]) == (Tier.WARNING, "acme-dev")
    history.look(plain(UNMANAGED))
    assert (history.only.tier, "stack" in history.only.labels) == (Tier.CRITICAL, False)


def test_the_message_names_the_owner_and_the_resource() -> None:
    """Stack and component in the headline; ARN, address and people below."""
    history = History(POLICY)
    history.look(plain(OWNER))
    text = str(incident_message(history.only, View(), NOW)["text"])
    assert "acme-dev/db" in text.splitlines()[0]
    for line in (f"Resource: {ARN}", "Managed by: aws_db_instance.this", "Owner: team-db", "Stage: development"):
        assert line in text
    history.look(plain(UNMANAGED))
    assert "Managed by: unmanaged" in str(incident_message(history.only, View(), NOW)["text"])


def test_an_owner_changes_no_fingerprint() -> None:
    """What is found stays the same incident, whoever it belongs to."""
    history = History(POLICY)
    for owner in (None, OWNER, UNMANAGED):
        history.look(plain(owner))
    assert len(history.known) == 1
    assert history.only.occurrence == 1


def test_people_without_a_resource_are_told_and_nothing_is_called_unmanaged() -> None:
    """A file of the repository has an owner, and is nothing that a Terraform state could hold."""
    assert labels_of({"owner": "platform"}, Owner(owner="@acme/infra")) == {"owner": "@acme/infra"}

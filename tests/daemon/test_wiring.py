"""From the configuration to the settings of each part: nothing that can be configured gets lost on the way."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from alerts.calendars import Calendar
from alerts.routes import Escalation, Facts, Route, route
from checks import discover
from checks.base import Check, Role, Scope
from checks.kinds import Kind, Tier
from daemon.aws import AwsContext, ClientPool, Sessions, Watching, aws_places, places_of
from daemon.config import Config, load
from daemon.config.models import Alerts
from daemon.eyes import open_eyes
from daemon.inventory.model import Inventory
from daemon.processes import Processes
from daemon.repository.access import Access
from daemon.repository.address import parse
from daemon.repository.folder import CommittedFolder, Origin, PlainFolder
from daemon.repository.git import GitSource, Wanted
from daemon.repository.mirror import FetchLimits
from daemon.repository.tree import Tree
from daemon.routing import routes_of
from daemon.tls import LiveEndpoint
from daemon.wiring import (
    NOWHERE,
    alert_policy,
    aws_accounts,
    aws_settings,
    check_plans,
    given_environment,
    open_origin,
    payer_account,
    planning_settings,
    source_settings,
    web_auth,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)
FULL = """
source:
  kind: atmos
  path: repo
  atmos: {command: /opt/atmos, driver: direct, config_path: repo/conf, deadline: 90s, output_limit: 1MiB}
stages: [{stack: "live-*", stage: production}]
stage_words: {uat: staging}
owners: {default: platform}
planning:
  workers: 1
  deadline: 7m
  terraform: [/opt/tofu]
  provider_mirror: mirror
  plugin_cache: cache
  rules:
    - stacks: ["a-*", "b-*"]
      plan_role: arn:aws:iam::{account}:role/plan
      external_id: x1
      environment: {HOST: h}
      variables: {key: "${KEY}"}
      allowed_providers: [hashicorp/aws]
      terraform: /opt/terraform
aws:
  region: eu-west-1
  profile: watch
  endpoint_url: "http://127.0.0.1:5000"
  hub_role_arn: arn:aws:iam::000000000001:role/hub
  hub_external_id: h1
  accounts:
    - id: "000000000011"
      name: live
      stage: production
      tenant: acme
      owner: platform
      role_arn: arn:aws:iam::{account}:role/sweep
      external_id: s1
      regions: [eu-west-1, us-east-1]
    - {id: "000000000012", regions: eu-west-1}
alerts:
  default_channel: C0000000001
  routes:
    - {tiers: [critical, warning], stages: production, stacks: "pay-*", channel: C0000000002, mention: here}
  tiers: [{kind: drift, stack: "lab-*", tier: info, why: a laboratory}]
  reopen_within: 5m
  baseline: {wait: 10m}
slack: {token: "${KEY}"}
web:
  listen: 127.0.0.1:1
  public_url: https://barograph.example
  auth: {tokens: [{name: grafana, token: "${KEY}"}], basic: [{user: ann, password: "${KEY}"}]}
checks: {drift: {every_by_stage: {production: 1h}, deadline: 9m}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "repo" / "conf").mkdir(parents=True)
    (tmp_path / "mirror").mkdir()
    path = tmp_path / "barograph.yml"
    path.write_text(FULL)
    return load(path, {"KEY": "canary-key"}, discover())


def test_the_source(config: Config, tmp_path: Path) -> None:
    """The folder of atmos.yaml is given as seen from the repository, for a copy stands in for that."""
    source = source_settings(config, {"PATH": "/bin", "SECRET": "no"})
    assert (source.atmos, source.config_path) == ("/opt/atmos", "conf")
    assert (source.deadline, source.output_limit) == (timedelta(seconds=90), 2**20)
    assert source.stage_words["uat"] == "staging"
    assert source.stage_words["prod"] == "production"
    assert source.stage_patterns[0].stack == "live-*"
    assert source.owner == "platform"
    assert source.environment["PATH"] == "/bin"
    assert "SECRET" not in source.environment


def test_planning(config: Config, tmp_path: Path) -> None:
    """Each pair of globs is a rule of its own, with all that was said of it; secrets are there and do not print."""
    planning = planning_settings(config, tmp_path / "scratch", {})
    assert (planning.driver, planning.workers, planning.deadline_seconds) == ("direct", 1, 420)
    assert planning.terraform == ("/opt/tofu",)
    assert planning.provider_mirror == tmp_path / "mirror"
    assert planning.plugin_cache == tmp_path / "cache"
    assert [rule.stacks for rule in planning.rules] == ["a-*", "b-*"]
    rule = planning.rules[1]
    assert rule.plan_role == "arn:aws:iam::{account}:role/plan"
    assert (rule.external_id, rule.terraform, rule.allowed_providers) == ("x1", "/opt/terraform", ("hashicorp/aws",))
    assert (rule.environment, rule.variables) == ({"HOST": "h"}, {"key": "canary-key"})
    assert "canary-key" not in repr(planning)


def test_aws_reaches_the_children(config: Config) -> None:
    """Region, profile and address are laid over the daemon's own environment."""
    env = given_environment(config, {"AWS_PROFILE": "mine", "AWS_REGION": "us-east-1"})
    assert env["AWS_PROFILE"] == "watch"
    assert env["AWS_REGION"] == "eu-west-1"
    assert env["AWS_ENDPOINT_URL"] == "http://127.0.0.1:5000"


def test_accounts_and_the_roles_that_lead_into_them(config: Config) -> None:
    """Through the hub, where there is one and the account has a role; the profile comes first."""
    settings = aws_settings(config)
    assert (settings.region, settings.endpoint_url, settings.profile) == ("eu-west-1", "http://127.0.0.1:5000", "watch")
    live, own = aws_accounts(config)
    assert (live.id, live.name, live.stage, live.tenant, live.owner) == (
        "000000000011", "live", "production", "acme", "platform",
    )  # fmt: skip
    assert live.regions == ("eu-west-1", "us-east-1")
    assert live.identity.profile == "watch"
    assert [(role.arn, role.external_id) for role in live.identity.roles] == [
        ("arn:aws:iam::000000000001:role/hub", "h1"),
        ("arn:aws:iam::000000000011:role/sweep", "s1"),
    ]
    assert (own.regions, own.identity.roles) == (("eu-west-1",), ())


def test_accounts_give_places_to_the_checks_of_their_scope(config: Config) -> None:
    """An account each, or a region of one each; a check of instances gets none of them."""
    context = AwsContext(ClientPool(Sessions(aws_settings(config))), lambda: datetime.now(UTC))
    watching = Watching("x", frozenset())

    def keys(scope: Scope) -> list[str]:
        return list(aws_places(aws_accounts(config), scope, watching, context))

    assert keys(Scope.ACCOUNT) == ["000000000011", "000000000012"]
    assert keys(Scope.REGION) == ["000000000011/eu-west-1", "000000000011/us-east-1", "000000000012/eu-west-1"]
    assert keys(Scope.INSTANCE) == []


class Paying(Check):
    """Looks at the account that pays, and at regions."""

    scope = Scope.ACCOUNT
    more_scopes = (Scope.REGION,)
    role = Role.PAYER
    iam = ("ce:GetCostAndUsage",)
    sweep_iam = ("ec2:DescribeVolumes",)


REGIONS = ["000000000011/eu-west-1", "000000000011/us-east-1", "000000000012/eu-west-1"]


@pytest.mark.parametrize(
    ("aws", "key", "roles"),
    [
        ("", "payer", ()),
        ({"payer_account": "000000000001"}, "000000000001", ()),
        ({"payer_account": "000000000011"}, "000000000011", ("role/hub", "role/sweep")),
        (
            {"payer_account": "000000000011", "payer_role_arn": "arn:aws:iam::{account}:role/payer"},
            "000000000011",
            ("role/hub", "role/payer"),
        ),
    ],
)
def test_the_account_that_pays_has_a_place_of_its_own(
    config: Config, aws: dict[str, str], key: str, roles: tuple[str, ...]
) -> None:
    """With its own role where it has one, and no other account's; regions are as for every check."""
    config = dataclasses.replace(config, aws=config.aws.model_copy(update=dict(aws)))
    context = AwsContext(ClientPool(Sessions(aws_settings(config))), lambda: datetime.now(UTC))
    payer = payer_account(config)
    places = places_of("cost", Paying, aws_accounts(config), payer, context)
    assert list(places) == [key, *REGIONS]
    led = () if payer is None else tuple(role.arn.rpartition(":")[2] for role in payer.identity.roles)
    assert led == roles
    assert places_of("cost", Paying, (), payer_account(config), context).keys() == ({key} if aws else set())


def test_each_place_may_ask_what_is_declared_for_it() -> None:
    """The role of the payer and that of the sweep have policies of their own."""
    assert Paying.actions(Scope.ACCOUNT) == {"ce:GetCostAndUsage"}
    assert Paying.actions(Scope.REGION) == {"ec2:DescribeVolumes"}


def test_alerting(config: Config) -> None:
    """Routes, overrides and times arrive as they were written."""
    policy = alert_policy(config)
    labels = {"stack": "pay-live", "stage": "production"}
    routed = route(policy.routes, Facts(Tier.WARNING, Kind.DRIFT, labels=labels))
    assert (routed.channel, routed.mention) == ("C0000000002", "<!here>")
    assert route(policy.routes, Facts(Tier.INFO, Kind.DRIFT, labels=labels)).channel == "C0000000001"
    assert policy.overrides[0].why == "a laboratory"
    assert (policy.reopen_within, policy.baseline_wait) == (timedelta(minutes=5), timedelta(minutes=10))
    assert policy.status_url == "https://barograph.example"


def test_every_condition_of_a_route_arrives(tmp_path: Path) -> None:
    """Conditions, escalation, calendar, sinks and `continue`, and calendars in the zone of the whole configuration."""
    path = tmp_path / "barograph.yml"
    path.write_text(ROUTES)
    policy = alert_policy(load(path, {}, discover()))

    first, second = policy.routes.rows
    assert first == Route(
        channel="C0000000002", mention="<!subteam^S01>", tiers=(Tier.CRITICAL, Tier.WARNING), kinds=(Kind.DRIFT,),
        stages=("production",), checks=("drift",), tenants=("acme",), stacks=("a-*", "b"), components=("vpc/*",),
        owners=("@acme/*",), accounts=("0000*",), escalation=Escalation("C0000000003", "<!channel>"),
        calendar="office", further=True,
    )  # fmt: skip
    assert second == Route(calendar="far", further=True)
    assert policy.routes.default_escalation == Escalation("C0000000004", "")
    assert policy.routes.default_calendar == "office"
    berlin = ZoneInfo("Europe/Berlin")
    days, yearly = frozenset({0, 4}), frozenset({(12, 25)})
    once = frozenset({date(2026, 5, 14)})
    assert policy.calendar("office") == Calendar(berlin, days, once, time(9), time(17), yearly)
    assert policy.calendar("far") == Calendar(ZoneInfo("Asia/Tokyo"))
    assert policy.calendar("") is None
    assert (policy.runbook_url, policy.runbooks) == ("https://w.example/{kind}", {Kind.DRIFT: "https://w.example/d"})


def test_the_sinks_of_routes_arrive() -> None:
    """One may be written without brackets."""
    said = {"default_sinks": "hook", "routes": [{"channel": "C0000000002", "sinks": ["pager", "hook"]}]}
    routes = routes_of(Alerts.model_validate(said), "nowhere")
    assert (routes.default, routes.default_sinks, routes.rows[0].sinks) == ("nowhere", ("hook",), ("pager", "hook"))


ROUTES = """
source: {kind: atmos, path: .}
timezone: Europe/Berlin
alerts:
  default_channel: C0000000001
  default_escalation: {channel: C0000000004}
  default_calendar: office
  calendars:
    office: {days: [mon, fri], start: "09:00", end: "17:00", holidays: [2026-05-14, 12-25]}
    far: {timezone: Asia/Tokyo}
  runbook_url: https://w.example/{kind}
  runbooks: {drift: https://w.example/d}
  routes:
    - channel: C0000000002
      mention: S01
      tiers: [critical, warning]
      kinds: drift
      stages: production
      checks: drift
      tenants: acme
      stacks: ["a-*", b]
      components: vpc/*
      owners: "@acme/*"
      accounts: "0000*"
      escalation: {channel: C0000000003, mention: channel}
      calendar: office
      continue: true
    - {calendar: far, continue: true}
"""


def test_who_may_see_the_pages(config: Config) -> None:
    """Tokens and users, with their scopes."""
    auth = web_auth(config)
    assert [each.name for each in auth.tokens] == ["grafana"]
    assert [each.name for each in auth.logins] == ["ann"]
    assert auth.tokens[0].scopes == {"read"}
    assert "canary-key" not in repr(auth)


def test_checks(config: Config) -> None:
    """The interval goes by stage, and a stage nobody knows is production."""
    drift = check_plans(config)["drift"]
    assert drift.interval({"stage": "production"}) == timedelta(hours=1)
    assert drift.interval({"stage": ""}) == timedelta(hours=1)
    assert drift.interval({"stage": "development"}) == timedelta(hours=24)
    assert (drift.deadline, drift.pool) == (timedelta(minutes=9), "plans")


def test_without_slack_there_is_still_a_way_out(tmp_path: Path) -> None:
    """The smallest configuration: messages go to the log, so the default route has a name."""
    (tmp_path / "repo").mkdir()
    path = tmp_path / "barograph.yml"
    path.write_text("source: {kind: atmos, path: repo}\n")
    assert alert_policy(load(path, {}, discover())).routes.default == NOWHERE


def origin_of(tmp_path: Path, source: str) -> Origin:
    (tmp_path / "repo").mkdir(exist_ok=True)
    for name in ("key", "known"):
        (tmp_path / name).touch()
    file = tmp_path / "barograph.yml"
    file.write_text(f"source:\n  kind: atmos\n  {source}\n")
    return open_origin(load(file, {"KEY": "canary"}, discover()), tmp_path / "ours", Processes(), {"PATH": "/bin"})


def test_where_the_repository_comes_from(tmp_path: Path) -> None:
    """A folder by what is committed of it, or as it is; an address with all that is said of it."""
    assert isinstance(origin_of(tmp_path, "path: repo"), CommittedFolder)
    assert isinstance(origin_of(tmp_path, "path: repo\n  uncommitted: plan"), PlainFolder)
    web = origin_of(
        tmp_path,
        "url: https://git.example.com:444/infra.git\n  ref: main\n  subfolder: live\n  submodules: true\n"
        "  username: bot\n  token: ${KEY}\n  fetch_deadline: 9s\n  fetch_limit: 5MiB",
    )
    assert isinstance(web, GitSource)
    wanted = Wanted(parse("https://git.example.com:444/infra.git"), "main", "live", True)
    access = Access(origin="https://git.example.com:444", username="bot", token="canary")
    assert (web.wanted, web.mirror.git.access) == (wanted, access)
    assert web.mirror.limits == FetchLimits(9.0, 5 * 1024 * 1024)
    ssh = origin_of(tmp_path, "url: git@h:infra.git\n  ssh_key_file: key\n  known_hosts_file: known")
    assert isinstance(ssh, GitSource)
    assert ssh.mirror.git.access == Access(ssh_key_file=tmp_path / "key", known_hosts_file=tmp_path / "known")
    assert not (tmp_path / "ours").exists(), "nothing is fetched or made before the first load"
    assert "canary" not in repr(web.mirror.git)


def test_a_folder_of_atmos_yaml_in_a_fetched_repository(tmp_path: Path) -> None:
    """It is named relative to the repository, wherever the checkout lies."""
    file = tmp_path / "barograph.yml"
    file.write_text("source: {kind: atmos, url: /srv/x.git, atmos: {config_path: infra/conf}}\n")
    config = load(file, {}, discover())
    assert source_settings(config, {}).config_path == "infra/conf"
    assert planning_settings(config, tmp_path / "scratch", {}).atmos_config == "infra/conf"


@pytest.mark.parametrize(
    ("kind", "file", "watched"),
    [("atmos", "", True), ("atmos", "atmos.yaml", True), ("terraform", "atmos.yaml", True), ("terraform", "", False)],
)
def test_the_files_of_an_atmos_repository_are_looked_at(tmp_path: Path, kind: str, file: str, watched: bool) -> None:
    """Where Atmos lists the instances, and where an atmos.yaml lies in the content that something else lists."""
    repository = tmp_path / "repo"
    (repository / "root").mkdir(parents=True)
    if file:
        (repository / file).write_text("base_path: .\n")
    path = tmp_path / "barograph.yml"
    roots = "\n  roots: [{path: root, stack: acme-dev, component: vpc}]" if kind == "terraform" else ""
    path.write_text(f"source:\n  kind: {kind}\n  path: repo{roots}\n")
    with open_eyes(load(path, {}, discover()), tmp_path / "scratch", {}, lambda: NOW) as eyes:
        found = eyes.places(Inventory(()), Tree(repository))
    assert ("repository" in found["repository"]) is watched


def test_endpoints_and_files_of_the_options_are_places(tmp_path: Path) -> None:
    """What a check's options name is watched beside what the inventory holds, in a pool of its own."""
    (tmp_path / "repo").mkdir()
    path = tmp_path / "barograph.yml"
    path.write_text("""\
source: {kind: atmos, path: repo}
checks:
  certificates:
    timeout: 3s
    endpoints: [example.com, {host: 10.0.0.1, port: 5432, starttls: postgres, ca_bundle: ca.pem, stage: staging}]
    files: [pki/*.pem]
""")
    with open_eyes(load(path, {}, discover()), tmp_path / "scratch", {}, lambda: NOW) as eyes:
        found = eyes.places(Inventory(()), Tree(tmp_path))
    assert sorted(found["certificates"]) == ["10.0.0.1:5432", "example.com:443", f"files:{tmp_path}/pki/*.pem"]
    place = found["certificates"]["10.0.0.1:5432"]
    assert isinstance(place, LiveEndpoint)
    assert (place.target.seconds, place.endpoint.ca_bundle) == (3, tmp_path / "ca.pem")
    assert place.labels["stage"] == "staging"
    assert eyes.plans["certificates"].pool == "endpoints"


def test_a_check_of_several_kinds_of_place_gets_them_all(config: Config, tmp_path: Path) -> None:
    """Regions, accounts and the estate, each under its key; a check of instances gets none of them."""
    with open_eyes(config, tmp_path / "scratch", {}, lambda: datetime.now(UTC)) as eyes:
        found = eyes.places(Inventory(()), Tree(tmp_path))
    assert set(found["network"]) == {
        "000000000011/eu-west-1", "000000000011/us-east-1", "000000000012/eu-west-1", "000000000011", "000000000012",
        "estate",
    }  # fmt: skip
    assert found["drift"] == {}

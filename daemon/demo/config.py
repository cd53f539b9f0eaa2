"""The configuration file for the embedded world."""

from __future__ import annotations

import json
import os
from collections.abc import MutableMapping
from pathlib import Path, PurePosixPath

from checks.kinds import Tier
from daemon.demo.api import ACCOUNT
from daemon.demo.endpoint import HOST, NAME
from daemon.demo.fakeslack import channel_id
from daemon.demo.repository import INSTANCES, STAGES
from daemon.demo.world import CREDENTIALS, REGION, DemoWorld

TENANT = "acme"
CHANNELS = {Tier.CRITICAL: "alerts-critical", Tier.WARNING: "alerts-warning", Tier.INFO: "alerts"}

_ROOT = """\
    - path: {path}
      stack: {stack}
      tenant: {tenant}
      component: {component}
      workspaces: [{stack}]
      var_files: [{var_file}]
      region: {region}
      account: "{account}"
"""

_ACCOUNTS = f"""\
  payer_account: "{ACCOUNT}"
  accounts:
    - {{id: "{ACCOUNT}", name: acme, tenant: {TENANT}, regions: [{REGION}], stage: production, owner: "@acme/platform"}}
"""


def write_config(world: DemoWorld, *, slack_url: str, slack_token: str, app_token: str = "", port: int) -> Path:
    """Write barograph.yml for a started world, with what it names; gives its path.

    *slack_url* is that of the Slack Web API. *port* is the status page's, on 127.0.0.1; 0 takes a free one, to
    which messages cannot link. Without *app_token* messages have no buttons. The keys for the world's AWS are not in
    it: they come from the environment (use_demo_credentials).
    """
    folder = world.scratch / "config"
    folder.mkdir()
    token = _secret(folder / "slack-token", slack_token)
    buttons = f"  app_token_file: {_secret(folder / 'app-token', app_token).name}\n" if app_token else ""
    path = folder / "barograph.yml"
    path.write_text(
        f"source:\n  kind: terraform\n  path: {_quoted(world.repository.folder)}\n  roots:\n{_roots()}"
        f"stages:\n{_stages()}"
        f"planning:\n  terraform: {_quoted(world.program.path)}\n"
        f"  provider_mirror: {_quoted(world.mirror)}\n  scratch: {_quoted(world.plans)}\n  deadline: 2m\n"
        f"aws:\n  region: {REGION}\n  endpoint_url: {world.api.endpoint}\n{_ACCOUNTS}"
        f"checks:\n{_checks(world)}"
        f"alerts:\n  default_channel: {channel_id(CHANNELS[Tier.INFO])}\n  routes:\n{_routes()}"
        f"slack:\n  token_file: {token.name}\n  api_url: {slack_url}\n{buttons}"
        f"store:\n  path: {_quoted(world.scratch / 'store' / 'barograph.db')}\n"
        f"web:\n  listen: 127.0.0.1:{port}\n{f'  public_url: http://127.0.0.1:{port}/' if port else ''}\n"
    )
    (world.scratch / "store").mkdir()
    return path


def _secret(path: Path, text: str) -> Path:
    path.touch(0o600)
    path.write_text(text)
    return path


def use_demo_credentials(environment: MutableMapping[str, str] = os.environ) -> None:
    """Make this process sign in to the demo's AWS only: nothing of the user's own accounts is read."""
    for name in [name for name in environment if name.startswith("AWS_")]:
        del environment[name]
    environment.update(CREDENTIALS)
    environment["AWS_EC2_METADATA_DISABLED"] = "true"
    environment["AWS_CONFIG_FILE"] = environment["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull


def _roots() -> str:
    return "".join(
        _ROOT.format(
            path=instance.working_directory, stack=instance.stack, tenant=TENANT, component=instance.component,
            region=REGION, account=ACCOUNT,
            var_file=PurePosixPath("../..", instance.var_file),
        )
        for instance in INSTANCES
    )  # fmt: skip


def _stages() -> str:
    return "".join(f"  - stack: {stack}\n    stage: {stage}\n" for stack, stage in STAGES.items())


def _checks(world: DemoWorld) -> str:
    """The shop as a live endpoint; and so that a second look, a minute later, asks again and sees the world's own."""
    return (
        "  access:\n    first_look: 1h\n"
        "  cost:\n    refresh: 1s\n"
        "  unmanaged:\n    enabled: true\n    explorer: false\n    ignore:\n"
        '      - {resource: "acme-terraform-*", reason: what Terraform itself needs, owner: "@acme/platform",'
        " expires: 2099-12-31}\n"
        "  certificates:\n    endpoints:\n"
        f"      - {{host: {HOST}, port: {world.shop.port}, server_name: {NAME}, ca_bundle: {_quoted(world.shop.roots)},"
        ' stage: production, owner: "@acme/payments"}\n'
    )


def _routes() -> str:
    posted = (Tier.CRITICAL, Tier.WARNING)
    return "".join(f"    - tiers: {tier}\n      channel: {channel_id(CHANNELS[tier])}\n" for tier in posted)


def _quoted(path: Path) -> str:
    return json.dumps(str(path), ensure_ascii=False)  # a JSON string is a YAML one

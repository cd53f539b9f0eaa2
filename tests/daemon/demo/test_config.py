"""The configuration that the demo writes for its world."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from checks import discover
from checks.kinds import Tier
from daemon.config import load
from daemon.demo.api import ACCOUNT, Api
from daemon.demo.config import CHANNELS, use_demo_credentials, write_config
from daemon.demo.fakeslack import channel_id
from daemon.demo.launcher import TerraformProgram
from daemon.demo.repository import INSTANCES
from daemon.demo.world import CREDENTIALS, REGION, DemoWorld


def test_it_is_a_valid_configuration_of_every_instance(tmp_path: Path) -> None:
    """What is written loads without a problem, and lists every instance once with its var file and stage."""
    world = DemoWorld(tmp_path / 'a "quoted" folder')
    world._api = Api("http://127.0.0.1:4566", REGION)
    world._program = TerraformProgram(Path(sys.executable), "1.11.4", "terraform on the PATH")
    world.repository.folder.mkdir(parents=True)
    world.mirror.mkdir()
    world.shop.start()
    path = write_config(world, slack_url="http://127.0.0.1:99/api/", slack_token="xoxb-demo-token", port=9877)
    config = load(path, {}, discover())
    world.shop.close()
    assert [f"{root.stack}/{root.component}" for root in config.source.roots] == [i.key for i in INSTANCES]
    for root, instance in zip(config.source.roots, INSTANCES, strict=True):
        assert root.workspaces == (instance.stack,)
        folder = world.repository.folder / root.path
        assert Path(os.path.normpath(folder / root.var_files[0])) == world.repository.folder / instance.var_file
    assert {rule.stack: str(rule.stage) for rule in config.stages} == {i.stack: i.stage for i in INSTANCES}
    assert config.source.path == world.repository.folder
    assert config.slack is not None
    assert config.slack.token.reveal() == "xoxb-demo-token"
    assert [row.channel for row in config.alerts.routes] == [
        channel_id(CHANNELS[tier]) for tier in (Tier.CRITICAL, Tier.WARNING)
    ]
    assert config.warnings == ()
    [account] = config.aws.accounts
    assert (account.id, account.regions, config.aws.payer_account) == (ACCOUNT, (REGION,), ACCOUNT)
    assert all(settings.enabled for settings in config.checks.values())


def test_the_users_own_accounts_are_out_of_reach() -> None:
    """Every AWS setting of the user's is gone, and only the demo's keys are left."""
    environment = {"AWS_PROFILE": "production", "AWS_SESSION_TOKEN": "real", "AWS_ENDPOINT_URL": "x", "PATH": "/bin"}
    use_demo_credentials(environment)
    assert environment["PATH"] == "/bin"
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"} & environment.keys()
    assert environment["AWS_ACCESS_KEY_ID"] == CREDENTIALS["AWS_ACCESS_KEY_ID"]
    assert environment["AWS_CONFIG_FILE"] == environment["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull

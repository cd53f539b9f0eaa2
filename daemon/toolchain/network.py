"""Whether what is configured can be reached."""

from __future__ import annotations

from collections.abc import Iterator

from checks.toolchain import Answer, Item
from daemon.abreast import abreast
from daemon.inventory.model import Inventory, Watched
from daemon.planning.environment import given_environment
from daemon.planning.s3access import S3Access
from daemon.toolchain.bench import Bench
from daemon.toolchain.reaching import Host, host_of, why_unreachable

_REGISTRIES = {"terraform": "registry.terraform.io", "tofu": "registry.opentofu.org"}


def network(bench: Bench, inventory: Inventory | None) -> Iterator[Item]:
    hosts = hosts_needed(bench, inventory)
    environment = bench.planning.inherited
    found = abreast(lambda host: why_unreachable(host, environment), hosts, threads=8, name="reach")
    for host, why in zip(hosts, found or (), strict=True):
        if why:
            yield Item(
                f"network {host}", Answer.FAIL, f"{host.why} at {host}: {why}",
                f"let the service connect to {host}, or set HTTPS_PROXY",
            )  # fmt: skip
        else:
            yield Item(f"network {host}", Answer.PASS, f"{host.why} at {host}")
    if inventory is None:
        yield Item(
            "network states", Answer.COULD_NOT_LOOK, "the inventory does not load, so nobody knows where states lie",
            "barograph inventory",
        )  # fmt: skip


def hosts_needed(bench: Bench, inventory: Inventory | None) -> tuple[Host, ...]:
    """What has to be reached, by what is configured: states, their locks, STS, registries, Slack. Each host once."""
    found: dict[str, Host] = {}
    for host in (*_state_hosts(bench, inventory), *_own_hosts(bench, inventory)):
        if host is not None:
            found.setdefault(str(host), host)
    return tuple(found[name] for name in sorted(found))


def _state_hosts(bench: Bench, inventory: Inventory | None) -> Iterator[Host | None]:
    for watched in inventory.watched if inventory is not None else ():
        if watched.backend.type != "s3" or not watched.instance.enabled:
            continue
        access = _access(bench, watched)
        if access is None:
            continue
        services = {"s3": "the states in S3", **({"dynamodb": "their locks in DynamoDB"} if access.table else {})}
        for service, why in services.items():
            yield host_of(access.endpoint(service) or _of_aws(service, access.region), why)


def _own_hosts(bench: Bench, inventory: Inventory | None) -> Iterator[Host | None]:
    uses_aws = bench.accounts or any(one.backend.type == "s3" for one in (inventory.watched if inventory else ()))
    if uses_aws:
        yield host_of(bench.endpoint_url or _of_aws("sts", bench.region or "us-east-1"), "AWS STS")
    if bench.planning.cli_config is None:  # else the file says where providers come from
        for command in sorted({one.command for one in inventory.watched}) if inventory is not None else ():
            if bench.planning.provider_mirror is None:
                kind = "tofu" if "tofu" in command else "terraform"
                yield Host(_REGISTRIES[kind], 443, "the registry of providers")
    if bench.slack_url:
        yield host_of(bench.slack_url, "Slack")


def _of_aws(service: str, region: str) -> str:
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://{service}.{region}.{suffix}"


def _access(bench: Bench, watched: Watched) -> S3Access | None:
    given_to = bench.grant(watched)
    if given_to is None:
        return None
    return S3Access(
        watched.backend, given_environment(bench.planning.inherited, watched.env, given_to), bench.aws
    )  # fmt: skip

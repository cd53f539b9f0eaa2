"""Data stores: encrypted, public, and whether they insist on TLS. Pure: from what AWS lists to what is wrong."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from checks.base import Fact
from checks.exposure.model import Weakness


def unencrypted(what: str, encrypted: object, look: str, attribute: str) -> list[Weakness]:
    """*encrypted* as AWS gives it; what it does not say of a store is not encrypted."""
    if encrypted is True:
        return []
    change = f"set `{attribute}`; most stores take it at creation only: copy the data into a new one"
    return [Weakness("store_unencrypted", f"{what} is not encrypted", look=look, change=change)]


def public_address(what: str, public: object, look: str) -> list[Weakness]:
    """*public*: what AWS says of PubliclyAccessible."""
    if not public:
        return []
    change = "set `publicly_accessible = false`"
    return [Weakness("database_public", f"{what} has a public address", look=look, change=change)]


def snapshot(what: str, look: str, change: str) -> Weakness:
    """A snapshot that everybody can restore."""
    return Weakness("snapshot_public", f"everybody can restore {what}", look=look, change=change,
                    facts=frozenset({Fact.PUBLIC_DATA}))  # fmt: skip


def image(image_id: str, name: str, region: str) -> Weakness:
    """A machine image that everybody can start."""
    return Weakness(
        "image_public", f"everybody can start machine image {image_id}{f' ({name})' if name else ''}",
        look=f"aws ec2 describe-image-attribute --image-id {shlex.quote(image_id)} --attribute launchPermission "
        f"--region {region}",
        change="make it private: remove the launch permission of the group `all`",
        facts=frozenset({Fact.PUBLIC_DATA}),
    )  # fmt: skip


def shared_with_all(attributes: Iterable[Mapping[str, Any]]) -> bool:
    """Whether attributes of a database snapshot let everybody restore it."""
    return any(
        each.get("AttributeName") == "restore" and "all" in (each.get("AttributeValues") or ()) for each in attributes
    )


# -- TLS of databases -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TlsSwitch:
    """The parameter of an engine that forces TLS, and the values that do, in lower case."""

    parameter: str
    on: frozenset[str]
    default: str = ""  # what holds where AWS shows no value


_TRUE = frozenset({"1", "on", "true"})
_SWITCHES: tuple[tuple[tuple[str, ...], TlsSwitch], ...] = (
    (("postgres", "aurora-postgresql", "sqlserver"), TlsSwitch("rds.force_ssl", _TRUE)),
    (("mysql", "mariadb", "aurora-mysql", "aurora"), TlsSwitch("require_secure_transport", _TRUE)),
    (("docdb",), TlsSwitch("tls", frozenset({"enabled", "tls1.2+", "tls1.3+", "fips-140-3"}))),
    (("neptune",), TlsSwitch("neptune_enforce_ssl", _TRUE)),
)  # fmt: skip


def tls_switch(engine: str) -> TlsSwitch | None:
    """The switch of an engine as RDS names it ("postgres", "sqlserver-ex"); None: it has none in its parameters."""
    for engines, switch in _SWITCHES:
        if any(engine == each or engine.startswith(f"{each}-") for each in engines if each != "aurora") or (
            engine == "aurora" and "aurora" in engines
        ):
            return switch
    return None


class Forced(StrEnum):
    """Whether TLS is forced."""

    YES = "yes"
    NO = "no"
    AFTER_REBOOT = "after_reboot"


def forced(switch: TlsSwitch, parameters: Iterable[Mapping[str, Any]], *, in_sync: bool) -> Forced | None:
    """What the parameter group says; None: it does not have the parameter. *in_sync*: no reboot is pending."""
    for each in parameters:
        if each.get("ParameterName") == switch.parameter:
            value = str(each.get("ParameterValue") or switch.default).strip().lower()
            if value not in switch.on:
                return Forced.NO
            return Forced.YES if in_sync or each.get("ApplyType") == "dynamic" else Forced.AFTER_REBOOT
    return None


def plain(what: str, parameter: str, state: Forced, look: str) -> list[Weakness]:
    """What is wrong with a database whose TLS is in *state*."""
    if state is Forced.YES:
        return []
    after = state is Forced.AFTER_REBOOT
    summary = f"{what} will refuse connections without TLS only after a reboot" if after else (
        f"{what} takes connections without TLS")  # fmt: skip
    change = "reboot it in its maintenance window" if after else f"set `{parameter}` in its parameter group"
    return [Weakness("transport_plain", summary, look=look, change=change)]


def cache_transport(what: str, cache: Mapping[str, Any], look: str) -> list[Weakness]:
    """Whether a cache insists on TLS; "preferred" takes both."""
    if cache.get("TransitEncryptionEnabled") is True and cache.get("TransitEncryptionMode", "required") == "required":
        return []
    change = 'set `transit_encryption_enabled = true` and `transit_encryption_mode = "required"`'
    return [Weakness("transport_plain", f"{what} takes connections without TLS", look=look, change=change)]

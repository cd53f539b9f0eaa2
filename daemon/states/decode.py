"""Reads a state file without taking it apart whole. The only import of msgspec.

Typed partial decoding checks that all of it is JSON and makes objects of a few fields only: a state of 60 MB takes
some 70 ms instead of the half second and four times the memory of json.loads. Attributes of resources stay bytes;
of those, a second decoder reads the ones that checks.states.identifiers names, and no others.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from checks.states.changes import Snapshot
from checks.states.identifiers import attributes_of, identify
from checks.states.model import Damage, Held, StateFacts

MOST_PRINTS = 200_000  # instances of one state that are compared with those of its next version
FORMAT = 4  # of state files, since Terraform 0.12
_PROVIDER = re.compile(r'provider\["([^"]{1,200})"\]')
_NOTHING = msgspec.Raw(b"")
_TYPES = ("aws_", "awscc_")
_OURS = ("aws", "awscc")  # last parts of the sources of providers whose resources have ARNs


class _Instance(msgspec.Struct, gc=False):
    attributes: msgspec.Raw = _NOTHING
    attributes_flat: msgspec.Raw = _NOTHING  # of a resource that an old provider wrote last
    index_key: int | str | float | None = None
    status: str | None = None
    deposed: str | None = None
    sensitive_attributes: msgspec.Raw = _NOTHING


class _Resource(msgspec.Struct):
    mode: str = ""
    type: str = ""
    name: str = ""
    provider: str = ""
    module: str | None = None
    instances: list[_Instance] = []


class _State(msgspec.Struct):
    version: int
    serial: int = 0
    lineage: str = ""
    terraform_version: str = ""
    resources: list[_Resource] | None = None


class _Outputs(msgspec.Struct):
    outputs: msgspec.Raw = _NOTHING


class _Header(msgspec.Struct):
    version: Any = None


class UndecodableError(Exception):
    """A state that this reader cannot take, though Terraform may: nested too deep, larger than memory."""


def decode(body: bytes, md5: str = "") -> tuple[StateFacts, tuple[Held, ...]]:
    """What a state file says of itself, and the AWS resources that it holds. Raises UndecodableError.

    *md5*: its digest in hex, where it is known; it takes as long as all the rest.
    """
    size, md5 = len(body), md5 or hashlib.md5(body, usedforsecurity=False).hexdigest()

    def damaged(damage: Damage, why: str, version: int = 0) -> tuple[StateFacts, tuple[Held, ...]]:
        return StateFacts(size, md5, damage, why, version), ()

    if not body:
        return damaged(Damage.EMPTY, "the object is empty")
    try:
        try:
            state = _decoder().decode(body)
        except msgspec.ValidationError as error:
            version = _version(body)  # another format may have another shape
            if version in (None, FORMAT):
                return damaged(Damage.UNPARSABLE, f"it is JSON, and no Terraform state: {_where(error)}")
            return damaged(Damage.UNSUPPORTED, _wrong_version(version), version)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return damaged(Damage.UNPARSABLE, f"it is no whole JSON: {_where(error)}")
        if state.version != FORMAT:
            return damaged(Damage.UNSUPPORTED, _wrong_version(state.version), state.version)
        return _read(state, size, md5)
    except (RecursionError, MemoryError) as error:
        raise UndecodableError(f"the state cannot be read here ({type(error).__name__})") from None


def _version(body: bytes) -> int | None:
    """The format's version; None where it names none."""
    try:
        version = _header_decoder().decode(body).version
    except msgspec.MsgspecError:
        return None
    return version if isinstance(version, int) and not isinstance(version, bool) else None


def _wrong_version(version: int) -> str:
    if 0 < version < FORMAT:
        return f"format version {version} is of a Terraform before 0.12"
    return f"format version {version} is none that Terraform reads"


def _read(state: _State, size: int, md5: str) -> tuple[StateFacts, tuple[Held, ...]]:
    held: list[Held] = []
    resources = tainted = deposed = 0
    for resource in state.resources or ():
        if resource.mode != "managed":
            continue
        base = f"{resource.module}." if resource.module else ""
        base = f"{base}{resource.type}.{resource.name}"
        provider = _source(resource.provider)
        ours = provider.rpartition("/")[2] in _OURS and resource.type.startswith(_TYPES)
        names = attributes_of(resource.type) if ours else ()
        for instance in resource.instances:
            is_tainted, is_deposed = instance.status == "tainted", bool(instance.deposed)
            resources += not is_deposed
            tainted += is_tainted
            deposed += is_deposed
            if names:
                arn, ids, region = identify(resource.type, names, _attributes(names, instance))
                if arn or ids:
                    address = base + _index(instance.index_key)
                    held.append(Held(address, resource.type, provider, arn, ids, region, is_tainted, is_deposed))
        resource.instances = []  # lets go of what was read
    facts = StateFacts(
        size, md5, version=state.version, serial=state.serial, lineage=state.lineage[:100],
        terraform_version=state.terraform_version[:40], resources=resources, tainted=tainted, deposed=deposed,
    )  # fmt: skip
    return facts, tuple(held)


def snapshot(body: bytes, key: bytes, md5: str = "") -> Snapshot | None:
    """One version of a state, to be compared: a digest under *key* for each instance. None: it is damaged.

    Without the key nobody can try out which values give a digest. Raises UndecodableError.
    """
    md5 = md5 or hashlib.md5(body, usedforsecurity=False).hexdigest()
    try:
        state, rest = _decoder().decode(body), _outputs_decoder().decode(body).outputs
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    except (RecursionError, MemoryError) as error:
        raise UndecodableError(f"the state cannot be read here ({type(error).__name__})") from None
    if state.version != FORMAT:
        return None
    prints: dict[str, str] | None = {}
    for resource in state.resources or ():
        if resource.mode == "managed" and prints is not None:
            prints.update(_prints(resource, key))
            prints = prints if len(prints) <= MOST_PRINTS else None
    return Snapshot(
        md5, state.serial, state.lineage[:100], state.terraform_version[:40], prints, _digest(key, bytes(rest))
    )


def _prints(resource: _Resource, key: bytes) -> Iterator[tuple[str, str]]:
    base = f"{resource.module}." if resource.module else ""
    base = f"{base}{resource.type}.{resource.name}"
    for instance in resource.instances:
        deposed = f" (deposed {instance.deposed})" if instance.deposed else ""
        status = (instance.status or "").encode()
        told = _digest(key, bytes(instance.attributes), bytes(instance.attributes_flat), status)
        yield f"{base}{_index(instance.index_key)}{deposed}", told


def _digest(key: bytes, *parts: bytes) -> str:
    digest = hashlib.blake2b(key=key, digest_size=8)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def _attributes(names: tuple[str, ...], instance: _Instance) -> tuple[object, ...]:
    """The values of the attributes *names*; None for one that is not there, or is marked as sensitive."""
    reader = _reader(names)
    try:
        read = reader.decode(instance.attributes)
        if read is None:
            read = reader.decode(instance.attributes_flat)
    except msgspec.MsgspecError:  # not there, or no object
        return (None,) * len(names)
    values = msgspec.structs.astuple(read) if read is not None else (None,) * len(names)
    if len(instance.sensitive_attributes) <= 4:  # "[]", "null", nothing
        return values
    hidden = set(_sensitive(instance.sensitive_attributes))
    return tuple(None if name in hidden else value for name, value in zip(names, values, strict=True))


def _sensitive(raw: msgspec.Raw) -> Iterator[str]:
    """The attributes that are, or hold, something marked as sensitive: paths are lists of steps."""
    found = msgspec.json.decode(raw)
    for path in found if isinstance(found, list) else ():
        first = path[0] if isinstance(path, list) and path else path
        if isinstance(first, dict) and isinstance(first.get("value"), str):
            yield first["value"]


def _index(key: float | str | None) -> str:
    """The index of an instance as Terraform writes it in addresses."""
    if key is None:
        return ""
    if isinstance(key, str):
        escaped = key.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'["{escaped}"]'
    return f"[{int(key)}]"


@functools.lru_cache(maxsize=256)
def _source(provider: str) -> str:
    match = _PROVIDER.search(provider)
    return match[1] if match else provider.removeprefix("provider.").partition(".")[0][:200]


@functools.lru_cache(maxsize=1)
def _decoder() -> msgspec.json.Decoder[_State]:
    return msgspec.json.Decoder(_State)


@functools.lru_cache(maxsize=1)
def _outputs_decoder() -> msgspec.json.Decoder[_Outputs]:
    return msgspec.json.Decoder(_Outputs)


@functools.lru_cache(maxsize=1)
def _header_decoder() -> msgspec.json.Decoder[_Header]:
    return msgspec.json.Decoder(_Header)


@functools.lru_cache(maxsize=256)
def _reader(names: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    fields = [(name, Any, None) for name in names]
    return msgspec.json.Decoder(msgspec.defstruct("Attributes", fields) | None)


def _where(error: Exception) -> str:
    """What a decoder says is wrong, and where. Its texts name types, paths of known fields and positions, no values."""
    return str(error)[:200] if isinstance(error, msgspec.MsgspecError) else type(error).__name__

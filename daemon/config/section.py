"""What all groups of options have in common: strict, frozen, and able to take a secret from a file beside the key."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from daemon.config.problems import echo
from daemon.config.reader import Unusable
from daemon.config.secrets import HIDDEN, FromEnvironment, Secret, Source
from daemon.config.values import Context, VariableName, wrong

MAX_SECRET_BYTES = 64 * 1024
FILE_SUFFIX = "_file"


@dataclass(frozen=True, slots=True)
class _Sibling:
    """Stands for a secret whose file is named by the key beside it, until the field's own type reads it."""

    key: str  # "token_file"
    path: Any
    twice: bool  # the secret itself is given too


class Section(BaseModel):
    """A group of options. An option written without a value is as one that is not written."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,  # a relative default path starts from the file's folder like a written one
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _prepare(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        known = {key: value for key, value in data.items() if value is not None or key not in cls.model_fields}
        for key in [key for key in known if key.endswith(FILE_SUFFIX) and key in cls.model_fields]:
            name = key.removesuffix(FILE_SUFFIX)
            if name not in cls.model_fields:
                continue  # a file that is named for itself, such as a key for ssh
            known[name] = _Sibling(key, known[key], name in known)
        return known


def group() -> Any:
    """The default of a group of options that may be left out: the defaults of its options."""
    return Field(default_factory=dict)


def as_written(text: str) -> Any:
    """A default that is read like text in the file."""
    return Field(default=text)


def read_secret_file(path: Any, folder: Path) -> Secret:
    """Read a secret from a file; line ends at its end are not part of it. Raises PydanticCustomError.

    What is told does not repeat *path*: people type the secret itself there.
    """
    if not isinstance(path, str) or not path:
        raise wrong(f"must be the path of a file, not {echo(path)}")
    data = b""
    try:
        file = folder / Path(path).expanduser()
        ordinary = stat.S_ISREG(file.stat().st_mode)
        if ordinary:
            with file.open("rb") as stream:
                data = stream.read(MAX_SECRET_BYTES + 1)
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "it cannot be read"
        raise wrong(f"names a file that cannot be read: {reason[:1].lower()}{reason[1:]}") from None
    if not ordinary:
        raise wrong("names what is no ordinary file")
    if len(data) > MAX_SECRET_BYTES:
        raise wrong(f"names a file of more than {MAX_SECRET_BYTES // 1024} KiB; that is no secret")
    try:
        text = data.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise wrong("names a file that is not UTF-8 text") from None
    if not text:
        raise wrong("names a file that is empty")
    return Secret(text, Source.FILE)


def _at(key: str, error: PydanticCustomError) -> PydanticCustomError:
    """The same error, told at the key beside."""
    return PydanticCustomError("barograph", "{text}", {**(error.context or {}), "sibling": key})


def _secret(value: Any, info: ValidationInfo) -> Secret:
    if isinstance(value, Secret):
        return value
    if isinstance(value, _Sibling):
        name = value.key.removesuffix(FILE_SUFFIX)
        if value.twice:
            raise _at(value.key, wrong(f"and {name} are both given; keep one"))
        if isinstance(value.path, Unusable):
            raise _at(value.key, wrong("unusable"))
        try:
            return read_secret_file(value.path, Context.of(info).folder)
        except PydanticCustomError as error:
            raise _at(value.key, error) from None
    if not isinstance(value, str):
        raise wrong("must be text")
    if not value:
        raise wrong("is empty")
    return Secret(str(value), Source.ENVIRONMENT if isinstance(value, FromEnvironment) else Source.CLEAR)


def _variable(value: Any, info: ValidationInfo) -> Secret:
    """A value for a child's environment: text, or {file: path}."""
    if isinstance(value, dict):
        if list(value) != ["file"]:
            raise wrong("must be text, or a mapping with the one key file")
        return read_secret_file(value["file"], Context.of(info).folder)
    if isinstance(value, str):
        return Secret(str(value), Source.ENVIRONMENT if isinstance(value, FromEnvironment) else Source.CLEAR)
    if isinstance(value, bool):
        return Secret("true" if value else "false", Source.CLEAR)
    return _secret(value, info)


def _secret_path(value: Any) -> str:
    """The path as written; whether the file can be read is said where the secret is read."""
    return value if isinstance(value, str) else ""


def _hide(_: Any) -> str:
    return HIDDEN


_SECRET_SCHEMA: dict[str, Any] = {"type": "string", "writeOnly": True}
_VARIABLE_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": ["string", "number", "boolean"], "writeOnly": True},
        {"type": "object", "properties": {"file": {"type": "string"}}, "required": ["file"],
         "additionalProperties": False},
    ]
}  # fmt: skip

SecretText = Annotated[Secret, BeforeValidator(_secret), PlainSerializer(_hide), WithJsonSchema(_SECRET_SCHEMA)]
Variable = Annotated[Secret, BeforeValidator(_variable), PlainSerializer(_hide), WithJsonSchema(_VARIABLE_SCHEMA)]
SecretPath = Annotated[str, BeforeValidator(_secret_path), WithJsonSchema({"type": "string"})]
Variables = Mapping[VariableName, Variable]

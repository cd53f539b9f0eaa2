"""The kinds of value an option can have: how each is read, what is said of a wrong one, how it is shown.

Every kind reads what daemon.config.reader gives (text, Numeral, bool, None, list, dict) and refuses the rest in plain
words. A wrong value is repeated only through problems.echo, which never repeats a secret.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    BeforeValidator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError
from pydantic_core.core_schema import no_info_before_validator_function

from daemon.config.problems import echo, suggestion
from daemon.config.reader import Numeral
from daemon.config.secrets import FromEnvironment, looks_secret
from daemon.config.units import format_duration, format_size, parse_duration, parse_size
from daemon.repository.address import check_ref, parse

INTERPOLATED = {"type": "string", "pattern": r"\$\{"}  # in the JSON Schema: `${NAME}` may stand for any scalar


@dataclass(frozen=True, slots=True)
class Context:
    """What reading a value needs beyond the value: the folder that relative paths start from."""

    folder: Path

    @staticmethod
    def of(info: ValidationInfo) -> Context:
        return info.context if isinstance(info.context, Context) else Context(Path())


def wrong(message: str) -> PydanticCustomError:
    """An error whose text is ours and for people. Braces in it are text, not a template."""
    return PydanticCustomError("barograph", "{text}", {"text": message})


def wrong_at(key: str, message: str, index: int | None = None) -> PydanticCustomError:
    """The same, about an option inside the group that is being read, or an entry of it."""
    where = [key] if index is None else [key, index]
    return PydanticCustomError("barograph", "{text}", {"text": message, "inside": where})


def must_be(what: str, value: Any) -> PydanticCustomError:
    return wrong(f"must be {what}, not {echo(value)}")


def _text(value: Any) -> str:
    if isinstance(value, str) and value:
        return value if isinstance(value, FromEnvironment) else str(value)
    if isinstance(value, str):
        raise wrong("must not be empty")
    raise must_be("text", value)


def _words(value: Any) -> str:
    return "" if value == "" else _text(value)


def _whole(value: Any) -> int:
    try:
        if isinstance(value, str) and re.fullmatch(r"[-+]?\d[\d_]{0,18}", value.strip()):
            return int(value)
    except ValueError:
        pass
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise must_be("a whole number such as 10", value)


def _number(value: Any) -> float:
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number):
            return number
    raise must_be("a number such as 1.5", value)


def _switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise must_be("true or false", value)


def _duration(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except ValueError:
            pass
    raise must_be("a duration such as 6h (units: ms s m h d w)", value)


def _some_duration(value: Any) -> timedelta:
    result = _duration(value)
    if result < timedelta(milliseconds=1):
        raise must_be("a duration longer than nothing, such as 6h", value)
    return result


def _interval(value: Any) -> timedelta:
    result = _duration(value)
    if result < timedelta(seconds=10):
        raise must_be("an interval of at least 10s", value)
    return result


def _size(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            return parse_size(value)
        except ValueError:
            pass
    raise must_be("a size such as 512MiB", value)


def _date(value: Any) -> date:
    if isinstance(value, date):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise must_be("a date such as 2031-12-31", value)


@dataclass(frozen=True, slots=True)
class DayOff:
    """A day, or with *year* None the same day of every year."""

    month: int
    day: int
    year: int | None = None

    def __str__(self) -> str:
        day = f"{self.month:02d}-{self.day:02d}"
        return day if self.year is None else f"{self.year:04d}-{day}"


def _holiday(value: Any) -> DayOff:
    if isinstance(value, DayOff):
        return value
    match = re.fullmatch(r"(?:(\d{4})-)?(\d\d)-(\d\d)", value) if isinstance(value, str) else None
    if match:
        try:
            found = date(int(match[1] or 2024), int(match[2]), int(match[3]))  # a leap year has all days
        except ValueError:
            pass
        else:
            return DayOff(found.month, found.day, found.year if match[1] else None)
    raise must_be("a day such as 2031-12-24, or 12-25 for every year", value)


def _account_glob(value: Any) -> str:
    text = _glob(value)
    if not re.fullmatch(r"\d{12}|[\d\[\]!-]*[*?][\d*?\[\]!-]*", text):
        raise must_be("the id of an AWS account, 12 digits, or a pattern of them", value)
    return text


def _local_time(value: Any) -> time:
    if isinstance(value, time):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d\d:\d\d", value):
        try:
            return time.fromisoformat(value)
        except ValueError:
            pass
    raise must_be("a time of day such as 08:30", value)


def _zone(value: Any) -> ZoneInfo:
    if isinstance(value, ZoneInfo):
        return value
    if not isinstance(value, str):
        raise must_be("the name of a time zone such as Europe/Berlin", value)
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        near = suggestion(value, available_timezones())
        hint = f"; {near}" if near.startswith("did you mean") else ""
        raise wrong(f"must be the name of a time zone such as Europe/Berlin, not {echo(value)}{hint}") from None


def _glob(value: Any) -> str:
    text = _text(value)
    if text.count("[") != text.count("]"):
        raise must_be("a pattern such as acme-*-prod, with every [ closed", value)
    return text


def _many(value: Any) -> Any:
    """One may stand for a list of one."""
    return [value] if isinstance(value, str) else value


def _path(value: Any, info: ValidationInfo) -> Path:
    if isinstance(value, Path):
        value = str(value)
    if not isinstance(value, str) or not value:
        raise must_be("a path", value)
    if "\0" in value:
        raise wrong("must be a path; it holds a NUL character")
    return Context.of(info).folder / Path(value).expanduser()


def _program(value: Any, info: ValidationInfo) -> str:
    text = _text(value)
    # A bare name is looked up on the PATH when it is used; anything else is a path like every other here.
    return str(_path(text, info)) if "/" in text else text


def _url(value: Any) -> str:
    text = _text(value)
    try:
        parts = urlsplit(text)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        fine = False
        parts = urlsplit("")
    if parts.username or parts.password:
        raise wrong("must not hold a user or password")
    if not fine or re.search(r"\s", text):
        raise must_be("an address such as https://barograph.example.com", value)
    return text


def _runbook_url(value: Any) -> str:
    text = _text(value)
    _url(text.replace("{kind}", "drift").replace("{verdict}", "pending"))
    if "{" in text.replace("{kind}", "").replace("{verdict}", ""):
        raise wrong(f"knows only {{kind}} and {{verdict}} in braces, not {echo(value)}")
    return text


def _git_address(value: Any) -> str:
    text = _text(value)
    try:
        parse(text)
    except ValueError as error:
        raise wrong(str(error)) from None  # its words never repeat the address, which may hold a token
    if looks_secret(text):
        raise wrong("must not hold a token; give it in source.token or source.token_file")
    return text


def _git_ref(value: Any) -> str:
    text = _text(value)
    try:
        return check_ref(text)
    except ValueError as error:
        raise wrong(f"{error}, not {echo(value)}") from None


def _subfolder(value: Any) -> str:
    text = _text(value)
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or not text.isprintable():
        raise must_be("a folder in the repository, such as infrastructure", value)
    return path.as_posix()


def _listen(value: Any) -> str:
    text = _text(value)
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise must_be("an address and a port such as 127.0.0.1:9877", value)
    if ":" in host.strip("[]") and not (host.startswith("[") and host.endswith("]")):
        raise must_be("an address and a port such as [::1]:9877, with the address in brackets", value)
    return text


def is_loopback(listen: str) -> bool:
    """Say whether only this machine can reach a listen address. A name counts as reachable, except localhost."""
    host = listen.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _role(value: Any) -> str:
    text = _text(value)
    if not re.fullmatch(r"arn:aws[a-z-]*:iam::(?:\d{12}|\{account\}):role/[\w+=,.@/-]+", text):
        raise must_be("a role such as arn:aws:iam::{account}:role/barograph-plan", value)
    return text


def _account_id(value: Any) -> str:
    text = _text(value)
    if not re.fullmatch(r"\d{12}", text):
        raise must_be("the id of an AWS account, 12 digits such as 012345678901", value)
    return text


def _region(value: Any) -> str:
    text = _text(value)
    if not re.fullmatch(r"[a-z]{2,4}(-[a-z]+){1,3}-\d{1,2}", text):
        raise must_be("an AWS region such as eu-west-1", value)
    return text


def _region_or_enabled(value: Any) -> str:
    if value == "enabled":
        return "enabled"
    try:
        return _region(value)
    except PydanticCustomError:
        raise must_be("an AWS region such as eu-west-1, or enabled for all of them", value) from None


def _unit(value: Any) -> str:
    text = _text(value)
    if not re.fullmatch(r"ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|r-[0-9a-z]{4,32}", text):
        raise must_be("the id of an organizational unit such as ou-ab12-11111111, or of a root such as r-ab12", value)
    return text


def _provider(value: Any) -> str:
    text = _text(value)
    if not re.fullmatch(r"(?:[a-z0-9.-]+(?::\d+)?/)?[\w-]+/[\w-]+", text):
        raise must_be("the address of a provider such as hashicorp/aws", value)
    return text


def _name(value: Any) -> str:
    text = _text(value)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", text):
        raise must_be("a name of letters, digits and _", value)
    return text


def _channel(value: Any) -> str:
    text = _text(value)
    if not re.fullmatch(r"[CGD][A-Z0-9]{2,20}", text):
        # Editing a message and reading a channel's history take the id, not the name.
        raise must_be("the ID of a channel such as C0123456789 (in Slack: the channel's About tab)", value)
    return text


_MENTIONS = (
    (re.compile(r"<?[@!]?(here|channel|everyone)>?"), "<!{}>"),
    (re.compile(r"(?:<!subteam\^)?(S[A-Z0-9]{2,20})>?"), "<!subteam^{}>"),
    (re.compile(r"(?:<@)?([UW][A-Z0-9]{2,20})>?"), "<@{}>"),
)


def _mention(value: Any) -> str:
    if value == "":
        return ""
    text = _text(value)
    for pattern, form in _MENTIONS:
        match = pattern.fullmatch(text)
        if match:
            return form.format(match[1])
    raise must_be("whom to mention: here, channel, or the ID of a user group (S…) or person (U…)", value)


def _user_group(value: Any) -> str:
    text = _text(value)
    if not re.fullmatch(r"S[A-Z0-9]{2,20}", text):
        raise must_be("the ID of a user group such as S0123456789", value)
    return text


def read_json(value: Any) -> Any:
    """Numbers become numbers; text from the environment stays marked as such, so that it is never shown."""
    if isinstance(value, Numeral):
        return value.number
    if isinstance(value, dict):
        return {key: read_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [read_json(item) for item in value]
    return value


def _json_mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise must_be("a mapping", value)
    return {key: read_json(item) for key, item in value.items()}


def _kind(read: Callable[..., Any], schema: Mapping[str, Any], show: Callable[[Any], Any] | None = None) -> Any:
    """Bundle what pydantic needs of one kind of value."""
    parts: list[Any] = [BeforeValidator(read), WithJsonSchema(dict(schema))]
    if show is not None:
        parts.append(PlainSerializer(show, when_used="json"))
    return parts


def _or_variable(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"anyOf": [dict(schema), INTERPOLATED]}


def _range(read: Callable[[Any], Any], least: float, most: float, value: Any) -> Any:
    number = read(value)
    if not least <= number <= most:
        raise wrong(f"must be {least:,} to {most:,}, not {echo(value)}")
    return number


_TEXT = {"type": "string"}
_SPAN = {"type": "string", "pattern": r"^([0-9.]+(ms|[wdhms]) ?)+$|\$\{"}

Text = Annotated[str, *_kind(_text, {"type": "string", "minLength": 1})]
Words = Annotated[str, *_kind(_words, _TEXT)]  # may be empty
Whole = Annotated[int, *_kind(_whole, _or_variable({"type": "integer"}))]
Number = Annotated[float, *_kind(_number, _or_variable({"type": "number"}))]
Switch = Annotated[bool, *_kind(_switch, _or_variable({"type": "boolean"}))]
Duration = Annotated[timedelta, *_kind(_duration, _SPAN, format_duration)]  # may be 0s
SomeDuration = Annotated[timedelta, *_kind(_some_duration, _SPAN, format_duration)]
Interval = Annotated[timedelta, *_kind(_interval, _SPAN, format_duration)]
Size = Annotated[int, *_kind(_size, {"type": "string", "pattern": r"^[0-9.]+ ?[KMGTk]?i?B$|\$\{"}, format_size)]
Date = Annotated[date, *_kind(_date, {"type": "string", "format": "date"})]
LocalTime = Annotated[time, *_kind(_local_time, {"type": "string", "pattern": r"^\d\d:\d\d$"})]
Holiday = Annotated[DayOff, *_kind(_holiday, {"type": "string", "pattern": r"^(\d{4}-)?\d\d-\d\d$"}, str)]
Zone = Annotated[ZoneInfo, *_kind(_zone, _TEXT, str)]
Glob = Annotated[str, *_kind(_glob, _TEXT)]
FilePath = Annotated[Path, *_kind(_path, _TEXT, str)]
Program = Annotated[str, *_kind(_program, _TEXT)]
Url = Annotated[str, *_kind(_url, {"type": "string", "pattern": r"^https?://|\$\{"})]
RunbookUrl = Annotated[str, *_kind(_runbook_url, {"type": "string", "pattern": r"^https?://|\$\{"})]
GitAddress = Annotated[str, *_kind(_git_address, _TEXT)]
GitRef = Annotated[str, *_kind(_git_ref, _TEXT)]
Subfolder = Annotated[str, *_kind(_subfolder, _TEXT)]
Listen = Annotated[str, *_kind(_listen, _TEXT)]
Role = Annotated[str, *_kind(_role, _TEXT)]
AccountId = Annotated[str, *_kind(_account_id, {"type": "string", "pattern": r"^\d{12}$|\$\{"})]
AccountGlob = Annotated[str, *_kind(_account_glob, _TEXT)]
Region = Annotated[str, *_kind(_region, _TEXT)]
RegionOrEnabled = Annotated[str, *_kind(_region_or_enabled, _TEXT)]
OrganizationalUnit = Annotated[str, *_kind(_unit, _TEXT)]
Provider = Annotated[str, *_kind(_provider, _TEXT)]
VariableName = Annotated[str, *_kind(_name, _TEXT)]
Channel = Annotated[str, *_kind(_channel, _TEXT)]
UserGroup = Annotated[str, *_kind(_user_group, _TEXT)]
Mention = Annotated[str, *_kind(_mention, _TEXT)]
JsonMapping = Annotated[Mapping[str, Any], *_kind(_json_mapping, {"type": "object"})]
Count = Annotated[int, *_kind(partial(_range, _whole, 1, 1_000_000), _or_variable({"type": "integer", "minimum": 1}))]
Dollars = Annotated[float, *_kind(partial(_range, _number, 0, 1_000_000), _or_variable({"type": "number"}))]
Rate = Annotated[float, *_kind(partial(_range, _number, 0.01, 1000), _or_variable({"type": "number"}))]


class _OneOrMany:
    """Marks a list for which one value may stand, in what is read and in the JSON Schema."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_before_validator_function(_many, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        many = handler(schema)
        lists = [part for part in many.get("anyOf", [many]) if "items" in part]
        return {"anyOf": [*(part["items"] for part in lists), *many.get("anyOf", [many])]}


OneOrMany = _OneOrMany()

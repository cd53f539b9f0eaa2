"""A fake AWS behind botocore's real clients: answers are checked against the installed service models.

Answers come in at `before-call`, after botocore has checked and serialised the question. Faults come in at
`before-send`, inside the retry loop, as bytes that botocore's own parser reads; nothing waits between retries.
"""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from io import BytesIO
from typing import Any

import botocore.loaders
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from botocore.response import StreamingBody
from botocore.retries import standard
from botocore.validate import ParamValidator

from daemon.aws import paging
from daemon.aws.credentials import speaker

_ASKED = "barograph_fake_call"  # a key of botocore's request context


class Fault(StrEnum):
    """How an operation fails."""

    DENIED = "denied"
    SCP = "scp"
    THROTTLED = "throttled"
    TIMEOUT = "timeout"
    NETWORK = "network"
    EMPTY = "empty"  # a success without a body
    MALFORMED = "malformed"  # a success whose body nobody can read
    EXPIRED = "expired"


@dataclass(frozen=True)
class Call:
    """One question to the fake. *parameters* are as the check gave them; *token* is of a later page."""

    service: str  # botocore's name: "acm"
    operation: str  # botocore's method: "list_certificates"
    account: str
    region: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


# A mapping is the whole answer; a list of mappings its pages in order; a function is asked at every call.
Answer = Mapping[str, Any] | list[Mapping[str, Any]] | Callable[[Call], Mapping[str, Any]]
Answers = Mapping[tuple[str, str], Answer]  # ("acm", "list_certificates") -> answer


@cache
def loader() -> Any:
    """One loader of service models for the whole test run: reading them takes longer than most tests."""
    return botocore.loaders.create_loader()


class FakeAws:
    """Answers for what is registered; every other question is an AssertionError. Thread-safe."""

    def __init__(self, answers: Answers) -> None:
        self._answers = dict(answers)
        self._faults: dict[tuple[str, str], Fault] = {}
        self._lock = threading.Lock()
        self.calls: list[Call] = []
        self.sent: list[tuple[str, str]] = []  # (service, operation) of each try that a fault met, retries included
        self.accounts: dict[str, str] = {}  # access key -> account
        self.pools: dict[str, Any] = {}  # by region: clients cost more than all else in a test, and answer as before

    @contextmanager
    def failing(self, service: str, operation: str, fault: Fault) -> Iterator[None]:
        """Let one operation fail for as long as the block lasts."""
        self._faults[service, operation] = fault
        try:
            yield
        finally:
            del self._faults[service, operation]

    @property
    def asked(self) -> set[tuple[str, str]]:
        """The (service, operation) pairs that were asked."""
        return {(call.service, call.operation) for call in self.calls}

    def prepare(self, client: Any, service: str) -> None:
        """Stand in for AWS behind a new client: ClientPool's `prepare`."""
        events = client.meta.events
        methods = {api: method for method, api in client.meta.method_to_api_mapping.items()}
        region = client.meta.region_name

        def asked(params: Any, model: Any, context: Any, **_: Any) -> None:
            context[_ASKED] = Call(service, methods[model.name], self._account(), region, copy.deepcopy(params))

        def answered(model: Any, context: Any, **_: Any) -> Any:
            call: Call = context[_ASKED]
            with self._lock:
                self.calls.append(call)
            if (service, call.operation) in self._faults:
                return None  # goes on to before-send
            return _success(self._answer(client, call, model), model)

        def sent(event_name: str, request: Any, **_: Any) -> Any:
            name = event_name.rpartition(".")[2]
            with self._lock:
                self.sent.append((service, methods[name]))
            fault = self._faults[service, methods[name]]
            return _failure(client.meta.service_model, fault, request.url)

        events.register_first("before-parameter-build", asked)
        events.register_first("before-call", answered)
        events.register_first("before-send", sent)
        _without_waiting(client)

    def _account(self) -> str:
        account = speaker()
        assert account is not None, "a request for nobody"
        return self.accounts[account.frozen().access_key]

    def _answer(self, client: Any, call: Call, model: Any) -> dict[str, Any]:
        answer = self._answers.get((call.service, call.operation))
        if answer is None:
            raise AssertionError(f"the fake AWS has no answer for {call.service} {call.operation}")
        if callable(answer):
            found = dict(answer(call))
        elif isinstance(answer, list):
            found = _page(client, call, answer)
        else:
            found = dict(answer)
        validate(found, model)
        return copy.deepcopy(found)


def validate(answer: Mapping[str, Any], model: Any) -> None:
    """Raise AssertionError unless *answer* is one that the service model allows: members, types, enums, zones."""
    shape = model.output_shape
    where = f"{model.service_model.service_name} {model.name}"
    if shape is None:
        assert not answer, f"{where} answers nothing"
        return
    wrong = ParamValidator().validate(dict(answer), shape).generate_report()
    more = "\n".join(_untrue(answer, shape, where))
    assert wrong + more == "", f"the fake answer of {where} is none that AWS gives:\n{wrong}\n{more}"


def _untrue(value: Any, shape: Any, where: str) -> Iterator[str]:
    """What ParamValidator lets pass: values outside an enumeration, and times without a zone."""
    if value is None:
        return
    if shape.type_name == "structure" and isinstance(value, Mapping):
        for name, member in value.items():
            if name in shape.members:
                yield from _untrue(member, shape.members[name], f"{where}.{name}")
            else:
                yield f"{where}: there is no member {name}"
    elif shape.type_name == "list" and isinstance(value, list):
        for each in value:
            yield from _untrue(each, shape.member, f"{where}[]")
    elif shape.type_name == "map" and isinstance(value, Mapping):
        for key, each in value.items():
            yield from _untrue(key, shape.key, f"{where} key")
            yield from _untrue(each, shape.value, f"{where}[{key}]")
    elif shape.type_name == "string" and getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{where}: {value!r} is none of {', '.join(shape.enum)}"
    elif shape.type_name == "timestamp" and not (isinstance(value, datetime) and value.tzinfo):
        yield f"{where}: {value!r} is no time with a zone, and botocore gives only such"


def _page(client: Any, call: Call, pages: list[Mapping[str, Any]]) -> dict[str, Any]:
    """The page that the question's token asks for, with the token of the next one."""
    if client.can_paginate(call.operation):
        config = client._cache["page_config"][client.meta.method_to_api_mapping[call.operation]]
        given, taken, more = config["output_token"], config["input_token"], config.get("more_results", "")
        given, taken = (each[0] if isinstance(each, list) else each for each in (given, taken))
        given = given.partition("||")[0].strip()
    else:
        given, taken = paging.token_names(client, call.operation)
        more = ""
    assert given, f"{call.operation} has no pages; register one answer"
    assert "[" not in given, f"the token of {call.operation} is part of an item; register a function"
    number = int(str(call.parameters.get(taken, "page-0")).removeprefix("page-"))
    page = copy.deepcopy(dict(pages[number]))
    last = number + 1 == len(pages)
    if not last:
        _put(page, given, f"page-{number + 1}")
    if more:
        _put(page, more, not last)
    return page


def _put(page: dict[str, Any], path: str, value: Any) -> None:
    *parents, name = path.split(".")
    for parent in parents:
        page = page.setdefault(parent, {})
    page.setdefault(name, value)


def _success(answer: dict[str, Any], model: Any) -> tuple[AWSResponse, dict[str, Any]]:
    if model.has_streaming_output:
        name = model.output_shape.serialization["payload"]
        body = answer.get(name, b"")
        answer[name] = StreamingBody(BytesIO(body), len(body))
    answer["ResponseMetadata"] = {"HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0}
    xml = "json" not in model.service_model.resolved_protocol
    return _http(200, {}, f"<{model.name}Response/>".encode() if xml else b"{}"), answer


def _http(status: int, headers: dict[str, str], body: bytes) -> AWSResponse:
    response = AWSResponse("https://aws.example", status, headers, BytesIO(body))
    response._content = body
    return response


# What services say, by protocol: (code, HTTP status) of a refusal and of a throttle.
_REFUSED = {"ec2": "UnauthorizedOperation", "query": "AccessDenied", "rest-xml": "AccessDenied"}
_THROTTLED = {"ec2": ("RequestLimitExceeded", 503), "query": ("Throttling", 400), "rest-xml": ("SlowDown", 503)}
_EXPIRED = {"ec2": "RequestExpired", "query": "ExpiredToken", "rest-xml": "ExpiredToken"}
_SAID_BY_SCP = "User is not authorized to perform this with an explicit deny in a service control policy"


def _failure(service_model: Any, fault: Fault, url: str) -> AWSResponse:
    protocol = service_model.resolved_protocol
    if fault is Fault.TIMEOUT:
        raise ReadTimeoutError(endpoint_url=url)
    if fault is Fault.NETWORK:
        raise EndpointConnectionError(endpoint_url=url)
    if fault is Fault.EMPTY:
        return _http(200, {}, b"")
    if fault is Fault.MALFORMED:
        return _http(200, {}, b"<html>it works</html" if "json" in protocol else b"<not closed")
    if fault is Fault.THROTTLED:
        code, status = _THROTTLED.get(protocol, ("ThrottlingException", 400))
        return _refusal(service_model, code, status, "Rate exceeded")
    if fault is Fault.EXPIRED:
        code = _EXPIRED.get(protocol, "ExpiredTokenException")
        return _refusal(service_model, code, 400, "The security token included in the request is expired")
    message = _SAID_BY_SCP if fault is Fault.SCP else "User is not authorized to perform this"
    return _refusal(service_model, _REFUSED.get(protocol, "AccessDeniedException"), 403, message)


def _refusal(service_model: Any, code: str, status: int, message: str) -> AWSResponse:
    protocol = service_model.resolved_protocol
    assert protocol in ("json", "rest-json", "ec2", "query", "rest-xml"), f"no fault is written for {protocol}"
    if protocol in ("json", "rest-json"):
        body = json.dumps({"__type": code, "message": message}).encode()
        return _http(status, {"x-amzn-errortype": code, "content-type": "application/x-amz-json-1.1"}, body)
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    if protocol == "ec2":
        text = f"<Response><Errors>{error}</Errors><RequestID>1</RequestID></Response>"
    elif protocol == "rest-xml" and service_model.service_name == "s3":
        text = error
    else:
        text = f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"
    return _http(status, {"content-type": "text/xml"}, text.encode())


class _AtOnce:
    """A backoff that does not wait."""

    def delay_amount(self, context: Any) -> float:
        return 0.0


def _without_waiting(client: Any) -> None:
    """Take botocore's standard retry handler anew, with all its rules and no sleep between the tries."""
    service = client.meta.service_model.service_id.hyphenize()
    assert client.meta.config.retries["mode"] == "standard"
    client.meta.events.unregister(f"needs-retry.{service}", unique_id=f"retry-config-{service}")
    attempts = client.meta.config.retries["total_max_attempts"]
    handler = standard.register_retry_handler(client, attempts)
    handler._retry_policy._retry_backoff = _AtOnce()

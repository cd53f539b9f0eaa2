"""The front of the demo's AWS: it answers what moto lacks, writes down who changed what, and passes on the rest."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from werkzeug.exceptions import NotFound

from daemon.demo.standin import answers
from daemon.demo.standin.asked import Asked
from daemon.demo.standin.facts import Facts
from daemon.demo.standin.trail import Trail

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]

FACTS_PATH = "/_demo/facts/"  # PUT a JSON value there: no path of AWS begins so
_SIGNED = re.compile(r"Credential=([^/]+)/[^/]+/([^/]+)/([^/]+)/aws4_request")
# What requests are signed for -> botocore's name of the service, of those the front has to do with.
SERVICES: Mapping[str, str] = {
    "access-analyzer": "accessanalyzer", "apigateway": "apigateway", "backup": "backup", "ce": "ce",
    "cloudformation": "cloudformation",
    "cloudtrail": "cloudtrail", "compute-optimizer": "compute-optimizer", "config": "config",
    "cost-optimization-hub": "cost-optimization-hub", "dlm": "dlm", "dynamodb": "dynamodb", "ec2": "ec2",
    "elasticache": "elasticache", "guardduty": "guardduty", "iam": "iam", "lambda": "lambda",
    "monitoring": "cloudwatch", "ram": "ram", "rds": "rds", "redshift-serverless": "redshift-serverless", "s3": "s3",
    "savingsplans": "savingsplans", "servicequotas": "service-quotas", "sqs": "sqs", "ssm": "ssm",
}  # fmt: skip


@dataclass
class Front:
    """A WSGI application in front of *moto*. Thread-safe."""

    moto: Wsgi
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    facts: Facts = field(default_factory=Facts)
    trail: Trail = field(default_factory=Trail)
    _models: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", ""))
        if path.startswith(FACTS_PATH):
            self.facts.tell(path.removeprefix(FACTS_PATH), json.loads(_body(environ)))
            return _respond(start_response, 200, {}, b"{}")
        signed = _SIGNED.search(environ.get("HTTP_AUTHORIZATION", ""))
        service = SERVICES.get(signed[3]) if signed else None
        if signed is None or service is None:
            return self.moto(environ, start_response)
        found = self._operation(service, environ)
        if found is None:
            return self.moto(environ, start_response)
        operation, named = found
        asked = Asked(service, operation.name, signed[2], signed[1], named, self.clock(), self.facts, self.trail)
        answer = answers.ANSWERS.get((service, operation.name))
        if answer is not None:
            asked = asked.with_parameters(_parameters(operation, named, environ))
            told = answer(asked)
            if told is not None:
                if self.trail.records(asked):
                    self.trail.note(asked)
                return self._answer(operation, told, environ, start_response)
        if not self.trail.records(asked):
            return self.moto(environ, start_response)
        if service != "s3":  # where the address names the bucket, and a body may be large
            asked = asked.with_parameters(_parameters(operation, named, environ))
        return self.moto(environ, self._noting(asked, start_response))

    def _operation(self, service: str, environ: Environ) -> tuple[Any, Mapping[str, Any]] | None:
        """The operation that is asked for, and what its address says; None: none that the models know."""
        try:
            with self._models:  # each is made when it is first asked for
                router = get_service_router(service)
            return router.match(_request(environ))
        except (NotFound, NotImplementedError):
            return None

    def _answer(
        self, operation: Any, answer: Mapping[str, Any], environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        protocol = determine_request_protocol(operation.service_model, environ.get("CONTENT_TYPE"))
        serializer = get_serializer_class(operation.service_model.service_name, protocol)(operation)
        told = serializer.serialize(answer)
        body = told["body"]
        return _respond(
            start_response, told["status_code"], told["headers"], body.encode() if isinstance(body, str) else body
        )

    def _noting(self, asked: Asked, start_response: StartResponse) -> StartResponse:
        """Write down what was asked once moto has done it."""

        def noted(status: str, headers: Any, *more: Any) -> Any:
            if status.startswith("2"):
                self.trail.note(asked)
            return start_response(status, headers, *more)

        return noted


def _request(environ: Environ) -> Request:
    """The request, read from a copy: a form, which names its operation, is used up by reading it."""
    if not str(environ.get("CONTENT_TYPE", "")).startswith("application/x-www-form-urlencoded"):
        return Request({**environ})
    return _whole(environ, _body(environ))


def _body(environ: Environ) -> bytes:
    """The body of a request, which can be read again."""
    body = Request({**environ}).get_data()
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = BytesIO(body), str(len(body))
    return body


def _whole(environ: Environ, body: bytes) -> Request:
    return Request({**environ, "wsgi.input": BytesIO(body)})


def _parameters(operation: Any, named: Mapping[str, Any], environ: Environ) -> Mapping[str, Any]:
    body = _body(environ)
    protocol = determine_request_protocol(operation.service_model, environ.get("CONTENT_TYPE"))
    request = _whole(environ, body)
    parsed: Mapping[str, Any] = PROTOCOL_PARSERS[protocol](operation).parse({
        "method": request.method, "values": request.values, "headers": request.headers, "body": body,
        "url_path": request.path, "url_params": dict(named),
    })  # fmt: skip
    return parsed


def _respond(start_response: StartResponse, status: int, headers: Mapping[str, Any], body: bytes) -> Iterable[bytes]:
    given = {**{str(name): str(value) for name, value in headers.items()}, "Content-Length": str(len(body))}
    start_response(f"{status} OK", list(given.items()))
    return [body]

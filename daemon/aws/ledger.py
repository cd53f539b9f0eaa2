"""Counts what is asked of AWS: every request that leaves, retries included, and what it costs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from checks.aws_errors import ErrorClass, classify
from daemon.aws.errors import code_of
from daemon.aws.prices import Price, price_of
from daemon.aws.spending import Spending

OK = "ok"
_METRICS = "barograph_metrics"  # a key of botocore's request context
# A request that failed so may have been answered, and so be charged. AWS charges for no other that failed.
MAYBE_CHARGED = frozenset({OK, *map(str, (ErrorClass.TIMEOUT, ErrorClass.NETWORK, ErrorClass.ERROR))})


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was made. *result* is "ok" or an ErrorClass; *usd* is what it is estimated to cost."""

    service: str
    operation: str
    result: str
    usd: float


class Ledger:
    """Requests by (service, operation, result); a result is "ok" or an ErrorClass. Thread-safe."""

    def __init__(
        self, spending: Spending | None = None, on_request: Callable[[Asked], None] = lambda asked: None
    ) -> None:
        """*spending* pays for what is capped, and ends it; *on_request* is told of every request."""
        self._spending = spending
        self._on_request = on_request
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str, str], int] = {}

    def watch(self, client: Any, service: str) -> None:
        """Count every request of *client*, and have it paid for before it is made."""
        events = client.meta.events
        events.register("response-received", partial(self._received, service))
        operations = client.meta.service_model.operation_names
        prices = {name: price for name in operations if (price := price_of(service, name)) is not None}
        if any(price.per_metric for price in prices.values()):
            events.register("before-parameter-build", _note_metrics)
        if self._spending is not None and any(price.capped for price in prices.values()):
            events.register_first("request-created", partial(self._pay, prices))

    def counts(self) -> Mapping[tuple[str, str, str], int]:
        """How many requests there were, by (service, operation, result)."""
        with self._lock:
            return dict(self._counts)

    def _pay(self, prices: Mapping[str, Price], request: Any, operation_name: str, **_: Any) -> None:
        """Botocore's event of every try, before it is signed: a retry is paid for like the first. May end it."""
        price = prices.get(operation_name)
        if price is not None and price.capped and self._spending is not None:
            self._spending.spend(_cost(price, request.context))

    def _received(
        self, service: str, event_name: str, parsed_response: Any = None, exception: Any = None,
        context: Any = None, **_: Any,
    ) -> None:  # fmt: skip
        operation = event_name.rpartition(".")[2]
        result = _result(operation, parsed_response, exception)
        key = (service, operation, result)
        with self._lock:
            self._counts[key] = self._counts.get(key, 0) + 1
        price = price_of(service, operation)
        usd = 0.0 if price is None else _cost(price, context or {})
        if price is not None and result not in MAYBE_CHARGED:
            if price.capped and self._spending is not None:
                self._spending.give_back(usd)
            usd = 0.0
        self._on_request(Asked(service, operation, result, usd))


def _note_metrics(params: Any, context: Any, **_: Any) -> None:
    """For how many metrics CloudWatch is asked; an expression asks for none of its own."""
    if isinstance(params, dict) and "MetricDataQueries" in params:
        context[_METRICS] = sum("MetricStat" in query for query in params["MetricDataQueries"])


def _cost(price: Price, context: Any) -> float:
    return price.usd * (context.get(_METRICS, 1) if price.per_metric else 1)


def _result(operation: str, parsed: Any, exception: Any) -> str:
    if exception is not None:
        return str(classify(code_of(exception), operation=operation))
    status = int(parsed.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
    if status < 300:
        return OK
    error = parsed.get("Error", {})
    code = str(error.get("Code") or status)
    return str(classify(code, str(error.get("Message", "")), status, operation))

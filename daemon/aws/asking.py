"""Asking AWS for a check: only what it declares, only in time, and every error in the words of the contract."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    PaginationError,
    ParamValidationError,
    UnknownServiceError,
)
from botocore.parsers import ResponseParserError

from checks.aws_errors import AwsError, classify
from checks.base import Json
from daemon.aws.context import AwsContext, Request, Watching
from daemon.aws.credentials import speaking_for
from daemon.aws.errors import UNREADABLE, aws_error
from daemon.aws.iam import action_of
from daemon.aws.paging import NoSuchKeyError, PagingError, check_key, raw_pages, under
from daemon.aws.pool import EmptyAnswerError
from daemon.aws.rests import Rests, key_of
from daemon.aws.sessions import Identity
from daemon.aws.spending import PaidLimitError


class UndeclaredError(Exception):
    """A check asks for what it does not declare in `iam`, or for what there is not. A mistake of the program."""


@dataclass(frozen=True)
class Asker:
    """Who asks: a check, in an account, with an identity. *until*: the tick after which nothing is asked any more."""

    account: str
    identity: Identity
    watching: Watching
    context: AwsContext
    until: float = math.inf
    rests: Rests | None = None  # what the look knows of lists that may rest

    def call(self, service: str, method: str, region: str, parameters: Mapping[str, Any]) -> Mapping[str, Json]:
        """Ask once. Raises AwsError, here and below."""
        with self._asking(service, method, region) as asking:
            answer: Mapping[str, Json] = asking.ask(lambda: getattr(asking.client, method)(**parameters))
            return answer

    def pages(self, service: str, method: str, key: str, region: str, parameters: Mapping[str, Any]) -> Iterator[Json]:
        """Ask page by page, and give the items."""
        rests, name = self._resting(service, method, region, parameters)
        if rests is not None and rests.rests(name):
            return
        began, empty = self.context.clock(), True
        for item in self._pages(service, method, key, region, parameters):
            empty = False
            yield item
        self._learn(rests, name, began, empty=empty)

    def _pages(self, service: str, method: str, key: str, region: str, parameters: Mapping[str, Any]) -> Iterator[Json]:
        with self._asking(service, method, region) as asking:
            try:
                check_key(asking.client, method, key)
            except NoSuchKeyError as error:
                raise asking.mistake(str(error)) from error
            try:
                for page in raw_pages(asking.client, method, parameters, asking.ask):
                    found = under(page, key)
                    if found is None:
                        raise asking.failed("EmptyAnswer")
                    yield from found
            except PagingError as error:
                raise asking.failed("RepeatedToken") from error

    def shared(
        self, service: str, method: str, key: str, region: str, parameters: Mapping[str, Any]
    ) -> tuple[Json, ...]:
        """All pages, asked for once by all who ask the same."""
        rests, name = self._resting(service, method, region, parameters)
        if rests is not None and rests.rests(name):
            return ()
        with self._asking(service, method, region) as asking:  # refuses what is not declared, remembered or not
            too_late = asking.failed("DeadlineExceeded")
        asked = json.dumps(parameters, sort_keys=True, default=str)
        found, ago = self.context.shared.get(
            (self.identity, self.account, region, service, method, key, asked),
            lambda: self._pages(service, method, key, region, parameters),
            lambda: too_late,
            self.until,
        )
        self._learn(rests, name, self.context.clock() - timedelta(seconds=ago), empty=not found)
        return found

    def _resting(
        self, service: str, method: str, region: str, parameters: Mapping[str, Any]
    ) -> tuple[Rests | None, str]:
        """What is known of the list, where it may rest, and the list's name."""
        may = self.rests is not None and self.rests.may(service, method)
        return self.rests if may else None, key_of(region, service, method, parameters)

    def _learn(self, rests: Rests | None, name: str, at: datetime, *, empty: bool) -> None:
        """Note what a list was when it was asked for."""
        if rests is not None:
            rests.note(name, empty=empty, at=at)
        elif not empty:
            self.context.filled.note(self.account, name, at)  # it may rest for another check

    @contextmanager
    def _asking(self, service: str, method: str, region: str) -> Iterator[_Asking]:
        with ExitStack() as stack:
            asking = _Asking(self, service, region)
            try:
                asking.client = stack.enter_context(self.context.pool.lease(service, region))
            except UnknownServiceError as error:
                raise asking.mistake(f"there is no service {service}") from error
            except BotoCoreError as error:
                raise asking.told(error) from error
            asking.operation = asking.client.meta.method_to_api_mapping.get(method, "")
            if not asking.operation:
                raise asking.mistake(f"{service} has no operation {method}")
            asking.action = action_of(service, asking.client.meta.service_model.signing_name, asking.operation)
            if asking.action not in self.watching.iam:
                raise asking.mistake(
                    f"{service} {method} needs {asking.action}, which the check {self.watching.check} does not declare"
                )
            yield asking


@dataclass
class _Asking:
    """One operation of a client that is lent for as long as it takes."""

    asker: Asker
    service: str
    region: str
    operation: str = ""
    action: str = ""
    client: Any = None

    def ask(self, request: Callable[[], Any]) -> Any:
        """Make one request, signed for the account."""
        asker, context = self.asker, self.asker.context
        if context.ticks() > asker.until:
            raise self.failed("DeadlineExceeded")
        context.gate(
            Request(asker.account, self.region, self.service, self.operation, asker.watching.check, asker.until)
        )
        try:
            if asker.account:
                context.whose(asker.account, asker.identity, self.region)
            with speaking_for(context.pool.account(asker.identity)):
                return request()
        except ParamValidationError as error:
            raise self.mistake(str(error)) from error
        except PaginationError as error:
            raise self.failed("RepeatedToken") from error
        except EmptyAnswerError as error:
            raise self.failed("EmptyAnswer") from error
        except PaidLimitError as error:
            raise self.failed("PaidLimit") from error
        except (ClientError, BotoCoreError) as error:
            raise self.told(error) from error
        except UNREADABLE as error:
            raise self.failed(ResponseParserError.__name__) from error

    def told(self, error: Exception) -> AwsError:
        """What botocore raised, in our words."""
        elsewhere = isinstance(error, EndpointConnectionError) and not self.asker.context.pool.offers(
            self.service, self.region
        )
        return aws_error(
            error, service=self.service, operation=self.operation, action=self.action, account=self.asker.account,
            region=self.region, code="EndpointUnknown" if elsewhere else "",
        )  # fmt: skip

    def failed(self, code: str) -> AwsError:
        """An error of our own making."""
        return AwsError(
            classify(code), service=self.service, operation=self.operation, code=code, action=self.action,
            account=self.asker.account, region=self.region,
        )  # fmt: skip

    def mistake(self, text: str) -> Exception:
        """A mistake of the program: loud in tests; for the people who run it, a look that failed."""
        if self.asker.context.strict:
            return UndeclaredError(text)
        return self.failed("ProgramError")

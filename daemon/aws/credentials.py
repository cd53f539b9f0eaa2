"""Whose credentials a request is signed with: those of the account that the thread speaks for at that moment.

One client serves all accounts of a region, which saves a client per account: the credentials are chosen per request,
from a context variable. A thread that speaks for nobody signs nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from botocore.credentials import CredentialProvider, Credentials
from botocore.exceptions import NoCredentialsError

from checks.aws_errors import ErrorClass, classify
from daemon.aws.sessions import Identity

_RENEWED = "barograph_renewed"  # a key of botocore's request context


class AccountCredentials:
    """The credentials of one identity, taken on when first needed. Thread-safe: many readers cause one AssumeRole."""

    def __init__(self, identity: Identity, take_on: Callable[[Identity], Any]) -> None:
        """*take_on* gives botocore's credentials of an identity, None if there are none."""
        self.identity = identity
        self._take_on = take_on
        self._lock = threading.Lock()
        self._credentials: Any = None
        self._given = threading.local()

    def frozen(self) -> Any:
        """Keys and token as they are valid now. Raises botocore's ClientError and NoCredentialsError."""
        with self._lock:
            if self._credentials is None:
                self._credentials = self._take_on(self.identity)
            credentials = self._credentials
        if credentials is None:
            raise NoCredentialsError
        self._given.last = credentials
        return credentials.get_frozen_credentials()

    def renew(self) -> None:
        """Take them on anew at the next need: AWS called those that this thread was given last expired."""
        refused = getattr(self._given, "last", None)
        with self._lock:
            if self._credentials is refused:  # else another thread has done so meanwhile
                self._credentials = None


# A context variable is of a module by its nature: one made per object is never freed.
_speaker: ContextVar[AccountCredentials | None] = ContextVar("barograph_aws_account", default=None)


@contextmanager
def speaking_for(account: AccountCredentials) -> Iterator[None]:
    """Let requests inside the block, in this thread, be signed for *account*. Never leave it open over a `yield`."""
    token = _speaker.set(account)
    try:
        yield
    finally:
        _speaker.reset(token)


def speaker() -> AccountCredentials | None:
    """Whom this thread speaks for now."""
    return _speaker.get()


class SpeakersCredentials(Credentials):  # type: ignore[misc]  # botocore ships no types
    """The credentials of whoever the thread speaks for, as botocore's signer asks for them, once per request."""

    def __init__(self) -> None:
        super().__init__("of-the-speaker", "of-the-speaker")

    def get_frozen_credentials(self) -> Any:
        account = _speaker.get()
        if account is None:
            raise NoCredentialsError
        return account.frozen()


class SpeakersProvider(CredentialProvider):  # type: ignore[misc]  # botocore ships no types
    """Puts SpeakersCredentials into a session, through botocore's own chain."""

    METHOD = "barograph-speaker"

    def load(self) -> Any:
        return SpeakersCredentials()


def renew_when_expired(response: Any = None, request_dict: Any = None, **_: Any) -> float | None:
    """A handler of botocore's event `needs-retry`: an expired token is renewed and the request signed again, once."""
    account = _speaker.get()
    code = response[1].get("Error", {}).get("Code", "") if response is not None else ""
    context = request_dict["context"]
    if not code or account is None or context.get(_RENEWED) or classify(str(code)) is not ErrorClass.EXPIRED:
        return None
    context[_RENEWED] = True
    account.renew()
    return 0.0  # seconds to wait

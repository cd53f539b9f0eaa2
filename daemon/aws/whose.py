"""Whose account credentials are of: what is seen with those of another account must not pass for this one."""

from __future__ import annotations

import threading
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from checks.aws_errors import AwsError, ErrorClass
from daemon.aws.credentials import speaking_for
from daemon.aws.errors import UNREADABLE, aws_error
from daemon.aws.pool import ClientPool, EmptyAnswerError
from daemon.aws.sessions import Identity

_ASKED = {"service": "sts", "operation": "GetCallerIdentity", "action": "sts:GetCallerIdentity"}


class Whose:
    """Forbids a look at an account with the credentials of another one: AwsContext.whose. Thread-safe.

    A role says its account. Of credentials without a role STS is asked once, and again when they change; that needs
    no permission (STS API reference, GetCallerIdentity). What STS does not tell is not assumed.
    """

    def __init__(self, pool: ClientPool, region: str = "") -> None:
        """*region*: where STS is asked; empty: where the look asks."""
        self._pool = pool
        self._region = region
        self._lock = threading.Lock()
        self._known: dict[tuple[Identity, str], str] = {}  # with the access key -> account

    def __call__(self, account: str, identity: Identity, region: str) -> None:
        """Return if *identity* is of *account*. Raises AwsError, and what botocore raises where there are no keys."""
        found = identity.roles[-1].arn.split(":")[4] if identity.roles else self._told(account, identity, region)
        if found != account:
            raise AwsError(
                ErrorClass.OTHER_ACCOUNT, code=f"they are of {found}", account=account, region=region, **_ASKED
            )  # fmt: skip

    def _told(self, account: str, identity: Identity, region: str) -> str:
        credentials = self._pool.account(identity)
        key = (identity, str(credentials.frozen().access_key))
        with self._lock:
            known = self._known.get(key)
        if known is not None:
            return known
        where = self._region or region
        try:
            with self._pool.lease("sts", where) as client, speaking_for(credentials):
                answer: dict[str, Any] = client.get_caller_identity()
        except (ClientError, BotoCoreError) as error:
            raise aws_error(error, account=account, region=where, **_ASKED) from error
        except (EmptyAnswerError, *UNREADABLE) as error:
            raise self._unsaid(account, where) from error
        told = str(answer.get("Account") or "")
        if not told:
            raise self._unsaid(account, where)
        with self._lock:
            self._known = {each: one for each, one in self._known.items() if each[0] != identity} | {key: told}
        return told

    @staticmethod
    def _unsaid(account: str, region: str) -> AwsError:
        return AwsError(ErrorClass.ERROR, code="EmptyAnswer", account=account, region=region, **_ASKED)

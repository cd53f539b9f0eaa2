"""What botocore's errors mean, as LookFailed for planning and as AwsError for checks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
)
from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.parsers import ResponseParserError  # a plain exception: an answer that is none of AWS'

from checks.aws_errors import AwsError, classify
from checks.base import LookFailed

# What botocore's parsers raise for an answer of which they can make nothing, be it well-formed: a page of a proxy.
UNREADABLE = (ResponseParserError, AttributeError, KeyError, TypeError, ValueError)

_DENIED = frozenset(
    {
        "403", "AccessDenied", "AccessDeniedException", "AllAccessDisabled", "AuthFailure", "ExpiredToken",
        "ExpiredTokenException", "Forbidden", "InvalidAccessKeyId", "InvalidClientTokenId",
        "SignatureDoesNotMatch", "UnauthorizedOperation", "UnrecognizedClientException",
        "KMS.AccessDeniedException",
    }
)  # fmt: skip
_THROTTLED = frozenset(
    {
        "429", "LimitExceededException", "PriorRequestNotComplete", "ProvisionedThroughputExceededException",
        "RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException", "ThrottledException",
        "TooManyRequestsException",
    }
)  # fmt: skip
_UNAVAILABLE = frozenset(
    {
        "500", "502", "503", "504", "InternalError", "InternalFailure", "InternalServerError",
        "ServiceUnavailable",
    }
)  # fmt: skip
_MISSING = frozenset(["404", "NoSuchKey", "NotFound"])


@contextmanager
def look(what: str) -> Iterator[None]:
    """Turn an AWS error inside the block into LookFailed; *what* says, for people, what was being read."""
    try:
        yield
    except (ClientError, BotoCoreError, ResponseParserError) as error:
        raise LookFailed(reason_of(error), f"{what}: {describe(error)}") from error


def error_code(error: BaseException | None) -> str:
    """AWS' code for what went wrong: "NoSuchKey", "404"; empty when no answer came."""
    if not isinstance(error, ClientError):
        return ""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_missing(error: BaseException | None) -> bool:
    """Whether AWS said that the object is not there (a missing bucket is something else)."""
    return error_code(error) in _MISSING


def is_deleted(error: BaseException | None) -> bool:
    """Whether S3 said that there was such an object, and that a delete marker stands in its place."""
    headers = (
        error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}) if isinstance(error, ClientError) else {}
    )
    return str(headers.get("x-amz-delete-marker", "")).lower() == "true"


def reason_of(error: Exception) -> str:
    """LookFailed's word for a botocore error: denied, throttled, timeout, unavailable or failed."""
    code = error_code(error)
    status = ""
    if isinstance(error, ClientError):
        status = str(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
    for reason, codes in (("throttled", _THROTTLED), ("denied", _DENIED), ("unavailable", _UNAVAILABLE)):
        if code in codes or (status in codes and not isinstance(error, BotoCoreError)):
            return reason
    if isinstance(error, NoCredentialsError | PartialCredentialsError | ProfileNotFound):
        return "denied"
    if isinstance(error, ConnectTimeoutError | ReadTimeoutError):
        return "timeout"
    if isinstance(error, HTTPClientError | NoConnectionError):
        return "unavailable"
    return "failed"


def describe(error: Exception) -> str:
    """One line for people. AWS' own message is left out where it may quote a request."""
    if isinstance(error, ClientError):
        return f"AWS answered {error_code(error) or 'an error'} to {error.operation_name}"
    if isinstance(error, HTTPClientError | NoConnectionError):
        return f"no answer from AWS ({type(error).__name__})"
    return type(error).__name__


def code_of(error: Exception) -> str:
    """The code that checks.aws_errors knows an error by: AWS' own, else the HTTP status, else the exception's name."""
    if isinstance(error, ClientError):
        return error_code(error) or str(status_of(error) or "")
    for known in (ConnectTimeoutError, ReadTimeoutError):
        if isinstance(error, known):
            return str(known.__name__)
    name = type(error).__name__
    if isinstance(error, HTTPClientError | NoConnectionError) and classify(name) is not classify("ConnectionError"):
        return "ConnectionError"
    return name


def status_of(error: Exception) -> int:
    """The HTTP status of AWS' answer; 0 when none came."""
    metadata = error.response.get("ResponseMetadata", {}) if isinstance(error, ClientError) else {}
    return int(metadata.get("HTTPStatusCode") or 0)


def aws_error(
    error: Exception, *, service: str, operation: str, action: str, account: str, region: str, code: str = ""
) -> AwsError:
    """The error as checks see it. *code* stands in for the error's own. A refused AssumeRole is told as that."""
    if isinstance(error, ClientError) and error.operation_name == "AssumeRole":
        service, operation, action = "sts", "AssumeRole", "sts:AssumeRole"
    code = code or code_of(error)
    said = str(error.response.get("Error", {}).get("Message", "")) if isinstance(error, ClientError) else ""
    return AwsError(
        classify(code, said, status_of(error), operation), service=service, operation=operation, code=code,
        action=action, account=account, region=region,
    )  # fmt: skip

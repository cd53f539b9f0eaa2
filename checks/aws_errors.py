"""What an error of AWS means: one table of data, first fitting row wins, and the exception that checks see.

Codes are those AWS documents for its services; `NoCredentialsError` and the like are the names of botocore's own
exceptions, where no answer came. Permission is told by the HTTP status too: some services give 403 and no code.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from checks.base import LookFailed


class ErrorClass(StrEnum):
    """What kept a look from its answer. Also the verdict of the UNKNOWN reading that tells of it."""

    PERMISSION = "permission"
    SCP = "scp"
    ROLE_REFUSED = "role_refused"
    OTHER_ACCOUNT = "other_account"
    REGION_OFF = "region_off"
    NOT_ENABLED = "not_enabled"
    THROTTLED = "throttled"
    CAPPED = "capped"
    NETWORK = "network"
    TIMEOUT = "timeout"
    EXPIRED = "credentials_expired"  # a certificate can be "expired" itself
    ABSENCE = "absence"
    RACE = "race"
    ERROR = "error"


# Every class in words, to be said of a resource; and which of LookFailed's words it is.
_WORDS: dict[ErrorClass, tuple[str, str]] = {
    ErrorClass.PERMISSION: ("access is denied", "denied"),
    ErrorClass.SCP: ("a policy of the organization forbids it", "denied"),
    ErrorClass.ROLE_REFUSED: ("the role that leads into the account is refused", "denied"),
    ErrorClass.OTHER_ACCOUNT: ("the credentials are of another account", "denied"),
    ErrorClass.REGION_OFF: ("the region is switched off, or the credentials are not valid in it", "denied"),
    ErrorClass.NOT_ENABLED: ("the service is not switched on", "unavailable"),
    ErrorClass.THROTTLED: ("too many requests: AWS' rate left no room in time", "throttled"),
    ErrorClass.CAPPED: ("what may be spent a day on paid requests is spent (aws.paid_usd_per_day)", "unavailable"),
    ErrorClass.NETWORK: ("the service does not answer", "unavailable"),
    ErrorClass.TIMEOUT: ("no answer came in time", "timeout"),
    ErrorClass.EXPIRED: ("the credentials have expired", "denied"),
    ErrorClass.ABSENCE: ("there is no such setting", "failed"),
    ErrorClass.RACE: ("it is not there any more", "failed"),
    ErrorClass.ERROR: ("AWS answered what was not foreseen", "failed"),
}  # fmt: skip

# Verdict -> meaning of readings that could not look, for Check.verdicts.
COULD_NOT_LOOK: dict[str, str] = {str(each): f"Could not look: {words}." for each, (words, _) in _WORDS.items()}


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """An error with one of *codes* or *statuses* (globs; HTTP), of *operations*, whose text holds *message*."""

    error_class: ErrorClass
    codes: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()
    operations: tuple[str, ...] = ("*",)
    message: tuple[str, ...] = ()  # any of these, in lower case; empty: whatever it says

    def fits(self, code: str, message: str, http_status: int, operation: str) -> bool:
        said = any(fnmatchcase(code, each) for each in self.codes) or http_status in self.statuses
        return (
            said
            and any(fnmatchcase(operation, each) for each in self.operations)
            and (not self.message or any(part in message.lower() for part in self.message))
        )


_DENIED = (
    "403", "AccessDenied", "AccessDeniedException", "AccessDeniedFault", "AllAccessDisabled", "AuthorizationError",
    "AuthorizationErrorException", "Client.UnauthorizedOperation", "Forbidden", "ForbiddenException",
    "KMS.AccessDeniedException", "NotAuthorized", "NotAuthorizedException", "UnauthorizedAccess",
    "UnauthorizedException", "UnauthorizedOperation",
)  # fmt: skip

ERRORS: tuple[ErrorRow, ...] = (
    ErrorRow(ErrorClass.EXPIRED, ("ExpiredToken", "ExpiredTokenException", "RequestExpired")),
    ErrorRow(
        ErrorClass.THROTTLED,
        (
            "429", "BandwidthLimitExceeded", "EC2ThrottledException", "LimitExceededException",
            "PriorRequestNotComplete", "ProvisionedThroughputExceededException", "RequestLimitExceeded",
            "RequestThrottled", "RequestThrottledException", "SlowDown", "Throttled", "ThrottledException",
            "Throttling", "ThrottlingException", "TooManyRequests", "TooManyRequestsException",
            "TransactionInProgressException",
        ),
        (429,),
    ),
    ErrorRow(ErrorClass.CAPPED, ("PaidLimit",)),  # our own: the request was not made
    ErrorRow(ErrorClass.OTHER_ACCOUNT, ("OtherAccount",)),  # our own too
    ErrorRow(ErrorClass.TIMEOUT, ("ConnectTimeoutError", "DeadlineExceeded", "ReadTimeoutError", "RequestTimeout",
                                  "RequestTimeoutException")),
    # The SDK knows of no endpoint of the service in this region, and none answers.
    ErrorRow(ErrorClass.NOT_ENABLED, ("EndpointUnknown",)),
    ErrorRow(
        ErrorClass.NETWORK,
        (
            "ConnectionClosedError", "ConnectionError", "EndpointConnectionError", "HTTPClientError",
            "IncompleteReadError", "InternalError", "InternalFailure", "InternalServerError",
            "InternalServerErrorException", "InternalServiceError", "InternalServiceException", "ProxyConnectionError",
            "ResponseStreamingError", "SSLError", "ServerException", "ServiceUnavailable",
            "ServiceUnavailableException",
        ),
        (500, 502, 503, 504),
    ),
    ErrorRow(ErrorClass.SCP, _DENIED, message=("service control policy", "resource control policy")),
    # The role does not trust us, wants another external id, is not there, or we may not take it on: AWS says one thing.
    ErrorRow(ErrorClass.ROLE_REFUSED, _DENIED, operations=("AssumeRole",)),
    ErrorRow(
        ErrorClass.REGION_OFF,
        ("AuthFailure", "InvalidClientTokenId", "OptInRequired", "RegionDisabledException",
         "UnrecognizedClientException"),
    ),
    ErrorRow(
        ErrorClass.NOT_ENABLED,
        (
            "AWSOrganizationsNotInUseException", "DataUnavailableException", "InvalidAccessException",
            "NoSuchConfigurationAggregatorException", "OptInRequiredException", "SubscriptionRequiredException",
        ),
    ),
    # That there is no such setting is an answer, for these operations; of anything else it is a thing that went away.
    ErrorRow(
        ErrorClass.ABSENCE,
        (
            "NoSuchBucketPolicy", "NoSuchCORSConfiguration", "NoSuchLifecycleConfiguration",
            "NoSuchPublicAccessBlockConfiguration", "NoSuchTagSet", "NoSuchTagSetError", "NoSuchWebsiteConfiguration",
            "ObjectLockConfigurationNotFoundError", "OwnershipControlsNotFoundError",
            "ReplicationConfigurationNotFoundError", "ServerSideEncryptionConfigurationNotFoundError",
        ),
    ),
    ErrorRow(ErrorClass.ABSENCE, ("NoSuchEntity", "NoSuchEntityException"),
             operations=("GetAccountPasswordPolicy", "GetLoginProfile")),
    ErrorRow(ErrorClass.ABSENCE, ("PolicyNotFound", "PolicyNotFoundException"),
             operations=("DescribeBackupPolicy", "DescribeFileSystemPolicy")),
    # Resource Explorer, where it is not on.
    ErrorRow(ErrorClass.ABSENCE, ("ResourceNotFoundException",), operations=("GetIndex",)),
    ErrorRow(ErrorClass.ABSENCE, ("ResourceNotFoundException",),
             operations=("GetBackupVaultAccessPolicy", "GetBackupVaultNotifications", "GetPolicy",
                         "GetResourcePolicy")),
    ErrorRow(ErrorClass.RACE, ("404",), operations=("Head*",)),
    ErrorRow(
        ErrorClass.RACE,
        ("NoSuch*", "NotFoundException", "ResourceNotFoundException", "*.NotFound", "*NotFound", "*NotFoundFault",
         "*NotFoundException"),
    ),
    ErrorRow(
        ErrorClass.PERMISSION,
        (
            *_DENIED, "401", "IncompleteSignature", "InvalidAccessKeyId", "InvalidSignatureException",
            "MissingAuthenticationToken", "MissingAuthenticationTokenException", "CredentialRetrievalError",
            "NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "SignatureDoesNotMatch",
        ),
        (401, 403),
    ),
)  # fmt: skip


def classify(code: str, message: str = "", http_status: int = 0, operation: str = "") -> ErrorClass:
    """Give what an error means. *code*: AWS' own, or the name of botocore's exception; *operation*: "GetObject"."""
    for row in ERRORS:
        if row.fits(code, message, http_status, operation):
            return row.error_class
    return ErrorClass.ERROR


class AwsError(LookFailed):
    """AWS could not be asked, or refused. Its text is for people: what, where, why, and the action that is missing.

    AWS' own message is left out of it: it may quote a request.
    """

    def __init__(
        self,
        error_class: ErrorClass,
        *,
        service: str,
        operation: str,
        code: str = "",
        action: str = "",
        account: str = "",
        region: str = "",
    ) -> None:
        words, reason = _WORDS[error_class]
        where = " in ".join(part for part in (f"account {account}" if account else "", region) if part)
        text = f"{service} {operation}{f' in {where}' if where else ''}: {words}"
        if code and code != str(error_class):
            text += f" ({code})"
        if error_class is ErrorClass.PERMISSION and action:
            text += f"; the role lacks {action}"
        super().__init__(reason, text)
        self.error_class = error_class
        self.code = code  # AWS' own
        self.service = service  # botocore's name: "acm"
        self.operation = operation  # "ListCertificates"
        self.action = action  # "acm:ListCertificates"
        self.account = account
        self.region = region
        self.words = words

    @property
    def cause(self) -> str:
        """What one thing would mend: a role, a credential, a right of a role that is the same in each account."""
        if self.error_class is ErrorClass.ROLE_REFUSED:
            return f"{self.error_class} {self.account}"
        if self.error_class is ErrorClass.EXPIRED:
            return str(self.error_class)
        if self.error_class is ErrorClass.REGION_OFF:
            return f"{self.error_class} {self.account} {self.region}"
        asked = self.action or f"{self.service}:{self.operation}"
        if self.error_class in (ErrorClass.PERMISSION, ErrorClass.SCP):
            return f"{self.error_class} {asked}"
        return f"{self.error_class} {asked} {self.account}"


__all__ = ["COULD_NOT_LOOK", "ERRORS", "AwsError", "ErrorClass", "ErrorRow", "classify"]

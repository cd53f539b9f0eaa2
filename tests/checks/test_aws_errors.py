"""What an error of AWS means: one test per row of the table, and what people read."""

from __future__ import annotations

import pytest

from checks.aws_errors import COULD_NOT_LOOK, ERRORS, AwsError, ErrorClass, classify

SCP = "User: … is not authorized to perform: acm:ListCertificates with an explicit deny in a service control policy"
CASES: tuple[tuple[str, str, int, str, ErrorClass], ...] = (
    # code, message, HTTP status, operation, class
    ("AccessDenied", "", 403, "ListBuckets", ErrorClass.PERMISSION),
    ("AccessDeniedException", "", 400, "ListCertificates", ErrorClass.PERMISSION),
    ("UnauthorizedOperation", "", 403, "DescribeVpcs", ErrorClass.PERMISSION),
    ("AuthorizationError", "", 403, "ListTopics", ErrorClass.PERMISSION),
    ("KMS.AccessDeniedException", "", 400, "GetObject", ErrorClass.PERMISSION),
    ("403", "", 403, "ListCertificates", ErrorClass.PERMISSION),  # moto's JSON services
    ("", "", 403, "ListBuckets", ErrorClass.PERMISSION),  # moto's REST services
    ("SignatureDoesNotMatch", "", 403, "ListBuckets", ErrorClass.PERMISSION),
    ("NoCredentialsError", "", 0, "ListBuckets", ErrorClass.PERMISSION),
    ("AccessDeniedException", SCP, 400, "ListCertificates", ErrorClass.SCP),
    ("UnauthorizedOperation", SCP, 403, "DescribeVpcs", ErrorClass.SCP),
    ("AccessDenied", "an explicit deny in a resource control policy", 403, "GetObject", ErrorClass.SCP),
    ("AccessDenied", "", 403, "AssumeRole", ErrorClass.ROLE_REFUSED),
    ("AccessDenied", SCP, 403, "AssumeRole", ErrorClass.SCP),
    ("OtherAccount", "", 0, "GetCallerIdentity", ErrorClass.OTHER_ACCOUNT),
    ("AuthFailure", "", 401, "DescribeVpcs", ErrorClass.REGION_OFF),
    ("UnrecognizedClientException", "", 400, "ListCertificates", ErrorClass.REGION_OFF),
    ("InvalidClientTokenId", "", 403, "GetCallerIdentity", ErrorClass.REGION_OFF),
    ("OptInRequired", "", 403, "DescribeVpcs", ErrorClass.REGION_OFF),
    ("RegionDisabledException", "", 403, "AssumeRole", ErrorClass.REGION_OFF),
    ("InvalidAccessException", "", 401, "GetFindings", ErrorClass.NOT_ENABLED),
    ("OptInRequiredException", "", 400, "GetIdleRecommendations", ErrorClass.NOT_ENABLED),
    ("SubscriptionRequiredException", "", 400, "DescribeTrustedAdvisorChecks", ErrorClass.NOT_ENABLED),
    ("NoSuchConfigurationAggregatorException", "", 400, "SelectAggregateResourceConfig", ErrorClass.NOT_ENABLED),
    ("AWSOrganizationsNotInUseException", "", 400, "ListAccounts", ErrorClass.NOT_ENABLED),
    ("DataUnavailableException", "", 400, "GetCostAndUsage", ErrorClass.NOT_ENABLED),
    ("EndpointUnknown", "", 0, "ListAnalyzers", ErrorClass.NOT_ENABLED),
    ("Throttling", "", 400, "DescribeDBInstances", ErrorClass.THROTTLED),
    ("TooManyRequestsException", "", 400, "ListServiceQuotas", ErrorClass.THROTTLED),
    ("RequestLimitExceeded", "", 503, "DescribeVpcs", ErrorClass.THROTTLED),
    ("SlowDown", "", 503, "ListBuckets", ErrorClass.THROTTLED),
    ("LimitExceededException", "", 400, "GetCostAndUsage", ErrorClass.THROTTLED),
    ("", "", 429, "ListVaults", ErrorClass.THROTTLED),
    ("EndpointConnectionError", "", 0, "ListBuckets", ErrorClass.NETWORK),
    ("SSLError", "", 0, "ListBuckets", ErrorClass.NETWORK),
    ("InternalFailure", "", 500, "ListBuckets", ErrorClass.NETWORK),
    ("", "", 502, "ListBuckets", ErrorClass.NETWORK),
    ("ConnectTimeoutError", "", 0, "ListBuckets", ErrorClass.TIMEOUT),
    ("ReadTimeoutError", "", 0, "ListBuckets", ErrorClass.TIMEOUT),
    ("DeadlineExceeded", "", 0, "ListBuckets", ErrorClass.TIMEOUT),
    ("PaidLimit", "", 0, "GetCostAndUsage", ErrorClass.CAPPED),
    ("ExpiredToken", "", 400, "ListBuckets", ErrorClass.EXPIRED),
    ("ExpiredTokenException", "", 403, "ListCertificates", ErrorClass.EXPIRED),
    ("RequestExpired", "", 400, "DescribeVpcs", ErrorClass.EXPIRED),
    ("NoSuchPublicAccessBlockConfiguration", "", 404, "GetPublicAccessBlock", ErrorClass.ABSENCE),
    ("NoSuchBucketPolicy", "", 404, "GetBucketPolicyStatus", ErrorClass.ABSENCE),
    ("ServerSideEncryptionConfigurationNotFoundError", "", 404, "GetBucketEncryption", ErrorClass.ABSENCE),
    ("NoSuchTagSet", "", 404, "GetBucketTagging", ErrorClass.ABSENCE),
    ("NoSuchEntity", "", 404, "GetAccountPasswordPolicy", ErrorClass.ABSENCE),
    ("PolicyNotFound", "", 404, "DescribeBackupPolicy", ErrorClass.ABSENCE),
    ("ResourceNotFoundException", "", 404, "GetBackupVaultAccessPolicy", ErrorClass.ABSENCE),
    ("ResourceNotFoundException", "", 404, "GetIndex", ErrorClass.ABSENCE),
    ("NoSuchBucket", "", 404, "GetBucketEncryption", ErrorClass.RACE),
    ("NoSuchEntity", "", 404, "GetRole", ErrorClass.RACE),
    ("InvalidVolume.NotFound", "", 400, "DescribeVolumes", ErrorClass.RACE),
    ("DBInstanceNotFound", "", 404, "DescribeDBInstances", ErrorClass.RACE),
    ("ResourceNotFoundException", "", 400, "DescribeCertificate", ErrorClass.RACE),
    ("404", "", 404, "HeadObject", ErrorClass.RACE),
    ("404", "", 404, "ListBackupJobs", ErrorClass.ERROR),  # no service answers a list so: it is not there, or not AWS
    ("ValidationException", "", 400, "ListCertificates", ErrorClass.ERROR),
    ("", "", 0, "", ErrorClass.ERROR),
)


@pytest.mark.parametrize(("code", "message", "status", "operation", "expected"), CASES)
def test_an_error_has_one_meaning(code: str, message: str, status: int, operation: str, expected: ErrorClass) -> None:
    """Code, message, status and operation decide, from the top of the table."""
    assert classify(code, message, status, operation) is expected


def test_every_row_decides_something() -> None:
    """A row that an earlier one hides, or that no case reaches, would be dead."""
    deciding = {
        next((number for number, row in enumerate(ERRORS) if row.fits(code, message, status, operation)), None)
        for code, message, status, operation, _ in CASES
    }
    assert deciding == {*range(len(ERRORS)), None}


def test_every_class_is_a_verdict_and_one_of_the_known_reasons() -> None:
    """LookFailed has five words, and an AwsError uses one of them."""
    assert set(COULD_NOT_LOOK) == {str(each) for each in ErrorClass}
    reasons = {AwsError(each, service="acm", operation="ListCertificates").reason for each in ErrorClass}
    assert reasons == {"denied", "throttled", "timeout", "unavailable", "failed"}


def test_a_refusal_tells_where_and_which_action_is_missing() -> None:
    """Account, region, code and action stand in the text."""
    error = AwsError(
        ErrorClass.PERMISSION, service="acm", operation="ListCertificates", code="AccessDeniedException",
        action="acm:ListCertificates", account="111111111111", region="eu-west-1",
    )  # fmt: skip
    assert str(error) == (
        "acm ListCertificates in account 111111111111 in eu-west-1: access is denied (AccessDeniedException); "
        "the role lacks acm:ListCertificates"
    )

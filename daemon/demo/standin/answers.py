"""The stand-in's answers, by service and operation: what moto lacks, or has wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from daemon.demo.api import ACCOUNT
from daemon.demo.standin import bill, quotas
from daemon.demo.standin.asked import Asked
from daemon.demo.standin.facts import EXTRA_SPEND, FAILED_BACKUPS, OLDER_BUCKETS

Answer = Callable[[Asked], Mapping[str, Any] | None]  # None: moto answers rightly in this case


def _lookup_events(asked: Asked) -> Mapping[str, Any]:
    return asked.trail.lookup(asked)


def _backup_jobs(asked: Asked) -> Mapping[str, Any]:
    jobs = []
    for number, one in enumerate(asked.facts.get(FAILED_BACKUPS, ()), 1):
        began = asked.now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
        began = datetime.fromisoformat(one["at"]) if one.get("at") else began
        jobs.append({
            "AccountId": ACCOUNT, "BackupJobId": f"{number:08d}-9f1c-4a55-8a5e-2f9f5b8f3c11", "State": "FAILED",
            "BackupVaultName": "acme", "ResourceArn": one["resource"], "ResourceType": one["type"],
            "CreationDate": began, "CompletionDate": began + timedelta(minutes=4), "StatusMessage": one["message"],
            "MessageCategory": "FAILURE",
        })  # fmt: skip
    return {"BackupJobs": jobs}


def _report(asked: Asked) -> Mapping[str, Any]:
    return quotas.report(asked.region, asked.now)


def _vpc_quotas(asked: Asked) -> Mapping[str, Any]:
    return {"Quotas": quotas.listed(asked.region, str(asked.parameters.get("ServiceCode", "")))}


def _cost_and_usage(asked: Asked) -> Mapping[str, Any]:
    when = asked.parameters["TimePeriod"]
    return bill.cost_and_usage(
        date.fromisoformat(when["Start"]), date.fromisoformat(when["End"]), asked.now.date(), ACCOUNT,
        asked.parameters["Metrics"][0], asked.facts.get(EXTRA_SPEND, {}),
    )  # fmt: skip


def _forecast(asked: Asked) -> Mapping[str, Any]:
    when = asked.parameters["TimePeriod"]
    return bill.forecast(date.fromisoformat(when["Start"]), date.fromisoformat(when["End"]))


def _buckets(asked: Asked) -> Mapping[str, Any]:
    """moto's buckets, with their regions, which moto does not list."""
    from moto.s3.models import s3_backends

    found, older = s3_backends[ACCOUNT]["aws"].buckets, asked.facts.get(OLDER_BUCKETS, {})
    return {
        "Buckets": [
            {
                "Name": name, "BucketRegion": bucket.region_name,
                "CreationDate": datetime.fromisoformat(older[name]) if name in older else bucket.creation_date,
            }
            for name, bucket in sorted(found.items())
        ],
        "Owner": {"ID": "acme"},
    }  # fmt: skip


def _put_policy(asked: Asked) -> Mapping[str, Any]:
    """Bucket policies are kept here: moto refuses by a Deny whatever its condition says."""
    asked.facts.tell(f"policy:{asked.parameters['Bucket']}", str(asked.parameters["Policy"]))
    return {}


def _get_policy(asked: Asked) -> Mapping[str, Any] | None:
    policy = asked.facts.get(f"policy:{asked.parameters['Bucket']}", None)
    return None if policy is None else {"Policy": policy}


def _policy_status(asked: Asked) -> Mapping[str, Any] | None:
    """Public, as far as the demo's policies go: something is allowed to everybody, on no condition."""
    policy = asked.facts.get(f"policy:{asked.parameters['Bucket']}", None)
    if policy is None:
        return None
    statements = json.loads(policy)["Statement"]
    return {"PolicyStatus": {"IsPublic": any(
        one["Effect"] == "Allow" and one["Principal"] == "*" and "Condition" not in one for one in statements
    )}}  # fmt: skip


_ROOT_LINE = (
    f"<root_account>,arn:aws:iam::{ACCOUNT}:root,2020-01-06T09:00:00+00:00,not_supported,no_information,not_supported,"
    "not_supported,true,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
)


def _credential_report(asked: Asked) -> Mapping[str, Any] | None:
    """moto's report, once it is generated, with the line of the root user, which moto leaves out."""
    from moto.iam.models import iam_backends

    backend = iam_backends[ACCOUNT]["aws"]
    if not backend.credential_report:
        return None
    head, _, rest = str(backend.get_credential_report()).partition("\n")
    text = "\n".join([head, _ROOT_LINE, *filter(None, rest.splitlines())])
    return {"Content": text.encode(), "ReportFormat": "text/csv", "GeneratedTime": asked.now}


def _account_summary(asked: Asked) -> Mapping[str, Any]:
    """Of a root user that has a second factor and no keys: moto says that it has none."""
    summary = {"AccountMFAEnabled": 1, "AccountAccessKeysPresent": 0, "AccountPasswordPresent": 1}
    return {"SummaryMap": summary}


def _savings_plans(asked: Asked) -> Mapping[str, Any]:
    ends = asked.now.replace(microsecond=0) + timedelta(days=300)
    plan = "5f6d8a1c-0b7e-4d35-9f42-8a1b3c5d7e90"
    return {"savingsPlans": [{
        "savingsPlanId": plan, "savingsPlanArn": f"arn:aws:savingsplans::{ACCOUNT}:savingsplan/{plan}",
        "savingsPlanType": "Compute", "commitment": "1.8", "currency": "USD", "state": "active",
        "start": f"{ends - timedelta(days=365):%Y-%m-%dT%H:%M:%S.000Z}", "end": f"{ends:%Y-%m-%dT%H:%M:%S.000Z}",
    }]}  # fmt: skip


def _nothing(**answer: Any) -> Answer:
    """What AWS says where there is none of it."""
    return lambda asked: answer


_NO_HOURS = {"PurchasedHours": "0", "UtilizationPercentage": "0"}
ANSWERS: Mapping[tuple[str, str], Answer] = {
    ("accessanalyzer", "ListAnalyzers"): _nothing(analyzers=[]),
    ("apigateway", "GetDomainNames"): _nothing(items=[]),
    ("backup", "ListBackupJobs"): _backup_jobs,
    ("backup", "ListCopyJobs"): _nothing(CopyJobs=[]),
    ("backup", "ListRestoreTestingPlans"): _nothing(RestoreTestingPlans=[]),
    ("ce", "GetAnomalies"): _nothing(Anomalies=[]),
    ("ce", "GetCostAndUsage"): _cost_and_usage,
    ("ce", "GetCostForecast"): _forecast,
    ("ce", "GetReservationCoverage"): _nothing(
        CoveragesByTime=[], Total={"CoverageHours": {"TotalRunningHours": "0"}}
    ),
    ("ce", "GetReservationUtilization"): _nothing(UtilizationsByTime=[], Total=_NO_HOURS),
    ("ce", "GetSavingsPlansCoverage"): _nothing(SavingsPlansCoverages=[{
        "Attributes": {}, "Coverage": {"SpendCoveredBySavingsPlans": "41.00", "TotalCost": "50.00"},
    }]),
    ("ce", "GetSavingsPlansUtilization"): _nothing(
        Total={"Utilization": {"TotalCommitment": "302.4", "UsedCommitment": "296.1", "UtilizationPercentage": "97.9"}}
    ),
    ("cloudformation", "DescribeStacks"): _nothing(Stacks=[]),
    ("cloudtrail", "LookupEvents"): _lookup_events,
    ("compute-optimizer", "GetEnrollmentStatus"): _nothing(status="Inactive"),
    ("cost-optimization-hub", "ListEnrollmentStatuses"): _nothing(items=[], includeMemberAccounts=False),
    ("config", "DescribeComplianceByConfigRule"): _nothing(ComplianceByConfigRules=[]),
    ("dlm", "GetLifecyclePolicies"): _nothing(Policies=[]),
    ("ec2", "DescribeReservedInstances"): _nothing(ReservedInstances=[]),
    ("ec2", "GetSnapshotBlockPublicAccessState"): _nothing(State="block-all-sharing"),
    ("elasticache", "DescribeReservedCacheNodes"): _nothing(ReservedCacheNodes=[]),
    ("elasticache", "DescribeServerlessCaches"): _nothing(ServerlessCaches=[]),
    ("guardduty", "ListFindings"): _nothing(FindingIds=[]),
    ("iam", "GetAccountSummary"): _account_summary,
    ("iam", "GetCredentialReport"): _credential_report,
    ("lambda", "GetAccountSettings"): _nothing(
        AccountLimit={"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 1000},
        AccountUsage={"TotalCodeSize": 0, "FunctionCount": 0},
    ),
    ("ram", "ListResources"): _nothing(resources=[]),
    ("rds", "DescribeReservedDBInstances"): _nothing(ReservedDBInstances=[]),
    ("redshift-serverless", "ListWorkgroups"): _nothing(workgroups=[]),
    ("s3", "GetBucketPolicy"): _get_policy,
    ("s3", "GetBucketPolicyStatus"): _policy_status,
    ("s3", "ListBuckets"): _buckets,
    ("s3", "PutBucketPolicy"): _put_policy,
    ("savingsplans", "DescribeSavingsPlans"): _savings_plans,
    ("service-quotas", "GetQuotaUtilizationReport"): _report,
    ("service-quotas", "ListRequestedServiceQuotaChangeHistory"): _nothing(RequestedQuotas=[]),
    ("service-quotas", "ListServiceQuotas"): _vpc_quotas,
    ("service-quotas", "StartQuotaUtilizationReport"): _nothing(ReportId=quotas.REPORT, Status="PENDING"),
}  # fmt: skip

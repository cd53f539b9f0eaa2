"""One incident of each kind as checks find them, for looking at messages and routes before anything happens. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from alerts.base import COULD_NOT_LOOK, Incident, IncidentState
from alerts.fingerprint import fingerprint
from alerts.tiers import TierOverride, tier_of
from checks.base import Fact, Json, Kind, Tier

ACCOUNT, REGION = "000000000011", "eu-west-1"
LABELS: Mapping[str, str] = {
    "stack": "acme-euw1-prod", "component": "service/payments", "stage": "production", "tenant": "acme",
    "environment": "euw1", "account": ACCOUNT, "region": REGION, "owner": "@acme/payments",
}  # fmt: skip
INSTANCE = "acme-euw1-prod/service/payments"
SWEPT = f"{ACCOUNT}/{REGION}"
# Stand for times, which are put in when a sample is made.
BEFORE, NEXT_WEEK, TWO_DAYS_AGO = "(before)", "(next week)", "(two days ago)"
ENDPOINT = "www.example.com:443"
# What is known of places that are no component instance's.
LABELS_OF: Mapping[str, Mapping[str, str]] = {
    SWEPT: {"account": ACCOUNT, "region": REGION, "stage": "production", "tenant": "acme", "owner": "platform"},
    ENDPOINT: {"stage": "production", "owner": "platform"},
}


@dataclass(frozen=True, slots=True)
class _Sample:
    check: str
    place: str
    key: str
    verdict: str
    summary: str
    remedy: str = ""
    resource: str = ""  # empty: the place
    address: str = ""
    facts: frozenset[Fact] = frozenset()
    addresses: tuple[str, ...] = ()
    evidence: Mapping[str, Json] = field(default_factory=dict)
    ended: str = "looked again, and it is gone"  # why it is over


_SAMPLES: Mapping[Kind, _Sample] = {
    Kind.WORKFLOW_FAILURE: _Sample(
        "execution", INSTANCE, "run", "failed",
        "deploy-service failed at step 3 of 5, apply service/payments: ci-4711 holds the state lock",
        "Wait for ci-4711, which still runs.\n"
        "atmos workflow deploy-service -f deploy -s acme-euw1-prod --from-step step3  # then go on from there",
        evidence={"likely_who": "alice@example.com", "diagnostics": ["Error: Error acquiring the state lock"]},
        ended="the next run of deploy-service succeeded",
    ),
    Kind.SECURITY_VIOLATION: _Sample(
        "security", SWEPT, "world_open", "world_open",
        "security group sg-0a1b2c3d lets the whole world reach port 5432 (PostgreSQL)",
        "atmos terraform plan service/payments -s acme-euw1-prod  # look at it\n"
        "atmos terraform apply service/payments -s acme-euw1-prod  # put the real world back to what the code says",
        f"arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/sg-0a1b2c3d", "aws_security_group.db",
        addresses=("aws_security_group.db",),
        evidence={
            "security": [
                {"class": "public_ingress", "address": "aws_security_group.db", "summary": "tcp 5432 from 0.0.0.0/0"}
            ],
            "likely_who": [
                {"who": "bob@example.com", "at": BEFORE, "what": "ec2:AuthorizeSecurityGroupIngress",
                 "via": "console"}
            ],
        },
    ),
    Kind.QUOTA_EXCEEDED: _Sample(
        "quotas", SWEPT, "exceeded", "exceeded",
        "ec2 Running On-Demand Standard instances: the limit of 640 is reached",
        "aws service-quotas request-service-quota-increase --service-code ec2 --quota-code L-1216C47A "
        f"--region {REGION} --desired-value 1280  # ask for more",
        f"arn:aws:servicequotas:{REGION}:{ACCOUNT}:ec2/L-1216C47A",
        evidence={"diagnostics": ["640 of 640 used (CloudWatch); 512 a week ago"]},
    ),
    Kind.STATE_CORRUPTION: _Sample(
        "state", INSTANCE, "state", "digest_mismatch",
        "the object does not match its digest in the lock table acme-prod-locks: Terraform refuses to read it",
        "Apply nothing before it is clear which version is right.\n"
        "aws s3api list-object-versions --bucket acme-prod-state --prefix service/acme-euw1-prod-payments"
        "/terraform.tfstate  # who wrote last, and what can be restored",
        addresses=("s3://acme-prod-state/service/acme-euw1-prod-payments/terraform.tfstate",),
    ),
    Kind.DRIFT: _Sample(
        "drift", INSTANCE, "drift", "drift",
        "2 resources were changed by hand: module.db.aws_db_instance.this[0] and aws_cloudwatch_log_group.app",
        "atmos terraform plan service/payments -s acme-euw1-prod  # look at it\n"
        "atmos terraform apply service/payments -s acme-euw1-prod  # put the real world back to what the code says",
        addresses=("module.db.aws_db_instance.this[0]", "aws_cloudwatch_log_group.app"),
        evidence={
            "differences": [
                {"address": "module.db.aws_db_instance.this[0]", "action": "update", "class": "drifted", "paths": [
                    {"path": "deletion_protection", "recorded": True, "actual": False, "desired": True},
                    {"path": "instance_class", "recorded": "db.r6g.large", "actual": "db.r6g.xlarge",
                     "desired": "db.r6g.large"},
                    {"path": "password", "recorded": "(sensitive)", "actual": "(sensitive)", "desired": "(sensitive)"},
                ]},
                {"address": "aws_cloudwatch_log_group.app", "action": "update", "class": "drifted", "paths": [
                    {"path": "retention_in_days", "recorded": 30, "actual": 1, "desired": 30},
                ]},
            ],
            "likely_who": [{"who": "bob@example.com", "at": BEFORE, "what": "rds:ModifyDBInstance",
                            "via": "console"}],
        },
    ),
    Kind.CERTIFICATE_EXPIRY: _Sample(
        "certificates", ENDPOINT, "expiry", "near_end",
        f"the certificate of www.example.com ends on {NEXT_WEEK}, in 7 days, and its renewal has not begun",
        "openssl s_client -connect www.example.com:443 -servername www.example.com </dev/null "
        "| openssl x509 -noout -dates",
        addresses=(f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/0f1e2d3c",),
    ),
    Kind.UTILIZATION: _Sample(
        "utilization", SWEPT, "storage", "filling",
        "rds payments-db: more than 90 % of its storage; full within a week at this pace",
        f"aws rds modify-db-instance --db-instance-identifier payments-db --allocated-storage 400 --region {REGION}"
        "  # or say it in the component's vars, and apply",
        f"arn:aws:rds:{REGION}:{ACCOUNT}:db:payments-db", "module.db.aws_db_instance.this[0]",
    ),
    Kind.BACKUP_FAILURE: _Sample(
        "backups", SWEPT, "late", "late",
        f"rds payments-db: the newest recovery point is of {TWO_DAYS_AGO}, by AWS Backup; 26 h are asked for",
        f"aws backup list-backup-jobs --by-resource-arn arn:aws:rds:{REGION}:{ACCOUNT}:db:payments-db --region {REGION}"
        "  # what AWS says of them",
        f"arn:aws:rds:{REGION}:{ACCOUNT}:db:payments-db", "module.db.aws_db_instance.this[0]",
    ),
    Kind.DEPLOYMENT: _Sample(
        "execution", INSTANCE, "run", "succeeded",
        "deploy-service of 3f2a9c1 ended well after 6 min: 4 created, 1 changed, 0 destroyed",
        evidence={"likely_who": "alice@example.com"},
    ),
    Kind.COST_OPPORTUNITY: _Sample(
        "cost", SWEPT, "idle", "idle", "a NAT gateway carried nothing in 14 days: about 35 USD a month",
        f"aws ec2 describe-nat-gateways --nat-gateway-ids nat-0a1b2c3d --region {REGION}  # what it is for",
        f"arn:aws:ec2:{REGION}:{ACCOUNT}:natgateway/nat-0a1b2c3d", "module.vpc.aws_nat_gateway.this[2]",
    ),
    Kind.COMPLIANCE: _Sample(
        "compliance", SWEPT, "tags", "fail", "3 resources lack the tag Owner",
        "Set `tags.Owner` in the stack's vars, and apply.",
        addresses=("aws_s3_bucket.exports", "aws_sqs_queue.jobs", "aws_sns_topic.events"),
    ),
    Kind.PERFORMANCE: _Sample(
        "execution", INSTANCE, "duration", "slower",
        "deploy-service took 21 min; the mean of the last 20 runs is 9 min",
        evidence={"diagnostics": ["plan service/payments: 12 min of it, 3 min usually"]},
    ),
    Kind.MONITORING: _Sample(
        "certificates", SWEPT, COULD_NOT_LOOK, COULD_NOT_LOOK,
        "could not look (denied): which certificates there are: AWS refuses acm:ListCertificates",
        f"Allow acm:ListCertificates for Barograph's role in account {ACCOUNT}.",
        evidence={"reason": "denied"},
        ended="the look succeeded",
    ),
}  # fmt: skip


def sample(
    kind: Kind,
    now: datetime,
    tier: Tier | None = None,
    labels: Mapping[str, str] | None = None,
    overrides: tuple[TierOverride, ...] = (),
) -> Incident:
    """Give a realistic incident of *kind*, opened 20 minutes before *now*.

    *labels* are laid over those of the sample; an empty one takes it away. Without *tier*, the table of tiers decides.
    """  # fmt: skip
    one = _SAMPLES[kind]
    opened = now - timedelta(minutes=20)
    times = {
        BEFORE: (opened - timedelta(minutes=8)).isoformat(), NEXT_WEEK: f"{now + timedelta(days=7):%Y-%m-%d %H:%M} UTC",
        TWO_DAYS_AGO: f"{now - timedelta(days=2):%Y-%m-%d %H:%M} UTC",
    }  # fmt: skip
    own = {**LABELS, "address": one.address, "managed": "yes"} if one.address else LABELS_OF.get(one.place, LABELS)
    said = {**own, **(labels or {})}
    known = {name: text for name, text in said.items() if text}
    resource = one.resource or one.place
    decided, why = tier_of(kind, one.facts, known, resource, overrides)
    return Incident(
        fingerprint=fingerprint(one.check, one.place, resource, kind, one.key), check=one.check, place=one.place,
        resource=resource, key=one.key, kind=kind, tier=tier or decided,
        tier_reason=why if tier in (None, decided) else f"asked for; the table says {decided}: {why}",
        state=IncidentState.OPEN, summary=_dated(one.summary, times), first_seen=opened, opened_at=opened,
        last_seen=now, changed_at=opened, seq=1, remedy=one.remedy, addresses=one.addresses, labels=known,
        evidence=_dated(dict(one.evidence), times), verdict=one.verdict,
    )  # fmt: skip


def _dated(value: Any, times: Mapping[str, str]) -> Any:
    """*value* with times in place of the words that stand for them."""
    if isinstance(value, str):
        for word, text in times.items():
            value = value.replace(word, text)
        return value
    if isinstance(value, Mapping):
        return {name: _dated(item, times) for name, item in value.items()}
    return [_dated(item, times) for item in value] if isinstance(value, list) else value


def ended(incident: Incident, now: datetime) -> tuple[Incident, str]:
    """The same incident once it is over, and why it is."""
    why = _SAMPLES[incident.kind].ended
    return replace(incident, state=IncidentState.RESOLVED, seq=incident.seq + 1, resolved_at=now, changed_at=now), why

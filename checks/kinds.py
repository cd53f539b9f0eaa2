"""The guideline's kinds of alert and their tiers: one table of data, first matching row wins."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Tier(StrEnum):
    """How soon a person must act: at once, within 24 hours, at the weekly review."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Kind(StrEnum):
    """What an alert is about. Twelve of the guideline, and `monitoring`: Barograph could not look."""

    WORKFLOW_FAILURE = "workflow_failure"
    SECURITY_VIOLATION = "security_violation"
    QUOTA_EXCEEDED = "quota_exceeded"
    STATE_CORRUPTION = "state_corruption"
    DRIFT = "drift"
    CERTIFICATE_EXPIRY = "certificate_expiry"
    UTILIZATION = "utilization"
    BACKUP_FAILURE = "backup_failure"
    DEPLOYMENT = "deployment"
    COST_OPPORTUNITY = "cost_opportunity"
    COMPLIANCE = "compliance"
    PERFORMANCE = "performance"
    MONITORING = "monitoring"


class Fact(StrEnum):
    """Circumstances a check states of a finding, so that the table below can promote or demote it."""

    DELETED = "deleted"  # a resource was deleted out of band
    EXPIRED = "expired"  # a certificate is past its end
    UNUSED = "unused"  # what it is about is used by nobody: worth a line, not a warning
    UNFINISHED = "unfinished"  # an apply ended with resources started and not finished
    PUBLIC_DATA = "public_data"  # data can be read by anybody
    ROOT_USE = "root_use"  # the root user of an account acted
    INCREASE_PENDING = "increase_pending"  # a quota increase was requested and is open
    RATE_QUOTA = "rate_quota"  # a quota per second
    LOCK_HELD = "lock_held"  # a state is whole, and locked for too long
    RESOURCES_GONE = "resources_gone"  # a state is whole, and nearly all has gone from it: a destroy, or an accident
    NOT_DRIFT = "not_drift"  # pending, accepted, perpetual, never deployed: worth a line, not a warning


@dataclass(frozen=True, slots=True)
class TierRule:
    """A finding of *kind*, in *stage* (empty: any), with *fact* (None: any), has *tier*; *why* is for people."""

    kind: Kind
    tier: Tier
    why: str
    stage: str = ""
    fact: Fact | None = None


PRODUCTION, STAGING, DEVELOPMENT = "production", "staging", "development"

# Read from the top: the first row that fits decides. A stack whose stage is not known counts as production.
TIERS: tuple[TierRule, ...] = (
    TierRule(Kind.DRIFT, Tier.CRITICAL, "deleted out of band in production", PRODUCTION, Fact.DELETED),
    TierRule(Kind.DRIFT, Tier.INFO, "a difference that is no drift: weekly review", fact=Fact.NOT_DRIFT),
    TierRule(Kind.DRIFT, Tier.WARNING, "drift: answer within 24 hours"),
    TierRule(Kind.CERTIFICATE_EXPIRY, Tier.INFO, "nobody uses the certificate: weekly review", fact=Fact.UNUSED),
    TierRule(Kind.CERTIFICATE_EXPIRY, Tier.CRITICAL, "a certificate or domain has expired", fact=Fact.EXPIRED),
    TierRule(Kind.CERTIFICATE_EXPIRY, Tier.WARNING, "a certificate or domain nears its end: answer within 24 hours"),
    TierRule(Kind.WORKFLOW_FAILURE, Tier.CRITICAL, "an apply ended with unfinished resources", fact=Fact.UNFINISHED),
    TierRule(Kind.WORKFLOW_FAILURE, Tier.CRITICAL, "a failed run in production", PRODUCTION),
    TierRule(Kind.WORKFLOW_FAILURE, Tier.WARNING, "a failed run in staging", STAGING),
    TierRule(Kind.WORKFLOW_FAILURE, Tier.INFO, "a failed run in development", DEVELOPMENT),
    TierRule(Kind.SECURITY_VIOLATION, Tier.CRITICAL, "data is open to everybody", fact=Fact.PUBLIC_DATA),
    TierRule(Kind.SECURITY_VIOLATION, Tier.CRITICAL, "the root user acted", fact=Fact.ROOT_USE),
    TierRule(Kind.SECURITY_VIOLATION, Tier.WARNING, "relaxed security in development", DEVELOPMENT),
    TierRule(Kind.SECURITY_VIOLATION, Tier.CRITICAL, "a security violation: answer at once"),
    TierRule(Kind.QUOTA_EXCEEDED, Tier.WARNING, "an increase is already requested", fact=Fact.INCREASE_PENDING),
    TierRule(Kind.QUOTA_EXCEEDED, Tier.WARNING, "a quota per second", fact=Fact.RATE_QUOTA),
    TierRule(Kind.QUOTA_EXCEEDED, Tier.CRITICAL, "a quota is exceeded: answer at once"),
    TierRule(Kind.STATE_CORRUPTION, Tier.WARNING, "a lock is held for too long", fact=Fact.LOCK_HELD),
    TierRule(
        Kind.STATE_CORRUPTION, Tier.CRITICAL, "resources have gone in production", PRODUCTION, Fact.RESOURCES_GONE
    ),
    TierRule(Kind.STATE_CORRUPTION, Tier.WARNING, "resources have gone: a destroy?", fact=Fact.RESOURCES_GONE),
    TierRule(Kind.STATE_CORRUPTION, Tier.CRITICAL, "a Terraform state is damaged: answer at once"),
    TierRule(Kind.UTILIZATION, Tier.WARNING, "utilization: answer within 24 hours"),
    TierRule(Kind.BACKUP_FAILURE, Tier.WARNING, "a backup failed or is missing: answer within 24 hours"),
    TierRule(Kind.MONITORING, Tier.WARNING, "Barograph could not look: silence is not health"),
    TierRule(Kind.DEPLOYMENT, Tier.INFO, "a deployment: weekly review"),
    TierRule(Kind.COST_OPPORTUNITY, Tier.INFO, "a cost opportunity: weekly review"),
    TierRule(Kind.COMPLIANCE, Tier.INFO, "compliance: weekly review"),
    TierRule(Kind.PERFORMANCE, Tier.INFO, "performance: weekly review"),
)

# Posted at the first look too, where everything else is summed up as the baseline.
BASELINE_EXEMPT: tuple[tuple[Kind, Fact | None], ...] = (
    (Kind.STATE_CORRUPTION, None),
    (Kind.QUOTA_EXCEEDED, None),
    (Kind.CERTIFICATE_EXPIRY, Fact.EXPIRED),
    (Kind.SECURITY_VIOLATION, Fact.PUBLIC_DATA),
    # A run that ended is news at once; there is nothing at a first look that was there before.
    (Kind.WORKFLOW_FAILURE, None),
    (Kind.DEPLOYMENT, None),
    # The first look is a baseline only where it succeeded; "could not look" is never part of one.
    (Kind.MONITORING, None),
)

"""How a certificate stands: pure functions of what is told of it, the limits and the time."""

from __future__ import annotations

from datetime import datetime, timedelta

from checks.certs.model import Held, Limits, Told, Verdict

# Requested and not issued: ACM gives up on a validation after 72 hours.
_NEVER_ISSUED = frozenset({"FAILED", "VALIDATION_TIMED_OUT"})
_WORDS = {
    "NO_AVAILABLE_CONTACTS": "there is no contact to ask",
    "ADDITIONAL_VERIFICATION_REQUIRED": "AWS wants more information; open a support case",
    "DOMAIN_NOT_ALLOWED": "a domain is on a list of unsafe ones",
    "INVALID_PUBLIC_DOMAIN": "a domain is no public one",
    "DOMAIN_VALIDATION_DENIED": "the validation of a domain was denied",
    "CAA_ERROR": "a CAA record in DNS forbids Amazon to issue",
    "PCA_ACCESS_DENIED": "ACM may not use the private authority any more",
    "PCA_INVALID_STATE": "the private authority is not active",
    "PCA_INVALID_DURATION": "the private authority ends too soon itself",
    "PCA_RESOURCE_NOT_FOUND": "the private authority is gone",
    "PCA_LIMIT_EXCEEDED": "the private authority has issued as many as it may",
    "SLR_NOT_FOUND": "ACM's service-linked role is missing",
}


def moment(when: datetime) -> str:
    """A time for people, in UTC."""
    return f"{when:%Y-%m-%d %H:%M} UTC"


def judge(held: Held, limits: Limits, now: datetime) -> Told:
    """Judge one certificate that is held somewhere.

    First what its holder says of it, then its dates, then its renewal: one that is under way is no alarm before it is
    late, one that failed or waits for somebody is one at once, and what nobody uses is none.
    """
    used = held.in_use is not False
    told = _by_status(held, used)
    if told is not None:
        return told
    end = held.not_after
    if end is None:
        return Told(Verdict.NO_DATE, f"{held.what}: no date of its end is given", alarm=True)
    if now >= end:
        return _expired(held, end, used)
    if held.not_before is not None and now < held.not_before:
        reason = f"{held.what} is valid from {moment(held.not_before)} on, and not before"
        return Told(Verdict.NOT_YET_VALID, reason, alarm=used)
    told = _by_renewal(held, end) if used else None
    if told is not None:
        return told
    return _by_time_left(held, end, used, limits, now)


def _by_status(held: Held, used: bool) -> Told | None:
    """What follows from the status alone; None: nothing does."""
    why = f": {_spelt(held.status_reason)}" if held.status_reason else ""
    if held.status in _NEVER_ISSUED:
        return Told(Verdict.NOT_ISSUED, f"{held.what} was requested and never issued{why}", alarm=True)
    if held.status == "PENDING_VALIDATION":
        return Told(Verdict.PENDING, f"{held.what} waits to be validated{why}")
    if held.status == "REVOKED":
        return Told(Verdict.REVOKED, f"{held.what} is revoked{why}", alarm=True)
    if held.status == "INACTIVE":
        return Told(Verdict.INACTIVE, f"{held.what} is inactive{why}", alarm=used)
    if held.status == "EXPIRED" and held.not_after is None:
        return _expired(held, None, used)
    return None


def _expired(held: Held, end: datetime | None, used: bool) -> Told:
    when = f" on {moment(end)}" if end is not None else ""
    if not used:
        return Told(Verdict.EXPIRED_UNUSED, f"{held.what} expired{when}, and nobody uses it", alarm=True)
    more = f"; {held.hint}" if held.hint else ""
    return Told(Verdict.EXPIRED, f"{held.what} expired{when}{more}", alarm=True)


def _by_renewal(held: Held, end: datetime) -> Told | None:
    """A renewal that does not go well is an alarm however much time is left."""
    renewal = held.renewal
    if renewal is None or renewal.status == "SUCCESS":
        return None
    why = f": {_spelt(renewal.reason)}" if renewal.reason else ""
    if renewal.status == "FAILED":
        return Told(Verdict.RENEWAL_FAILED, f"{held.what} is not renewed{why}; it ends on {moment(end)}", alarm=True)
    if renewal.status == "PENDING_VALIDATION":
        domains = f" of {', '.join(renewal.waits_for)}" if renewal.waits_for else ""
        reason = f"the renewal of {held.what} waits for the validation{domains}{why}; it ends on {moment(end)}"
        return Told(Verdict.RENEWAL_BLOCKED, reason, alarm=True)
    if renewal.reason:
        reason = f"an attempt to renew {held.what} did not succeed{why}; it ends on {moment(end)}"
        return Told(Verdict.RENEWAL_FAILED, reason, alarm=True)
    return None


def _by_time_left(held: Held, end: datetime, used: bool, limits: Limits, now: datetime) -> Told:
    left = end - now
    near = limits.warn_before(held.life, authority=held.authority)
    ends = f"{held.what} ends on {moment(end)}"
    if left > near:
        return Told(Verdict.VALID, ends)
    if not used:
        return Told(Verdict.UNUSED, f"{ends}, and nobody uses it")
    if held.renewed_by:
        if left > near * limits.late:
            return Told(Verdict.RENEWING, f"{ends}; {held.renewed_by} renews it by itself, and is in time")
        return Told(Verdict.RENEWAL_LATE, f"{ends}, and {held.renewed_by} has not renewed it in time", alarm=True)
    return Told(Verdict.EXPIRING, f"{ends}; {held.hint or 'nobody is known to renew it'}", alarm=True)


def _spelt(code: str) -> str:
    """AWS' word for a reason, and what it means."""
    return f"{code} ({_WORDS[code]})" if code in _WORDS else code


def left_for_people(end: datetime, now: datetime) -> str:
    """How much time is left, in words for the page; never for what an alert is compared by."""
    left = end - now
    if left < timedelta(0):
        return f"{_span(-left)} ago"
    return f"in {_span(left)}"


def _span(span: timedelta) -> str:
    if span >= timedelta(days=2):
        return f"{span.days} days"
    hours = int(span.total_seconds() // 3600)
    return f"{hours} hours" if hours >= 2 else f"{int(span.total_seconds() // 60)} min"

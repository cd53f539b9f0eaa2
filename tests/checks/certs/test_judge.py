"""How one held certificate is judged: the table of cases, and what holds for every case."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.certs.judge import judge, left_for_people
from checks.certs.model import MEANING, Held, Limits, Renewal, Verdict

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LIMITS = Limits()


def held(life: float, left: float, **more: Any) -> Held:
    """A certificate that lives *life* days, of which *left* are left."""
    end = NOW + timedelta(days=left)
    return Held("it", end - timedelta(days=life), end, **more)


def acm(life: float, left: float, status: str = "", reason: str = "", **more: Any) -> Held:
    """One that ACM renews by itself."""
    return held(life, left, renewed_by="ACM", renewal=Renewal(status, reason) if status else None, **more)


def imported(life: float, left: float, **more: Any) -> Held:
    return held(life, left, hint="it was imported, and nobody renews it", **more)


CASES: list[tuple[str, Held, Verdict, bool]] = [
    # Nobody is known to renew it: a third of its life, whatever its life is.
    ("47 days, 20 left", held(47, 20), Verdict.VALID, False),
    ("47 days, 15 left", held(47, 15), Verdict.EXPIRING, True),
    ("90 days, 31 left", held(90, 31), Verdict.VALID, False),
    ("90 days, 29 left", held(90, 29), Verdict.EXPIRING, True),
    ("100 days, 34 left", held(100, 34), Verdict.VALID, False),
    ("200 days, 61 left: the ceiling", held(200, 61), Verdict.VALID, False),
    ("398 days, 59 left: the ceiling", held(398, 59), Verdict.EXPIRING, True),
    ("6 days, 3 left", held(6, 3), Verdict.VALID, False),
    ("6 days, 1 left", held(6, 1), Verdict.EXPIRING, True),
    ("10 years, 61 days left", held(3650, 61), Verdict.VALID, False),
    ("an authority, 181 days left", held(3650, 181, authority=True), Verdict.VALID, False),
    ("an authority, 179 days left", held(3650, 179, authority=True), Verdict.EXPIRING, True),
    ("life not known, 31 left", replace(held(90, 31), not_before=None), Verdict.VALID, False),
    ("life not known, 29 left", replace(held(90, 29), not_before=None), Verdict.EXPIRING, True),
    # ACM renews it: no alarm before it is late, one at once where it does not go well.
    ("renewed by itself, not begun, 50 left", acm(198, 50), Verdict.RENEWING, False),
    ("renewal under way, 40 left", acm(198, 40, "PENDING_AUTO_RENEWAL"), Verdict.RENEWING, False),
    ("renewal under way, and late", acm(198, 29, "PENDING_AUTO_RENEWAL"), Verdict.RENEWAL_LATE, True),
    ("47 days, renewal under way", acm(47, 10, "PENDING_AUTO_RENEWAL"), Verdict.RENEWING, False),
    ("47 days, renewal late", acm(47, 7, "PENDING_AUTO_RENEWAL"), Verdict.RENEWAL_LATE, True),
    ("renewal waits for a validation, 58 left", acm(198, 58, "PENDING_VALIDATION"), Verdict.RENEWAL_BLOCKED, True),
    ("renewal failed, 80 left", acm(198, 80, "FAILED", "CAA_ERROR"), Verdict.RENEWAL_FAILED, True),
    ("an attempt failed, others follow",
     acm(198, 55, "PENDING_AUTO_RENEWAL", "PCA_ACCESS_DENIED"), Verdict.RENEWAL_FAILED, True),
    ("renewed", acm(198, 190, "SUCCESS"), Verdict.VALID, False),
    ("renewed once, and late now", acm(198, 20, "SUCCESS"), Verdict.RENEWAL_LATE, True),
    ("renewal failed, and nobody uses it",
     acm(198, 80, "FAILED", in_use=False), Verdict.VALID, False),
    # Imported, expired, unused.
    ("imported, in use, near", imported(365, 20), Verdict.EXPIRING, True),
    ("imported, not used, near", imported(365, 20, in_use=False), Verdict.UNUSED, False),
    ("imported, use not known, near", imported(365, 20, in_use=None), Verdict.EXPIRING, True),
    ("expired, in use", imported(365, -1), Verdict.EXPIRED, True),
    ("expired this very moment", imported(365, 0), Verdict.EXPIRED, True),
    ("expired, use not known", imported(365, -1, in_use=None), Verdict.EXPIRED, True),
    ("expired, not used", imported(365, -1, in_use=False), Verdict.EXPIRED_UNUSED, True),
    ("expired while its renewal is under way", acm(198, -1, "PENDING_AUTO_RENEWAL"), Verdict.EXPIRED, True),
    ("ACM says expired, and no date", Held("it", None, None, status="EXPIRED"), Verdict.EXPIRED, True),
    ("not valid yet, in use", held(90, 100), Verdict.NOT_YET_VALID, True),
    ("not valid yet, not used", held(90, 100, in_use=False), Verdict.NOT_YET_VALID, False),
    # Its status.
    ("revoked, in use", held(365, 200, status="REVOKED"), Verdict.REVOKED, True),
    ("inactive, in use", held(365, 200, status="INACTIVE"), Verdict.INACTIVE, True),
    ("inactive, not used", held(365, 200, status="INACTIVE", in_use=False), Verdict.INACTIVE, False),
    ("waits for its first validation", Held("it", None, None, False, "PENDING_VALIDATION"), Verdict.PENDING, False),
    ("first validation timed out", Held("it", None, None, False, "VALIDATION_TIMED_OUT"), Verdict.NOT_ISSUED, True),
    ("request failed", Held("it", None, None, False, "FAILED", "CAA_ERROR"), Verdict.NOT_ISSUED, True),
    # No date is no number.
    ("issued, and no date", Held("it", None, None), Verdict.NO_DATE, True),
    ("a beginning and no end", Held("it", NOW, None), Verdict.NO_DATE, True),
    ("a life that is less than nothing", Held("it", NOW + timedelta(days=9), NOW - timedelta(days=9)),
     Verdict.EXPIRED, True),
]  # fmt: skip


@pytest.mark.parametrize(("case", "certificate", "verdict", "alarm"), CASES, ids=[case[0] for case in CASES])
def test_each_case_has_its_verdict(case: str, certificate: Held, verdict: Verdict, alarm: bool) -> None:
    """Verdict and whether a person hears of it, for each combination that matters."""
    told = judge(certificate, LIMITS, NOW)
    assert (told.verdict, told.alarm) == (verdict, alarm)
    assert told.reason.startswith(("it", "the renewal of it", "an attempt to renew it"))


@pytest.mark.parametrize(
    ("fraction", "life", "left", "verdict"),
    [
        (0.1, 90, 10, Verdict.VALID),
        (0.1, 90, 8.9, Verdict.EXPIRING),
        (0.01, 90, 6.9, Verdict.EXPIRING),  # the floor of 7 days
        (0.01, 15, 4.9, Verdict.EXPIRING),  # the floor is never more than a third of the life
        (0.01, 15, 5.1, Verdict.VALID),
    ],
)
def test_the_limits_can_be_moved(fraction: float, life: float, left: float, verdict: Verdict) -> None:
    """A smaller part has a floor, which never alarms for most of a short life."""
    assert judge(held(life, left), replace(LIMITS, fraction=fraction), NOW).verdict is verdict


def test_reasons_name_what_aws_said_and_what_it_means() -> None:
    """The code, its meaning, the domains that wait, and until when."""
    failed = judge(acm(198, 80, "FAILED", "CAA_ERROR"), LIMITS, NOW).reason
    assert failed == (
        "it is not renewed: CAA_ERROR (a CAA record in DNS forbids Amazon to issue); it ends on 2026-08-20 12:00 UTC"
    )
    waits = Renewal("PENDING_VALIDATION", waits_for=("a.example", "b.example"))
    blocked = judge(replace(acm(198, 80), renewal=waits), LIMITS, NOW).reason
    assert "waits for the validation of a.example, b.example" in blocked


_DAYS = st.floats(-4000, 4000).map(lambda days: timedelta(days=days))
_HELD = st.builds(
    Held,
    st.just("it"),
    st.none() | _DAYS.map(lambda span: NOW + span),
    st.none() | _DAYS.map(lambda span: NOW + span),
    st.sampled_from([True, False, None]),
    st.sampled_from(["ISSUED", "EXPIRED", "REVOKED", "INACTIVE", "FAILED", "PENDING_VALIDATION", "NEW_WORD", ""]),
    st.sampled_from(["", "CAA_ERROR", "UNHEARD_OF"]),
    st.sampled_from(["", "ACM"]),
    st.just(""),
    st.none()
    | st.builds(Renewal, st.sampled_from(["PENDING_AUTO_RENEWAL", "PENDING_VALIDATION", "SUCCESS", "FAILED", "NEW"])),
    st.booleans(),
)


@given(_HELD)
def test_what_is_past_its_end_is_never_well(certificate: Held) -> None:
    """No combination makes an expired certificate valid, or one without a date healthy."""
    told = judge(certificate, LIMITS, NOW)
    assert told.verdict in MEANING
    if certificate.not_after is not None and certificate.not_after <= NOW:
        assert told.verdict not in (Verdict.VALID, Verdict.RENEWING, Verdict.EXPIRING)
        assert told.alarm or told.verdict in (Verdict.PENDING, Verdict.INACTIVE)
    if certificate.not_after is None:
        assert told.alarm or told.verdict in (Verdict.PENDING, Verdict.INACTIVE)


@given(_HELD, st.floats(0, 3600))
def test_reasons_do_not_change_while_nothing_changes(certificate: Held, seconds: float) -> None:
    """The words of an alarm are compared from look to look: what counts down in them would be told again each time."""
    first, second = (judge(certificate, LIMITS, NOW + timedelta(seconds=s)) for s in (0, seconds))
    if first.verdict is second.verdict:
        assert first.reason == second.reason
    assert not re.search(r"\b(in|ago) \d", first.reason)


@pytest.mark.parametrize(
    ("seconds", "words"), [(86400 * 3, "in 3 days"), (7300, "in 2 hours"), (90, "in 1 min"), (-86400 * 9, "9 days ago")]
)
def test_time_left_is_in_words(seconds: float, words: str) -> None:
    """For the page only."""
    assert left_for_people(NOW + timedelta(seconds=seconds), NOW) == words

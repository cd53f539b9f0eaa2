"""Looking at what other services say, over a fake AWS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checks.base import Reading
from checks.exposure.settings import Settings
from checks.exposure.told import Teller
from checks.exposure.verdicts import VerdictLook
from checks.security import Security
from tests.aws.fake import FakeAws, Fault
from tests.aws.places import ACCOUNT, REGION, fake_place
from tests.checks.exposure.world import REGIONAL

HERE = f"{ACCOUNT}/{REGION}"
SERVICES = ("securityhub", "config", "guardduty", "accessanalyzer")
ANSWERS = {key: answer for key, answer in REGIONAL.items() if key[0] in SERVICES}
SILENT: dict[tuple[str, str], Any] = {
    **ANSWERS,
    ("securityhub", "get_findings"): {"Findings": []},
    ("config", "describe_compliance_by_config_rule"): {"ComplianceByConfigRules": []},
    ("guardduty", "list_findings"): {"FindingIds": []},
    ("accessanalyzer", "list_findings"): {"findings": []},
}  # fmt: skip


def settings(**options: Any) -> Settings:
    return Security(**options)._settings()


def look(
    answers: FakeAws | Mapping[tuple[str, str], Any],
    *,
    seen: set[tuple[str, str]] | None = None,
    memory: Mapping[str, Any] | None = None,
    failing: tuple[str, str, Fault] | None = None,
    place: Any = None,
    **options: Any,
) -> dict[str, Reading]:
    fake = answers if isinstance(answers, FakeAws) else FakeAws(answers)
    place = place or fake_place(Security, fake, memory=memory)
    looking = VerdictLook(place, Teller(place, seen=seen or set()), settings(**options))
    if failing is None:
        found = list(looking.readings())
    else:
        with fake.failing(*failing):
            found = list(looking.readings())
    assert len({one.resource for one in found}) == len(found)
    return {reading.resource: reading for reading in found}

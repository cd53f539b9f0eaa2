"""Stack names that only Atmos can compute: not judged, and said so; never taken for one empty name."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.manifests.examine import examine
from tests.daemon.repository.small import ATMOS, repository

COMPONENT = """\
components:
  terraform:
    vpc: {backend_type: s3, backend: {s3: {bucket: b, key: "KEY", region: eu-west-1}}, vars: {a: 1}}
"""
WORKFLOW = "workflows: {a: {steps: [{command: terraform plan vpc -s ACME-dev}]}}\n"


@pytest.mark.parametrize(
    ("naming", "stage"),
    [
        ("name_template: '{{ .vars.tenant | upper }}-{{ .vars.stage }}'", "dev"),
        ("name_template: '{{ if .vars.stage }}{{ .vars.stage }}{{ end }}'", "dev"),
        ('name_pattern: "{tenant}-{stage}"', "!env STAGE"),
    ],
    ids=["function", "condition", "yaml function"],
)
def test_what_goes_by_a_computed_name_is_not_judged(naming: str, stage: str, tmp_path: Path) -> None:
    """Two stacks are not one for it, and a workflow's target not wrong; that it was not judged is a note."""
    files = {
        f"stacks/deploy/{one}.yaml": f"vars: {{tenant: acme, stage: {stage}}}\n{COMPONENT.replace('KEY', one)}"
        for one in ("dev", "prod")
    }
    files |= {"components/terraform/vpc/main.tf": "", "workflows/a.yaml": WORKFLOW}
    atmos = ATMOS.replace('name_pattern: "{tenant}-{stage}"', naming)
    seen = examine(repository(tmp_path, files, atmos=atmos))
    assert [one.code for one in seen.findings] == []
    assert any(note.startswith("The name of 2 stacks is computed by Atmos") for note in seen.notes)

"""A replica of a real repository that no Atmos loads: explained in one page, in seconds, with nothing started."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from checks.manifests.examine import examine
from checks.manifests.model import Examination
from daemon.repository import read
from tests.checks.manifests.replica import WORKFLOWS, build, instances

ROOT = Path(__file__).parents[3]
COMPUTE = "stacks/orgs/fnx/dev/eu-west-2/testenv-01/components/compute.yaml"

# Run by itself, so that time and memory are its own; any attempt to start a program is written down.
MEASURED = """
import json, resource, sys, time
started = []
starts = ("subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system")
sys.addaudithook(lambda event, _: started.append(event) if event in starts else None)
begin = time.monotonic()
from pathlib import Path
from checks.manifests.examine import examine
from daemon.preflight.page import page
from daemon.repository import read
seen = examine(read(Path(sys.argv[1])))
text = page(seen, "replica", width=100, colour=False)
status = Path("/proc/self/status")
if status.exists():  # ru_maxrss begins with that of the process that started this one
    [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
    peak = int(line.split()[1]) * 1024
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"seconds": time.monotonic() - begin, "bytes": peak, "started": started,
                  "codes": [one.code for one in seen.findings], "lines": len(text.splitlines())}))
"""


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("replica"))


@pytest.fixture(scope="module")
def examined(replica: Path) -> Examination:
    return examine(read(replica))


def test_it_is_as_large_as_the_real_one(examined: Examination, replica: Path) -> None:
    """Three stacks, 96 instances that are not abstract, 19 workflows."""
    assert len(examined.stacks) == 3
    assert sum(not one.abstract for stack in examined.stacks for one in stack.components.values()) == instances() == 96
    assert len(list((replica / "workflows").glob("*.yaml"))) == WORKFLOWS == 19


def test_all_pitfalls_are_ten_findings(examined: Examination) -> None:
    """Hundreds of symptoms, ten causes, and what stops everything comes first."""
    assert [one.code for one in examined.findings] == [
        "type_conflict",  # 17
        "root_metadata",  # 2
        "unknown_pattern_token",  # 1
        "stack_name_collision",  # 2b
        "no_backend",  # 4
        "component_folder_missing",  # 6
        "literal_interpolation",  # 5
        "inert_workflow",  # 8
        "workflow_arguments",  # 9
        "version_contradiction",  # 12
    ]
    assert examined.unread == ()


def test_the_first_names_both_lines_of_the_type_conflict(examined: Examination) -> None:
    """Atmos names neither file nor key; a person needs both places, and which of the two is the list."""
    first = examined.findings[0]
    assert [str(spot) for spot in first.spots[:2]] == [f"{COMPUTE}:10:36", "stacks/catalog/eks/defaults.yaml:11:36"]
    assert first.cases[0].marks[:2] == ("a list", "a string, which it is merged over")
    assert first.blocks_all
    assert first.affected.startswith("up to 1.205")


def test_shared_states_go_with_the_names_that_cause_them(examined: Examination) -> None:
    """Pitfall 3: older Atmos plans dev and prod in one workspace, `-vpc-main`; newer in one of one name."""
    token, collision = examined.findings[2:4]
    assert {"state_collision", "workspace_name_unusable"} <= {one.code for one in token.follows}
    [unusable] = [one for one in token.follows if one.code == "workspace_name_unusable"]
    assert any("`-vpc-main`" in case.text for case in unusable.cases)
    assert {"state_collision", "ambiguous_component"} <= {one.code for one in collision.follows}
    assert all(one.before == (1, 204, 0) for one in token.follows)
    assert all(one.since == (1, 204, 0) for one in collision.follows)


@pytest.mark.parametrize(
    ("version", "first"),
    [((1, 163, 0), "type_conflict"), ((1, 205, 1), "type_conflict"), ((1, 215, 0), "stack_name_collision"),
     ((1, 226, 1), "root_metadata")],
)  # fmt: skip
def test_each_version_has_its_own_first_cause(version: tuple[int, int, int], first: str, replica: Path) -> None:
    """The layers that hide each other, one for each generation."""
    seen = examine(read(replica, version))
    assert seen.findings[0].code == first
    assert len(seen.findings) <= 10


def test_it_takes_seconds_and_starts_nothing(replica: Path) -> None:
    """Less than five seconds and 200 MB, imports included, and no process."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(replica)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    measured = json.loads(done.stdout)
    assert measured["started"] == []
    assert measured["seconds"] < 5
    assert measured["bytes"] < 200 * 1000 * 1000
    assert len(measured["codes"]) <= 10
    assert measured["lines"] < 300

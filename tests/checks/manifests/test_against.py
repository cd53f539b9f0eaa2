"""Where the reading of the files and the listing of Atmos differ, Atmos is right and the difference is told."""

from __future__ import annotations

import pytest

from checks.manifests.against import limitations
from checks.manifests.model import Stack
from daemon.repository import read
from tests import fakeatmos


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Stack, ...]:
    """The recorded repository's, as it is read from its files."""
    return read(fakeatmos.lay_out(tmp_path_factory.mktemp("against")), (1, 205, 1)).stacks


def listed(stacks: tuple[Stack, ...]) -> dict[tuple[str, str], str]:
    return {(one.name, name): each.workspace for one in stacks for name, each in one.components.items()}


def test_the_same_on_both_sides_is_nothing_to_tell(stacks: tuple[Stack, ...]) -> None:
    """Also where an instance has no workspace in the listing, because it is not planned."""
    assert len(listed(stacks)) == 15
    assert limitations(stacks, listed(stacks)) == ()
    assert limitations(stacks, dict.fromkeys(listed(stacks), "")) == ()


def test_each_way_to_differ_is_told_by_name(stacks: tuple[Stack, ...]) -> None:
    """Listed only, read only, another workspace; long lists are cut and counted."""
    other = listed(stacks)
    del other[("acme-dev", "dns")]
    other[("acme-dev", "ghost")] = "acme-dev-ghost"
    other[("acme-prod", "network")] = "elsewhere"
    told = limitations(stacks, other)
    assert [text.split(":")[1].split(";")[0].strip() for text in told] == [
        "acme-dev/ghost", "acme-dev/dns", "acme-prod/network",
    ]  # fmt: skip
    assert all("Atmos is right" in text for text in told)
    (cut,) = limitations((), listed(stacks))
    assert "and 10 more" in cut

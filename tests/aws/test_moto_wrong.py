"""moto's known wrong answers: as long as they are wrong, and no longer."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.aws.moto_wrong import REGION, WRONG, Clients, Wrong, modules
from tests.aws.places import seed

ROOT = Path(__file__).parent.parent.parent
ACCOUNT = "707070707070"  # nobody else's: what is made here is not to be found by other tests


@pytest.mark.parametrize("row", WRONG, ids=lambda row: row.name)
def test_moto_is_wrong_as_written(row: Wrong, moto: str) -> None:
    """One that is mended is a better test than a fake: use it, and take its row away."""

    @cache
    def clients(service: str) -> Any:
        return seed(moto, service, account=ACCOUNT, region=REGION)

    told = mended(row, clients)
    assert not told, told


def mended(row: Wrong, clients: Clients) -> str:
    """What to do, where moto does not give the wrong answer of *row* any more; empty: it does."""
    if row.still(clients):
        return ""
    return (
        f"moto has mended {row.service} {row.operation}: use it. It used to say that {row.says}; AWS says {row.aws} "
        f"({row.source}). Tests that go round it: {', '.join(row.avoided_by) or 'none'}. Then take the row out of "
        "tests/aws/moto_wrong.py."
    )


def test_a_row_that_is_mended_says_what_to_do() -> None:
    """Loudly, and whoever updates moto needs nothing else."""
    told = mended(replace(WRONG[0], still=lambda clients: False), lambda service: None)
    assert told.startswith(f"moto has mended {WRONG[0].service} {WRONG[0].operation}: use it.")
    assert WRONG[0].avoided_by[0] in told


def test_a_row_says_what_moto_and_what_aws_say_and_where_that_is_written() -> None:
    """And names modules that are there, so that whoever mends it finds what to change."""
    assert len({row.name for row in WRONG}) == len(WRONG) >= 10
    for row in WRONG:
        assert all((row.service, row.operation, row.says, row.aws, row.source)), row
    missing = sorted({path for path in modules() if not (ROOT / path).is_file()})
    assert missing == []

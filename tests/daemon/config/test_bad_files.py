"""One small file per mistake, and beside it exactly what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.config import ConfigError, load
from tests.daemon.config.sample import CANARY, CHECKS, ENV

FOLDER = Path(__file__).parent / "bad"
FILES = sorted(FOLDER.glob("*.yml"))


def told(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path, ENV, CHECKS)
    assert caught.value.__context__ is None  # pydantic's own error holds the input
    return "".join(f"{problem}\n" for problem in caught.value.problems).replace(str(path), path.name)


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_bad_file_gets_exactly_its_messages(path: Path) -> None:
    """Every mistake of the file is told at once, at its place, in the words beside it, and no secret is repeated."""
    text = told(path)

    assert path.with_suffix(".err").read_text() == text
    assert CANARY not in text


def test_every_bad_file_has_its_messages_and_the_other_way_round() -> None:
    """No expectation is left over from a file that is gone."""
    assert {path.stem for path in FILES} == {path.stem for path in FOLDER.glob("*.err")}
    assert len(FILES) > 30

"""Texts that are shortened: no secret is cut in two, and nothing else is lost than what is too long."""

from __future__ import annotations

import pytest

from alerts.escape import ELLIPSIS, REMOVED, clean

KEY = "AKIA" + "A" * 16


@pytest.mark.parametrize("more", [1, 50, 999, 1_000])
def test_a_text_that_is_a_little_too_long_keeps_its_beginning(more: int) -> None:
    """What was looked through whole is cut where it has to be: a long name does not become nothing."""
    assert clean("x" * (300 + more), 300) == "x" * 300 + ELLIPSIS


@pytest.mark.parametrize("more", [0, 600, 988, 990, 5_000])
def test_a_secret_at_the_cut_is_taken_out_whole(more: int) -> None:
    """No part of it stands before the cut, however long the text is."""
    cleaned = clean(f"{'x ' * 145}{KEY} {'y' * more}", 300)
    assert "AKIA" not in cleaned
    assert len(cleaned) <= 301


def test_what_is_short_once_its_secret_is_gone_is_whole() -> None:
    """It is not called cut."""
    assert clean(f"x {KEY}{'A' * 90} y", 40) == f"x {REMOVED} y"

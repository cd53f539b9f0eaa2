"""Runbooks on the web: there without internet, behind the same sign-in, with nothing that runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.runbooks import KINDS
from daemon.web import AuthSettings, Credential, create_app
from tests.daemon.web.world import World, browsing, world

AUTH = AuthSettings(tokens=(Credential("reader", "token-of-reader"),))


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def test_each_runbook_is_a_page_and_all_are_listed(it: World) -> None:
    """In the style of the other pages, and under the same policy: no script, nothing from elsewhere."""
    with browsing(create_app(it.deps())) as browser:
        listed = browser.get("/runbooks")
        assert listed.headers["content-security-policy"].startswith("default-src 'none'")
        for kind in KINDS:
            assert f'href="/runbooks/{kind}"' in listed.text
            page = browser.get(f"/runbooks/{kind}")
            assert (page.status_code, page.text.count("<h1")) == (200, 1)
            assert "<script" not in page.text
        assert 'id="check_failed"' in browser.get("/runbooks/drift").text
        for name in ("nosuch", "README", "..%2f..%2fpyproject", "drift.md"):
            assert browser.get(f"/runbooks/{name}").status_code == 404


def test_runbooks_want_the_same_sign_in(it: World) -> None:
    """They say nothing of what was found, and a stranger needs none."""
    with browsing(create_app(it.deps(auth=AUTH))) as browser:
        assert browser.get("/runbooks/drift").status_code == 401
        signed = {"Authorization": "Bearer token-of-reader"}
        assert browser.get("/runbooks/drift", headers=signed).status_code == 200

"""The OpenAPI document says what is there, and whatever is sent by it is answered."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from checks.runs.wire import FIELDS
from daemon.web.auth import INGEST
from daemon.web.guard import needed_scope
from daemon.web.openapi import OPENAPI
from tests.daemon.web.test_ingest import BEARER, READER, Here, here

__all__ = ["here"]  # a fixture

READS = {"Authorization": f"Bearer {READER}"}


def test_the_document_names_every_event_and_only_what_there_is(here: Here) -> None:
    """Each path of it is answered, and none of them without a token."""
    document = here.client.get(OPENAPI, headers=READS).json()
    events = document["paths"]["/api/v1/events"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    named = [one["properties"]["event"]["enum"][0] for one in events["properties"]["events"]["items"]["oneOf"]]
    assert named == list(FIELDS)
    for path, methods in document["paths"].items():
        for method in methods:
            address = path.format(run="x", name="backup", action="start", id="x")
            assert here.client.request(method, address).status_code == 401
            ingests = needed_scope(method.upper(), address) == INGEST
            sent: dict[str, str] | None = {} if "requestBody" in methods[method] else None
            answer = here.client.request(method, address, headers=BEARER if ingests else READS, json=sent)
            assert str(answer.status_code) in methods[method]["responses"]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("headers", [BEARER, READS])
def test_schemathesis_finds_no_error_of_ours_and_no_way_around_the_token(
    here: Here, headers: dict[str, str], tmp_path: Path
) -> None:
    """Requests made from the document, right ones and wrong ones: no 5xx, and none is let in without a token."""
    document = tmp_path / "openapi.json"
    document.write_bytes(here.client.get(OPENAPI, headers=READS).content)
    program = Path(sys.executable).with_name("schemathesis")
    done = subprocess.run(
        [program, "run", document, "--url", here.address, "-H", f"Authorization: {headers['Authorization']}",
         "--checks", "not_a_server_error,ignored_auth", "--max-examples", "100", "--no-color", "--seed", "1"],
        capture_output=True, text=True, cwd=tmp_path, timeout=590,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-2_000:]
    here.states()

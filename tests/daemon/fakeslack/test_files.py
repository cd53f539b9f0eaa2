"""The fake refuses of a file's three steps what Slack refuses."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest
from slack_sdk.errors import SlackApiError

from daemon.demo.fakeslack import channel_id
from tests.daemon.fakeslack.helpers import client, fake


def put(url: str, data: bytes) -> int:
    with urllib.request.urlopen(urllib.request.Request(url, data, method="POST")) as answer:
        return int(answer.status)


def test_it_takes_as_many_bytes_as_were_announced_and_once() -> None:
    """Another length is refused, and so is a second upload."""
    with fake() as slack:
        given = client(slack).files_getUploadURLExternal(filename="a.csv", length=3)
        with pytest.raises(urllib.error.HTTPError):
            put(given["upload_url"], b"abcd")
        assert put(given["upload_url"], b"abc") == 200
        with pytest.raises(urllib.error.HTTPError):
            put(given["upload_url"], b"abc")


def test_it_shares_only_what_was_uploaded_and_once() -> None:
    """A file without content is not found, and one that was shared is not shared again."""
    with fake() as slack:
        web = client(slack)
        given = web.files_getUploadURLExternal(filename="a.csv", length=3)
        share = {"files": [{"id": given["file_id"], "title": "a"}], "channel_id": channel_id("alerts")}
        with pytest.raises(SlackApiError, match="file_not_found"):
            web.api_call("files.completeUploadExternal", json=share)
        put(given["upload_url"], b"abc")
        web.api_call("files.completeUploadExternal", json=share)
        with pytest.raises(SlackApiError, match="file_not_found"):
            web.api_call("files.completeUploadExternal", json=share)
        assert len(slack.messages("alerts")) == 1


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"channel_id": "alerts"}, "channel_not_found"),
        ({"thread_ts": "1.000001"}, "thread_not_found"),
        ({"files": []}, "invalid_arguments"),
        ({"files": [{"title": "no id"}]}, "invalid_arguments"),
    ],
)
def test_it_refuses_a_share_that_goes_nowhere(change: dict[str, object], error: str) -> None:
    """A channel's name, a thread that is not there, no files: nothing is posted."""
    with fake() as slack:
        web = client(slack)
        given = web.files_getUploadURLExternal(filename="a.csv", length=3)
        put(given["upload_url"], b"abc")
        share = {"files": [{"id": given["file_id"]}], "channel_id": channel_id("alerts"), **change}
        with pytest.raises(SlackApiError, match=error):
            web.api_call("files.completeUploadExternal", json=share)
        assert slack.messages("alerts") == []

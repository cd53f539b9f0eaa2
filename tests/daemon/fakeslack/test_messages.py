"""Posting, editing, threads, history and its paging, through the real client."""

from __future__ import annotations

import pytest

from daemon.demo.fakeslack import channel_id, read_journal
from tests.daemon.fakeslack.helpers import Clock, client, fake, metadata, refusal


def test_a_posted_message_stands_in_channel_and_journal() -> None:
    """A post by name is found by id, in the messages and in the journal."""
    with fake() as slack:
        answer = client(slack).chat_postMessage(channel="#alerts", text="hello", metadata=metadata("d1"))
        assert answer["channel"] == channel_id("alerts")
        (message,) = slack.visible_by_id("d1")
        assert (message.ts, message.text) == (answer["ts"], "hello")
        (entry,) = slack.accepted(metadata_id="d1")
        assert (entry.ts, entry.channel) == (answer["ts"], answer["channel"])


def test_history_tells_metadata_only_when_asked() -> None:
    """Metadata is in history only with include_all_metadata."""
    with fake() as slack:
        web = client(slack)
        channel = web.chat_postMessage(channel="alerts", text="hello", metadata=metadata("d1"))["channel"]
        assert "metadata" not in web.conversations_history(channel=channel)["messages"][0]
        (shown,) = web.conversations_history(channel=channel, include_all_metadata=True)["messages"]
        assert shown["metadata"] == metadata("d1")


def test_history_takes_ids_only() -> None:
    """Where Slack wants a channel's id, its name is not found."""
    with fake() as slack:
        web = client(slack)
        ts = web.chat_postMessage(channel="alerts", text="hello")["ts"]
        assert refusal(web, "conversations.history", channel="alerts") == "channel_not_found"
        assert refusal(web, "chat.update", channel="#alerts", ts=ts, text="x") == "channel_not_found"
        (listed,) = web.conversations_list()["channels"]
        assert listed["id"] == channel_id("alerts")


def test_history_pages_newest_first_and_misses_nothing() -> None:
    """Following the cursor over small pages gives every message once, even if one is posted meanwhile."""
    with fake(page_size=2) as slack:
        web = client(slack)
        posted = [web.chat_postMessage(channel="alerts", text=str(number))["ts"] for number in range(5)]
        channel, seen, cursor = channel_id("alerts"), [], ""
        while True:
            page = web.conversations_history(channel=channel, limit=100, cursor=cursor or None)
            seen += [message["ts"] for message in page["messages"]]
            assert len(page["messages"]) <= 2
            if not page["has_more"]:
                break
            cursor = page["response_metadata"]["next_cursor"]
            web.chat_postMessage(channel="alerts", text="meanwhile")
        assert seen == posted[::-1]
        assert refusal(web, "conversations.history", channel=channel, cursor="bogus") == "invalid_cursor"


def test_history_is_cut_by_oldest_and_latest() -> None:
    """The bounds are exclusive, and inclusive on demand."""
    with fake() as slack:
        web = client(slack)
        first, second, third = (web.chat_postMessage(channel="alerts", text="x")["ts"] for _ in range(3))
        channel = channel_id("alerts")

        def between(**bounds: object) -> list[str]:
            answer = web.api_call("conversations.history", params={"channel": channel, **bounds})
            return [message["ts"] for message in answer["messages"]]

        assert between(oldest=first, latest=third) == [second]
        assert between(oldest=first, latest=third, inclusive=1) == [third, second, first]
        assert refusal(web, "conversations.history", channel=channel, oldest="soon") == "invalid_ts_oldest"


def test_history_lags_behind_posting() -> None:
    """With a lag, a message is posted and yet not in history until the lag has passed."""
    clock = Clock()
    with fake(clock=clock, history_lag=5) as slack:
        web = client(slack)
        channel = web.chat_postMessage(channel="alerts", text="x", metadata=metadata("d1"))["channel"]
        assert web.conversations_history(channel=channel)["messages"] == []
        assert len(slack.visible_by_id("d1")) == 1
        clock.move(5)
        assert len(web.conversations_history(channel=channel)["messages"]) == 1


def test_a_thread_is_read_with_its_root() -> None:
    """Replies are in the thread and not in history, unless they are broadcast; the root counts them."""
    with fake() as slack:
        web = client(slack)
        root = web.chat_postMessage(channel="alerts", text="root")
        channel, ts = root["channel"], root["ts"]
        web.chat_postMessage(channel=channel, text="quiet", thread_ts=ts, metadata=metadata("d2"))
        web.chat_postMessage(channel=channel, text="loud", thread_ts=ts, reply_broadcast=True)
        thread = web.conversations_replies(channel=channel, ts=ts, include_all_metadata=True)["messages"]
        assert [message["text"] for message in thread] == ["root", "quiet", "loud"]
        assert thread[0]["reply_count"] == 2
        assert thread[1]["metadata"] == metadata("d2")
        assert [m["text"] for m in web.conversations_history(channel=channel)["messages"]] == ["loud", "root"]
        assert refusal(web, "conversations.replies", channel=channel, ts="1.000001") == "thread_not_found"
        assert refusal(web, "chat.postMessage", channel=channel, thread_ts="1.0", text="x") == "thread_not_found"


def test_an_edit_keeps_what_it_does_not_name() -> None:
    """An edit changes text in place, keeps metadata and blocks, and leaves the earlier text in the page's history."""
    with fake() as slack:
        web = client(slack)
        blocks = [{"type": "divider"}]
        post = web.chat_postMessage(channel="alerts", text="one", blocks=blocks, metadata=metadata("d1"))
        web.chat_update(channel=post["channel"], ts=post["ts"], text="two")
        (message,) = slack.visible_by_id("d1")
        assert (message.text, message.history, list(message.blocks)) == ("two", ("one",), blocks)
        assert message.edited_ts
        assert refusal(web, "chat.update", channel=post["channel"], ts="1.000001", text="x") == "message_not_found"
        slack.remove("alerts", post["ts"])
        assert refusal(web, "chat.update", channel=post["channel"], ts=post["ts"], text="x") == "message_not_found"


def test_ts_are_unique_even_when_the_clock_stands() -> None:
    """Two messages never share a ts."""
    with fake(clock=Clock()) as slack:
        web = client(slack)
        found = [web.chat_postMessage(channel="alerts", text="x")["ts"] for _ in range(20)]
        assert len(set(found)) == 20
        assert found == sorted(found)


def test_a_file_takes_three_steps() -> None:
    """files_upload_v2 leaves a message with the file in the channel."""
    with fake() as slack:
        client(slack).files_upload_v2(
            channel=channel_id("alerts"), filename="report.csv", content="a,b", initial_comment="here"
        )
        (message,) = slack.messages("alerts")
        assert (message.text, message.files[0]["name"], message.files[0]["size"]) == ("here", "report.csv", 3)
        (stored,) = slack.workspace.files.values()
        assert stored["content"] == b"a,b"


def test_permalink_and_info() -> None:
    """A message has a link, a channel a description."""
    with fake() as slack:
        web = client(slack)
        post = web.chat_postMessage(channel="alerts", text="x")
        link = web.chat_getPermalink(channel=post["channel"], message_ts=post["ts"])["permalink"]
        assert link.endswith(f"/archives/{post['channel']}/p{post['ts'].replace('.', '')}")
        assert web.conversations_info(channel=post["channel"])["channel"]["name"] == "alerts"


@pytest.mark.parametrize("cut", [False, True])
def test_the_journal_outlives_its_process(tmp_path, cut: bool) -> None:  # type: ignore[no-untyped-def]  # pytest's fixture
    """The journal file gives the same entries back, and a last line cut off by a kill spoils nothing."""
    path = tmp_path / "journal.jsonl"
    with fake(journal_path=path) as slack:
        client(slack).chat_postMessage(channel="alerts", text="x", metadata=metadata("d1"))
        client(slack).auth_test()
        expected = list(slack.journal)
    if cut:
        path.write_text(path.read_text() + '{"number": 3, "at"')
    assert read_journal(path) == expected
    assert slack.token not in path.read_text()

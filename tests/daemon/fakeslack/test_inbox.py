"""The page that shows the messages, and how it treats what cannot be trusted."""

from __future__ import annotations

import json
import urllib.request
from html.parser import HTMLParser

import pytest

from daemon.demo.fakeslack import FakeSlack, channel_id
from daemon.demo.fakeslack.mrkdwn import to_html
from tests.daemon.fakeslack.helpers import client, fake

HOSTILE = [
    "<script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    '"><img src=x onerror=alert(1)>',
    "<javascript:alert(1)|click>",
    '<https://a.example/" onmouseover="alert(1)|x>',
    "```</pre><script>alert(1)</script>```",
    "`</code><script>alert(1)</script>`",
    "*<script>alert(1)</script>*",
    "<@U1|<img src=x>>",
    "{{ 7 * 1234577 }}",
]


class Tags(HTMLParser):
    """Every tag with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


RENDERED = {
    "*bold* _it_ ~no~": "<strong>bold</strong> <em>it</em> <del>no</del>",
    "snake_case_name 2*3*4": "snake_case_name 2*3*4",
    "`*a*`": "<code>*a*</code>",
    "```\n*a*\nb\n```": "<pre>*a*\nb</pre>",
    "<https://a.example/?a=1&amp;b=2|there>": (
        '<a href="https://a.example/?a=1&amp;b=2" rel="noopener noreferrer">there</a>'
    ),
    "<!here> <@U123> <!subteam^S1|@ops>": (
        '<span class="mention">@here</span> <span class="mention">@U123</span> <span class="mention">@ops</span>'
    ),
    "<#C1>": '<span class="mention">#alerts</span>',
    "a &lt;b&gt; &amp;amp;": "a &lt;b&gt; &amp;amp;",
    "&gt; quoted\nnot": '<span class="quote">quoted</span><br>not',
    ":red_circle: :unknown:": "🔴 :unknown:",
}


@pytest.mark.parametrize("text", RENDERED)
def test_mrkdwn_reads_as_in_slack(text: str) -> None:
    """Marks become what Slack shows, and names with underscores stay whole."""
    assert str(to_html(text, {"C1": "alerts"})) == RENDERED[text]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_becomes_html(text: str) -> None:
    """No text makes a script, an image, an event handler or a link to anything but the web."""
    for tag, attributes in Tags(str(to_html(text))).found:
        assert tag in {"strong", "em", "del", "code", "pre", "a", "br", "span"}
        assert not {name for name in attributes if name.startswith("on")}
        assert (attributes.get("href") or "https://").startswith(("https://", "http://", "mailto:"))


def fetch(slack: FakeSlack, path: str) -> tuple[str, str]:
    with urllib.request.urlopen(slack.url + path, timeout=5) as answer:
        return answer.read().decode(), answer.headers.get("Content-Security-Policy", "")


def test_the_page_shows_messages_threads_and_edits() -> None:
    """Root messages, replies, buttons and earlier texts are on the page; hostile text is text."""
    with fake() as slack:
        web = client(slack)
        for text in HOSTILE:
            web.chat_postMessage(channel="alerts", text=text, blocks=[
                {"type": "header", "text": {"type": "plain_text", "text": text}},
                {"type": "section", "text": {"type": "mrkdwn", "text": text}},
                {"type": "context", "elements": [{"type": "plain_text", "text": text}]},
                {"type": "table", "rows": [[{"type": "raw_text", "text": text}]]},
            ])  # fmt: skip
        root = web.chat_postMessage(channel="alerts", text="first *words*")
        web.chat_postMessage(channel="alerts", text="a reply", thread_ts=root["ts"])
        web.chat_update(channel=root["channel"], ts=root["ts"], text="second words")
        page, policy = fetch(slack, "/inbox")
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        tags = Tags(page).found
        assert not {tag for tag, _ in tags} & {"script", "img", "iframe", "object", "form"}
        assert all((attributes.get("href") or "#").startswith(("#", "https://", "data:,")) for _, attributes in tags)
        for piece in ("a reply", "1 reply", "second words", "first <strong>words</strong>", "edited"):
            assert piece in page
        assert str(7 * 1234577) not in page


def test_the_inbox_as_json() -> None:
    """The same as data: channels, messages, replies, earlier texts."""
    with fake() as slack:
        web = client(slack)
        root = web.chat_postMessage(channel="alerts", text="one")
        web.chat_postMessage(channel="alerts", text="reply", thread_ts=root["ts"])
        web.chat_update(channel=root["channel"], ts=root["ts"], text="two")
        (channel,) = json.loads(fetch(slack, "/inbox.json")[0])["channels"]
        assert (channel["id"], channel["name"]) == (channel_id("alerts"), "alerts")
        (message,) = channel["messages"]
        assert (message["text"], message["earlier_texts"]) == ("two", ["one"])
        assert [reply["text"] for reply in message["replies"]] == ["reply"]


def test_an_empty_inbox_says_so() -> None:
    """Before the first message the page is there and says that there is none."""
    with fake() as slack:
        assert "No messages yet." in fetch(slack, "/inbox")[0]

"""Untrusted text made safe for Slack: no mention, no link, no formatting and no secret ever comes from data.

Slack's rule for mrkdwn (docs.slack.dev/messaging/formatting-message-text): `&`, `<` and `>` become entities, in this
order, and nothing else needs to. Everything beyond that here is caution.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

REMOVED = "(secret removed)"
ELLIPSIS = "…"

# Each runs in linear time: what it repeats cannot also begin what follows it.
SECRETS: tuple[re.Pattern[str], ...] = (
    re.compile(
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)", re.DOTALL
    ),
    re.compile(r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,124}"),
    re.compile(r"\bxox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{6,}|\bxapp-[A-Za-z0-9-]{6,}|\bxwfp-[A-Za-z0-9-]{6,}"),
    re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|npm_[A-Za-z0-9]{20,})"),
    re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"),  # a JSON Web Token
    re.compile(r"hooks\.slack\.com/(?:services|workflows|triggers)/[\w/-]+"),
    re.compile(r"(?<=://)[^\s/@:]{0,200}:[^\s/@]{1,500}(?=@)"),  # user:password@ of a URL
    re.compile(r"(?i)(?<=bearer )[\w.~+/=-]{8,}"),
)
# `password = "…"`, `"api_key": "…"`, `AWS_SECRET_ACCESS_KEY=…`: the name stays, the value goes. What stands before
# "(sensitive)" is an attribute whose value was taken out already: `aws_ssm_parameter.password: value (sensitive)`.
ASSIGNED = re.compile(
    r"(?i)((?:passw(?:or)?d|passphrase|secret(?:_?access)?(?:_?key)?|api_?key|auth_?token|access_?token|session_?token"
    r"|private_?key|client_?secret)[\"']?[ \t]{0,8}[:=][ \t]{0,8})(?![\w.]{1,80} \(sensitive\))"
    r"(\"[^\"\n]+\"|'[^'\n]+'|[^\s,;\"'(]{4,})"
)
# Control characters, and those that turn the direction of other people's text round. Newline and tab stay.
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ufeff]")
LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def scrub(text: str) -> str:
    """Take out what looks like a secret, and characters that nobody can see. The last of several nets."""
    text = LONE_SURROGATE.sub("\ufffd", UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))
    for pattern in SECRETS:
        text = pattern.sub(REMOVED, text)
    return ASSIGNED.sub(rf"\1{REMOVED}", text)


def clean(text: str, most: int = 6_000) -> str:
    """scrub() for a text of any size: at most *most* characters, cut where no secret can have been cut in two.

    It goes before anything that changes or shortens a text: a secret that is cut or re-cased is not recognised.
    """
    if len(text) <= most:
        return scrub(text)
    cleaned = scrub(text[: most + _LONGEST_SECRET])
    if len(text) <= most + _LONGEST_SECRET:  # all of it was looked through
        return cleaned if len(cleaned) <= most else cleaned[:most] + ELLIPSIS
    return cleaned[: max(0, min(most, len(cleaned) - _LONGEST_SECRET))] + ELLIPSIS


_LONGEST_SECRET = 1_000  # a private key may be longer, and hides everything behind its first line


# What each character becomes.
_MRKDWN = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "ˋ"})
# Whether plain_text shows "&lt;" as such is not documented, so the brackets are drawn with others of their look.
_PLAIN = str.maketrans({"<": "‹", ">": "›"})


def mrkdwn(text: str, limit: int) -> str:
    """*text* for a mrkdwn object, also within a code span: at most *limit* long, cut with …"""
    return _fit(text, limit, _MRKDWN)


def plain(text: str, limit: int) -> str:
    """*text* for a plain_text object: at most *limit* long, cut with …"""
    return _fit(text, limit, _PLAIN)


def defanged(text: str, limit: int) -> str:
    """As mrkdwn(), for the fallback text: no client may turn what data says into a link or a mention."""
    # A zero-width space where a link, a mention or an e-mail address would be recognised.
    broken = clean(text, limit + 200).replace("://", ":\u200b//").replace("@", "@\u200b").replace("#", "#\u200b")
    return _fit(re.sub(r"(?i)\b(www)\.", "\\1\u200b.", broken), limit, _MRKDWN, scrubbed=True)


def one_line(text: str) -> str:
    """*text* on one line: a name must not be able to add lines to a message."""
    return " ".join(text.split())


def length(text: str) -> int:
    """How long Slack may count *text*: in UTF-16 units, where an emoji is two, which is never less than code points."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _fit(text: str, limit: int, table: Mapping[int, str], *, scrubbed: bool = False) -> str:
    """Encode; where it does not fit, char by char, so that no entity is cut in two."""
    if not scrubbed:
        text = clean(text, limit + 200)
    whole = text.translate(table)
    if length(whole) <= limit:
        return whole
    out: list[str] = []
    room = limit - len(ELLIPSIS)
    for char in text:
        piece = char.translate(table)
        room -= length(piece)
        if room < 0:
            break
        out.append(piece)
    return "".join(out) + ELLIPSIS if limit > 0 else ""


_MENTIONS = re.compile(r"(?:<!here>|<!channel>|<!everyone>|<!subteam\^[A-Z0-9]{2,40}>|<@[UW][A-Z0-9]{2,40}>)")


def is_mention(text: str) -> bool:
    """Whether *text*, from the configuration, is nothing but mentions as Slack writes them."""
    return bool(text) and not _MENTIONS.sub("", text).strip()


def has_mention(body: Mapping[str, Any]) -> bool:
    """Whether a message of ours calls anybody: data cannot, so what reads as a mention is one."""
    return bool(_MENTIONS.search(str(body.get("text", ""))))


_URL = re.compile(r"https?://[^\s<>|\"`]{1,1000}")


def link(url: str, label: str) -> str:
    """A link to an address from the configuration; empty where the address is none."""
    if not _URL.fullmatch(url):
        return ""
    return f"<{url.replace('&', '&amp;')}|{mrkdwn(one_line(label), 100).replace('|', '¦')}>"

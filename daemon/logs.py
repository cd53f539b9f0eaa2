"""The program's own log: standard error, UTC, text or JSON lines, and no secret in any of it."""

from __future__ import annotations

import json
import logging
import re
import sys
import urllib.parse
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TextIO

from daemon.config.secrets import HIDDEN, SECRET_LOOKS

SHORTEST = 4  # characters; a shorter "secret" would black out the words of the log itself
SHORTEST_LINE = 8  # of a secret of several lines, each of which is hidden alone too

# Repetitions are bounded: a long line from outside must not keep the log busy.
# A value that is named as what it is: password=…, "client_secret": "…", Authorization: Bearer ….
_NAMED = re.compile(
    r"""(?ix)
    ( (?<![\w.-]) [\w.-]{0,80}
      (?: password | passwd | passphrase | secret | api_?key | access_?key (?!_?id) | credential | token )
      [\w.-]{0,80} ["']? \s* [=:] \s* | \bauthorization ["']? \s* [=:] \s* )
    ( "[^"]*" | '[^']*' | (?: (?: bearer | basic ) \s+ )? [^\s,;&"'}\])]+ )
    """
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")
_USERINFO = re.compile(r"(?i)(\b[a-z][a-z0-9+.-]{0,20}://)[^/\s:@]*:[^/\s@]+@")
# Forms that a line break or a colour code could give to what somebody else wrote.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")

Scrub = Callable[[str], str]


def scrubber(secrets: Iterable[str]) -> Scrub:
    """Give a function that removes *secrets*, in the forms they are commonly written in, and what looks like one."""
    forms = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
    known = re.compile("|".join(map(re.escape, forms))) if forms else None

    def scrub(text: str) -> str:
        if known is not None:
            text = known.sub(HIDDEN, text)
        text = SECRET_LOOKS.sub(HIDDEN, text)
        text = _USERINFO.sub(rf"\1{HIDDEN}@", text)
        text = _NAMED.sub(rf"\1{HIDDEN}", text)
        return _BEARER.sub(rf"\1 {HIDDEN}", text)

    return scrub


def _forms(secret: str) -> Iterable[str]:
    """The text itself, each line of it, and how JSON, Python's repr and addresses write it."""
    lines = [line.strip() for line in secret.splitlines()]
    texts = {secret, secret.strip(), *(line for line in lines if len(line) >= SHORTEST_LINE)}
    for text in texts:
        if len(text) >= SHORTEST:
            yield from (text, repr(text)[1:-1], json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])
            yield from (urllib.parse.quote(text, safe=""), urllib.parse.quote_plus(text))


class _Formatter(logging.Formatter):
    """One record -> one scrubbed text. The whole text is scrubbed, so nothing that becomes part of it is missed."""

    def __init__(self, scrub: Scrub) -> None:
        super().__init__()
        self.scrub = scrub

    def when(self, record: logging.LogRecord) -> str:
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def message(self, record: logging.LogRecord) -> str:
        try:
            return self.scrub(record.getMessage())
        except Exception as error:  # noqa: BLE001 - a wrong format or a failing __str__ must not end in a lost line
            return self.scrub(f"{record.msg!s} (its arguments do not fit: {type(error).__name__})")

    def trouble(self, record: logging.LogRecord) -> str:
        """The traceback, if there is one."""
        parts = [self.formatException(record.exc_info)] if record.exc_info and record.exc_info[0] else []
        if record.stack_info:
            parts.append(self.formatStack(record.stack_info))
        return self.scrub("\n".join(parts))


class TextFormatter(_Formatter):
    """`2031-01-01T00:00:00.000Z WARNING daemon.runner: message`; a traceback follows, indented."""

    def format(self, record: logging.LogRecord) -> str:
        message = _CONTROL.sub(" ", self.message(record)).replace("\n", " ⏎ ")
        text = f"{self.when(record)} {record.levelname} {record.name}: {message}"
        trouble = _CONTROL.sub(" ", self.trouble(record))
        return text + "".join(f"\n    {line}" for line in trouble.splitlines())


class JsonFormatter(_Formatter):
    """One JSON object per line: time, level, logger, message, and error where there was one."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": self.when(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self.message(record),
        }
        trouble = self.trouble(record)
        if trouble:
            fields["error"] = trouble
        return json.dumps(fields, ensure_ascii=False)


class ScrubbingHandler(logging.StreamHandler[TextIO]):
    """Writes to a stream; a line that cannot be formatted is told as that, without its content."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        # The library's own version prints the arguments of the record, which may be secret.
        kind = sys.exc_info()[0]
        try:
            sys.stderr.write(f"a log line of {record.name} could not be written: {kind.__name__ if kind else '?'}\n")
        except (OSError, ValueError):
            return  # standard error itself is gone: there is nobody to tell


def set_up(level: str, form: str, secrets: Iterable[str], stream: TextIO | None = None) -> logging.Handler:
    """Send everything that is logged to *stream* (standard error), scrubbed; gives the handler.

    *level* is debug, info, warning or error; *form* is text or json. Calling it again replaces what it set up before,
    so that a reload takes new secrets and a new level.
    """
    scrub = scrubber(secrets)
    handler = ScrubbingHandler(stream if stream is not None else sys.stderr)
    handler.setFormatter(JsonFormatter(scrub) if form == "json" else TextFormatter(scrub))
    root = logging.getLogger()
    for old in [h for h in root.handlers if isinstance(h, ScrubbingHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    # What libraries say of each request and job is noise, and their debug output repeats headers and bodies.
    for name in ("apscheduler", "asyncio", "boto3", "botocore", "slack_sdk", "urllib3", "uvicorn"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    # It warns with a whole traceback each time that a role is refused, which whoever asked tells in one line.
    logging.getLogger("botocore.credentials").setLevel(logging.ERROR)
    logging.captureWarnings(capture=True)
    return handler

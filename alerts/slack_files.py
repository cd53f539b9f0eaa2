"""Files to Slack in the three calls that it takes: ask where to, send the bytes, share them.

Nothing is visible before the third call, so a failure of the first two means that nothing was sent, and all three are
made again. The third is in doubt like any message. It takes no metadata, so each file's name carries the id of its
delivery, and the thread is searched for that (docs.slack.dev/messaging/working-with-files).
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from alerts.base import Delivery, NotifyError

ASK, SHARE = "files.getUploadURLExternal", "files.completeUploadExternal"
TAG = 12  # characters of the delivery's id in a file's name
# Words of Slack that no repetition changes: the message then says in words that the files are not there.
REFUSED = (
    "missing_scope", "not_allowed_token_type", "file_upload_size_restricted", "file_uploads_disabled",
    "file_uploads_except_images_disabled", "blocked_file_type", "malware_detected", "storage_limit_reached",
    "invalid_arguments",
)  # fmt: skip
EXPIRED = "file_not_found"  # to the third call: what was uploaded is not there any more

Call = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


def tagged(name: str, delivery_id: str) -> str:
    """`report.html` -> `report.3f9ac2d1b0aa.html`."""
    path = PurePosixPath(name)
    return f"{path.stem}.{delivery_id[:TAG]}{path.suffix}"


def share(
    delivery: Delivery, channel_id: str, call: Call, send: Callable[[str, bytes], None],
    content: Callable[[str], bytes],
) -> str:  # fmt: skip
    """Upload the files of *delivery* and share them in its thread, as one message; give the id of the first.

    *content* gives the bytes of a reference, or raises LookupError. Raises NotifyError.
    """
    given = list(delivery.body.get("files") or ())
    if not given:
        raise NotifyError("payload", f"{SHARE}: there is no file in the message")
    shared = []
    for file in given:
        try:
            data = content(file["ref"])
        except LookupError:
            raise NotifyError("payload", f"{ASK}: {file['name']} is not kept any more") from None
        try:
            arguments = {"filename": tagged(file["name"], delivery.id), "length": len(data)}
            answer = call(ASK, arguments)
            send(str(answer["upload_url"]), data)
            shared.append({"id": str(answer["file_id"]), "title": str(file["title"])})
        except KeyError:
            raise NotifyError("not_sent", f"{ASK}: Slack said ok without saying where to") from None
        except NotifyError as error:
            raise _unseen(error) from None
    arguments = {
        "files": json.dumps(shared),
        "channel_id": channel_id,
        "thread_ts": delivery.root_ts,
        "initial_comment": delivery.body["text"],
    }
    try:
        call(SHARE, arguments)
    except NotifyError as error:
        if EXPIRED in str(error):
            raise NotifyError("not_sent", str(error)) from None
        raise _refused(error) from None
    return str(shared[0]["id"])


def found(messages: Iterable[Mapping[str, Any]], delivery_id: str) -> str | None:
    """The id of the first file of the delivery among *messages* of its thread; None: it is not there."""
    for message in messages:
        for file in message.get("files") or ():
            if f".{delivery_id[:TAG]}." in f"{file.get('name', '')}.":
                return str(file["id"])
    return None


def _unseen(error: NotifyError) -> NotifyError:
    """Before the files are shared nobody can see them: whatever happened, nothing was sent."""
    error = _refused(error)
    if error.error_class == "ambiguous":
        return NotifyError("not_sent", str(error), retry_after=error.retry_after)
    return error


def _refused(error: NotifyError) -> NotifyError:
    return NotifyError("payload", str(error)) if any(word in str(error) for word in REFUSED) else error


def sender(api_url: str, timeout: float) -> Callable[[str, bytes], None]:
    """A function that sends bytes to an upload address of Slack. The token goes nowhere but to *api_url*."""
    own = urlsplit(api_url)

    def send(url: str, data: bytes) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and (parts.scheme, parts.netloc) != (own.scheme, own.netloc):
            raise NotifyError("not_sent", f"{ASK}: Slack names an upload address that is not https")
        request = urllib.request.Request(  # noqa: S310 - https, or Slack's own address in the configuration
            url, data, {"Content-Type": "application/octet-stream"}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310 - as above
                if answer.status != 200:
                    raise NotifyError("not_sent", f"upload: HTTP {answer.status}")
        except urllib.error.HTTPError as error:
            error.close()
            raise NotifyError("not_sent", f"upload: HTTP {error.code}") from None
        except OSError as error:
            raise NotifyError("not_sent", f"upload: {type(error).__name__}") from None

    return send


def without(delivery: Delivery, error: NotifyError) -> dict[str, Any]:
    """The message that says, in place of the files, that Slack did not take them."""
    hint = " The token needs files:write." if "missing_scope" in str(error) else ""
    words = str(error).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")[:300]
    return {"text": f"{delivery.body['text']}\nThe files could not be attached: {words}.{hint}", "blocks": []}

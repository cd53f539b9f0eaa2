"""One verification: anchors first, then the trail, so that what is anchored meanwhile does not look like a cut."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from checks.base import LookFailed
from daemon.audit.anchoring import WEBHOOK, Vault, known_here
from daemon.audit.chain import Head, walk
from daemon.audit.verify import GIVEN, S3, Anchored, Verdict, judge
from daemon.store import audit, open_reader


def verify(
    path: Path, vault: Vault | None, given: Collection[Head] = (), accepted: Collection[int] = (), *,
    configured: bool = True,
) -> Verdict:  # fmt: skip
    """Walk the trail of the store at *path*, and hold it against all anchors there are. Raises StoreError.

    *given*: heads that somebody has from elsewhere. *configured* False: nobody knows where anchors would be.
    """
    anchors = [Anchored(head, GIVEN) for head in given]
    unseen: list[str] = []
    blind = False
    if vault is not None:
        try:
            anchors += vault.read()
        except LookFailed as error:
            unseen.append(f"{error}. Comparing takes s3:ListBucketVersions")
            blind = True
    with open_reader(path) as view:
        anchors += known_here(view)
        kept = {one.target for one in audit.anchors(view.db)}
        if vault is None and S3 in kept:
            unseen.append("what is anchored in S3: audit.anchor.s3 is not in a configuration that was given")
            blind = True
        if WEBHOOK in kept:
            last = audit.last_anchor(view.db, WEBHOOK)
            where = f", the last time {Head(last.seq, last.hash)}" if last is not None else ""
            unseen.append(f"what the webhook was told{where}: ask its receiver, and give --anchor SEQ:HASH")
        if not kept and vault is None and not given:
            words = "nothing is anchored outside" if configured else "no configuration was given that names anchors"
            unseen.append(f"{words}: a tail that was cut with care, or a trail written anew, would not be seen")
        found = walk(audit.links(view.db), {one.head.seq for one in anchors}, audit.written(view.db))
    return judge(found, anchors, unseen, blind=blind, accepted=accepted)

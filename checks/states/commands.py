"""What a person runs next: one line for a shell each, and behind # what it is for."""

from __future__ import annotations

import json
import re
import shlex

from checks.base import Instance
from checks.states.model import LockSeen, StateLook

_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,99}")  # Terraform makes UUIDs
CAUTION = "only once its owner is known to have ended"


def unlock(instance: Instance, look: StateLook, lock: LockSeen) -> str:
    """The command that takes a lock away. Terraform asks before it does."""
    if not _ID.fullmatch(lock.id):
        return _remove(look, lock)  # nothing that Terraform made, or could take: it might read it as an option
    if instance.atmos:
        # The component and stack select the folder and the workspace; what is for Terraform goes behind --.
        words = ["atmos", "terraform", "force-unlock", instance.component, "-s", instance.stack, "--", lock.id]
        return f"{shlex.join(words)}  # {CAUTION}"
    line = shlex.join(["terraform", f"-chdir={instance.working_directory or '.'}", "force-unlock", lock.id])
    if instance.workspace:
        line = f"TF_WORKSPACE={shlex.quote(instance.workspace)} {line}"
    return f"{line}  # {CAUTION}"


def _remove(look: StateLook, lock: LockSeen) -> str:
    """Without an id Terraform cannot unlock."""
    if lock.kind == "dynamodb":
        key = json.dumps({"LockID": {"S": f"{look.bucket}/{look.key}"}})
        words = ["aws", "dynamodb", "delete-item", "--table-name", look.table, "--key", key]
    elif lock.kind == "s3":
        words = ["aws", "s3api", "delete-object", "--bucket", look.bucket, "--key", f"{look.key}.tflock"]
    else:
        return f"# remove the file {lock.where}, {CAUTION}"
    return f"{shlex.join(words)}  # {CAUTION}"


def versions(look: StateLook) -> str:
    """The command that lists what can be restored."""
    if not look.bucket:
        return f"# compare it with {look.backup}, and put that in its place" if look.backup else ""
    words = ["aws", "s3api", "list-object-versions", "--bucket", look.bucket, "--prefix", look.key]
    return f"{shlex.join(words)}  # see which versions there are"


def undelete(look: StateLook) -> str:
    """The command that brings a deleted state back."""
    marker = look.deleted.marker if look.deleted is not None else ""
    if not marker:
        return versions(look)
    words = ["aws", "s3api", "delete-object", "--bucket", look.bucket, "--key", look.key, "--version-id", marker]
    return f"{shlex.join(words)}  # removes the delete marker, and so brings the state back, if it was not meant"


def drop_digest(look: StateLook) -> str:
    """The command that removes a digest whose state is gone for good."""
    key = json.dumps({"LockID": {"S": f"{look.bucket}/{look.key}-md5"}})
    words = ["aws", "dynamodb", "delete-item", "--table-name", look.table, "--key", key]
    return f"{shlex.join(words)}  # only if the state is gone for good: removes the digest that is left"

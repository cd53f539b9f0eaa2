"""What kind of trouble an error is, what it names, and the command to run next.

Texts are those of Terraform 1.x, OpenTofu, the AWS provider 4 to 6 and Atmos; what nothing here knows stays "other".
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from enum import StrEnum

from checks.base import Instance
from checks.runs.model import Trouble
from checks.states.commands import CAUTION


class ErrorKind(StrEnum):
    """The classes of error of the guideline's troubleshooting, and what else goes wrong often."""

    STATE_LOCK = "state_lock"
    RESOURCE_EXISTS = "resource_exists"
    ACCESS_DENIED = "access_denied"
    CREDENTIALS = "credentials"
    QUOTA = "quota"
    THROTTLING = "throttling"
    NETWORK = "network"
    SYNTAX = "syntax"
    PROVIDER = "provider"
    STATE = "state"
    ATMOS = "atmos"  # nothing ran: Atmos could not make sense of the call, or of the repository
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Lock:
    """Who holds a state, as Terraform's error says."""

    id: str = ""
    who: str = ""
    operation: str = ""
    created: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Explained:
    """An error, understood as far as it goes."""

    kind: ErrorKind
    trouble: Trouble
    lock: Lock | None = None
    denied_action: str = ""  # "s3:PutBucketPolicy"
    denied_resource: str = ""
    existing_id: str = ""  # of what exists already, as the provider imports it where the error says so


_FLAGS = re.IGNORECASE | re.DOTALL

# The first that fits decides: what is more certain stands first.
_KINDS: tuple[tuple[ErrorKind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile("|".join(patterns), _FLAGS))
    for kind, *patterns in (
        (ErrorKind.STATE_LOCK, r"Error (acquiring|locking|releasing) the state|state lock|Error locking state",
         r"workspace is (already )?locked"),
        (ErrorKind.ATMOS, r"could not open a new TTY", r"no workflow (found|exists)|Unknown command .* for",
         r"invalid '?--?from-step'? flag|invalid from-step flag", r"Could not find the (component|stack)",
         r"^invalid (component|stack|workflow)", r"metadata\.locked|locked component",
         r"No such (stack|component)|workflow .*not found"),
        (ErrorKind.CREDENTIALS, r"ExpiredToken|RequestExpired",
         r"security token included in the request is (invalid|expired)",
         r"No valid credential sources|NoCredentialProviders|failed to refresh cached credentials",
         r"UnrecognizedClientException|InvalidClientTokenId|SignatureDoesNotMatch|Cannot assume IAM Role",
         r"token (has|is) expired|SSO session .*(expired|invalid)|Unable to locate credentials"),
        (ErrorKind.THROTTLING, r"Throttling|Rate exceeded|RequestLimitExceeded|TooManyRequests|\bSlowDown\b",
         r"PriorRequestNotComplete|StatusCode: 429|ProvisionedThroughputExceeded"),
        (ErrorKind.QUOTA, r"LimitExceeded|QuotaExceeded|\bquota\b|exceeded the (maximum|limit)|TooManyBuckets",
         r"VcpuLimit|InsufficientInstanceCapacity|InsufficientFreeAddresses|maximum number of .* (has been|is) reached",
         r"AddressLimitExceeded|InstanceLimitExceeded|limit (of|for) .{1,80} (reached|exceeded)"),
        (ErrorKind.ACCESS_DENIED, r"AccessDenied|UnauthorizedOperation|is not authorized to perform|AuthorizationError",
         r"\bForbidden\b|StatusCode: 403|explicit deny|not authorized"),
        (ErrorKind.RESOURCE_EXISTS, r"AlreadyExists|already exists|EntityAlreadyExists|BucketAlreadyOwnedByYou",
         r"Resource already managed|\.Duplicate\b|DuplicateResource|ResourceInUse.*exists|ConflictException.*exist"),
        (ErrorKind.STATE, r"Error (loading|saving|refreshing|persisting) (the )?state",
         r"Failed to (load|save|persist) state",
         r"state data in S3 does not have the expected content|lineage|Saved plan is stale|state snapshot",
         r"Invalid legacy provider address|Unsupported state file format"),
        (ErrorKind.NETWORK, r"no such host|connection (refused|reset|timed out)|i/o timeout|TLS handshake",
         r"context deadline exceeded|dial tcp|network is unreachable|Client\.Timeout|unexpected EOF",
         r"temporary failure in name resolution|StatusCode: 50[0234]"),
        (ErrorKind.PROVIDER, r"Failed to (install|query available) provider|Inconsistent dependency lock",
         r"Could not (load|retrieve) .*(plugin|provider|schema)|Plugin did not respond|provider crashed",
         r"Required plugins are not installed|Provider produced (inconsistent|invalid)|Incompatible provider version",
         r"Unsupported (Terraform Core|OpenTofu( Core)?) version|Invalid provider configuration"),
        (ErrorKind.SYNTAX, r"^(Invalid|Unsupported|Unclosed|Unterminated|Missing|Duplicate|Argument|Reference to)\b",
         r"^(Extra characters|Cycle|Unknown|Call to unknown|Value for undeclared|Attribute redefined|Incorrect)\b",
         r"^(Variables not allowed|Error in function call|No (value|configuration|module)|Unexpected attribute)\b",
         r"Terraform encountered problems during initiali[sz]ation|Module not (installed|found)"),
    )
)  # fmt: skip

_LOCK_PART = re.compile(r"^\s*(ID|Path|Operation|Who|Created):[ \t]*(\S.*?)\s*$", re.MULTILINE)
_DENIED = re.compile(
    r"not authorized to perform:? \[?(?P<action>[a-z0-9-]{2,40}:[A-Za-z0-9*]{2,80})\]?"
    r"(?: on (?:the )?resource:? \"?(?P<resource>[^\s\",]{1,400}))?"
)
_OPERATION = re.compile(r"operation error (?P<service>[A-Za-z0-9 ]{2,40}): (?P<operation>[A-Za-z0-9]{2,80})")
_EXISTING = (
    re.compile(r"\(([^()\s]{1,300})\):.{0,400}(?:AlreadyExists|AlreadyOwnedByYou|already exists)", _FLAGS),
    re.compile(
        r"(?:with name|named|with the name|bucket|identifier)\s+[\"'`(]?([\w./:@-]{1,300})[\"'`)]?.{0,80}already exists"
    ),
    re.compile(r"already (?:exists|managed).{0,40}[\"'`]([\w./:@-]{1,300})[\"'`]", _FLAGS),
)  # fmt: skip
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,99}")


def explain(trouble: Trouble) -> Explained:
    """Give what *trouble* is. Pure; nothing is made up: what the text does not name stays empty."""
    text = " ".join(f"{trouble.summary} {trouble.detail}".split())  # Terraform wraps lines at the terminal's width
    kind = next((kind for kind, pattern in _KINDS if pattern.search(text)), ErrorKind.OTHER)
    if kind is ErrorKind.STATE_LOCK:
        return Explained(kind, trouble, lock=_lock(trouble.detail))
    if kind is ErrorKind.ACCESS_DENIED:
        action, resource = _denied(text)
        return Explained(kind, trouble, denied_action=action, denied_resource=resource)
    if kind is ErrorKind.RESOURCE_EXISTS:
        return Explained(kind, trouble, existing_id=_existing(text))
    return Explained(kind, trouble)


def _lock(detail: str) -> Lock | None:
    parts = {name.lower(): value[:300] for name, value in _LOCK_PART.findall(detail)}
    return Lock(**parts) if parts else None


def _denied(text: str) -> tuple[str, str]:
    """The IAM action and the resource; where only an operation is named, that."""
    found = _DENIED.search(text)
    if found:
        return found["action"], (found["resource"] or "").rstrip(".,)")
    found = _OPERATION.search(text)
    return (f"{found['service']} {found['operation']}", "") if found else ("", "")


def _existing(text: str) -> str:
    if "BucketAlreadyExists" in text:
        return ""  # somebody else's, in another account
    return next((found[1] for pattern in _EXISTING if (found := pattern.search(text))), "")


def next_command(
    explained: Explained, instance: Instance | None, *, owner_ended: bool = False, owner: str = ""
) -> str:  # fmt: skip
    """The command to run next, or a comment that says what to do where no command would help. Empty: nothing is known.

    *instance*: what was applied, where it is known. *owner_ended*: whether whoever holds the lock is known to have
    ended: only then may the lock be taken away. *owner*: what is known of it, as one clause.
    """
    if explained.kind is ErrorKind.STATE_LOCK:
        return unlock(explained.lock, instance, owner_ended=owner_ended, owner=owner)
    if explained.kind is ErrorKind.RESOURCE_EXISTS and explained.trouble.address:
        return _import(explained, instance)
    if explained.kind is ErrorKind.ACCESS_DENIED:
        where = f" on {explained.denied_resource}" if explained.denied_resource else ""
        return f"# allow {explained.denied_action or 'it'}{where} for the role that ran this, then run it again"
    again = _terraform(instance, "plan") if instance else ""
    words = {
        ErrorKind.CREDENTIALS: "aws sts get-caller-identity  # sign in again, then run it again",
        ErrorKind.THROTTLING: f"{again}  # AWS was asked too often; run it again, with -parallelism=2 if it persists",
        ErrorKind.QUOTA: "aws service-quotas list-requested-service-quota-change-history  # ask for more, or free some",
        ErrorKind.NETWORK: f"{again}  # once the network is back",
        ErrorKind.SYNTAX: f"{_terraform(instance, 'validate')}  # after correcting the file" if instance else "",
        ErrorKind.PROVIDER: f"{_terraform(instance, 'init')}  # then run it again" if instance else "",
        ErrorKind.STATE: f"{again}  # once `barograph check state` says that the state is whole",
    }
    return words.get(explained.kind, "").strip()


def _terraform(instance: Instance | None, verb: str, *more: str) -> str:
    if instance is None:
        return ""
    if instance.atmos:
        behind = ["--", *more] if more else []
        return shlex.join(["atmos", "terraform", verb, instance.component, "-s", instance.stack, *behind])
    line = shlex.join(["terraform", f"-chdir={instance.working_directory or '.'}", verb, *more])
    return f"TF_WORKSPACE={shlex.quote(instance.workspace)} {line}" if instance.workspace else line


def unlock(lock: Lock | None, instance: Instance | None, *, owner_ended: bool, owner: str = "") -> str:
    """The command that takes a lock away, where its owner is known to have ended; else whom to wait for."""
    who = f"{lock.who}, since {lock.created}" if lock and lock.who and lock.created else lock.who if lock else ""
    if not owner_ended or lock is None or instance is None or not _ID.fullmatch(lock.id):
        known = f": {owner}" if owner else ""
        return f"# wait for {who or 'whoever holds the lock'}{known}; unlock {CAUTION}"
    known = f": {owner}" if owner else ""
    return f"{_terraform(instance, 'force-unlock', lock.id)}  # {who} is known to have ended{known}"


def _import(explained: Explained, instance: Instance | None) -> str:
    address = explained.trouble.address
    if "BucketAlreadyExists" in explained.trouble.detail + explained.trouble.summary:
        return f"# the name is taken in another account: give {address} another one"
    if instance is None:
        return f"# import what exists as {address}, or rename it"
    words = [address, explained.existing_id or "ID"]
    line = _terraform(instance, "import", *words) if not instance.atmos else shlex.join(
        ["atmos", "terraform", "import", instance.component, *words, "-s", instance.stack]
    )  # fmt: skip
    return line if explained.existing_id else f"{line}  # ID: as the provider imports it"

"""What can go wrong between Barograph and a repository: named reasons, and words for people without a secret."""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import StrEnum

from daemon.inventory.scrub import explained


class Fault(StrEnum):
    """Why a repository's content could not be had."""

    CREDENTIALS = "credentials_refused"
    KEY = "key_unusable"
    HOST_KEY_UNKNOWN = "host_key_unknown"
    HOST_KEY_CHANGED = "host_key_changed"
    CERTIFICATE = "certificate_not_trusted"
    UNREACHABLE = "host_unreachable"
    REDIRECTED = "redirected"
    MISSING = "repository_missing"
    REF = "ref_missing"
    TOO_LARGE = "too_large"
    TIMED_OUT = "timed_out"
    DISK_FULL = "disk_full"
    CONTENT = "content_refused"
    CORRUPT = "mirror_damaged"
    LOCKED = "mirror_in_use"
    NO_GIT = "git_missing"
    STOPPED = "stopping"
    FAILED = "git_failed"


_SAID: dict[Fault, str] = {
    Fault.CREDENTIALS: "the server refuses the credentials, or wants some; check source.token, its rights and its "
    "expiry, or source.ssh_key_file",
    Fault.KEY: "ssh cannot use source.ssh_key_file; it must be a private key without a passphrase that only its owner "
    "can read (chmod 600)",
    Fault.HOST_KEY_UNKNOWN: "the server's host key is not in source.known_hosts_file; compare the key with the one "
    "that the host publishes, and add it",
    Fault.HOST_KEY_CHANGED: "the server shows ANOTHER host key than the one in source.known_hosts_file: somebody may "
    "be in between; compare it with the one that the host publishes before you change the file",
    Fault.CERTIFICATE: "the server's TLS certificate is not trusted; mend it, or name the authority in SSL_CERT_FILE",
    Fault.UNREACHABLE: "the server cannot be reached, or broke the connection off; it is tried again",
    Fault.REDIRECTED: "the server redirects to another address, which is never followed, so that credentials go "
    "nowhere else; write that address into source.url (often the same with .git at its end)",
    Fault.MISSING: "there is no such repository, or the credentials may not see it; check source.url",
    Fault.REF: "the branch, tag or commit does not exist there (any more); check source.ref",
    Fault.TOO_LARGE: "it is larger than source.fetch_limit allows",
    Fault.TIMED_OUT: "it did not end within source.fetch_deadline, or the server was too slow",
    Fault.DISK_FULL: "there is no space left on the disk of planning.scratch",
    Fault.CONTENT: "it holds objects that git refuses as malformed or dangerous",
    Fault.CORRUPT: "Barograph's own copy of it is damaged; it is made anew at the next try",
    Fault.LOCKED: "another process uses this mirror",
    Fault.NO_GIT: "git cannot be started; install git 2.30 or newer",
    Fault.STOPPED: "Barograph is stopping",
    Fault.FAILED: "git failed",
}

# In order: the first that fits decides. Git and ssh are asked to speak English (LC_ALL=C).
_SIGNS: tuple[tuple[Fault, str], ...] = (
    (Fault.HOST_KEY_CHANGED, r"REMOTE HOST IDENTIFICATION HAS CHANGED|host key .*has changed"),
    (Fault.HOST_KEY_UNKNOWN, r"Host key verification failed|host key is known for"),
    (Fault.KEY, r"UNPROTECTED PRIVATE KEY|Load key |no such identity|incorrect passphrase"),
    (Fault.DISK_FULL, r"No space left on device|Disk quota exceeded|File too large"),
    (Fault.REDIRECTED, r"returned error: 30\d|unable to update url base from redirection"),
    (
        Fault.CREDENTIALS,
        r"Authentication failed|could not read (?:Username|Password)|Permission denied \(|returned error: 40[137]"
        r"|Access denied|invalid credentials|Invalid username or (?:password|token)",
    ),
    (Fault.CERTIFICATE, r"certificate|SSL peer|server verification failed"),
    (Fault.TIMED_OUT, r"Operation too slow|timed out|not responding|Timeout"),
    (Fault.REF, r"couldn't find remote ref|not our ref|unadvertised object|no matching remote head|bad revision"),
    (
        Fault.MISSING,
        r"returned error: 404|[Rr]epository not found|repository '.*' (?:not found|does not exist)"
        r"|does not appear to be a git repo|[Pp]roject you were looking for could not be found",
    ),
    (Fault.CONTENT, r"fsck error|fsckObjects|unpacker error: .*fsck|invalid path|error in object|is missing email"),
    (
        Fault.UNREACHABLE,
        r"Could not resolve|Failed to connect|Connection (?:refused|reset|closed)|unreachable|No route to host"
        r"|Empty reply|early EOF|hung up|RPC failed|returned error: 5\d\d|disconnect|Couldn't connect|unable to access",
    ),
    (
        Fault.CORRUPT,
        r"corrupt|bad object|bad tree|loose object|is empty|unable to (?:read|map|parse)|packfile|\.lock"
        r"|not a git repository|object file|missing (?:blob|tree|commit)|invalid object|pack-objects died|index-pack"
        r"|not a valid object|did not send all necessary|bad signature|broken|badly formed|invalid (?:sha1|shallow)",
    ),
)  # fmt: skip

# What a damaged mirror of ours can look like: it is thrown away and made anew once, for it is a cache. A server that
# has just listed its refs and then "hangs up" can be our own git that died.
OF_THE_MIRROR = frozenset({Fault.CORRUPT, Fault.FAILED, Fault.CONTENT, Fault.UNREACHABLE})


class FetchError(Exception):
    """A repository's content could not be had. The text is for people, and holds no secret."""

    def __init__(self, fault: Fault, what: str, detail: str = "", said: str = "") -> None:
        """*what* was being done to what; *said*: instead of the reason's usual words; *detail*: git's own, redacted."""
        self.fault = fault
        self.detail = detail
        text = f"{what}: {said or _SAID[fault]}"
        super().__init__(f"{text} ({detail})" if detail else text)


def fault_of(stderr: str) -> Fault:
    """Which reason the words of git and ssh stand for."""
    return next((fault for fault, sign in _SIGNS if re.search(sign, stderr)), Fault.FAILED)


def told(stderr: str, secrets: Collection[str]) -> str:
    """What git said, in one line for people, without a secret."""
    text = re.sub(r"(?m)^(?:fatal|error|warning|remote): *", "", stderr)
    return explained(text, secrets=secrets, lines=2, limit=300)

"""Error texts of programs, made short and safe enough for people."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|[\x00-\x08\x0b-\x1f\x7f]")
_NOISE = re.compile(r"\s*(#+ .*|WARN\b.*|INFO\b.*|DEBU\b.*|⚠.*|exit status \d+|[╷│╵\s]*)")
_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")
_WORD = r"(?:token|secret|passw(?:or)?d|passphrase|api_?key|access_?key|private_?key|credential)"
_NAME = rf"[\w.-]*{_WORD}[\w.-]*"
# What stands before the word is kept anyway, and left out of the pattern: looked for, it costs the square of a line.
_ASSIGNED = re.compile(rf"(?i)({_WORD}[\w.-]{{0,64}}[\"']?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;]+)")
_SHAPED = re.compile(
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"  # AWS access key ids
    r"|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bxox[abeprs]-[\w-]{10,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"  # JWT
    r"|-----BEGIN [^-]*PRIVATE KEY-----.*?(?:-----END [^-]*-----|$)"
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)",  # user and password in a URL
    re.DOTALL,
)
_IN_MANIFEST = re.compile(rf"(?im)^\s*(?:-\s*)?[\"']?{_NAME}[\"']?\s*:\s*[\"']?([^\s\"'{{}}\[\]#|>&*!][^\"'\n#]*)")
_MANIFESTS = (".yaml", ".yml", ".tmpl")
_LARGEST = 16 * 1024 * 1024  # bytes of one manifest
_SHORTEST = 6  # shorter values would blacken ordinary words
HIDDEN = "***"


def explained(text: str, *, secrets: Collection[str] = (), lines: int = 4, limit: int = 500) -> str:
    """The first meaningful lines of a program's error output as one line, with no colours and no secrets.

    *secrets* are values that must not appear. Empty where the program said nothing.
    """
    kept: list[str] = []
    for line in _ANSI.sub("", hidden(text, secrets)).splitlines():
        line = _BOLD.sub(r"\1", line.replace("**Error:**", "")).strip()
        if line and not _NOISE.fullmatch(line):
            kept.append(line)
    # Atmos wraps at 80 columns: a sentence can need some lines more.
    joined = " ".join(kept[: lines + 2])
    return joined if len(joined) <= limit else joined[: limit - 1].rstrip() + "…"


def hidden(text: str, secrets: Collection[str] = ()) -> str:
    """*text* without the given secrets and without what looks like one."""
    for secret in sorted((s for s in secrets if len(s) >= _SHORTEST), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return _SHAPED.sub(HIDDEN, _ASSIGNED.sub(rf"\g<1>{HIDDEN}", text))


def secrets_in_manifests(folder: Path, *, files: int = 5000) -> frozenset[str]:
    """Values that the YAML files below *folder* give to names like `api_token`: an error text may quote them."""
    found: set[str] = set()
    for file in _manifests(folder, files):
        try:
            if file.stat().st_size <= _LARGEST:
                text = file.read_text("utf-8", errors="replace")
                found.update(match[1].strip() for match in _IN_MANIFEST.finditer(text))
        except OSError:
            continue
    return frozenset(found)


def secrets_of(environment: Mapping[str, str]) -> frozenset[str]:
    """The values of variables whose names say that they are secret."""
    return frozenset(value for name, value in environment.items() if re.fullmatch(_NAME, name, re.IGNORECASE))


def uses_templates(folder: Path) -> bool:
    """Whether any YAML file below *folder* holds a Go template: listing such stacks can start Terraform.

    One that is too large to be looked through counts as one that does.
    """
    for file in _manifests(folder, None):
        try:
            if file.stat().st_size > _LARGEST or b"{{" in file.read_bytes():
                return True
        except OSError:
            return True
    return False


def _manifests(folder: Path, files: int | None) -> Iterable[Path]:
    count = 0
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in (".git", ".terraform", "node_modules")]
        for name in names:
            file = Path(parent, name)
            if name.endswith(_MANIFESTS) and (file.is_file() or not file.exists()):  # a pipe would be waited for
                count += 1
                if files is not None and count > files:
                    return
                yield file

"""Fetch one program for the image: URL SHA256 NAME TARGET. The archive's checksum must match, or nothing is kept.

A zip gives its member NAME; anything else is the program itself.
"""

from __future__ import annotations

import hashlib
import io
import sys
import urllib.request
import zipfile
from pathlib import Path


def main(url: str, sha256: str, name: str, target: str) -> int:
    if len(sha256) != 64:
        print(
            f"{name}: no checksum given; pass --build-arg {name.upper()}_SHA256=… (from the release's SHA256SUMS)",
            file=sys.stderr,
        )
        return 1
    with urllib.request.urlopen(url, timeout=300) as answer:
        data = answer.read()
    found = hashlib.sha256(data).hexdigest()
    if found != sha256.lower():
        print(f"{name}: {url} has SHA-256 {found}, not {sha256}: not used", file=sys.stderr)
        return 1
    if zipfile.is_zipfile(io.BytesIO(data)):
        data = zipfile.ZipFile(io.BytesIO(data)).read(name)
    path = Path(target)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o755)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:5]))

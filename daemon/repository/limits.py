"""What a reading of a repository stops at. A repository within them is read whole; beyond them, that is said."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """All are per reading where they do not say otherwise. The defaults are far beyond 10,000 instances."""

    file_bytes: int = 4 * MIB  # of one manifest
    total_bytes: int = 128 * MIB
    files: int = 20_000  # YAML files
    entries: int = 200_000  # of folders looked at
    links: int = 1_000  # that are followed
    depth: int = 64  # of values in values
    nodes: int = 200_000  # values of one file, with its aliases counted as often as they are used
    total_nodes: int = 1_000_000
    faults: int = 1_000  # of one file
    work: int = 60_000_000  # of merging; 10,000 instances take about a quarter
    text_bytes: int = 512 * 1024  # of a Makefile, README, script or CI job
    texts: int = 500  # such files
    lines: int = 2_000  # of them that are kept

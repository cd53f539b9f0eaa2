"""`python -m benchmarks [CASE…]`: run every case, or those named, and print a Markdown table for docs/benchmarks.md."""

from __future__ import annotations

import logging
import os
import platform
import resource
import sqlite3
import sys

from benchmarks.cases import CASES


def main() -> int:
    logging.disable(logging.WARNING)
    print(
        f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}; load {os.getloadavg()[0]:.1f} at the start\n"
    )
    print("| what | figure | beside it |\n|---|---|---|")
    wanted = sys.argv[1:]
    for case in CASES:
        if wanted and case.__name__ not in wanted:
            continue
        for what, figure, beside in case():
            print(f"| {what} | {figure} | {beside} |", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"| largest resident memory of all this | {peak} MiB | |")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A process that fetches once, to be killed: `python -m tests.daemon.repository.child URL FOLDER PATH`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from tests.daemon.repository.support import TOKEN, USER, Bench


def main() -> None:
    url, folder, path = sys.argv[1:]
    bench = Bench(Path(folder))
    source = bench.source(url, "main", token=TOKEN, username=USER)
    source.mirror.git = replace(source.mirror.git, environment={"PATH": path})
    tree = source.now()
    print(tree.commit, (tree.path / "main.tf").read_text(), flush=True)


if __name__ == "__main__":
    main()

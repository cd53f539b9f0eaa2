"""Say whether the daemon in this container is alive: exit code 0 or 1. Asks BAROGRAPH_HEALTH_URL, /healthz by default.

No proxy of the environment is asked: the daemon is in this container.
"""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request

DEFAULT = "http://127.0.0.1:9877/healthz"
SECONDS = 4  # less than the container engine's own limit, so that it is told why


def main() -> int:
    url = os.environ.get("BAROGRAPH_HEALTH_URL") or DEFAULT
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=SECONDS) as answer:
            print(answer.read(2000).decode(errors="replace").strip())
            return 0
    except urllib.error.HTTPError as error:
        with error:
            print(f"{url}: {error.code} {error.read(2000).decode(errors='replace').strip()}")
    except (OSError, ValueError) as error:
        print(f"{url}: {error}")
    return 1


if __name__ == "__main__":
    sys.exit(main())

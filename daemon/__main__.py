"""`python -m daemon`: the same as the command `barograph`."""

import sys

from daemon.entry import main

if __name__ == "__main__":
    sys.exit(main())

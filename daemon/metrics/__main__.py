"""`python -m daemon.metrics > docs/metrics.md`"""

from checks import discover
from daemon.metrics.catalogue import document

print(document({name: check() for name, check in discover().items()}), end="")  # noqa: T201 - its output is the page

"""What of the status page is asked for, as it stands in its address: it works without a script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

LONGEST = 200  # characters of what is looked for
MOST_PAGES = 100_000
_NAMES = ("q", "tenant", "stage", "stack")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A filter. Empty fits everything. *whole*: what is fine, too; *page*: of the components, from 1."""

    q: str = ""
    tenant: str = ""
    stage: str = ""
    stack: str = ""
    whole: bool = False
    page: int = 1

    @property
    def narrows(self) -> bool:
        return any(getattr(self, name) for name in _NAMES)

    def fits(self, place: str, labels: Mapping[str, str], *more: str) -> bool:
        """Whether a thing at *place* is asked for: by its labels, and by a text in any of them or in *more*."""
        for name in ("tenant", "stage", "stack"):
            asked = getattr(self, name)
            if asked and labels.get(name, "") != asked:
                return False
        text = self.q.casefold()
        return not text or any(text in each.casefold() for each in (place, *labels.values(), *more))

    def address(self, **changes: str | int | bool) -> str:
        """The page's address with these changes; it begins at the first page again unless one is named."""
        made = replace(self, **({"page": 1} | changes))  # type: ignore[arg-type]  # fields of our own, by name
        query = [(name, getattr(made, name)) for name in _NAMES if getattr(made, name)]
        query += [("show", "all")] if made.whole else []
        query += [("page", str(made.page))] if made.page > 1 else []
        return f"/?{urlencode(query)}" if query else "/"


def wanted(params: Mapping[str, str]) -> Wanted:
    """Read an address. What makes no sense is as if it were not there."""
    texts = {name: params.get(name, "").strip()[:LONGEST] for name in _NAMES}
    number = params.get("page", "")
    page = int(number) if number.isascii() and number.isdecimal() and len(number) < 7 else 1
    return Wanted(**texts, whole=params.get("show") == "all", page=min(max(page, 1), MOST_PAGES))


def choices(labels: Iterable[Mapping[str, str]]) -> dict[str, list[str]]:
    """What there is to choose from: tenants, stages, stacks."""
    found: dict[str, set[str]] = {"tenant": set(), "stage": set(), "stack": set()}
    for each in labels:
        for name, seen in found.items():
            if value := each.get(name):
                seen.add(value)
    return {name: sorted(seen) for name, seen in found.items()}

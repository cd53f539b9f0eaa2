"""Ignore rules: which differences somebody decided not to hear about, who, why and until when."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class IgnoreRule:
    """Do not alarm for these differences until a day is over. A delete or a replacement is never silenced.

    Globs know `*` (anything) and `?` (one character); brackets stand for themselves, as addresses are full of them.
    Raises ValueError when there is no reason or no owner.
    """

    address: str  # glob over resource addresses: module.db.aws_db_instance.*
    reason: str  # why it is fine
    owner: str  # whom to ask
    expires: date  # the last day it applies, UTC
    attribute: str = "*"  # glob over attribute paths: tags.Owner; also covers what is below it
    stack: str = "*"  # glob
    component: str = "*"  # glob

    def __post_init__(self) -> None:
        for name in ("address", "attribute", "reason", "owner"):
            if not getattr(self, name).strip():
                raise ValueError(f"an ignore rule needs {name}: say which differences, why, and whom to ask")

    @property
    def label(self) -> str:
        """The rule for people."""
        return f"{self.address} {self.attribute} ({self.reason}; {self.owner}, until {self.expires.isoformat()})"

    @property
    def names_attribute(self) -> bool:
        """Whether it names an attribute, so that somebody thought of this very one."""
        return bool(self.attribute.strip("*?."))

    def covers(self, address: str, path: str) -> bool:
        """Whether it is about this attribute of this resource."""
        return fits(self.address, address) and (
            fits(self.attribute, path) or fits(f"{self.attribute}.*", path) or fits(f"{self.attribute}[*", path)
        )


def fits(glob: str, text: str) -> bool:
    """Whether *text* fits *glob*, whole, where only * and ? are special."""
    pattern = "".join(".*" if char == "*" else "." if char == "?" else re.escape(char) for char in glob)
    return re.fullmatch(pattern, text, re.DOTALL) is not None


def rules_for(
    rules: Iterable[IgnoreRule], stack: str, component: str, now: datetime
) -> tuple[Sequence[IgnoreRule], Sequence[IgnoreRule]]:
    """The rules of an instance: those that apply at *now* (aware UTC), and those whose day is over."""
    mine = [rule for rule in rules if fits(rule.stack, stack) and fits(rule.component, component)]
    today = now.date()
    return [rule for rule in mine if today <= rule.expires], [rule for rule in mine if today > rule.expires]


def covering(rules: Iterable[IgnoreRule], address: str, path: str) -> IgnoreRule | None:
    """The first rule about this attribute of this resource, or None."""
    return next((rule for rule in rules if rule.covers(address, path)), None)

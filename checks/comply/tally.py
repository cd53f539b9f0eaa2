"""From results to what is kept of each stack at a place, and from that to a score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from checks.base import Json
from checks.comply.model import Resource, Result, Word
from checks.comply.rules import BY_NAME

_LISTED = (Word.FAILED, Word.NOT_KNOWN, Word.OFF)


@dataclass(slots=True)
class Tally:
    """How the resources of one stack fare, by rule."""

    passed: dict[str, int] = field(default_factory=dict)
    others: dict[str, dict[str, set[tuple[str, str]]]] = field(default_factory=dict)  # rule -> word -> (ARN, why)

    def add(self, result: Result) -> None:
        """Count one result."""
        if result.word is Word.PASSED:
            self.passed[result.rule] = self.passed.get(result.rule, 0) + 1
        else:
            self.others.setdefault(result.rule, {}).setdefault(str(result.word), set()).add(
                (result.resource, result.why)
            )

    def merge(self, kept: Mapping[str, Any]) -> None:
        """Add what kept() gave of another place."""
        for rule, counts in kept.items():
            if counts.get("passed"):
                self.passed[rule] = self.passed.get(rule, 0) + int(counts["passed"])
            for word in _LISTED:
                for resource, why in counts.get(str(word), ()):
                    self.add(Result(rule, str(resource), word, str(why)))

    def kept(self) -> Mapping[str, Json]:
        """As evidence: rule -> how many passed, and which did not and why."""
        return {
            rule: {
                "passed": self.passed.get(rule, 0),
                **{word: [list(one) for one in sorted(found)] for word, found in sorted(self.of(rule).items())},
            }
            for rule in sorted({*self.passed, *self.others})
        }

    def of(self, rule: str) -> Mapping[str, Set[tuple[str, str]]]:
        """Word -> which resources, and why, of those that did not pass."""
        return self.others.get(rule, {})

    def listed(self, rule: str, word: Word) -> Sequence[tuple[str, str]]:
        """Which resources a rule says *word* of, and why; sorted."""
        return sorted(self.of(rule).get(str(word), ()))

    def words(self) -> Mapping[str, Word]:
        """Rule -> what it says of the stack: failed before not known before passed; off where nothing else is said."""
        found: dict[str, Word] = {}
        for rule in sorted({*self.passed, *self.others}):
            words = self.of(rule)
            found[rule] = next(
                (word for word in (Word.FAILED, Word.NOT_KNOWN) if words.get(str(word))),
                Word.PASSED if self.passed.get(rule) else Word.OFF,
            )
        return found

    @property
    def score(self) -> float | None:
        """The mean over rules of the part of resources that pass, 0 to 1; None: no rule could be judged."""
        parts = []
        for rule in {*self.passed, *self.others}:
            good, bad = self.passed.get(rule, 0), len(self.listed(rule, Word.FAILED))
            if good + bad:
                parts.append(good / (good + bad))
        return sum(parts) / len(parts) if parts else None

    @property
    def unclear(self) -> int:
        """Of how many resources a rule could not be judged: one is enough for the score not to be known."""
        return self._number(Word.NOT_KNOWN)

    def values(self) -> Mapping[str, float]:
        """The measures of a stack: how many rules are how."""
        words = list(self.words().values())
        return {
            "rules_checked": float(len(words) - words.count(Word.OFF)),
            "rules_passed": float(words.count(Word.PASSED)),
            "rules_failed": float(words.count(Word.FAILED)),
            "rules_unknown": float(words.count(Word.NOT_KNOWN)),
            "rules_off": float(words.count(Word.OFF)),
            "results_passed": float(sum(self.passed.values())),
            "results_failed": float(self._number(Word.FAILED)),
            "results_unknown": float(self._number(Word.NOT_KNOWN)),
        }

    def _number(self, word: Word) -> int:
        return sum(len(words.get(str(word), ())) for words in self.others.values())

    def failed(self) -> Iterable[str]:
        """The rules that fail, in the order of the table of rules."""
        return [name for name in BY_NAME if self.of(name).get(str(Word.FAILED))]


def owned(resource: Resource) -> str | None:
    """The stack of a resource; empty: unmanaged; None: nobody knows."""
    return None if resource.owner is None else resource.owner.stack

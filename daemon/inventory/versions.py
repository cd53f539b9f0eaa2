"""What a repository asks of its tools, held against what is installed. Pure; what is installed is found elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from daemon.inventory.model import Problem
from daemon.planning.versions import satisfies

_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """One demand: *tool* is atmos, terraform, opentofu, or the address of a provider."""

    tool: str
    constraint: str  # "1.5.7", ">= 1.9, < 2.0"; several alternatives are separated by a blank, as in .tool-versions
    where: str  # "components/terraform/vpc", ".tool-versions:2"
    binding: bool = True  # the tool itself refuses another version; False: people agreed on it

    def fits(self, version: str) -> bool | None:
        """Whether *version* will do; None where the constraint cannot be read."""
        choices = [self.constraint] if self.binding else self.constraint.split()
        try:
            return any(satisfies(version, choice) for choice in choices)
        except ValueError:
            return None


def compare(
    wanted: Iterable[Wanted], installed: Mapping[str, tuple[str, ...]]
) -> tuple[tuple[Problem, ...], tuple[str, ...]]:
    """Problems and notes, one per tool however many demands it does not meet.

    *installed*: tool -> the versions there are. Nothing is said of a tool that is not in it: what cannot be found out
    contradicts nothing.
    """
    problems: list[Problem] = []
    notes: list[str] = []
    unmet: dict[tuple[str, bool], list[Wanted]] = {}
    for one in wanted:
        versions = installed.get(one.tool, ())
        if versions and all(one.fits(version) is False for version in versions):
            unmet.setdefault((one.tool, one.binding), []).append(one)
    for (tool, binding), ones in sorted(unmet.items()):
        there = ", ".join(installed[tool])
        asked = sorted({f"{one.where} wants {one.constraint}" for one in ones})
        if binding:
            summary = (
                f"{tool} {there} is installed, which {len(ones)} place{'s' if len(ones) > 1 else ''} will not take"
            )
            remedy = f"Install a version of {tool} that fits, or change the constraint."
            problems.append(Problem(f"version_{_word(tool)}", summary, tuple(asked)[:_SHOWN], remedy))
        else:
            notes.append(f"{tool} {there} is installed; {'; '.join(asked[:3])}{' …' if len(asked) > 3 else ''}")
    return tuple(problems), tuple(notes)


def tool_versions(text: str) -> tuple[Wanted, ...]:
    """The demands of a `.tool-versions` file (asdf, mise) about tools that Barograph uses."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split("#", 1)[0].split()
        if len(words) > 1 and words[0] in ("atmos", "terraform", "opentofu", "tofu"):
            tool = "opentofu" if words[0] == "tofu" else words[0]
            found.append(Wanted(tool, " ".join(words[1:]), f".tool-versions:{number}", binding=False))
    return tuple(found)


def _word(tool: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in tool)

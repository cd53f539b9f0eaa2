"""Whose state holds a resource: looked up by ARN, by id, by name. Pure; made anew when a state changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from checks.base import Instance, Owner
from checks.states.identifiers import SELF, Arn, names_in, normal, parse_arn
from checks.states.model import Held


@dataclass(frozen=True, slots=True)
class HeldBy:
    """An instance, and what its state holds."""

    instance: Instance
    held: tuple[Held, ...]


class _Entry(NamedTuple):
    """One resource in the index."""

    instance: Instance
    held: Held


class StateIndex:
    """What the states of an inventory hold. Never changed once it is made, so that any thread may ask."""

    def __init__(self, states: Iterable[HeldBy]) -> None:
        self._by_arn: dict[str, list[_Entry]] = {}
        self._by_name: dict[tuple[str, str], list[_Entry]] = {}
        self._families: dict[str, set[str]] = {}  # name -> families it is known in
        self.size = 0
        for state in states:
            for held in state.held:
                self._add(_Entry(state.instance, held))

    def _add(self, entry: _Entry) -> None:
        self.size += 1
        held = entry.held
        names = list(held.ids)
        arn = parse_arn(held.arn) if held.arn else None
        if arn is not None:
            self._by_arn.setdefault(held.arn, []).append(entry)
            names += names_in(arn)
        for family, name in dict.fromkeys(names):
            self._by_name.setdefault((family, name), []).append(entry)
            self._families.setdefault(name, set()).add(family)

    def owner(self, identifier: str, account: str = "", region: str = "") -> Owner | None:
        """Whose state holds what *identifier* names: an ARN, an id, "family:name" ("rds:db:orders"), or a name alone.

        *account* and *region* are where it is, as far as that is known: ids are unique within them only. None: no
        state that was read holds it.
        """
        found = list(self._candidates(identifier, account, region))
        if not found:
            return None
        best = min(found, key=lambda entry: _rank(entry, found))
        return _owner(best, found)

    def _candidates(self, identifier: str, account: str, region: str) -> Iterator[_Entry]:
        """What may be meant, by the first way that finds anything."""
        exact = self._by_arn.get(identifier)
        if exact:
            yield from exact
            return
        arn = parse_arn(identifier)
        if arn is None:
            for key in self._keys(identifier):
                found = [entry for entry in self._by_name.get(key, ()) if _may_be(entry, account, region)]
                if found:
                    yield from found
                    return
            return
        account = account if arn.account in ("", "aws") else arn.account
        region = arn.region or (region if arn.service not in _GLOBAL else "")
        for key in names_in(arn):
            found = [entry for entry in self._by_name.get(key, ()) if _may_be(entry, account, region)]
            same = [entry for entry in found if _partition(entry) in ("", arn.partition)]
            if found:
                yield from same or found
                return

    def _keys(self, identifier: str) -> Iterator[tuple[str, str]]:
        yield SELF, identifier
        service, _, rest = identifier.partition(":")
        kind, _, name = rest.partition(":")
        if name:
            family = f"{service}:{kind}"
            yield family, normal(family, name)
        if rest:
            yield service, normal(service, rest)
        for name in dict.fromkeys((identifier, identifier.lstrip("/"))):  # a parameter is kept without its first "/"
            for family in sorted(self._families.get(name, ())):
                if normal(family, identifier) == name:
                    yield family, name


_GLOBAL = frozenset({"iam", "s3", "route53", "cloudfront", "sts"})


def _may_be(entry: _Entry, account: str, region: str) -> bool:
    """Whether nothing known says that the resource is elsewhere."""
    arn = parse_arn(entry.held.arn) if entry.held.arn else None
    known_account = arn.account if arn is not None and arn.account != "aws" else ""
    known_region = (arn.region if arn is not None else "") or entry.held.region
    return known_account in ("", account or known_account) and known_region in ("", region or known_region)


def _partition(entry: _Entry) -> str:
    arn: Arn | None = parse_arn(entry.held.arn) if entry.held.arn else None
    return arn.partition if arn is not None else ""


def _rank(entry: _Entry, among: list[_Entry]) -> tuple[bool, bool, str, str]:
    """Smaller is better. A type that adds to another one begins with that one's name: aws_sns_topic_policy."""
    types = {other.held.type for other in among}
    adds = any(entry.held.type.startswith(f"{other}_") for other in types)
    return entry.held.deposed, adds, entry.instance.key, entry.held.address


def _owner(best: _Entry, among: list[_Entry]) -> Owner:
    """The owner. Where several states hold it, all are named: which of them is right is for people to say."""
    others = sorted(
        {
            f"{entry.instance.key} {entry.held.address}"
            for entry in among
            if entry.instance.key != best.instance.key and _rank(entry, among)[:2] == _rank(best, among)[:2]
        }
    )
    instance = best.instance
    also = f" (also in {', '.join(others[:3])}{' …' if len(others) > 3 else ''})" if others else ""
    return Owner(
        instance.stack, instance.component, f"{best.held.address}{also}", instance.stage, instance.owner,
        {"tenant": instance.tenant, "environment": instance.environment, "channel": instance.channel,
         "runbook": instance.runbook},
    )  # fmt: skip

"""What is known of accounts and regions, and its form in the store: after a restart, nothing known is lost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from daemon.accounts.model import Found
from daemon.accounts.roster import Entry

VERSION = 1
Roster = Mapping[str, Entry[Found]]
Regions = Mapping[str, Entry[None]]


@dataclass(frozen=True, slots=True)
class Known:
    """*at*: when a source, or an account's regions, were last listed to the end, by the source's name or account id."""

    organization: Roster = field(default_factory=dict)
    stacks: Roster = field(default_factory=dict)
    regions: Mapping[str, Regions] = field(default_factory=dict)  # account -> its regions
    at: Mapping[str, datetime] = field(default_factory=dict)


def to_json(known: Known) -> str:
    """As text. Nothing in it is secret."""
    return json.dumps(
        {
            "version": VERSION,
            "organization": {key: _entry(one) for key, one in known.organization.items()},
            "stacks": {key: _entry(one) for key, one in known.stacks.items()},
            "regions": {
                account: {name: _missing(one) for name, one in regions.items()}
                for account, regions in known.regions.items()
            },
            "at": {key: at.isoformat() for key, at in known.at.items()},
        },
        sort_keys=True,
    )


def of_json(text: str) -> Known:
    """What to_json() gave. Raises ValueError for anything else; empty text is nothing known."""
    if not text:
        return Known()
    try:
        said = json.loads(text)
        if said["version"] != VERSION:
            raise ValueError("of another version")
        return Known(
            {key: _found(one) for key, one in said["organization"].items()},
            {key: _found(one) for key, one in said["stacks"].items()},
            {
                account: {name: Entry(None, int(one["missing"]), str(one["why"])) for name, one in regions.items()}
                for account, regions in said["regions"].items()
            },
            {key: datetime.fromisoformat(at) for key, at in said["at"].items()},
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("not what was written") from error


def _missing(entry: Entry[Any]) -> dict[str, Any]:
    return {"missing": entry.missing, "why": entry.why}


def _entry(entry: Entry[Found]) -> dict[str, Any]:
    return {**_missing(entry), "account": asdict(entry.what)}


def _found(said: Mapping[str, Any]) -> Entry[Found]:
    return Entry(Found(**said["account"]), int(said["missing"]), str(said["why"]))

"""Policies as plain data, for JSON."""

from __future__ import annotations

from collections.abc import Mapping

from checks.base import Json, Role
from daemon.policies.demands import Demands
from daemon.policies.documents import NOTES, READ_ONLY, WHAT, Policy


def report(wanted: Demands, made: Mapping[Role, tuple[Policy, ...]]) -> Mapping[str, Json]:
    """Every role with what it is for, what to know of it, what of AWS to attach, and its documents."""
    return {
        "roles": {
            str(role): {
                "for": WHAT[role],
                "notes": list(NOTES.get(role, ())),
                "attach": [f"arn:{wanted.partition}:iam::aws:policy/{READ_ONLY}"] if role is Role.PLAN else [],
                "policies": [
                    {"name": f"{wanted.names[role]}-{one.number}", "document": one.document()} for one in of_role
                ],
            }
            for role, of_role in made.items()
        }
    }

"""Whose an incident is: the labels of the place, with what is known of the resource's owner laid over them."""

from __future__ import annotations

from collections.abc import Mapping

from checks.base import Owner

# Labels that say who manages the resource: its address in a Terraform state, or that no state holds it.
ADDRESS, MANAGED = "address", "managed"
YES, NO = "yes", "no"


def labels_of(place: Mapping[str, str], owner: Owner | None, before: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give the labels that decide tier, route and text. What the owner does not say stays as the place has it.

    *owner* None: nobody asked, or the states could not be read; then what was known *before* (the labels of the
    incident so far) still holds, lest an incident change its tier and channel because a state could not be read.
    """
    if owner is None:
        kept = before if before is not None and MANAGED in before else {}
        return {**place, **kept}
    if not owner.managed:
        # A file of the repository belongs to people, and is nothing that a Terraform state could hold.
        return {**place, "owner": owner.owner} if owner.owner else {**place, MANAGED: NO}
    said = {
        **owner.labels, "stack": owner.stack, "component": owner.component, ADDRESS: owner.address,
        "stage": owner.stage, "owner": owner.owner,
    }  # fmt: skip
    return {**place, **{name: text for name, text in said.items() if text}, MANAGED: YES}


def managed_by(labels: Mapping[str, str]) -> str:
    """In words, who manages it: an address, or "unmanaged". Empty: nobody has asked."""
    if labels.get(MANAGED) == NO:
        return "unmanaged: no Terraform state of the inventory holds it"
    return labels.get(ADDRESS, "") if labels.get(MANAGED) == YES else ""

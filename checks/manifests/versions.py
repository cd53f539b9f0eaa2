"""What each version of Atmos does differently in reading manifests. No version: as the newest that is known.

Recorded with 1.163.0, 1.205.1 and 1.226.1; the versions between come from its release notes.
"""

from __future__ import annotations

from dataclasses import dataclass

from checks.manifests.model import Version

NEWEST: Version = (1, 226, 1)
LOADS_MIXED_TYPES: Version = (1, 215, 0)  # the first that was seen to; 1.205.1 was seen not to


@dataclass(frozen=True, slots=True)
class Abilities:
    """What one version can do."""

    manifest_names: bool  # `name:` names the stack (1.204)
    inherits_metadata: bool  # without `type` and `inherits`; and `metadata.name` (1.201)
    defers_functions: bool  # a list over a YAML function is no conflict in a component (1.201)
    refuses_mixed_types: bool  # a list over a string: nothing loads
    root_metadata: bool  # is merged into components, and must hold certain keys only (1.225)


def abilities(version: Version | None) -> Abilities:
    """What *version* can do. Without one, mixed types count as refused: some version refuses them."""
    known = version or NEWEST
    return Abilities(
        manifest_names=known >= (1, 204, 0),
        inherits_metadata=known >= (1, 201, 0),
        defers_functions=known >= (1, 201, 0),
        refuses_mixed_types=version is None or version < LOADS_MIXED_TYPES,
        root_metadata=known >= (1, 225, 0),
    )

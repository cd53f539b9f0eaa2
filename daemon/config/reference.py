"""docs/configuration.md, written from the models: `python -m daemon.config.reference > docs/configuration.md`."""

from __future__ import annotations

import sys
import typing
from collections.abc import Iterator
from enum import Enum
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from daemon.config.explain import section_in
from daemon.config.models import Settings
from daemon.config.section import Section
from daemon.config.show import plain

MINIMAL = """\
source:
  kind: atmos
  path: infrastructure
slack:
  token: ${SLACK_BOT_TOKEN}
alerts:
  default_channel: C0123456789
"""

_HEAD = """\
# Configuration

One YAML file, `barograph.yml` unless `-c FILE` or `BAROGRAPH_CONFIG` says otherwise. This is enough to begin with:

```yaml
{minimal}```

[`barograph.example.yml`](../barograph.example.yml) shows every option. `barograph config check` prints everything that
is wrong at once, each with `file:line:column`; `config show` prints what the file comes to, with defaults marked and
secrets hidden; `config schema` prints a JSON Schema for editors.

- Relative paths start from the file's folder.
- `${{NAME}}` in a value is the environment variable, and an error if it is not set; `${{NAME:-text}}` has a default;
  `$${{` is a plain `${{`.
- A secret is taken from the environment (`token: ${{NAME}}`) or from a file (`token_file: path`), not both. Written in
  clear it works, and `config check` warns. Secrets are never printed.
- Durations: `250ms`, `90s`, `15m`, `6h`, `7d`, `2w`, `1h30m`. Sizes: `512MiB`. Dates: `2031-12-31`. Patterns: `*`, `?`,
  `[abc]`. Where a list is expected, one value may stand for a list of one.
- YAML 1.2 rules: `true` and `false` are the only switches, a key given twice is an error, anchors and `<<` work.
- An option without a value is as one that is not written.

An option in **bold** is required where its group is written.
"""

_CHECKS = """\
## `checks`

One group per check, by name. `docs/checks.md` lists the checks with the options of each. All of them take:

| option | default | meaning |
|---|---|---|
| `enabled` | `true`; `false` where `docs/checks.md` says so | Whether it runs. |
| `every` | the check's own | How often it looks at each place. Given alone, it holds for every stage. |
| `every_by_stage` | the check's own | How often, by stage (`production`, `staging`, `development`). |
| `deadline` | the check's own | How long one look may take. |
"""


def reference() -> str:
    """Give docs/configuration.md."""
    parts = [_HEAD.format(minimal=MINIMAL), *_group("", Settings, "The file"), _CHECKS]
    return "\n".join(parts)


def _group(trail: str, group: type[BaseModel], title: str) -> Iterator[str]:
    head = f"## {title}" if not trail else f"## `{trail}`"
    lines = [head, "", "| option | default | meaning |", "|---|---|---|"]
    inner: list[tuple[str, type[Section]]] = []
    for name, field in group.model_fields.items():
        lines.append(f"| {_name(name, field)} | {_default(field)} | {_meaning(field)} |")
        section = section_in(field.annotation)
        if section is not None:
            is_list = typing.get_origin(field.annotation) is tuple
            inner.append((f"{trail}.{name}".lstrip(".") + ("[]" if is_list else ""), section))
    yield "\n".join(lines) + "\n"
    for path, section in inner:
        yield from _group(path, section, "")


def _name(name: str, field: FieldInfo) -> str:
    return f"**`{name}`**" if field.is_required() else f"`{name}`"


def _default(field: FieldInfo) -> str:
    if field.is_required() or section_in(field.annotation) is not None:
        return ""
    value = field.default if field.default is not PydanticUndefined else field.get_default(call_default_factory=True)
    if value is None or value in ((), {}, ""):
        return ""
    shown = plain(value)
    if isinstance(shown, bool):
        return f"`{str(shown).lower()}`"
    return f"`{', '.join(map(str, shown)) if isinstance(shown, list) else str(shown)}`"


def _meaning(field: FieldInfo) -> str:
    words = _words(field.annotation)
    choice = f" One of {', '.join(f'`{word}`' for word in words)}." if words else ""
    return (field.description or "").replace("\n", " ").replace("|", "\\|") + choice


def _words(annotation: Any) -> list[str]:
    """The words to choose from, where a type is a choice of words."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [str(member.value) for member in annotation]
    if typing.get_origin(annotation) is Literal:
        return [str(word) for word in typing.get_args(annotation)]
    for argument in typing.get_args(annotation):
        found = _words(argument)
        if found:
            return found
    return []


if __name__ == "__main__":
    sys.stdout.write(reference())

"""Reads Terraform files. The only import of python-hcl2."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hcl2.api import loads


class HclError(Exception):
    """A file that cannot be read or parsed. The text is for people: file, line and what is wrong, never its content."""


def read(file: Path) -> Mapping[str, Any]:
    """The content of a .tf, .tfvars or .tf.json file: block types and arguments to values; expressions stay text.

    Raises HclError.
    """
    if file.exists() and not file.is_file():  # a pipe would be waited for
        raise HclError(f"{file}: is no file")
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise HclError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise HclError(f"{file}: is not UTF-8 text") from None
    return parse(text, str(file))


def parse(text: str, name: str) -> Mapping[str, Any]:
    """The same for a text that was read already; *name* is that of its file. Raises HclError."""
    try:
        content = json.loads(text) if name.endswith(".json") else loads(text + "\n")
    except Exception as error:  # noqa: BLE001 - hcl2 lets many errors of its parser out; all mean the same here
        line = getattr(error, "line", None) or getattr(error, "lineno", 1)
        raise HclError(f"{name}:{line}: cannot be parsed") from None
    return content if isinstance(content, dict) else {}

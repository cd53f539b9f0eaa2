"""Plain YAML scalars as Go's yaml.v3 reads them, which is what Atmos is built on.

YAML 1.2 with leftovers of 1.1: `yes` and `on` are text, `0777` and `0o777` are octal, `0b1` is binary, `1_000` is a
thousand. A number with a leading zero that is not octal is a float (`012345678908`). Timestamps stay text here.
Source: resolve.go of gopkg.in/yaml.v3.
"""

from __future__ import annotations

import math
import re

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_SPECIAL = {
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[oO](?P<oct>[0-7]+)|0[bB](?P<bin>[01]+)"
    r"|0(?P<old>[0-7]+)|(?P<dec>0|[1-9][0-9]*))"
)
_BASES = {"hex": 16, "oct": 8, "bin": 2, "old": 8, "dec": 10}
_LONGEST = 100  # characters of a number
_WHOLE = range(-(2**63), 2**64)  # what an int64 or uint64 holds; beyond it a number is a float

Scalar = None | bool | int | float | str


def plain(text: str) -> Scalar:
    """The value of a scalar without quotes and without a tag."""
    if text in _NULL:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if text[0] in "+-.0123456789" and len(text) <= _LONGEST:
        return _number(text)
    return text


def _number(text: str) -> Scalar:
    if text in _SPECIAL:
        return _SPECIAL[text]
    bare = text.replace("_", "")
    match = _INTEGER.fullmatch(bare)
    if match:
        digits = match[match.lastgroup or "dec"]
        number = int(digits, _BASES[match.lastgroup or "dec"]) * (-1 if match["sign"] == "-" else 1)
        if number in _WHOLE:
            return number
    if _FLOAT.fullmatch(bare):
        value = float(bare)
        return text if math.isinf(value) else value
    return text

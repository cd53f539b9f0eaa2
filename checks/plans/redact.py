"""Taking secrets out of plans and texts before anything is kept.

Terraform prints sensitive values in clear in `show -json` and leaves it to the reader to combine the masks. Masks are
not enough: providers forget to mark, and a marked value turns up again in a string that is not marked.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

SENSITIVE = "(sensitive)"
CHANGED = "(sensitive) changed"
LONGEST = 400  # characters of one value that are kept
_SHORTEST = 4  # characters: shorter values would make every text unreadable
_ANYWHERE = 6  # characters from which a secret is looked for inside words too
_MANY = 50  # items of a list or object that are kept

_PATTERNS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----(?:.*?-----END [A-Z ]*PRIVATE KEY-----|.*)",
        r"\b(?:AKIA|ASIA)[0-9A-Z]{12,}",
        r"\bxox[a-z]{1,2}-[0-9A-Za-z-]{6,}",
        r"\bxapp-[0-9A-Za-z-]{6,}",
        r"\beyJ[0-9A-Za-z_-]{6,}\.[0-9A-Za-z_-]{4,}(?:\.[0-9A-Za-z_-]*)?",
        r"\bgh[oprsu]_[0-9A-Za-z]{16,}",
        r"\bgithub_pat_[0-9A-Za-z_]{16,}",
        r"\bglpat-[0-9A-Za-z_-]{16,}",
        r"\b[rs]k_(?:live|test)_[0-9A-Za-z]{8,}",
        r"\bhvs\.[0-9A-Za-z_-]{16,}",
        r"(?<=hooks\.slack\.com/services/)[0-9A-Za-z/_-]+",
        r"(?<=://)[^\s/@:]*:[^\s/@]+(?=@)",
        r"(?i)(?<=\bbearer )[0-9a-z._~+/=-]{8,}",
        r"(?i)(?<=\bbasic )[0-9a-z+/=]{8,}",
    )
)
_ASSIGNMENT = re.compile(
    r"""(?ix) ((?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|private[_-]?key|access[_-]?key))
        (["']?\s*[=:]\s*["']?) ([^\s"',;&]{3,})""",
)
_SECRET_NAME = re.compile(
    r"(?:^|[_.-])(?:password|passwd|passphrase|pwd|secret|token|private_?key|api_?key|access_?key|secret_?key|"
    r"auth_?key|shared_?key|account_?key|encryption_?key|client_?secret|credentials?|passwords|secrets|"
    r"connection_?string|secret_?string|secret_?binary|private_?key_?pem|certificate_?private_?key|"
    r"secret_?access_?key|session_?token|ses_smtp_password_v4|htpasswd)(?:_wo|_?plaintext|_?value|_?base64)?$"
)
_BASE64 = re.compile(r"[0-9A-Za-z+/_-]{16,}={0,2}")
_ARN = re.compile(r"arn:[a-z-]+:")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def secret_name(name: object) -> bool:
    """Whether an attribute, map key or variable of this name holds a secret, marked or not."""
    return isinstance(name, str) and _SECRET_NAME.search(_CAMEL.sub("_", name).lower()) is not None


class Scrubber:
    """Takes known secrets, and what looks like one, out of texts and values. Pure; its repr shows no secret."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        wanted = {form for secret in secrets if len(secret) >= _SHORTEST for form in (secret, json.dumps(secret)[1:-1])}
        longest_first = sorted(wanted, key=lambda secret: (-len(secret), secret))
        parts = [
            re.escape(secret) if len(secret) >= _ANYWHERE else rf"(?<![0-9A-Za-z_]){re.escape(secret)}(?![0-9A-Za-z_])"
            for secret in longest_first
        ]
        self._known = re.compile("|".join(parts)) if parts else None

    def text(self, text: str) -> str:
        """*text* without secrets, at its whole length."""
        if self._known is not None:
            text = self._known.sub(SENSITIVE, text)
        for pattern in _PATTERNS:
            text = pattern.sub(SENSITIVE, text)
        text = _ASSIGNMENT.sub(_assignment, text)
        return SENSITIVE if self._hidden(text) else text

    def _hidden(self, text: str) -> bool:
        """Whether a secret is in *text* in base64, as user data is."""
        for match in _BASE64.finditer(text):
            token = match.group().replace("-", "+").replace("_", "/").rstrip("=")
            try:
                inside = base64.b64decode(token + "=" * (-len(token) % 4), validate=True).decode()
            except (binascii.Error, ValueError):
                continue
            if (self._known is not None and self._known.search(inside)) or any(p.search(inside) for p in _PATTERNS):
                return True
        return False

    def address(self, address: str) -> str:
        """A resource address: only its keys can hold a secret; the rest are names out of the code."""
        return re.sub(r'\["((?:[^"\\]|\\.)*)"\]', lambda match: f'["{self.text(match.group(1))}"]', address)

    def value(self, value: Any, mask: Any = None, name: object = "") -> Any:
        """*value* without secrets and cut to a length for people. *mask*: a merged mask; *name*: of the attribute."""
        if mask is True:
            return SENSITIVE
        if isinstance(value, dict):
            return self._object(value, mask, name)
        if isinstance(value, list):
            inner = _items_mask(mask)
            kept = [self.value(item, inner, name) for item in value[:_MANY]]
            return [*kept, f"… {len(value) - _MANY} more"] if len(value) > _MANY else kept
        if _has_secret(mask) and value is not None:
            return SENSITIVE  # a mask that does not fit the value: better too much than too little
        if isinstance(value, str):
            if value and secret_name(name) and not _ARN.match(value):
                return SENSITIVE
            return cut(self.text(value))
        return SENSITIVE if secret_name(name) and _is_number(value) and abs(value) > 9999 else value

    def _object(self, value: dict[str, Any], mask: Any, name: object) -> Any:
        masks = mask if isinstance(mask, dict) else {}
        if mask and not isinstance(mask, dict):
            masks = dict.fromkeys(value, _items_mask(mask))
        # {"name": "DB_PASSWORD", "value": "…"}: containers and task definitions name their variables so.
        named = next((value[key] for key in ("name", "Name", "key", "Key") if isinstance(value.get(key), str)), "")
        kept: dict[str, Any] = {}
        for key, item in list(value.items())[:_MANY]:
            about = named if key in ("value", "Value") and secret_name(named) else key
            if secret_name(name) and not secret_name(about):
                about = name  # whatever is inside "secrets" is one
            kept[self.text(key)] = self.value(item, masks.get(key), about)
        if len(value) > _MANY:
            kept["…"] = f"{len(value) - _MANY} more"
        return kept


def _assignment(match: re.Match[str]) -> str:
    if match.group(3).startswith(("(sensitive", "arn:")):
        return match.group()
    return f"{match.group(1)}{match.group(2)}{SENSITIVE}"


def scrub_text(text: str, secrets: Collection[str] = ()) -> str:
    """*text* without the given secrets and without what looks like one: keys, tokens, passwords in URLs.

    Secrets shorter than 4 characters are left alone, as every text would be full of holes; those shorter than 6
    are only found as whole words.
    """
    return Scrubber(secrets).text(text)


def cut(text: str, longest: int = LONGEST) -> str:
    """*text*, at most *longest* characters of it, saying how much is missing. Cut only what is scrubbed already."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters)"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# Masks. A merged mask has "*" for every item of a list, so that it fits a list whatever its order.


def merged(*masks: Any) -> Any:
    """One mask that hides what any of *masks* hides; lists are hidden alike in all their items."""
    if any(mask is True for mask in masks):
        return True
    found: dict[str, Any] = {}
    for mask in masks:
        if isinstance(mask, dict):
            for key, inner in mask.items():
                found[key] = merged(found.get(key), inner)
        elif isinstance(mask, list):
            found["*"] = merged(found.get("*"), *mask)
    return {key: inner for key, inner in found.items() if inner} or None


def mask_at(mask: Any, path: tuple[str | int, ...]) -> Any:
    """What a merged mask says of *path*."""
    for step in path:
        if mask is True or not mask:
            return mask
        mask = _items_mask(mask) if isinstance(step, int) else merged(mask.get(step), mask.get("*"))
    return mask


def _items_mask(mask: Any) -> Any:
    if isinstance(mask, dict):
        # A mask with keys on a list does not fit: hide what any of its keys hides.
        return mask["*"] if set(mask) == {"*"} else merged(*mask.values()) if mask else None
    return mask


def _has_secret(mask: Any) -> bool:
    if isinstance(mask, dict):
        return any(_has_secret(inner) for inner in mask.values())
    return any(_has_secret(inner) for inner in mask) if isinstance(mask, list) else mask is True


# Collecting every secret of a plan, so that it is found again wherever it turns up.


def secrets_of(plan: Mapping[str, Any]) -> frozenset[str]:
    """Every sensitive string of a plan: masked ones in all its parts, sensitive variables, and by name."""
    found: set[str] = set()
    for array in ("resource_drift", "resource_changes"):
        for item in _dicts(plan.get(array)):
            found.update(_of_change(item.get("change")))
    outputs = plan.get("output_changes")
    for change in outputs.values() if isinstance(outputs, dict) else ():
        found.update(_of_change(change))
    for part in ("prior_state", "planned_values"):
        found.update(_of_values(plan.get(part)))
    found.update(_of_variables(plan))
    found.update(_by_name(plan, ""))
    # "true" is no secret, and would be found everywhere.
    return frozenset(secret for secret in found if len(secret) >= _SHORTEST and secret not in ("true", "false", "null"))


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def _of_change(change: Any) -> Iterator[str]:
    if isinstance(change, dict):
        mask = merged(change.get("before_sensitive"), change.get("after_sensitive"))
        for side in ("before", "after"):
            yield from _masked(change.get(side), mask)


def _of_values(value: Any) -> Iterator[str]:
    """Walks a state: resources have values and sensitive_values, outputs have value and sensitive."""
    if isinstance(value, dict):
        if "sensitive_values" in value:
            yield from _masked(value.get("values"), merged(value["sensitive_values"]))
        if value.get("sensitive") is True:
            yield from _leaves(value.get("value"))
        for key, item in value.items():
            if key != "values" or "sensitive_values" not in value:
                yield from _of_values(item)
    elif isinstance(value, list):
        for item in value:
            yield from _of_values(item)


def _of_variables(plan: Mapping[str, Any]) -> Iterator[str]:
    configuration = plan.get("configuration")
    root = configuration.get("root_module") if isinstance(configuration, dict) else None
    declared = root.get("variables") if isinstance(root, dict) else None
    values = plan.get("variables")
    for name, variable in declared.items() if isinstance(declared, dict) else ():
        if isinstance(variable, dict) and variable.get("sensitive") is True:
            yield from _leaves(variable.get("default"))
            given = values.get(name) if isinstance(values, dict) else None
            yield from _leaves(given.get("value") if isinstance(given, dict) else None)


def _masked(value: Any, mask: Any) -> Iterator[str]:
    if mask is True:
        yield from _leaves(value)
    elif isinstance(value, dict) and mask:
        for key, item in value.items():
            yield from _masked(item, mask_at(mask, (key,)))
    elif isinstance(value, list) and mask:
        for item in value:
            yield from _masked(item, _items_mask(mask))
    elif _has_secret(mask):
        yield from _leaves(value)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, str):
        yield value
    elif _is_number(value) and abs(value) > 99999:
        yield str(value)


def _by_name(value: Any, name: str) -> Iterator[str]:
    """Strings under a name that holds secrets; under "constant_value" too, as the configuration has them."""
    if isinstance(value, dict):
        for key, item in value.items():
            about = name if key in ("constant_value", "value", "default") and secret_name(name) else key
            yield from _by_name(item, about)
    elif isinstance(value, list):
        for item in value:
            yield from _by_name(item, name)
    elif isinstance(value, str) and len(value) >= _ANYWHERE and secret_name(name) and not _ARN.match(value):
        yield value

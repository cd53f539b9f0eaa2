"""Block Kit as Slack checks it: known blocks only, their required fields, their limits.

The limits are those of docs.slack.dev/reference/block-kit; the words of the complaints follow Slack's
`response_metadata.messages`. Lengths are counted in code points, as submitted (`&amp;` counts five).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_BLOCKS = 50
MAX_BLOCK_CHARACTERS = 13_000  # of all blocks together; Slack documents none and refuses at about 13,200
MAX_TEXT = 3_000
MAX_FIELD = 2_000
MAX_HEADER = 150
MAX_MARKDOWN = 12_000
MAX_CELL = 2_000
MAX_ID = 255

# name -> required, optional fields besides `type` and `block_id`
SHAPES: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "section": (frozenset(), frozenset({"text", "fields", "accessory", "expand"})),
    "header": (frozenset({"text"}), frozenset({"level"})),
    "divider": (frozenset(), frozenset()),
    "context": (frozenset({"elements"}), frozenset()),
    "actions": (frozenset({"elements"}), frozenset()),
    "image": (frozenset({"alt_text"}), frozenset({"image_url", "slack_file", "title"})),
    "markdown": (frozenset({"text"}), frozenset()),
    "rich_text": (frozenset({"elements"}), frozenset()),
    "table": (frozenset({"rows"}), frozenset({"column_settings"})),
    "alert": (frozenset({"text"}), frozenset({"level"})),
}
# Interactive elements: required, optional fields besides `type`
ELEMENTS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "button": (
        frozenset({"text"}),
        frozenset({"action_id", "url", "value", "style", "confirm", "accessibility_label"}),
    ),
    "static_select": (
        frozenset({"options"}),
        frozenset({"placeholder", "action_id", "initial_option", "confirm", "focus_on_load"}),
    ),
    "overflow": (frozenset({"options"}), frozenset({"action_id", "confirm"})),
}


@dataclass
class BlockProblems:
    """One walk over the blocks of one message, its findings in `messages`."""

    messages: list[str] = field(default_factory=list)
    characters: int = 0
    tables: int = 0
    _action_ids: set[str] = field(default_factory=set)
    _block_ids: set[str] = field(default_factory=set)

    def walk(self, blocks: object, at: str = "/blocks") -> None:
        """Check a list of blocks; *at* is its JSON pointer."""
        if not isinstance(blocks, list):
            self._say("must be an array", at)
            return
        if len(blocks) > MAX_BLOCKS:
            self._say(f"no more than {MAX_BLOCKS} items allowed", at)
        for number, block in enumerate(blocks):
            self._block(block, f"{at}/{number}")

    def _say(self, message: str, at: str) -> None:
        self.messages.append(f"{message} [json-pointer:{at}]")

    def _block(self, block: object, at: str) -> None:
        if not isinstance(block, dict):
            self._say("must be an object", at)
            return
        kind = block.get("type")
        if not isinstance(kind, str) or kind not in SHAPES:
            self._say(f"unsupported type: {kind}", f"{at}/type")
            return
        self._fields(block, at, *SHAPES[kind], common=frozenset({"type", "block_id"}))
        self._unique("block_id", block, at, self._block_ids)
        checker: Callable[[dict[str, Any], str], None] = getattr(self, f"_{kind}")
        checker(block, at)

    def _fields(
        self,
        value: Mapping[str, Any],
        at: str,
        required: frozenset[str],
        optional: frozenset[str],
        common: frozenset[str],
    ) -> None:
        for name in sorted(required - value.keys()):
            self._say(f"missing required field: {name}", at)
        for name in sorted(str(key) for key in value.keys() - required - optional - common):
            self._say(f"invalid additional property: {name}", at)

    def _unique(self, name: str, value: Mapping[str, Any], at: str, seen: set[str]) -> None:
        if name not in value:
            return
        found = value[name]
        if self._string(found, f"{at}/{name}", MAX_ID, counted=False):
            if found in seen:
                self._say(f'`{name}` "{found}" already exists', f"{at}/{name}")
            seen.add(found)

    def _string(self, value: object, at: str, limit: int, *, counted: bool = True, empty: bool = False) -> bool:
        """Whether *value* is a string within its limit; says so if not, and counts it as block text."""
        if not isinstance(value, str):
            self._say("must be a string", at)
            return False
        if counted:
            self.characters += len(value)
        if not value and not empty:
            self._say("must be more than 0 characters", at)
            return False
        if len(value) > limit:
            self._say(f"must be less than {limit + 1} characters", at)
            return False
        return True

    def _text(self, value: object, at: str, limit: int, *kinds: str) -> None:
        """A composition object `{"type": plain_text|mrkdwn, "text": …}`."""
        if not isinstance(value, dict):
            self._say("must be an object", at)
            return
        kind = value.get("type")
        if kind not in (kinds or ("plain_text", "mrkdwn")):
            self._say(f"must be one of {', '.join(kinds or ('plain_text', 'mrkdwn'))}", f"{at}/type")
        extra = frozenset({"emoji"}) if kind == "plain_text" else frozenset({"verbatim"})
        self._fields(value, at, frozenset({"text"}), extra, frozenset({"type"}))
        if "text" in value:
            self._string(value["text"], f"{at}/text", limit)
        for flag in extra & value.keys():
            if not isinstance(value[flag], bool):
                self._say("must be a boolean", f"{at}/{flag}")

    def _list(self, value: object, at: str, most: int) -> list[Any]:
        if not isinstance(value, list):
            self._say("must be an array", at)
            return []
        if not value:
            self._say("must have at least 1 items", at)
        if len(value) > most:
            self._say(f"no more than {most} items allowed", at)
        return value

    def _section(self, block: dict[str, Any], at: str) -> None:
        if "text" not in block and "fields" not in block:
            self._say("missing required field: text or fields", at)
        if "text" in block:
            self._text(block["text"], f"{at}/text", MAX_TEXT)
        if "fields" in block:
            for number, item in enumerate(self._list(block["fields"], f"{at}/fields", 10)):
                self._text(item, f"{at}/fields/{number}", MAX_FIELD)
        if "accessory" in block:
            self._element(block["accessory"], f"{at}/accessory")

    def _header(self, block: dict[str, Any], at: str) -> None:
        if "text" in block:
            self._text(block["text"], f"{at}/text", MAX_HEADER, "plain_text")

    def _divider(self, block: dict[str, Any], at: str) -> None:
        """A divider has nothing to check."""

    def _context(self, block: dict[str, Any], at: str) -> None:
        for number, item in enumerate(self._list(block.get("elements"), f"{at}/elements", 10)):
            where = f"{at}/elements/{number}"
            if isinstance(item, dict) and item.get("type") == "image":
                self._image_element(item, where)
            else:
                self._text(item, where, MAX_TEXT)

    def _actions(self, block: dict[str, Any], at: str) -> None:
        for number, item in enumerate(self._list(block.get("elements"), f"{at}/elements", 25)):
            self._element(item, f"{at}/elements/{number}", images=False)

    def _image(self, block: dict[str, Any], at: str) -> None:
        self._picture(block, at)
        if "title" in block:
            self._text(block["title"], f"{at}/title", MAX_FIELD, "plain_text")

    def _image_element(self, item: dict[str, Any], at: str) -> None:
        self._fields(
            item, at, frozenset({"alt_text"}), frozenset({"image_url", "slack_file"}), common=frozenset({"type"})
        )
        self._picture(item, at)

    def _picture(self, item: dict[str, Any], at: str) -> None:
        if ("image_url" in item) == ("slack_file" in item):
            self._say("must have either image_url or slack_file", at)
        if "image_url" in item and self._string(item["image_url"], f"{at}/image_url", 3_000, counted=False):
            self._url(item["image_url"], f"{at}/image_url")
        if "alt_text" in item:
            self._string(item["alt_text"], f"{at}/alt_text", MAX_FIELD)

    def _markdown(self, block: dict[str, Any], at: str) -> None:
        if "text" in block:
            self._string(block["text"], f"{at}/text", MAX_MARKDOWN)

    def _rich_text(self, block: dict[str, Any], at: str) -> None:
        known = ("rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote")
        for number, item in enumerate(self._list(block.get("elements"), f"{at}/elements", 1_000)):
            if not isinstance(item, dict) or item.get("type") not in known:
                self._say("unsupported rich text element", f"{at}/elements/{number}")
            else:
                self._rich(item, f"{at}/elements/{number}")

    def _rich(self, item: dict[str, Any], at: str) -> None:
        for number, part in enumerate(item.get("elements", [])):
            if not isinstance(part, dict) or not isinstance(part.get("type"), str):
                self._say("must be an object with a type", f"{at}/elements/{number}")
            elif part["type"] == "rich_text_section":
                self._rich(part, f"{at}/elements/{number}")
            elif "text" in part:
                self._string(part["text"], f"{at}/elements/{number}/text", MAX_TEXT)

    def _table(self, block: dict[str, Any], at: str) -> None:
        self.tables += 1
        for row_number, row in enumerate(self._list(block.get("rows"), f"{at}/rows", 100)):
            where = f"{at}/rows/{row_number}"
            for number, cell in enumerate(self._list(row, where, 20)):
                kind = cell.get("type") if isinstance(cell, dict) else None
                if kind == "raw_text":
                    self._string(cell.get("text"), f"{where}/{number}/text", MAX_CELL, empty=True)
                elif kind == "rich_text":
                    self._rich_text(cell, f"{where}/{number}")
                else:
                    self._say("must be raw_text or rich_text", f"{where}/{number}")
        if len(block.get("column_settings") or ()) > 20:
            self._say("no more than 20 items allowed", f"{at}/column_settings")

    def _alert(self, block: dict[str, Any], at: str) -> None:
        if block.get("level", "default") not in ("default", "info", "warning", "error", "success"):
            self._say("must be one of default, info, warning, error, success", f"{at}/level")
        if "text" in block:
            self._text(block["text"], f"{at}/text", MAX_TEXT)

    def _element(self, item: object, at: str, *, images: bool = True) -> None:
        if not isinstance(item, dict):
            self._say("must be an object", at)
            return
        kind = item.get("type")
        if kind == "image" and images:
            self._image_element(item, at)
        elif isinstance(kind, str) and kind in ELEMENTS:
            self._fields(item, at, *ELEMENTS[kind], common=frozenset({"type"}))
            self._unique("action_id", item, at, self._action_ids)
            getattr(self, f"_{kind}")(item, at)
            if "confirm" in item:
                self._confirm(item["confirm"], f"{at}/confirm")
        else:
            self._say(f"unsupported type: {kind}", f"{at}/type")

    def _button(self, item: dict[str, Any], at: str) -> None:
        if "text" in item:
            self._text(item["text"], f"{at}/text", 75, "plain_text")
        if "value" in item:
            self._string(item["value"], f"{at}/value", 2_000, counted=False)
        if "url" in item and self._string(item["url"], f"{at}/url", 3_000, counted=False):
            self._url(item["url"], f"{at}/url")
        if "accessibility_label" in item:
            self._string(item["accessibility_label"], f"{at}/accessibility_label", 75, counted=False)
        if item.get("style", "primary") not in ("primary", "danger"):
            self._say("must be one of primary, danger", f"{at}/style")

    def _static_select(self, item: dict[str, Any], at: str) -> None:
        if "placeholder" in item:
            self._text(item["placeholder"], f"{at}/placeholder", 150, "plain_text")
        self._options(item.get("options"), f"{at}/options", 100)

    def _overflow(self, item: dict[str, Any], at: str) -> None:
        self._options(item.get("options"), f"{at}/options", 5)

    def _options(self, value: object, at: str, most: int) -> None:
        for number, option in enumerate(self._list(value, at, most)):
            where = f"{at}/{number}"
            if not isinstance(option, dict):
                self._say("must be an object", where)
                continue
            self._fields(
                option, where, frozenset({"text", "value"}), frozenset({"description", "url"}), common=frozenset()
            )
            self._text(option.get("text"), f"{where}/text", 75)
            self._string(option.get("value"), f"{where}/value", 150, counted=False)

    def _confirm(self, value: object, at: str) -> None:
        if not isinstance(value, dict):
            self._say("must be an object", at)
            return
        names = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
        self._fields(value, at, frozenset(names), frozenset({"style"}), common=frozenset())
        for name, limit in names.items():
            if name in value:
                self._text(value[name], f"{at}/{name}", limit)

    def _url(self, value: str, at: str) -> None:
        if not value.startswith(("https://", "http://")):
            self._say("must be a valid URL", at)

"""The manifests of a repository: each read once, and once more for each context it is imported with."""

from __future__ import annotations

from collections.abc import Sequence

from checks.manifests.imports import EXTENSIONS
from checks.manifests.model import Fault, Node, Spot
from checks.manifests.names import text_of
from checks.manifests.templates import filled, has_template
from daemon.repository.checkout import Checkout
from daemon.repository.documents import Document, is_templated, parsed
from daemon.repository.limits import Limits

_NOT_RESOLVED = "holds Go templates that only Atmos can fill in; what it would add is not known here"


class Manifests:
    """checks.manifests.stacks.Files on a checkout."""

    def __init__(self, checkout: Checkout, stacks: str | None, limits: Limits) -> None:
        """*stacks*: the stacks folder; None where none is configured, so that there are no manifests."""
        self._checkout = checkout
        self._limits = limits
        self._left = limits.total_nodes
        self._raw: dict[str, tuple[Document, bool]] = {}
        self._filled: dict[tuple[str, str], tuple[Node, bool]] = {}
        self._outcomes: dict[str, set[bool]] = {}  # of filling in a file's templates
        self._templated: dict[str, str] = {}  # files with templates, as they are written
        self._writable = limits.total_bytes  # characters that filling in may give
        files, _ = checkout.below(stacks) if stacks is not None else ([], [])
        names = [name for name in files if name.endswith(EXTENSIONS)]
        if len(names) > limits.files:
            detail = f"holds {len(names)} YAML files; only {limits.files} of them are read"
            checkout.refuse(stacks or "", "too_many_files", detail)
        self._stacks = stacks
        self._whole = len(names) <= limits.files
        self._names = tuple(names[: limits.files])
        self._known = frozenset(self._names)

    @property
    def names(self) -> Sequence[str]:
        return self._names

    def exists(self, file: str) -> bool:
        if file in self._known or not file.endswith(EXTENSIONS):
            return file in self._known
        folder, _, name = file.rpartition("/")
        if self._whole and self._stacks is not None and _is_below(folder, self._stacks):
            return False  # all that is there is known
        return name in self._checkout.listing(folder).files

    def root(self, file: str, context: Node | None) -> tuple[Node, bool]:
        document, whole = self._document(file)
        if context is None or not context.items:
            return document.root, whole
        text = self._templated.get(file)
        if text is None:
            return document.root, whole
        if not self._left:
            return document.root, False
        longest = min(self._limits.file_bytes, self._writable)
        written = filled(text, lambda names: text_of(context.at(*names)), longest=longest)
        self._writable -= len(written or "")
        outcomes = self._outcomes.setdefault(file, set())
        if written is None:
            outcomes.add(False)
            return document.root, False
        key = (file, written)
        if key not in self._filled:
            again = self._parse(written, file)
            self._filled[key] = (again.root, again.usable and not again.faults)
            outcomes.add(self._filled[key][1])
        return self._filled[key]

    @property
    def faults(self) -> list[Fault]:
        """What was wrong with the files, each in the order of its file."""
        found: list[Fault] = []
        for file in sorted(self._raw):
            document, _ = self._raw[file]
            resolved = self._outcomes.get(file) == {True}
            found += [fault for fault in document.faults if not (resolved and fault.code == "not_resolved")]
        return found

    def _document(self, file: str) -> tuple[Document, bool]:
        if file not in self._raw:
            self._raw[file] = self._read(file)
        return self._raw[file]

    def _read(self, file: str) -> tuple[Document, bool]:
        text = self._checkout.text(file, self._limits.file_bytes)
        if text is None:
            return Document(Node({}, Spot(file)), usable=False), False
        if has_template(text):
            self._templated[file] = text
        document = self._parse(text, file)
        broken = [fault for fault in document.faults if fault.code == "broken_yaml"]
        if broken and has_template(text) and (file.endswith(".tmpl") or is_templated(text)):
            fault = Fault("not_resolved", broken[0].spots[:1], _NOT_RESOLVED)
            return Document(document.root, (fault,), usable=False), False
        whole = document.usable and not broken and not any(has_template(key) for key in _components(document.root))
        return document, whole

    def _parse(self, text: str, file: str) -> Document:
        document = parsed(text, file, self._limits, nodes=self._left)
        self._left = max(0, self._left - document.nodes)
        return document


def _is_below(folder: str, top: str) -> bool:
    return not top or folder == top or folder.startswith(f"{top}/")


def _components(root: Node) -> Sequence[str]:
    section = root.at("components", "terraform")
    return tuple(section.items) if section is not None else ()

"""Plain text files round the manifests: which lines call Atmos, and which versions are written down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from checks.manifests.model import Line, Spot, Stated
from daemon.repository.checkout import Checkout
from daemon.repository.limits import Limits

_CALL = re.compile(r"(?<![\w./-])atmos(?![\w./:=-])")
_LONGEST = 2000  # characters of a line; a longer one is data
_JOINED = 20  # lines that backslashes may join

_MAKE = re.compile(r"(?:gnu)?makefile|.*\.mk|justfile|taskfile\.ya?ml", re.IGNORECASE)
_DOCS = re.compile(r"readme(?:\..*)?", re.IGNORECASE)
_SHELL = re.compile(r".*\.(?:sh|bash)")
_CI = re.compile(
    r"(?:.*/)?\.github/(?:workflows|actions)/.*\.ya?ml|(?:.*/)?\.gitlab-ci\.yml|\.circleci/.*\.ya?ml|\.buildkite/.*\.ya?ml"
    r"|(?:.*/)?(?:azure-pipelines|bitbucket-pipelines|buildspec|cloudbuild)[^/]*\.ya?ml|(?:.*/)?jenkinsfile"
    r"|(?:.*/)?[^/]*atlantis[^/]*\.ya?ml|(?:.*/)?atlantis/.*\.ya?ml",
    re.IGNORECASE,
)
_PINS = re.compile(r"dockerfile(?:\..*)?|\.env(?:\..*)?|\.envrc|mise\.toml|\.mise\.toml", re.IGNORECASE)

_TOOLS = {"atmos": "atmos", "terraform": "terraform", "tf": "terraform", "opentofu": "opentofu", "tofu": "opentofu"}
_VERSION = r"(?:[~<>=!]{0,2}\s{0,3}v?\d{1,6}(?:\.\d{1,6}){0,3}(?:-[\w.]{1,40})?)"
_PIN = re.compile(
    r"(?<![A-Za-z0-9])(?:tfenv_)?(?P<tool>atmos|terraform|opentofu|tofu|tf)(?:_cli)?[-_]version[\"']?\s{0,20}(?::|[:?]?=)\s{0,20}"
    rf"[\"']?(?P<version>{_VERSION})(?![\w.])",
    re.IGNORECASE,
)
_FILES = {".atmos-version": "atmos", ".terraform-version": "terraform", ".opentofu-version": "opentofu"}
_ASDF = re.compile(rf"(?P<tool>atmos|terraform|opentofu)\s+(?P<version>{_VERSION})")


@dataclass(frozen=True, slots=True)
class Texts:
    """What the text files say."""

    calls: tuple[Line, ...] = ()
    versions: tuple[Stated, ...] = ()


def read(checkout: Checkout, limits: Limits) -> Texts:
    """Look through the files that people and pipelines call Atmos from."""
    calls: list[Line] = []
    versions: list[Stated] = []
    names, _ = checkout.below("", depth=8, quiet=True)
    wanted = [name for name in names if _calls_atmos(name) or _states_versions(name)]
    for name in wanted[: limits.texts]:
        text = checkout.text(name, limits.text_bytes, optional=True)
        if text is None:
            continue
        versions += _versions(name, text)
        if _calls_atmos(name):
            calls += _lines(name, text)
    if len(wanted) > limits.texts or max(len(calls), len(versions)) > limits.lines:
        what = f"more than {limits.texts} scripts, READMEs and pipelines, or {limits.lines} lines in them that matter"
        checkout.refuse("", "too_many_texts", f"there are {what}; the rest is not looked at")
    return Texts(tuple(calls[: limits.lines]), tuple(versions[: limits.lines]))


def _calls_atmos(name: str) -> bool:
    last = PurePosixPath(name).name
    return any(kind.fullmatch(last) for kind in (_MAKE, _DOCS, _SHELL)) or _CI.fullmatch(name) is not None


def _states_versions(name: str) -> bool:
    last = PurePosixPath(name).name
    return last in _FILES or last == ".tool-versions" or _PINS.fullmatch(last) is not None


def _lines(name: str, text: str) -> Iterator[Line]:
    """Lines that name the program; what a backslash continues is one line."""
    pending: list[str] = []
    begin = 0
    for number, line in enumerate(text.splitlines(), start=1):
        begin = begin if pending else number
        pending.append(line[:_LONGEST])
        if line.endswith("\\") and len(pending) < _JOINED:
            pending[-1] = line[:_LONGEST].rstrip("\\")
            continue
        whole = " ".join(part.strip() if at else part for at, part in enumerate(pending))
        pending = []
        if (match := _CALL.search(whole)) is not None:
            yield Line(Spot(name, begin, min(match.start(), len(line)) + 1), whole[: 2 * _LONGEST])


def _versions(name: str, text: str) -> Iterator[Stated]:
    last = PurePosixPath(name).name
    for number, line in enumerate(text.splitlines(), start=1):
        line = line[:_LONGEST]
        said = line.strip()
        if not said or said.startswith(("#", "//")):
            continue
        if last in _FILES:
            if re.fullmatch(_VERSION, said):
                yield Stated(_FILES[last], said.lstrip("v"), Spot(name, number, 1))
            return
        if last == ".tool-versions":
            if match := _ASDF.match(said):
                yield Stated(match["tool"], match["version"].lstrip("v"), Spot(name, number, 1))
            continue
        for match in _PIN.finditer(line):
            spot = Spot(name, number, match.start("version") + 1)
            yield Stated(_TOOLS[match["tool"].lower()], _clean(match["version"]), spot)


def _clean(version: str) -> str:
    return re.sub(r"\s+", " ", version.replace("v", "", 1) if "v" in version[:5] else version).strip()

"""`barograph preflight`: what is wrong with an Atmos repository, found without running anything."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from checks.manifests.model import Examination, Version
    from daemon.processes import Processes

FINE, FINDINGS, COULD_NOT_READ = 0, 1, 3
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://|[^/\s@]+@[^/\s:]+:", re.IGNORECASE)
_VERSION = re.compile(r"v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?")
_PLAIN_WIDTH = 100  # where there is no terminal


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be read."""

    where: str  # as the user named it
    ref: str = ""
    config_path: str = ""  # folder of atmos.yaml, relative to the repository
    base_path: str = ""  # in place of that in atmos.yaml
    version: Version | None = None
    ask_atmos: bool = True


@click.command()
@click.option("--repository", metavar="PATH|URL", help="A folder, or a git address.")
@click.option("--ref", default="", help="Of a git address: a branch, a tag or a commit.")
@click.option(
    "--atmos-version", metavar="V", help="Tell only what affects this Atmos (1.163.0). Default: the installed one."
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), help="What to print.  [default: text]")
@click.option("--no-atmos", is_flag=True, help="Start no program, even if Atmos is installed.")
@click.option(
    "-c", "--config", "config_path", type=click.Path(path_type=Path),
    help="Read the repository that this configuration watches.",
)  # fmt: skip
@click.pass_context
def preflight(
    context: click.Context,
    repository: str | None,
    ref: str,
    atmos_version: str | None,
    *,
    as_json: bool,
    form: str | None,
    no_atmos: bool,
    config_path: Path | None,
) -> None:
    """Say what is wrong with an Atmos repository, each cause with file and line and what to do.

    Its files are read, and nothing in them is run: neither Atmos nor Terraform nor AWS is needed. Where Atmos is
    installed and the repository is a folder, `atmos validate stacks` is asked too, with no credentials and Terraform
    guarded; --no-atmos leaves it out.

    \b
    Exit codes:
      0  clean: everything was read, and nothing is wrong
      1  findings
      2  wrong usage or configuration
      3  something could not be read, which wins over 1; what was found is printed all the same
    """
    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} exclude each other")
    wanted = _wanted(repository, ref, atmos_version, config_path, ask_atmos=not no_atmos)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # the words of this page are not all ASCII
    seen = _look(wanted)
    click.echo(_printed(seen, wanted, "json" if as_json else form or "text"), nl=False)
    context.exit(COULD_NOT_READ if seen.unread else FINDINGS if seen.findings else FINE)


def _wanted(
    repository: str | None, ref: str, atmos_version: str | None, config: Path | None, *, ask_atmos: bool
) -> _Wanted:
    """What the options say. Raises UsageError."""
    version = _parsed(atmos_version) if atmos_version is not None else None
    if repository is None and config is not None:
        return replace(_configured(config), version=version, ask_atmos=ask_atmos)
    if not repository:
        raise click.UsageError("--repository is needed: a folder or a git address (or -c, for the one that is watched)")
    if ref and not _ADDRESS.match(repository):
        raise click.UsageError("--ref goes with a git address; a folder is read as it is")
    return _Wanted(repository, ref, version=version, ask_atmos=ask_atmos)


def _parsed(text: str) -> Version:
    found = _VERSION.fullmatch(text.strip())
    if found is None:
        raise click.UsageError(f"--atmos-version {text!r} is no version; give one like 1.163.0")
    return int(found[1]), int(found[2]), int(found[3] or 0)


def _configured(path: Path) -> _Wanted:
    """The folder that a configuration watches."""
    from daemon.commands.config import load_or_exit
    from daemon.wiring import source_settings

    config = load_or_exit(path)
    if config.source.kind != "atmos":
        raise click.UsageError(f"{path} watches no Atmos repository, but a source of kind {config.source.kind}")
    settings = source_settings(config, os.environ)
    return _Wanted(str(settings.path), config_path=settings.config_path, base_path=settings.base_path)


def _look(wanted: _Wanted) -> Examination:
    """Read and judge the repository; what cannot be read at all is an examination that has seen nothing."""
    from checks.manifests.examine import examine
    from checks.manifests.model import Examination
    from daemon.preflight.fetching import FetchError
    from daemon.preflight.installed import Answer, ask
    from daemon.processes import Processes
    from daemon.repository import RepositoryError, read

    processes = Processes()
    try:
        with _folder(wanted, processes) as path:
            local = not _ADDRESS.match(wanted.where)
            asks = wanted.ask_atmos and local
            said = ask(path, processes.run, os.environ, config_path=wanted.config_path) if asks else None
            answer = said or Answer()
            version = wanted.version or answer.version
            repository = read(path, version, config_path=wanted.config_path, base_path=wanted.base_path)
            installed = {"atmos": ".".join(map(str, answer.version))} if answer.version else {}
            notes = (answer.trouble,) if answer.trouble else ()
            seen = examine(repository, installed=installed, notes=notes)
            return replace(seen, atmos_words=answer.words)
    except (RepositoryError, FetchError) as error:
        return Examination((), wanted.version, unread=(str(error),))
    finally:
        processes.close()


@contextmanager
def _folder(wanted: _Wanted, processes: Processes) -> Iterator[Path]:
    """The repository as a folder: as it is, or fetched. Raises FetchError, and UsageError for a bad address."""
    if not _ADDRESS.match(wanted.where):
        yield Path(wanted.where)
        return
    from daemon.preflight.fetching import AddressError, fetched

    try:
        with fetched(wanted.where, wanted.ref, processes.run, os.environ) as path:
            yield path
    except AddressError as error:
        raise click.UsageError(str(error)) from None


def _printed(seen: Examination, wanted: _Wanted, form: str) -> str:
    from daemon.preflight.words import without_credentials

    where = without_credentials(wanted.where)
    if form == "json":
        from daemon.preflight.report import as_json, report

        return as_json(report(seen, where)) + "\n"
    if form == "github":
        from daemon.preflight.annotations import annotated

        return annotated(seen)
    import shutil

    from daemon.preflight.page import page

    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else _PLAIN_WIDTH
    return page(seen, where, width=min(width, 120), colour=terminal and "NO_COLOR" not in os.environ)

"""`barograph preflight`: the checklist before anything is executed, and what is wrong with an Atmos repository."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from checks.manifests.model import Examination, Version
    from checks.toolchain import Item
    from daemon.config import Config
    from daemon.processes import Processes
    from daemon.repository.tree import Tree

FINE, FINDINGS, COULD_NOT_READ = 0, 1, 3
_CREDENTIALS = re.compile(r":.*@", re.DOTALL)  # what people paste as an address, and lacks its scheme
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://|[^/\s@]+@[^/\s:]+:", re.IGNORECASE)
_VERSION = re.compile(r"v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?")
_PLAIN_WIDTH = 100  # where there is no terminal


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be read."""

    where: str = ""  # as the user named it
    ref: str = ""
    config: Config | None = None  # in place of *where*
    version: Version | None = None
    ask_atmos: bool = True

    @property
    def is_address(self) -> bool:
        return self.config is None and bool(_ADDRESS.match(self.where))


@click.command()
@click.option("--repository", metavar="PATH|URL", help="A folder, or a git address.")
@click.option("--ref", default="", help="Of a git address: a branch, a tag or a commit.")
@click.option(
    "--atmos-version", metavar="V", help="Tell only what affects this Atmos (1.163.0). Default: the installed one."
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), help="What to print.  [default: text]")
@click.option("--aws", "rights", is_flag=True, help="Say which IAM actions Barograph's roles lack, and nothing else.")
@click.option("--stack", help="Go through the checklist of one instance, before it is applied; with --component.")
@click.option("--component", help="Of that stack.")
@click.option(
    "--plan", "plan", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Its plan, as `terraform show -json` gives it.  [default: one is made, read-only]",
)  # fmt: skip
@click.option("--no-plan", is_flag=True, help="Make no plan: leave out what hangs on it.")
@click.option("--no-atmos", is_flag=True, help="Start no program, even if Atmos is installed.")
@click.option(
    "-c", "--config", "config_path", type=click.Path(path_type=Path), envvar="BAROGRAPH_CONFIG", show_envvar=True,
    help="The configuration to go through, without --repository.  [default: barograph.yml]",
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
    rights: bool,
    stack: str | None,
    component: str | None,
    plan: Path | None,
    no_plan: bool,
    no_atmos: bool,
    config_path: Path | None,
) -> None:
    """Go through the checklist before anything is executed, and say what is wrong with the Atmos repository.

    Without --repository: credentials, Atmos, Terraform, repository, variables, network, disk and memory, as the
    configuration wants them; then the repository that it watches. With it: that repository alone, each cause with file
    and line and what to do.

    The repository's files are read, and nothing in them is run: neither Atmos nor Terraform nor AWS is needed. Where
    Atmos is installed and the repository is a folder, `atmos validate stacks` is asked too, with no credentials and
    Terraform guarded; --no-atmos leaves it out.

    With --aws: the rights of each role in each account that is watched, held against what the enabled checks declare.
    IAM's policy simulator is asked, and what the last looks were refused; where neither tells, that is said.

    With --stack and --component: the same for one instance before it is applied, and its state's lock, its plan, the
    drift that the apply would undo, room in quotas and subnets, recovery points of what would go, addresses that others
    hold, and what new resources need. For the first step of a workflow.

    \b
    Exit codes:
      0  clean: everything was looked at, and nothing is wrong
      1  findings, or something of the checklist failed
      2  wrong usage or configuration
      3  something could not be looked at, which wins over 1; what was found is printed all the same
    """
    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} exclude each other")
    form = "json" if as_json else form or "text"
    if stack is not None or component is not None or plan is not None or no_plan:
        _refuse(stack, component, plan, repository, form, no_plan=no_plan, rights=rights)
        context.exit(_instance(stack or "", component or "", plan, form, config_path, makes=not no_plan))
    if rights:
        context.exit(_rights(repository, form, config_path or Path("barograph.yml")))
    wanted = _wanted(repository, ref, atmos_version, config_path, ask_atmos=not no_atmos)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # the words of this page are not all ASCII
    items = _checklist(wanted) if form != "github" else ()  # which marks lines of files
    seen = _look(wanted) if wanted.config is None or wanted.config.source.kind == "atmos" else None
    click.echo(_printed(seen, items, wanted, form), nl=False)
    context.exit(_code(seen, items))


def _refuse(
    stack: str | None, component: str | None, plan: Path | None, repository: str | None, form: str, *,
    no_plan: bool, rights: bool,
) -> None:  # fmt: skip
    """Raise UsageError where options do not go together."""
    if not stack or not component:
        raise click.UsageError("--stack and --component go together, and --plan and --no-plan with them")
    if plan is not None and no_plan:
        raise click.UsageError("--plan and --no-plan exclude each other")
    if repository is not None or rights:
        raise click.UsageError("--stack goes with the configuration, and neither with --repository nor --aws")
    if form == "github":
        raise click.UsageError("--stack marks no lines of files: give --format text or json")


def _instance(
    stack: str, component: str, plan: Path | None, form: str, config_path: Path | None, *, makes: bool
) -> int:  # fmt: skip
    import json

    from daemon.commands.config import load_or_exit
    from daemon.preflight.instance import Asked, UnknownInstanceError, look
    from daemon.toolchain import exit_code, report, table

    config = load_or_exit(config_path or Path("barograph.yml"))
    try:
        items = look(config, os.environ, Asked(stack, component, plan, makes))
    except UnknownInstanceError as error:
        raise click.UsageError(str(error)) from None
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    if form == "json":
        click.echo(json.dumps({"stack": stack, "component": component, "checklist": dict(report(items))}, indent=2))
    else:
        click.echo("\n".join(table(items)))
    return exit_code(items)


def _rights(repository: str | None, form: str, config_path: Path) -> int:
    from daemon.commands.config import load_or_exit
    from daemon.commands.preflight_aws import show

    if repository is not None:
        raise click.UsageError("--aws goes with the configuration, and --repository does without one")
    if form == "github":
        raise click.UsageError("--aws marks no lines of files: give --format text or json")
    return show(load_or_exit(config_path), config_path, as_json=form == "json")


def _code(seen: Examination | None, items: Sequence[Item]) -> int:
    """The worse of both: 3 wins over 1, and 1 over 0."""
    codes = [FINE]
    if seen is not None:
        codes.append(COULD_NOT_READ if seen.unread else FINDINGS if seen.findings else FINE)
    if items:
        from daemon.toolchain import exit_code

        codes.append(exit_code(items))
    return max(codes)


def _checklist(wanted: _Wanted) -> Sequence[Item]:
    if wanted.config is None:
        return ()
    from daemon.toolchain.preflight import look

    return look(wanted.config, os.environ)


def _wanted(
    repository: str | None, ref: str, atmos_version: str | None, config: Path | None, *, ask_atmos: bool
) -> _Wanted:
    """What the options say. Raises UsageError."""
    version = _parsed(atmos_version) if atmos_version is not None else None
    if repository is None:
        if ref:
            raise click.UsageError("--ref goes with --repository; source.ref says what is watched")
        return _configured(config or Path("barograph.yml"), version, ask_atmos=ask_atmos)
    if not repository:
        raise click.UsageError("--repository is empty: give a folder or a git address")
    if ref and not _ADDRESS.match(repository):
        raise click.UsageError("--ref goes with a git address; a folder is read as it is")
    if not _ADDRESS.match(repository) and _CREDENTIALS.search(repository) and not os.path.exists(repository):
        raise click.UsageError(
            "--repository is no folder; a git address must not hold a password or token, and begins with https://"
        )
    return _Wanted(repository, ref, version=version, ask_atmos=ask_atmos)


def _parsed(text: str) -> Version:
    found = _VERSION.fullmatch(text.strip())
    if found is None:
        raise click.UsageError(f"--atmos-version {text!r} is no version; give one like 1.163.0")
    return int(found[1]), int(found[2]), int(found[3] or 0)


def _configured(path: Path, version: Version | None, *, ask_atmos: bool) -> _Wanted:
    """The repository that a configuration watches."""
    from daemon.commands.config import load_or_exit

    config = load_or_exit(path)
    where = str(config.source.path) if config.source.path is not None else config.source.url or ""
    return _Wanted(where, config=config, version=version, ask_atmos=ask_atmos)


def _look(wanted: _Wanted) -> Examination:
    """Read and judge the repository; what cannot be read at all is an examination that has seen nothing."""
    from checks.manifests.model import Examination
    from daemon.preflight.content import AddressError, ContentError
    from daemon.processes import Processes
    from daemon.repository import RepositoryError

    processes = Processes()
    try:
        with _content(wanted, processes) as tree:
            return _judged(tree, wanted, processes)
    except AddressError as error:
        raise click.UsageError(str(error)) from None
    except (RepositoryError, ContentError) as error:
        return Examination((), wanted.version, unread=(str(error),))
    finally:
        processes.close()


def _content(wanted: _Wanted, processes: Processes) -> AbstractContextManager[Tree]:
    from daemon.preflight.content import of_address, of_configuration, of_folder

    if wanted.config is not None:
        return of_configuration(wanted.config, processes, os.environ)
    if wanted.is_address:
        return of_address(wanted.where, wanted.ref, processes, os.environ)
    return of_folder(Path(wanted.where))


def _judged(tree: Tree, wanted: _Wanted, processes: Processes) -> Examination:
    from checks.manifests.examine import examine
    from daemon.preflight.installed import Answer, ask
    from daemon.repository import read
    from daemon.repository.left_out import with_left_out

    atmos, config_path, base_path = "atmos", "", ""
    if wanted.config is not None:
        from daemon.wiring import source_settings

        settings = source_settings(wanted.config, os.environ)
        atmos, config_path, base_path = settings.atmos, settings.config_path, settings.base_path
    # A git address may be anybody's: Atmos runs what a repository tells it to.
    asks = wanted.ask_atmos and not wanted.is_address
    said = ask(tree.path, processes.run, os.environ, atmos=atmos, config_path=config_path) if asks else None
    answer = said or Answer()
    repository = read(tree.path, wanted.version or answer.version, config_path=config_path, base_path=base_path)
    installed = {"atmos": ".".join(map(str, answer.version))} if answer.version else {}
    notes = (*tree.notes, *([answer.trouble] if answer.trouble else []))
    seen = with_left_out(examine(repository, installed=installed, notes=notes), tree, repository)
    return replace(seen, atmos_words=answer.words)


def _printed(seen: Examination | None, items: Sequence[Item], wanted: _Wanted, form: str) -> str:
    from daemon.preflight.words import without_credentials
    from daemon.toolchain import report as listed
    from daemon.toolchain import table

    where = without_credentials(wanted.where)
    if form == "json":
        from daemon.preflight.report import as_json, report

        found = report(seen, where) if seen is not None else {}
        return as_json({**found, **({"checklist": dict(listed(items))} if items else {})}) + "\n"
    if form == "github":
        from daemon.preflight.annotations import annotated

        return annotated(seen) if seen is not None else ""
    import shutil

    from daemon.preflight.page import page

    text = "\n".join(table(items)) + "\n" if items else ""
    if seen is None:
        return text
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else _PLAIN_WIDTH
    colour = terminal and "NO_COLOR" not in os.environ
    return text + ("\n" if text else "") + page(seen, where, width=min(width, 120), colour=colour)

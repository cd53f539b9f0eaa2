"""Plans one instance at a time per worker, and says how the attempt ended."""

from __future__ import annotations

import contextlib
import queue
import shutil
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from checks.plans.look import LookStatus, PlanLook
from checks.plans.redact import Scrubber, cut
from daemon.aws import Aws
from daemon.inventory.model import Watched
from daemon.planning import drivers, outcome
from daemon.planning.binaries import Binaries
from daemon.planning.copies import Scratch, WorkingCopy
from daemon.planning.ended import LookEndedError, config_error, error
from daemon.planning.environment import child_environment
from daemon.planning.guarding import read_log, write_guard
from daemon.planning.modules import read_module, role_override
from daemon.planning.places import put_local_state, state_place
from daemon.planning.secrets import in_files, in_state, secrets_of
from daemon.planning.settings import Grant, PlanningSettings, grant
from daemon.planning.tools import atmos_base, cli_config, component_folder
from daemon.processes import Processes, ProcessesClosedError, ProgramMissingError

_LONGEST = 600  # characters of one text that a look tells


@dataclass(frozen=True, slots=True)
class _Job:
    """One look while it runs."""

    watched: Watched
    given: Grant
    atmos: bool
    left: Callable[[], float]  # seconds until the deadline
    secrets: set[str] = field(repr=False)  # grows with what the look reads


@dataclass(frozen=True, slots=True)
class _Code:
    """What is planned."""

    path: Path
    fingerprint: str


class Planner:
    """Turns a watched instance into a PlanLook. Thread-safe for as many threads as there are workers; more wait."""

    def __init__(
        self,
        settings: PlanningSettings,
        repository: Path | None,
        processes: Processes,
        aws: Aws,
        clock: Callable[[], datetime],
    ) -> None:
        """*repository*: the folder that people work in, where local states lie; None: there is none, as with git."""
        self._settings = settings
        self._repository = repository
        self._processes = processes
        self._aws = aws
        self._clock = clock
        self._lock = threading.Lock()
        self._opened: _Opened | None = None

    def look(self, watched: Watched, *, source_fingerprint: str, code: Path | None = None) -> PlanLook:
        """One attempt to plan *watched*, of the repository as *source_fingerprint* names it. Never raises for trouble.

        *code*: the folder with that content, which nobody changes meanwhile; None: the one that people work in.
        Nothing is written outside the scratch folder, and nothing of the look stays there but provider code.
        """
        began = self._clock()
        instance = watched.instance
        if not instance.enabled or instance.abstract:
            why = "abstract" if instance.abstract else "disabled"
            return PlanLook(LookStatus.NOT_APPLICABLE, f"{instance.key} is {why}", cause=why)
        secrets = set(secrets_of(watched, Grant(), self._settings.inherited))
        try:
            given = self._granted(watched)
            secrets |= secrets_of(watched, given, self._settings.inherited)
            source = _Code(code or self._repository or Path(), source_fingerprint)
            found = self._look(watched, given, source, secrets)
        except LookEndedError as ended:
            found = _ended(ended)
        except ProgramMissingError as missing:
            found = _ended(error(str(missing), cause="program missing"))
        except ProcessesClosedError:
            found = _ended(error("Barograph is stopping", cause="stopping"))
        except OSError as failed:
            found = _ended(error(f"the scratch folder cannot be used: {failed.strerror or failed}", cause="scratch"))
        except Exception as odd:  # noqa: BLE001  # libraries raise what they like, and its text may hold secrets
            found = _ended(error(f"the look broke off ({type(odd).__name__})", cause=f"broke off {type(odd).__name__}"))
        return _scrubbed(replace(found, seconds=(self._clock() - began).total_seconds()), secrets)

    def close(self) -> None:
        """Remove the private copies. Looks that still run end with an error."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def _granted(self, watched: Watched) -> Grant:
        instance = watched.instance
        for what, name in (
            ("stack", instance.stack), ("component", instance.component), ("workspace", watched.backend.workspace),
        ):  # fmt: skip
            if name.startswith("-"):
                raise config_error(f'the {what} "{name}" starts with a dash: Terraform would take it for an option')
        try:
            return grant(self._settings.rules, instance.stack, instance.component, instance.account)
        except ValueError as bad:
            raise config_error(str(bad), cause="account unknown") from bad

    def _look(self, watched: Watched, given: Grant, code: _Code, secrets: set[str]) -> PlanLook:
        left = drivers.deadline(self._settings.deadline_seconds)
        job = _Job(watched, given, self._uses_atmos(watched), left, secrets)
        opened = self._open()
        with opened.worker() as copy, copy.look():
            return self._plan(job, opened, copy, code)

    def _uses_atmos(self, watched: Watched) -> bool:
        driver = self._settings.driver
        atmos = watched.instance.atmos if driver == "auto" else driver == "atmos" and watched.instance.atmos
        if watched.unresolved and not atmos:
            named = ", ".join(watched.unresolved[:3])
            raise config_error(f"{named} come from templates or functions: only Atmos can plan it", cause="unresolved")
        if "/" in watched.command:
            raise config_error(
                f"the component's command is the path {watched.command}: it would be run without Barograph's guard",
                cause="command is a path",
                remedy="name it terraform or tofu in the stack, and give the path in planning.terraform",
            )
        return atmos

    def _plan(self, job: _Job, opened: _Opened, copy: WorkingCopy, code: _Code) -> PlanLook:
        watched, settings, directory = job.watched, self._settings, job.watched.instance.working_directory
        component = component_folder(copy.tree, directory)
        folders = copy.folders(directory, opened.cli_config, settings.plugin_cache, atmos=job.atmos)
        config_path = copy.tree / settings.atmos_config
        env = child_environment(
            folders=folders,
            inherited=settings.inherited,
            stack=watched.env,
            grant=job.given,
            workspace=watched.backend.workspace,
            base_path=atmos_base(code.path, settings, copy.tree) if job.atmos else None,
            config_path=config_path if job.atmos else None,
        )
        place = state_place(watched, self._repository, env, self._aws)
        seen = place.before()
        job.secrets.update(in_state(seen.body))
        copy.refresh(code.fingerprint, code.path)
        if not component.is_dir():
            raise config_error(f"the component's folder {directory} is not there", cause="component folder missing")
        job.secrets.update(in_files(component, watched))
        put_local_state(watched, component, copy.tree, seen)
        module = read_module(component)
        role, external = job.given.plan_role, job.given.external_id
        files = role_override(module, role, external) if role else {}
        binary = opened.binaries.choose(
            module.required_versions, tofu=watched.command == "tofu", only=job.given.terraform
        )
        wrapper = write_guard(
            folders.binaries,
            terraform=binary.path,
            log=copy.guard_log,
            workspace=watched.backend.workspace,
            providers=job.given.allowed_providers,
            may_select=job.atmos,
            env=env,
            root=copy.folder,
            init_lock=opened.scratch.path / "init.lock",
            names=dict.fromkeys(("terraform", "tofu", watched.command)),
        )
        attempt = drivers.Attempt(watched, copy, wrapper, env, files, self._processes, job.left, settings.output_limit)
        plan, version, memory = self._made(attempt, job)
        place.after(seen)
        return PlanLook(
            LookStatus.PLANNED,
            plan=plan,
            serial=seen.serial,
            max_rss_bytes=memory,
            facts={"terraform_version": version or binary.version},
        )

    def _made(self, attempt: drivers.Attempt, job: _Job) -> tuple[dict[str, object], str, int]:
        """The plan, the version that made it, and the most memory a child held."""
        seconds, log = self._settings.deadline_seconds, attempt.copy.guard_log
        if job.atmos:
            program = shutil.which(self._settings.atmos, path=self._settings.inherited.get("PATH"))
            if program is None:
                raise error(f"Atmos is not there: {self._settings.atmos}", cause="atmos missing")
            made = drivers.atmos(attempt, program)
        else:
            made = drivers.direct(attempt)
        events = outcome.check_made(made, read_log(log), attempt.plan_file, seconds)
        shown = attempt.show()
        plan = outcome.read_plan(shown, read_log(log), seconds)
        children = [child for child in (made.init, made.plan, shown) if child is not None]
        return plan, events.terraform, max(child.max_rss_bytes for child in children)

    def _open(self) -> _Opened:
        with self._lock:
            if self._opened is None:
                scratch = Scratch(self._settings.scratch)
                self._opened = _Opened(self._settings, self._processes, scratch)
            return self._opened


class _Opened:
    """What a planner has once it has been used: scratch folder, workers, binaries."""

    def __init__(self, settings: PlanningSettings, processes: Processes, scratch: Scratch) -> None:
        self.scratch = scratch
        self.cli_config = cli_config(settings, scratch.path)
        if settings.plugin_cache is not None:
            settings.plugin_cache.mkdir(parents=True, exist_ok=True)
        own = {"PATH": settings.inherited.get("PATH", ""), "HOME": str(scratch.path), "CHECKPOINT_DISABLE": "1"}
        own["TF_CLI_CONFIG_FILE"] = str(self.cli_config)
        self.binaries = Binaries(processes, settings.terraform, own, scratch.path)
        self._copies: list[WorkingCopy] = []
        self._free: queue.LifoQueue[WorkingCopy] = queue.LifoQueue()
        for number in range(max(1, settings.workers)):
            folder = scratch.path / f"worker-{number}"
            folder.mkdir(mode=0o700)
            self._copies.append(WorkingCopy(folder))
            self._free.put(self._copies[-1])

    def close(self) -> None:
        for copy in self._copies:
            copy.close()
        self.scratch.close()

    @contextlib.contextmanager
    def worker(self) -> Iterator[WorkingCopy]:
        copy = self._free.get()
        try:
            yield copy
        finally:
            self._free.put(copy)


def _ended(ended: LookEndedError) -> PlanLook:
    return PlanLook(
        ended.status,
        ended.reason,
        ended.remedy,
        diagnostics=ended.diagnostics,
        cause=ended.cause,
        facts=ended.facts,
    )


def _scrubbed(look: PlanLook, secrets: Collection[str]) -> PlanLook:
    """The look without secrets in anything that is text, cut afterwards; the plan itself stays as it is."""
    # Messages are told in one line: then a secret of several lines is in one, too.
    scrubber = Scrubber({form for secret in secrets for form in (secret, " ".join(secret.split()))})

    def clean(text: str) -> str:
        return cut(scrubber.text(text), _LONGEST)

    return replace(
        look,
        reason=clean(look.reason),
        remedy=clean(look.remedy),
        cause=clean(look.cause),
        diagnostics=tuple(clean(line) for line in look.diagnostics),
        facts={name: clean(value) for name, value in look.facts.items()},
    )

"""What Barograph stands on: its credentials, the repository, disk and memory."""

from __future__ import annotations

import shutil

from checks.base import LookFailed
from checks.toolchain import Answer, Item
from daemon.aws import look
from daemon.inventory import atmosyaml, checkout
from daemon.inventory.model import Inventory, InventoryError
from daemon.inventory.settings import SourceKind, SourceSettings
from daemon.planning.settings import BYTES_PER_PLAN, PlanningSettings
from daemon.repository.tree import Tree
from daemon.toolchain.bench import Bench, existing
from daemon.toolchain.telling import some

DISK_BYTES = 2 * 1024**3  # providers of one plan take some 700 MB, and the AWS provider unpacks to as much


def credentials(bench: Bench, inventory: Inventory | None) -> Item:
    name = "aws credentials"
    if inventory is not None and not bench.accounts and not any(one.backend.type == "s3" for one in inventory.watched):
        return Item(name, Answer.NOT_NEEDED, "no state lies in S3, and no account is watched")
    try:
        with look("sts:GetCallerIdentity"):
            sts = bench.aws.client("sts", bench.region or "us-east-1", endpoint_url=bench.endpoint_url)
            answer = sts.get_caller_identity()
    except KeyError:  # botocore looks for a part of the answer that is not there
        answer = {}
    except LookFailed as failed:
        if failed.reason == "denied":
            return Item(
                name, Answer.FAIL, f"AWS does not know who we are: {failed}",
                "give the service credentials: a role of its container, a profile in aws.profile, or AWS_… variables",
            )  # fmt: skip
        return Item(name, Answer.COULD_NOT_LOOK, f"{failed} ({failed.reason})", "see whether AWS can be reached")
    except ValueError:
        return Item(
            name, Answer.COULD_NOT_LOOK, "aws.endpoint_url is no address", "write it with its scheme: https://…"
        )
    if not answer.get("Arn") or not answer.get("Account"):
        return Item(name, Answer.COULD_NOT_LOOK, "AWS answered without saying who we are")
    return Item(name, Answer.PASS, f"{answer['Arn']} of account {answer['Account']}")


def root(source: SourceSettings) -> Item:
    name, title = "repository root", source.title
    if not source.path.is_dir():
        return Item(name, Answer.FAIL, f"{title} is not a folder", "set source.path to the repository's root")
    if source.kind is SourceKind.ATMOS:
        try:
            yaml = atmosyaml.read(source.path, source.config_path)
        except InventoryError as bad:
            return Item(name, Answer.FAIL, str(bad), "set source.atmos.config_path to the folder of atmos.yaml")
        if not yaml.file:
            below = f" in {source.config_path}" if source.config_path else ""
            return Item(
                name, Answer.FAIL, f"there is no atmos.yaml{below} of {title}",
                "set source.path to the repository's root, or source.atmos.config_path to the folder of atmos.yaml",
            )  # fmt: skip
        return Item(name, Answer.PASS, f"{title}, with {yaml.file}")
    gone = [one.path for one in source.modules if not (source.path / one.path).is_dir()]
    if gone:
        return Item(name, Answer.FAIL, f"there is no folder {some(gone)} in {title}", "correct source.roots")
    return Item(name, Answer.PASS, title)


def git(bench: Bench, tree: Tree) -> Item:
    """Whether the watched folder is as a commit has it. What is fetched always is."""
    name, source, folder = "git clean", bench.source, bench.folder
    if folder is None:
        return Item(name, Answer.PASS, f"{source.title} at commit {tree.commit[:12]}, as it was fetched")
    if shutil.which("git", path=source.environment.get("PATH")) is None:
        return Item(name, Answer.COULD_NOT_LOOK, "git is not there", "install git")
    try:
        stamp = checkout.stamp(folder, bench.run, source.environment)
    except OSError:
        return Item(name, Answer.COULD_NOT_LOOK, f"{folder} is not a folder", "set source.path")
    if not stamp.commit:
        return Item(
            name, Answer.FAIL, f"{folder} is not a git work tree with a commit: nobody can tell what is watched",
            "watch a checkout of the repository", blinds=False,
        )  # fmt: skip
    changed = checkout.changes(folder, bench.run, source.environment)
    if changed is None:
        return Item(name, Answer.COULD_NOT_LOOK, f"git does not tell what has changed in {folder}")
    if changed:
        return Item(
            name, Answer.FAIL, f"{folder} has changes that are in no commit, on top of {stamp.commit[:12]}",
            f"git -C {folder} status", blinds=False,
        )  # fmt: skip
    return Item(name, Answer.PASS, f"commit {stamp.commit[:12]}, and nothing else")


def disk(planning: PlanningSettings) -> Item:
    folder = existing(planning.scratch)
    try:
        free = shutil.disk_usage(folder).free
    except OSError as failed:
        return Item("disk space", Answer.COULD_NOT_LOOK, f"{folder}: {failed.strerror}")
    told = f"{_gib(free)} free at {folder}"
    if free < DISK_BYTES:
        return Item("disk space", Answer.FAIL, f"{told}, and {_gib(DISK_BYTES)} are needed", "set planning.scratch")
    return Item("disk space", Answer.PASS, told)


def memory(bench: Bench) -> Item:
    told = f"{_gib(bench.memory_bytes)} for this process"
    if bench.memory_bytes <= 0:
        return Item("memory", Answer.COULD_NOT_LOOK, "the system does not tell how much memory there is")
    if bench.memory_bytes < BYTES_PER_PLAN:
        needed = f"a plan with the AWS provider takes {_gib(BYTES_PER_PLAN)}"
        return Item("memory", Answer.FAIL, f"{told}, and {needed}", "give the container more memory")
    return Item("memory", Answer.PASS, told)


def _gib(number: int) -> str:
    return f"{number / 1024**3:.1f} GiB"

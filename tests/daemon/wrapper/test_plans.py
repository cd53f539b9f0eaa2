"""What a saved plan would do is told by a process beside the job, which never waits for it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from checks.plans.impact import Reduced
from daemon.wrapper import plans
from tests.daemon.wrapper.support import Shop, daemon, of, wait_for

SECRET = "hunter2-hunter2"
MAIN = f"""
variable "secret" {{
  type      = string
  sensitive = true
  default   = "{SECRET}"
}}
resource "terraform_data" "a" {{ input = var.secret }}
resource "terraform_data" "b" {{
  for_each = toset([nonsensitive(var.secret), "<b>x</b>"])
  input    = each.key
}}
"""
FAKE = """#!/bin/sh
case " $* " in
*" show "*) {show} ;;
*" plan "*) printf plan >saved ;;
esac
"""


def repository(shop: Shop, text: str = MAIN) -> Path:
    """A root module that is ready to be planned."""
    folder = shop.root / "components" / "vpc"
    folder.mkdir(parents=True)
    (folder / "main.tf").write_text(text)
    assert shop.bare("terraform", "init", cwd=folder).returncode == 0
    return folder


def fake(shop: Shop, show: str) -> dict[str, str]:
    """A Terraform that shows a plan in this way; the environment in which it is found."""
    folder = shop.root / "bin"
    folder.mkdir()
    (folder / "terraform").write_text(FAKE.format(show=show))
    (folder / "terraform").chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def impacts(shop: Shop, number: int = 1) -> list[dict[str, Any]]:
    """The events that tell of plans, once there are so many."""
    wait_for(lambda: len(of(shop.written(), "impact")) >= number)
    return of(shop.written(), "impact")


def test_a_saved_plan_is_told_before_it_is_applied(shop: Shop) -> None:
    """With what it creates, the workspace and the folder, and nothing that is secret; the job sees none of it."""
    folder = repository(shop)
    argv = ["sh", "-c", "terraform workspace new blue && terraform plan -no-color -out=saved.plan"]
    done = shop.run(*argv, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert b"show" not in done.stdout + done.stderr
    (one,) = impacts(shop)
    assert [(row["addr"], row["action"]) for row in one["rows"]] == [
        ("terraform_data.a", "create"), ('terraform_data.b["(sensitive)"]', "create"),
        ('terraform_data.b["<b>x</b>"]', "create"),
    ]  # fmt: skip
    assert (one["create"], one["created"], one["operation"], one["workspace"]) == (
        3, ["terraform_data 3"], "plan", "blue",
    )  # fmt: skip
    assert SECRET not in json.dumps(one)
    shop.run("terraform", "apply", "-no-color", "saved.plan", cwd=folder)
    applied = next(told for told in impacts(shop, 2) if told["operation"] == "apply")
    assert applied["digest"] == one["digest"]


def test_the_plan_is_sent_to_a_daemon_after_the_job_has_ended(shop: Shop) -> None:
    """The job does not wait for it, and what was told before the end came before."""
    env = fake(shop, 'sleep 2; echo \'{"format_version":"1.2"}\'')
    with daemon() as told:
        began = time.monotonic()
        done = shop.run(
            "terraform", "plan", "-out=saved", env={**env, "BAROGRAPH_URL": told.url}, options=["--verbose"]
        )
        assert time.monotonic() - began < 1.9
        assert (done.returncode, b"recorded and sent" in done.stderr) == (0, True)
        assert not told.named("impact")
        wait_for(lambda: told.named("impact"))
        (end,) = told.named("run.end")
        assert told.named("impact")[0].seq > end.seq
    wait_for(lambda: not list(shop.spool.iterdir()))


@pytest.mark.parametrize(
    ("show", "why"),
    [
        ("sleep 600", "did not end within 1 s"), ("exit 3", "ended with 3"), ("echo no-json", "is no JSON"),
        ("echo '{\"format_version\":\"9.0\"}'", "no plan whose format is known"),
        ("head -c 70000000 /dev/zero", "more than 64 MiB"), ("printf more >>saved; echo '{}'", "was written to"),
        ("kill -9 $$", "ended with -9"),
    ],
)  # fmt: skip
def test_a_plan_that_cannot_be_read_says_why_and_costs_the_job_nothing(shop: Shop, show: str, why: str) -> None:
    """And nothing of it is left running."""
    env = {**fake(shop, show), "BAROGRAPH_EXEC_SHOW_SECONDS": "1"}
    began = time.monotonic()
    done = shop.run("terraform", "plan", "-out", "saved", env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert time.monotonic() - began < 1.5
    (one,) = impacts(shop)
    assert why in one["why"]
    assert "rows" not in one
    wait_for(lambda: not _mine(shop))


def _mine(shop: Shop) -> list[int]:
    """Processes that run in the folder of a test."""
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdecimal() and os.readlink(f"/proc/{name}/cwd").startswith(str(shop.root)):
                found.append(int(name))
        except OSError:
            continue
    return found


def test_what_reads_the_plan_writes_to_nothing_of_the_job(shop: Shop) -> None:
    """Neither the job's log of Terraform nor what its environment adds to each call is touched."""
    env = fake(shop, 'env >seen; echo "$*" >words; exit 1')
    more = {"TF_LOG_PATH": "log", "TF_LOG": "trace", "TF_CLI_ARGS_show": "-x", "BAROGRAPH_TOKEN": SECRET}
    shop.run("terraform", "plan", "-out=saved", env=env | more)
    impacts(shop)
    seen = (shop.root / "seen").read_text()
    assert not [name for name in more if f"{name}=" in seen]
    assert (shop.root / "words").read_text().startswith("show -json -no-color /proc/self/fd/")


def test_a_plan_file_that_is_replaced_is_not_taken_for_the_one_that_was_planned(shop: Shop) -> None:
    """What is read is the file that was saved, by its descriptor, whatever has its name by then."""
    env = fake(shop, 'sleep 1; cat "$4"')
    plan = '{"format_version":"1.2","resource_changes":[]}'
    (shop.root / "bin" / "terraform").write_text(
        FAKE.format(show='sleep 1; cat "$4"').replace("printf plan", f"echo '{plan}'")
    )
    done = shop.run("sh", "-c", "terraform plan -out=saved && rm saved && echo other >saved", env=env)
    assert done.returncode == 0
    (one,) = impacts(shop)
    assert "why" not in one


def test_it_can_be_left_out(shop: Shop) -> None:
    """Where the job's own memory is short."""
    done = shop.run("terraform", "plan", "-out=saved", env={**fake(shop, "exit 3"), "BAROGRAPH_EXEC_IMPACT": "0"})
    assert done.returncode == 0
    shop.record()
    wait_for(lambda: not _mine(shop))
    assert not of(shop.written(), "impact")


@pytest.mark.parametrize(
    ("argv", "environ", "name"),
    [
        (["plan", "-out=a b"], {}, "a b"), (["plan", "-out", "x"], {}, "x"), (["-chdir=y", "plan", "--out=x"], {}, "x"),
        (["plan", "-var", "out=x"], {}, ""), (["plan"], {"TF_CLI_ARGS_plan": "-out=x"}, "x"),
        (["plan", "-out"], {}, ""),
        (["apply", "x"], {}, "x"), (["apply", "-auto-approve"], {}, ""), (["apply", "-var", "a=b"], {}, ""),
        (["apply", "-var=a=b", "x"], {}, "x"), (["apply", "-target", "a.b", "x"], {}, "x"), (["apply"], {}, ""),
        (["destroy", "x"], {}, ""), ([], {}, ""), (["plan"], {"TF_CLI_ARGS": "'"}, ""),
    ],
)  # fmt: skip
def test_the_plan_file_of_a_call_is_the_one_that_terraform_takes(
    argv: list[str], environ: dict[str, str], name: str
) -> None:
    """However it is written; what belongs to an option is none."""
    assert plans.saved(argv, environ) == name


def test_rows_come_in_pieces_that_a_pipe_takes_whole() -> None:
    """None is lost between them; one address that is too long is counted."""
    rows = [{"addr": f"aws_vpc.a[{number}]", "action": "create", "type": "aws_vpc"} for number in range(400)]
    lines = plans.lines_of(Reduced({"create": 401}, (*rows, {"addr": "x" * 5_000, "action": "create"})), {"plan": "p"})
    told = [json.loads(line) for line in lines]
    assert max(map(len, lines)) <= 4_096
    assert [row for one in told for row in one["rows"]] == rows
    assert (told[0]["left_out"], {one["parts"] for one in told}) == (1, {len(lines)})


def test_a_plan_that_takes_for_ever_to_read_is_given_up(shop: Shop) -> None:
    """One with so many secrets that looking for them in each address has no end."""
    words = [f"{number:032x}" for number in range(60_000)]
    changes: list[dict[str, Any]] = [
        {"address": f'a.b["{word}{word}"]', "type": "a", "mode": "managed",
         "change": {"actions": ["create"], "before": None, "after": {"x": words[:1]}, "after_sensitive": {}}}
        for word in words[:5_000]
    ]  # fmt: skip
    changes[0]["change"] |= {"after": {"x": words}, "after_sensitive": {"x": True}}
    (shop.root / "plan.json").write_text(json.dumps({"format_version": "1.2", "resource_changes": changes}))
    env = {**fake(shop, "cat plan.json"), "BAROGRAPH_EXEC_SHOW_SECONDS": "2"}
    shop.run("terraform", "plan", "-out=saved", env=env)
    (one,) = impacts(shop)
    assert one["why"] == "reading the plan takes more than 2 s"
    wait_for(lambda: not _mine(shop))


def test_types_whose_room_is_asked_are_told_however_many_others_there_are() -> None:
    """Of what is created by type, what no quota is known of is left out first."""
    created = {f"aws_a{number:03}": 1 for number in range(200)} | {"aws_vpc": 3, "aws_instance": 2}
    (line,) = plans.lines_of(Reduced({"create": 205}, (), 205, created), {"plan": "p"})
    assert {"aws_vpc 3", "aws_instance 2"} <= set(json.loads(line)["created"])
    assert len(line) <= 4_096

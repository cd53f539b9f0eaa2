"""Reading a large Terraform state, beside json.loads."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from daemon.states.decode import decode

Row = tuple[str, str, str]


def cpu_seconds(work: Callable[[], object], times: int = 3) -> float:
    """The median of *times* runs, in CPU time: both sides only compute."""
    taken = []
    for _ in range(times):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return statistics.median(taken)


def large_state(resources: int = 13_337, instances: int = 3) -> bytes:
    """A state of some 60 MB, as the largest that people have."""
    held = [
        {
            "mode": "managed", "type": "aws_instance", "name": f"web{number}",
            "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
            "instances": [
                {
                    "index_key": index, "schema_version": 1, "sensitive_attributes": [], "dependencies": ["aws_vpc.a"],
                    "attributes": {
                        "arn": f"arn:aws:ec2:eu-west-1:1{0:011}:instance/i-{number:014x}{index:03x}",
                        "id": f"i-{number:014x}{index:03x}", "tags": {"Name": "x", "Stack": "acme"}, "ami": "ami-0abc",
                        "user_data": "A" * 960, "vpc_security_group_ids": ["sg-1", "sg-2"],
                        "root_block_device": [{"encrypted": True, "volume_size": 8}],
                    },
                }
                for index in range(instances)
            ],
        }
        for number in range(resources)
    ]  # fmt: skip
    return json.dumps({"version": 4, "serial": 1, "lineage": "l", "outputs": {}, "resources": held}).encode()


_MEMORY = """
import re, sys
from pathlib import Path
{imports}
def peak():  # not ru_maxrss: that of the parent is passed on
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024
before = peak()
body = Path(sys.argv[1]).read_bytes()
kept = {work}
print(peak() - before)
"""


def states() -> Iterator[Row]:
    """A state of 60 MB decoded in parts, beside the whole of it by json.loads; memory in a process of its own."""
    body = large_state()
    decoded, parsed = cpu_seconds(partial(decode, body)), cpu_seconds(partial(json.loads, body))
    without = cpu_seconds(partial(decode, body, "0" * 32))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "terraform.tfstate"
        file.write_bytes(body)

        def mebibytes(imports: str, work: str) -> int | str:
            if not Path("/proc/self/status").exists():
                return "?"
            program = _MEMORY.format(imports=imports, work=work)
            return int(subprocess.check_output([sys.executable, "-c", program, str(file)]))

        ours = mebibytes("from daemon.states.decode import decode", "decode(body)")
        theirs = mebibytes("import json", "json.loads(body)")
    size = f"{len(body) / 1e6:.0f} MB"
    yield f"json.loads of a state of {size}, CPU", f"{parsed * 1e3:.0f} ms, {theirs} MiB", "the body included"
    yield (
        f"names and header of the same, {13_337 * 3:,} resources", f"{without * 1e3:.0f} ms, {ours} MiB",
        f"{without / parsed:.2f} x json.loads; limit: 200 ms, 100 MB",
    )  # fmt: skip
    yield "the same with its MD5", f"{decoded * 1e3:.0f} ms", f"{decoded / parsed:.2f} x json.loads"

"""The embedded world: an AWS, a Terraform, a repository, and its stacks applied. Everything is in one folder."""

from __future__ import annotations

import json
import os
import platform
import shlex
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from daemon.demo.account import Client, client_maker, set_up
from daemon.demo.api import BY_HAND, Api, ApiError
from daemon.demo.cloud import Cloud
from daemon.demo.endpoint import Shop
from daemon.demo.launcher import TerraformProgram, find_terraform
from daemon.demo.programs import DemoError, python_command
from daemon.demo.repository import INSTANCES, LOCK_TABLE, STATE_BUCKET, DemoInstance, Repository, files
from daemon.processes import Processes, ProgramMissingError

REGION = "eu-west-1"
CREDENTIALS: Mapping[str, str] = {
    "AWS_ACCESS_KEY_ID": "AKIADEMODEMODEMODEMO",
    "AWS_SECRET_ACCESS_KEY": "opens-nothing-but-the-demo",
    "AWS_REGION": REGION,
}
_PROVIDER = "local/demo/aws/0.1.0"
_WORKERS = 2
_DEADLINE = 120.0  # seconds for one call of Terraform: it takes about one
_SOCKET = Path("tmp12345678", "py-tf-plugin.sock")  # as tf names it, in TMPDIR
_LONGEST_SOCKET = 103  # bytes of a UNIX socket's path, macOS; Linux takes 107


class DemoWorld:
    """The world in *scratch*, an empty folder whose removal is the caller's. Leaving it ends all of its programs."""

    def __init__(self, scratch: Path, *, say: Callable[[str], None] = lambda _: None) -> None:
        self.scratch = scratch.resolve()
        self.processes = Processes()
        self.repository = Repository(self.processes, self.scratch / "repository", self.scratch)
        self.mirror = self.scratch / "mirror"
        self.cli_config = self.scratch / "terraform.rc"
        self.plans = self.scratch / "p"  # for whoever plans in this world; short, as providers put sockets below
        self.shop = Shop(self.scratch / "shop")
        self._cloud = Cloud(self.processes, self.scratch)
        self._say = say
        self._api: Api | None = None
        self._program: TerraformProgram | None = None
        self._clients: Client | None = None

    def __enter__(self) -> DemoWorld:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def api(self) -> Api:
        """The world's AWS, once it is started."""
        assert self._api is not None, "start() first"
        return self._api

    @property
    def program(self) -> TerraformProgram:
        """The world's Terraform, once it is started."""
        assert self._program is not None, "start() first"
        return self._program

    @property
    def by_hand(self) -> Api:
        """The same AWS for what somebody does in the console."""
        return replace(self.api, access_key=BY_HAND)

    def client(self, service: str) -> Any:
        """A client for what somebody does in the console."""
        if self._clients is None:
            self._clients = client_maker(self.by_hand)
        return self._clients(service)

    def start(self) -> None:
        """Make the world and apply every stack. Takes some ten seconds. Raises DemoError."""
        try:
            self._program = find_terraform(self.scratch)
            self._say(f"Terraform {self._program.version} ({self._program.origin})")
            self._api = self._cloud.start(REGION)
            self._say(f"AWS, embedded: {self._api.endpoint}")
            self._create_backend()
            self._install_provider()
            self.repository.create(files(self._api.endpoint, REGION))
            self._lock_providers()
            self.repository.commit("Describe the network, the database and the service", {})
            self._apply_all(INSTANCES)
            self.shop.start()
            set_up(client_maker(self.api), REGION)
            self._say(f"applied {len(INSTANCES)} component instances in {len({i.stack for i in INSTANCES})} stacks")
        except (ApiError, ProgramMissingError) as error:
            raise DemoError(str(error)) from error

    def close(self) -> None:
        """End all programs of the world. Nothing can be started in it afterwards."""
        self.shop.close()
        self.processes.close()
        self._cloud.join()

    def environment(self) -> dict[str, str]:
        """What a Terraform needs of its environment in this world, without what is of one instance."""
        return {
            **CREDENTIALS, "PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.scratch),
            "TMPDIR": str(self._temporary), "TF_CLI_CONFIG_FILE": str(self.cli_config), "CHECKPOINT_DISABLE": "1",
            "TF_INPUT": "0", "TF_IN_AUTOMATION": "1", "AWS_EC2_METADATA_DISABLED": "true",
        }  # fmt: skip

    def terraform(self, instance: DemoInstance, *arguments: str, workspace: bool = True) -> bytes:
        """Run Terraform on an instance; gives its stdout. Raises DemoError when it fails."""
        env = self.environment() | {"TF_DATA_DIR": str(self.scratch / "data" / instance.stack / instance.component)}
        if workspace:
            env["TF_WORKSPACE"] = instance.stack
        folder = self.repository.folder / instance.working_directory
        finished = self.processes.run((str(self.program.path), *arguments), cwd=folder, env=env, deadline=_DEADLINE)
        if finished.rc != 0:
            words = (finished.stderr or finished.stdout).decode(errors="replace").strip()
            raise DemoError(f"terraform {arguments[0]} of {instance.key} failed:\n{words}")
        return finished.stdout

    def plan(self, instance: DemoInstance) -> dict[str, Any]:
        """A plain plan of an instance, as `show -json` writes it; not redacted. Raises DemoError."""
        saved = self.scratch / f"{instance.stack}-{instance.component}.tfplan"
        try:
            self.terraform(instance, "plan", "-no-color", "-lock=false", f"-out={saved}", self._var_file(instance))
            answer = json.loads(self.terraform(instance, "show", "-json", str(saved)))
        finally:
            saved.unlink(missing_ok=True)  # it holds secrets
        assert isinstance(answer, dict)
        return answer

    @property
    def _temporary(self) -> Path:
        return self.scratch / "t"  # short: a provider's socket lies in it

    def _create_backend(self) -> None:
        location = "<CreateBucketConfiguration><LocationConstraint>{}</LocationConstraint></CreateBucketConfiguration>"
        versioning = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
        encryption = (
            b"<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
            b"<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule>"
            b"</ServerSideEncryptionConfiguration>"
        )
        parts = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        block = "".join(f"<{part}>true</{part}>" for part in parts)
        self.api.s3("PUT", f"/{STATE_BUCKET}", location.format(REGION).encode())
        self.api.s3("PUT", f"/{STATE_BUCKET}?versioning", versioning)
        self.api.s3("PUT", f"/{STATE_BUCKET}?encryption", encryption)
        blocked = f"<PublicAccessBlockConfiguration>{block}</PublicAccessBlockConfiguration>"
        self.api.s3("PUT", f"/{STATE_BUCKET}?publicAccessBlock", blocked.encode())
        self.api.json("dynamodb", "DynamoDB_20120810.CreateTable", {
            "TableName": LOCK_TABLE, "BillingMode": "PAY_PER_REQUEST", "DeletionProtectionEnabled": True,
            "AttributeDefinitions": [{"AttributeName": "LockID", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "LockID", "KeyType": "HASH"}],
        })  # fmt: skip
        self.api.json("dynamodb", "DynamoDB_20120810.UpdateContinuousBackups", {
            "TableName": LOCK_TABLE, "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        })  # fmt: skip

    def _install_provider(self) -> None:
        """A filesystem mirror with the provider. Whatever changes in it later breaks the lock files made from it."""
        self._temporary.mkdir()
        if len(bytes(self._temporary / _SOCKET)) > _LONGEST_SOCKET:
            raise DemoError(f"the path {self.scratch} is too long for a socket: set TMPDIR to a shorter one")
        private = {"HOME": self.scratch, "TMPDIR": self._temporary}  # tf keeps a certificate and sockets there
        given = private | {"BAROGRAPH_DEMO_ENDPOINT": self.api.endpoint, "BAROGRAPH_DEMO_REGION": REGION}
        settings = " ".join(f"{name}={shlex.quote(str(value))}" for name, value in given.items())
        command = shlex.join(python_command("from daemon.demo.provider import main; main()"))
        program = self.mirror / _PROVIDER / platform_name() / "terraform-provider-aws_v0.1.0"
        program.parent.mkdir(parents=True)
        program.write_text(f'#!/bin/sh\n{settings} exec {command} "$@"\n')
        program.chmod(0o755)
        self.cli_config.write_text(
            "provider_installation {\n"
            f'  filesystem_mirror {{\n    path    = "{self.mirror}"\n    include = ["local/*/*"]\n  }}\n'
            '  direct {\n    exclude = ["local/*/*"]\n  }\n}\n'
        )

    def _lock_providers(self) -> None:
        """Every component has the same provider, and so the same lock file."""
        first = INSTANCES[0]
        self.terraform(first, "init", "-input=false", "-no-color", "-backend=false", workspace=False)
        name = ".terraform.lock.hcl"
        text = (self.repository.folder / first.working_directory / name).read_text()
        for component in {instance.working_directory for instance in INSTANCES}:
            (self.repository.folder / component / name).write_text(text)

    def _apply_all(self, instances: Sequence[DemoInstance]) -> None:
        pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="demo-apply")
        try:
            for applied in [pool.submit(self._apply, instance) for instance in instances]:
                applied.result()
        except BaseException:
            self.processes.close()  # those that run end now, and the others fail to start
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _apply(self, instance: DemoInstance) -> None:
        """Without locks, which nobody needs here yet: where the embedded AWS closes a connection too early, Terraform
        asks for its lock a second time and is refused by itself. For creating a workspace it would always lock."""
        empty = {"version": 4, "terraform_version": self.program.version, "serial": 0, "lineage": str(uuid.uuid4())}
        state = json.dumps({**empty, "outputs": {}, "resources": []}).encode()
        self.api.s3("PUT", f"/{STATE_BUCKET}/{instance.state_key}", state)
        self.terraform(instance, "init", "-input=false", "-no-color", "-lockfile=readonly")
        self.terraform(instance, "apply", "-auto-approve", "-no-color", "-lock=false", self._var_file(instance))

    def _var_file(self, instance: DemoInstance) -> str:
        return f"-var-file={self.repository.folder / instance.var_file}"


def platform_name() -> str:
    """This platform as Terraform's mirrors name it: "linux_amd64"."""
    machine = platform.machine().lower()
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    return f"{sys.platform}_{architecture}"

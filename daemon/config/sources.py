"""Options: where the inventory comes from."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from daemon.config.section import SecretPath, SecretText, Section, as_written, group
from daemon.config.stages import Stage
from daemon.config.values import (
    FilePath,
    GitAddress,
    GitRef,
    Interval,
    JsonMapping,
    OneOrMany,
    Program,
    Size,
    SomeDuration,
    Subfolder,
    Switch,
    Text,
    wrong,
    wrong_at,
)
from daemon.repository.address import Transport, parse

_OF_GIT = ("ref", "subfolder", "submodules", "username", "token", "ssh_key_file", "known_hosts_file")


class Atmos(Section):
    """How Atmos is called."""

    command: Program = "atmos"
    """The Atmos program: a name on the PATH, or a path."""
    driver: Literal["atmos", "direct"] = "atmos"
    """Who prepares a plan: `atmos` goes through its CLI; `direct` writes backend and variables itself."""
    config_path: FilePath | None = None
    """Folder of `atmos.yaml`, where it is not the repository's own."""
    deadline: SomeDuration = timedelta(minutes=5)
    """How long one call of Atmos may take."""
    output_limit: Size = as_written("256MiB")
    """How much one call of Atmos may print."""


class Root(Section):
    """One Terraform root module; each of its workspaces is an instance."""

    path: Text
    """Folder of the root module, relative to the repository."""
    stack: Text
    """The stack it counts as."""
    component: Text | None = None
    """The component it counts as; the folder's name if not given."""
    workspaces: Annotated[tuple[Text, ...], OneOrMany] = ("default",)
    """Workspaces to watch. With more than one, the workspace's name is added to the component's."""
    var_files: Annotated[tuple[Text, ...], OneOrMany] = ()
    """Variable files, relative to the root module."""
    vars: JsonMapping = Field(default_factory=dict, repr=False)
    """Variables."""
    backend_config: JsonMapping = Field(default_factory=dict, repr=False)
    """Settings that complete the backend block, as `-backend-config`."""
    stage: Stage | None = None
    """Stage, where no pattern of `stages` says it."""
    tenant: Text | None = None
    """Tenant."""
    environment: Text | None = None
    """Environment, such as `euw1`."""
    region: Text | None = None
    """AWS region."""
    account: Text | None = None
    """AWS account id."""
    owner: Text | None = None
    """Who looks after it."""


class Source(Section):
    """Where the inventory comes from: a folder (`path`), or a git address (`url`) that Barograph fetches itself."""

    kind: Literal["atmos", "terraform", "file"]
    """What lists the instances: Atmos, the root modules in `roots`, or a saved `atmos describe stacks`."""
    path: FilePath | None = None
    """The repository's folder. It is read, never written. This or `url`."""
    uncommitted: Literal["refuse", "plan"] = "refuse"
    """In a git work tree, `refuse` watches what is committed, and tells of changes; `plan` takes all that is there."""
    url: GitAddress | None = None
    """Address of a git repository: `https://…`, `ssh://…`, `git@host:path` or `file:///…`, without user or token."""
    ref: GitRef | None = None
    """With `url`, the branch, tag or whole commit hash to watch; the remote's HEAD if not given."""
    subfolder: Subfolder | None = None
    """With `url`, the folder in it that counts as the repository."""
    submodules: Switch | None = None
    """With `url`, whether submodules are fetched. If not given they are not, and that there are some is told."""
    username: Text | None = None
    """User name beside `token`: GitHub and GitLab take any, Bitbucket wants `x-token-auth`."""
    token: SecretText | None = None
    """Token for an `https://` address; one that can only read is enough. Only that host is ever told it."""
    token_file: SecretPath | None = None
    """File that holds `token`."""
    ssh_key_file: FilePath | None = None
    """Private key without a passphrase, for an SSH address."""
    known_hosts_file: FilePath | None = None
    """The server's host keys, for an SSH address. A host that is not in it is refused, always."""
    fetch_every: Interval = timedelta(minutes=5)
    """How often the repository is looked at, or fetched."""
    fetch_deadline: SomeDuration = timedelta(minutes=5)
    """How long one fetch may take."""
    fetch_limit: Size = as_written("1GiB")
    """How much one fetch may bring, and how large a checkout may be."""
    file: FilePath | None = None
    """The saved listing, for kind `file`."""
    atmos: Atmos = group()
    """How Atmos is called."""
    roots: tuple[Root, ...] = ()
    """Root modules, for kind `terraform`."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Source:
        if self.kind == "file" and self.file is None:
            raise wrong("needs file: the saved listing that kind file reads")
        if self.kind == "terraform" and not self.roots:
            raise wrong("needs roots: the root modules that kind terraform watches")
        if self.kind != "file" and self.file is not None:
            raise wrong_at("file", f"is for kind file, and kind is {self.kind}")
        if self.kind != "terraform" and self.roots:
            raise wrong_at("roots", f"is for kind terraform, and kind is {self.kind}")
        if self.file is not None and not self.file.is_file():
            raise wrong_at("file", "names no file")
        return self

    @model_validator(mode="after")
    def _comes_from_one_place(self) -> Source:
        if self.path is None and self.url is None:
            raise wrong("needs path: the repository's folder, or url: the address it is fetched from")
        if self.url is None:
            given = next((name for name in _OF_GIT if getattr(self, name) is not None), None)
            if given is not None:
                raise wrong_at(given, "is for url: the address of a git repository")
        elif self.path is not None:
            raise wrong_at("url", "and path are both given; keep one")
        if self.path is not None and not self.path.is_dir():
            raise wrong_at("path", "names no folder; it must be the repository, relative to this file")
        return self

    @model_validator(mode="after")
    def _signs_in_as_its_address_wants(self) -> Source:
        if self.url is None:
            return self
        transport = parse(self.url).transport
        web = transport in (Transport.HTTPS, Transport.HTTP)
        if self.token is not None and not web:
            raise wrong_at("token", "is for an https:// address")
        if self.token is not None and any(char in self.token.reveal() for char in "\r\n\0"):
            raise wrong_at("token", "holds a line break, which no token has")
        if self.username is not None and (self.token is None or not self.username.isprintable()):
            raise wrong_at("username", "needs token beside it, and must be printable")
        if transport is not Transport.SSH:
            for name in ("ssh_key_file", "known_hosts_file"):
                if getattr(self, name) is not None:
                    raise wrong_at(name, "is for an SSH address")
            return self
        if self.ssh_key_file is None:
            raise wrong("needs ssh_key_file: the private key for the SSH address in url")
        if self.known_hosts_file is None:
            raise wrong("needs known_hosts_file: the server's host keys, which are always checked")
        for name in ("ssh_key_file", "known_hosts_file"):
            if not getattr(self, name).is_file():
                raise wrong_at(name, "names no file")
        return self

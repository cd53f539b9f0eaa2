"""Fetching over real transports: what a ref points to, what goes wrong, what is kept."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from daemon.processes import Processes
from daemon.repository.access import Access
from daemon.repository.faults import Fault, FetchError
from daemon.repository.git import fetched
from daemon.repository.mirror import FetchLimits
from tests.daemon.repository.support import TOKEN, USER, Bench, HttpServer, Remote, environment, git, http_server

SIGNED_IN: dict[str, Any] = {"token": TOKEN, "username": USER}


def test_a_branch_is_followed(bench: Bench, served: Remote, http: HttpServer) -> None:
    """Each fetch gives the commit that the branch is at, and its files; what did not move is not fetched again."""
    source = bench.source(http.url, "main", **SIGNED_IN)
    first = source.now()
    assert first.commit == first.fingerprint == git(served.work, "rev-parse", "HEAD")
    assert (first.path / "stacks/dev.yaml").read_text() == "vars: {stage: dev}\n"
    assert not (first.path / ".git").exists()
    asked = len(http.seen)
    assert source.now() == first
    assert all("service=git-upload-pack" in path or "POST" not in path for path, _ in http.seen[asked:])
    made = served.push({"new.tf": "# new\n"})
    second = source.now()
    assert (second.commit, second.notes, (second.path / "new.tf").read_text()) == (made, (), "# new\n")
    assert not (first.path / "new.tf").exists(), "a checkout stays as it is"


@pytest.mark.parametrize("ref", ["", "main", "refs/heads/main", "v1", "refs/tags/v1", "HASH", "OLD"])
def test_every_kind_of_ref(bench: Bench, served: Remote, http: HttpServer, ref: str) -> None:
    """The remote's HEAD, a branch, an annotated tag, a commit that is a branch's, and one that is behind it."""
    old = git(served.work, "rev-parse", "HEAD")
    made = served.push({"new.tf": "# new\n"})
    git(served.work, "tag", "-am", "one", "v1")
    git(served.work, "push", "-q", "origin", "v1")
    wanted = {"HASH": made, "OLD": old}.get(ref, ref)
    assert bench.source(http.url, wanted, **SIGNED_IN).now().commit == (old if ref == "OLD" else made)


def test_a_fetch_is_shallow(bench: Bench, served: Remote, http: HttpServer) -> None:
    """Of a long history one commit comes."""
    for number in range(5):
        served.push({"main.tf": f"# {number}\n"})
    mirror = bench.mirror(http.url, **SIGNED_IN)
    commit = mirror.fetch("main").commit
    assert mirror.read("rev-list", "--count", commit, what="x").decode().strip() == "1"


def test_a_forced_push_is_followed_and_told(bench: Bench, served: Remote, http: HttpServer) -> None:
    """The new commit is watched; that history was rewritten is told for as long as it is."""
    source = bench.source(http.url, "main", **SIGNED_IN)
    old = source.now().commit
    git(served.work, "commit", "--amend", "-qm", "rewritten")
    git(served.work, "push", "-qf", "origin", "HEAD")
    for _ in range(2):
        tree = source.now()
        assert tree.commit == git(served.work, "rev-parse", "HEAD")
        assert f"rewritten (force-pushed), or moved by more than 50 commits: {old[:12]}" in tree.notes[0]
    served.push({"main.tf": "# on\n"})
    assert source.now().notes == ()


def faulty(source: Any) -> FetchError:
    with pytest.raises(FetchError) as caught:
        source.now()
    assert TOKEN not in str(caught.value)
    return caught.value


def test_a_branch_that_was_deleted(bench: Bench, served: Remote, http: HttpServer) -> None:
    """Named as that; the checkout of before stays, and the branch's return heals."""
    git(served.work, "push", "-q", "origin", "HEAD:refs/heads/live")
    source = bench.source(http.url, "live", **SIGNED_IN)
    before = source.now()
    git(served.work, "push", "-q", "origin", ":refs/heads/live")
    error = faulty(source)
    assert error.fault is Fault.REF
    assert "the branch or tag live does not exist there (any more)" in str(error)
    assert (before.path / "main.tf").is_file()
    git(served.work, "push", "-q", "origin", "HEAD:refs/heads/live")
    assert source.now().commit == before.commit


def test_wrong_credentials(bench: Bench, http: HttpServer) -> None:
    """Refused and none at all are told in words that say which options to look at; the right ones heal."""
    wrong: dict[str, Any] = {"token": "canary-wrong-token", "username": USER}
    for given in ({}, wrong):
        error = faulty(bench.source(http.url, "main", **given))
        assert error.fault is Fault.CREDENTIALS
        assert "source.token" in str(error)
        assert "canary" not in str(error)
        bench = Bench(bench.folder / "next")
        bench.folder.mkdir()
    assert bench.source(http.url, "main", **SIGNED_IN).now().commit


def test_no_such_repository_and_no_such_host(bench: Bench, http: HttpServer) -> None:
    """Two different reasons."""
    assert faulty(bench.source(http.url.replace("infra", "infre"), "main", **SIGNED_IN)).fault is Fault.MISSING
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = probe.getsockname()[1]
    other = Bench(bench.folder / "other")
    other.folder.mkdir()
    assert faulty(other.source(f"http://127.0.0.1:{closed}/infra.git")).fault is Fault.UNREACHABLE
    third = Bench(bench.folder / "third")
    third.folder.mkdir()
    assert faulty(third.source("https://no-such-host.invalid/infra.git")).fault is Fault.UNREACHABLE


def test_an_empty_repository(bench: Bench, tmp_path: Path) -> None:
    """No commit to watch is told as that."""
    bare = tmp_path / "empty.git"
    bare.mkdir()
    git(bare, "init", "-q", "--bare")
    error = faulty(bench.source(str(bare)))
    assert error.fault is Fault.REF
    assert "it is empty" in str(error)


def test_a_server_that_hangs(bench: Bench, served: Remote) -> None:
    """The deadline ends the fetch, and the next one heals."""
    gate = threading.Event()
    with http_server(served.bare.parent, slow=gate) as server:
        source = bench.source(server.url, "main", limits=FetchLimits(seconds=2))
        began = time.monotonic()
        assert faulty(source).fault is Fault.TIMED_OUT
        assert time.monotonic() - began < 10
        server.slow = None
        assert source.now().commit == git(served.work, "rev-parse", "HEAD")


def test_a_server_that_never_answers(bench: Bench) -> None:
    """One that takes the connection and says nothing is ended by the deadline, too."""
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen()
        url = f"http://127.0.0.1:{hole.getsockname()[1]}/infra.git"
        assert faulty(bench.source(url, limits=FetchLimits(seconds=1))).fault is Fault.TIMED_OUT


def test_a_redirect_to_another_host_gets_nothing(bench: Bench, served: Remote) -> None:
    """It is not followed, so that neither the credentials nor the request reach the other server."""
    with http_server(served.bare.parent, TOKEN) as thief:

        def away(handler: BaseHTTPRequestHandler) -> bool:
            handler.send_response(302)
            handler.send_header("Location", f"http://localhost:{thief.port}{handler.path}")
            handler.end_headers()
            return True

        with http_server(served.bare.parent, TOKEN, before=away) as server:
            error = faulty(bench.source(server.url, "main", **SIGNED_IN))
        assert error.fault is Fault.REDIRECTED
        assert "write that address into source.url" in str(error)
        assert thief.seen == []


def test_a_repository_that_is_too_large(bench: Bench, served: Remote, http: HttpServer) -> None:
    """The transfer is cut off at the limit; with a higher one the same folder heals."""
    (served.work / "blob").write_bytes(os.urandom(8 * 1024 * 1024))
    made = served.push({"x": "y"})
    source = bench.source(http.url, "main", limits=FetchLimits(size=1024 * 1024), **SIGNED_IN)
    assert faulty(source).fault is Fault.TOO_LARGE
    source.close()
    assert bench.source(http.url, "main", **SIGNED_IN).now().commit == made


@pytest.mark.parametrize("files", [False, True])
def test_a_small_pack_of_a_large_tree(bench: Bench, served: Remote, files: bool) -> None:
    """What compresses well, or repeats itself, is told to be too large before any of it is written."""
    limits = FetchLimits(size=1024 * 1024)
    if files:
        limits = FetchLimits(files=20)
        served.push({f"d/{number}": "same" for number in range(30)})
    else:
        served.push({"zeros": "0" * 4 * 1024 * 1024})
    error = faulty(bench.source(str(served.bare), limits=limits))
    assert error.fault is Fault.TOO_LARGE
    assert not list((bench.folder / "mirror" / "checkouts").iterdir())


def test_a_tree_that_repeats_itself_without_end(bench: Bench, served: Remote) -> None:
    """Ten folders of ten folders of ten …: billions of files in ten objects."""
    work = served.work
    blob = subprocess.run(
        ["git", "hash-object", "-w", "--stdin"], input=b"x", cwd=work, capture_output=True, check=True
    ).stdout.decode()
    tree = f"100644 blob {blob.strip()}\tf"
    for _ in range(10):
        made = subprocess.run(
            ["git", "mktree"], input=tree.encode(), cwd=work, capture_output=True, check=True
        ).stdout.decode()
        tree = "\n".join(f"040000 tree {made.strip()}\td{number}" for number in range(10))
    top = subprocess.run(["git", "mktree"], input=tree.encode(), cwd=work, capture_output=True, check=True).stdout
    bomb = git(work, "commit-tree", "-m", "bomb", top.decode().strip())
    git(work, "push", "-q", "origin", f"{bomb}:refs/heads/bomb")
    assert faulty(bench.source(str(served.bare), "bomb")).fault is Fault.TOO_LARGE


def test_a_mirror_that_is_damaged_is_made_anew(bench: Bench, served: Remote, http: HttpServer) -> None:
    """Whatever is broken in it, the next fetch gives the right files, and says that it had to."""
    source = bench.source(http.url, "main", **SIGNED_IN)
    source.now()
    for harm in ("cut pack", "no pack", "no HEAD", "odd HEAD", "no config", "lock"):
        made = served.push({"main.tf": f"# {harm}\n"})
        mirror = next((bench.folder / "mirror").glob("mirror-*"))
        packs = list((mirror / "objects/pack").glob("*.pack"))
        if harm == "cut pack":
            packs[-1].chmod(0o600)
            packs[-1].write_bytes(packs[-1].read_bytes()[:20])
        elif harm == "no pack":
            for pack in packs:
                pack.unlink()
        elif harm == "no HEAD":
            (mirror / "HEAD").unlink()
        elif harm == "odd HEAD":
            (mirror / "HEAD").write_bytes(b"\0\0\0")
        elif harm == "no config":
            (mirror / "config").write_text("[core\nbroken")
        else:
            (mirror / "shallow.lock").touch()
        tree = source.now()
        assert (tree.commit, (tree.path / "main.tf").read_text()) == (made, f"# {harm}\n"), harm


def test_a_damaged_object_under_an_unmoved_branch(bench: Bench, served: Remote, http: HttpServer) -> None:
    """A checkout that cannot be written out of the mirror is written out of a new one."""
    source = bench.source(http.url, "main", **SIGNED_IN)
    commit = source.now().commit
    source.close()
    mirror = next((bench.folder / "mirror").glob("mirror-*"))
    for pack in (mirror / "objects/pack").glob("*.pack"):
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes()[:40] + b"\0" * 20 + pack.read_bytes()[60:])
    tree = bench.source(http.url, "main", **SIGNED_IN).now()
    assert tree.commit == commit
    assert (tree.path / "main.tf").read_text() == "# one\n"


def test_two_processes_never_share_a_mirror(bench: Bench, served: Remote) -> None:
    """The second is told who has it, and gets it once it is let go."""
    first, second = bench.source(str(served.bare)), bench.source(str(served.bare))
    first.now()
    error = faulty(second)
    assert error.fault is Fault.LOCKED
    assert f"process {os.getpid()} uses the mirror" in str(error)
    first.close()
    assert second.now().commit


def test_another_address_gets_a_mirror_of_its_own(bench: Bench, served: Remote, tmp_path: Path) -> None:
    """After a change of source.url nothing of the old repository is taken for the new one's."""
    from tests.daemon.repository.support import remote

    source = bench.source(str(served.bare))
    source.now()
    source.close()
    other = remote(tmp_path / "other", {"other.tf": "# other\n"})
    source = bench.source(str(other.bare))
    assert sorted(path.name for path in source.now().path.iterdir()) == ["other.tf"]
    assert len(list((bench.folder / "mirror").glob("mirror-*"))) == 1


def test_checkouts_are_kept_while_they_are_used(bench: Bench, served: Remote) -> None:
    """The current one and the one before stay; an older one goes when nobody plans it."""
    source = bench.source(str(served.bare))
    old = source.now()
    with old.held() as path:
        for number in range(3):
            served.push({"main.tf": f"# {number}\n"})
            source.now()
            assert (path / "main.tf").read_text() == "# one\n"
    served.push({"main.tf": "# last\n"})
    source.now()
    assert not old.path.exists()
    with pytest.raises(FileNotFoundError, match="no longer kept"), old.held():
        pytest.fail("it is gone")
    assert len(list((bench.folder / "mirror" / "checkouts").iterdir())) == 2


def test_a_subfolder(bench: Bench, served: Remote) -> None:
    """A part of the repository can be what is watched; one that is not there is told."""
    made = served.push({"infra/main.tf": "# in\n"})
    tree = bench.source(str(served.bare), subfolder="infra").now()
    assert ((tree.path / "main.tf").read_text(), tree.commit) == ("# in\n", made)
    other = Bench(bench.folder / "other")
    other.folder.mkdir()
    error = faulty(other.source(str(served.bare), subfolder="infre"))
    assert "it has no folder infre; check source.subfolder" in str(error)


def test_a_mirror_does_not_grow_without_end(bench: Bench, served: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    """When many fetches have gathered, it is made anew."""
    monkeypatch.setattr("daemon.repository.mirror._MOST_PACKS", 3)
    source = bench.source(str(served.bare))
    for number in range(8):
        made = served.push({"main.tf": f"# {number}\n"})
        assert source.now().commit == made
        [mirror] = (bench.folder / "mirror").glob("mirror-*")
        assert len(list((mirror / "objects/pack").glob("*.pack"))) <= 4


def test_once_and_gone(served: Remote, http: HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`fetched` gives the files for the length of a block, and leaves nothing."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    access = Access(username=USER, token=TOKEN)
    with fetched(http.url, "main", run=Processes().run, environment=environment(), access=access) as tree:
        assert (tree.path / "main.tf").read_text() == "# one\n"
    assert list((tmp_path / "temporary").iterdir()) == []
    with (
        pytest.raises(ValueError, match="must not hold"),
        fetched(f"https://{TOKEN}@example.com/x", run=Processes().run, environment=environment()),
    ):
        pytest.fail("an address with a token is refused")


def test_git_that_is_not_there(bench: Bench, served: Remote) -> None:
    """Named as that."""
    mirror = bench.mirror(str(served.bare))
    mirror.git = replace(mirror.git, environment={"PATH": "/nonexistent"})
    with pytest.raises(FetchError) as caught:
        mirror.fetch()
    assert caught.value.fault is Fault.NO_GIT


def test_a_disk_that_is_full(bench: Bench, served: Remote, http: HttpServer, tmp_path: Path) -> None:
    """Named as that, whatever was being written; more room heals."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(small)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"SKIP: no small disk to fill: {mounted.stderr.strip()}")
    try:
        bench.folder = small / "ours"
        bench.folder.mkdir()
        source = bench.source(http.url, "main", **SIGNED_IN)
        before = source.now()
        (served.work / "blob").write_bytes(os.urandom(4 * 1024 * 1024))
        made = served.push({"x": "y"})
        for _ in range(2):
            assert faulty(source).fault is Fault.DISK_FULL
            assert (before.path / "main.tf").read_text() == "# one\n"
        (small / "fill").write_bytes(b"")
        fill = os.open(small / "fill", os.O_WRONLY)
        free = os.fstatvfs(fill)
        os.posix_fallocate(fill, 0, free.f_bavail * free.f_frsize)
        os.close(fill)
        assert faulty(source).fault is Fault.DISK_FULL
        (small / "fill").unlink()
        subprocess.run(["mount", "-o", "remount,size=64m", str(small)], check=True)
        assert source.now().commit == made
        source.close()
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)

"""Addresses and refs: what git may be given, and what never is."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.repository.address import Transport, beside, check_ref, is_commit, parse

CANARY = "canary-4f1d9a"


@pytest.mark.parametrize(
    ("text", "transport", "origin"),
    [
        ("https://github.com/acme/infra.git", Transport.HTTPS, "https://github.com"),
        ("https://git.acme.example:8443/infra", Transport.HTTPS, "https://git.acme.example:8443"),
        ("http://127.0.0.1:3000/infra.git", Transport.HTTP, "http://127.0.0.1:3000"),
        ("ssh://git@github.com:22/acme/infra.git", Transport.SSH, ""),
        ("git@github.com:acme/infra.git", Transport.SSH, ""),
        ("file:///srv/infra.git", Transport.FILE, ""),
        ("/srv/infra.git", Transport.FILE, ""),
    ],
)
def test_addresses(text: str, transport: Transport, origin: str) -> None:
    """Each form that people write, and the one host that credentials are for."""
    found = parse(text)
    assert (found.transport, found.origin) == (transport, origin)


@pytest.mark.parametrize(
    "text",
    [
        "-oProxyCommand=touch /tmp/x",
        "--upload-pack=touch",
        "ext::sh -c touch% /tmp/x",
        "ext::sh",
        "git@-oProxyCommand=x:acme",
        "ssh://-oProxyCommand=x/acme",
        "ssh://git@-x/acme",
        "ssh://-x@host/acme",
        "git@host:-x",
        "http://example.com/infra.git",
        "git://example.com/infra.git",
        "ftp://example.com/infra.git",
        "file://host/infra.git",
        "https://example.com",
        "https:///infra.git",
        "https://exa mple.com/x",
        "https://example.com/x\n",
        "https://example.com:port/x",
        f"https://{CANARY}@github.com/acme/infra.git",
        f"https://half/{CANARY}@github.com/acme/infra.git",
        f"https://user:half/{CANARY}%40github.com/acme/infra.git",
        f"https://half/{CANARY}%40github.com/acme/infra.git",
        f"https://user:{CANARY}@github.com/acme/infra.git",
        f"ssh://git:{CANARY}@github.com/acme/infra.git",
        f"https://github.com/acme/infra.git?token={CANARY}",
        f"https://github.com/acme/infra.git#{CANARY}",
        "relative/folder",
        "",
    ],
)
def test_what_is_no_address(text: str) -> None:
    """Options in disguise, transports that run programs, passwords: refused, in words that repeat none of it."""
    with pytest.raises(ValueError) as caught:
        parse(text)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("ref", ["main", "feature/a-b", "v1.2.3", "refs/heads/main", "refs/tags/v1", "a" * 40])
def test_refs(ref: str) -> None:
    """Branches, tags and whole hashes."""
    assert check_ref(ref) == ref
    assert is_commit(ref) is (ref == "a" * 40)


@given(st.text(max_size=30))
def test_a_ref_is_one_for_git_too(text: str) -> None:
    """What is let through, git's own check lets through; nothing of it can be an option or a refspec."""
    try:
        ref = check_ref(text)
    except ValueError:
        return
    assert ref[0] not in "-+:"
    name = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
    assert subprocess.run(["git", "check-ref-format", name], check=False).returncode == 0, repr(ref)


@pytest.mark.parametrize(
    "ref", ["-x", "--upload-pack=x", "a:b", "+a", "a..b", "a b", "a~1", "@", "", "refs/barograph/x"]
)
def test_what_is_no_ref(ref: str) -> None:
    """Options, refspecs, expressions, and names that are not branches or tags."""
    with pytest.raises(ValueError):
        check_ref(ref)


@pytest.mark.parametrize(
    ("parent", "written", "expected"),
    [
        ("https://github.com/acme/infra.git", "../modules.git", "https://github.com/acme/modules.git"),
        ("https://github.com/acme/infra.git", "./sub", "https://github.com/acme/infra.git/sub"),
        ("git@github.com:acme/infra.git", "../modules.git", "git@github.com:acme/modules.git"),
        ("https://github.com/acme/infra.git", "https://other.example/x.git", "https://other.example/x.git"),
    ],
)
def test_addresses_of_submodules(parent: str, written: str, expected: str) -> None:
    """Relative ones start from the repository's own."""
    assert beside(parse(parent), written).url == expected


@pytest.mark.parametrize("written", ["ext::sh -c x", "../../../../x", "-x", "", "file://host/x"])
def test_addresses_of_submodules_that_are_none(written: str) -> None:
    """A hostile .gitmodules names no program and no other host by dots."""
    with pytest.raises(ValueError):
        beside(parse("https://github.com/acme/infra.git"), written)

"""Which names a certificate is for, what is too weak, and what an endpoint can be called."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.certificates import Certificates
from checks.certs.model import Card
from checks.certs.names import is_for
from checks.certs.strength import weaknesses
from checks.certs.targets import Endpoint, StartTls

PROTOCOLS: tuple[StartTls, ...] = get_args(StartTls)
CARD = Card("s", "i", None, None, "f")


@pytest.mark.parametrize(
    ("names", "asked", "fits"),
    [
        (("example.com",), "example.com", True),
        (("Example.COM",), "example.com.", True),
        (("*.example.com",), "www.example.com", True),
        (("*.example.com",), "a.www.example.com", False),
        (("*.example.com",), "example.com", False),
        (("*.com",), "example.com", False),
        (("*",), "localhost", False),
        (("w*.example.com",), "www.example.com", False),
        (("www.*.com",), "www.example.com", False),
        (("example.com",), "example.org", False),
        (("xn--mnchen-3ya.example",), "xn--mnchen-3ya.example", True),
        (("10.0.0.1",), "10.0.0.1", False),  # an address among the DNS names does not count
        ((), "example.com", False),
    ],
)
def test_names_fit_as_clients_have_it(names: tuple[str, ...], asked: str, fits: bool) -> None:
    """A wildcard is one whole first label, and never the first below a top-level domain."""
    assert is_for(replace(CARD, names=names), asked) is fits


@pytest.mark.parametrize(
    ("addresses", "asked", "fits"),
    [
        (("10.0.0.1",), "10.0.0.1", True),
        (("10.0.0.1",), "10.0.0.2", False),
        (("2001:db8::1",), "2001:DB8:0:0::1", True),
        ((), "10.0.0.1", False),
    ],
)
def test_addresses_fit_as_addresses(addresses: tuple[str, ...], asked: str, fits: bool) -> None:
    """However they are written."""
    assert is_for(replace(CARD, addresses=addresses), asked) is fits


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_name_is_compared_without_an_error(pattern: str, asked: str) -> None:
    """Certificates hold anything."""
    assert is_for(replace(CARD, names=(pattern,), addresses=(pattern,)), asked) in (True, False)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"key_type": "RSA", "key_bits": 1024}, "RSA 1024 bits"),
        ({"key_type": "RSA", "key_bits": 2048}, ""),
        ({"key_type": "EC", "key_bits": 192}, "EC 192 bits"),
        ({"key_type": "EC", "key_bits": 256}, ""),
        ({"key_type": "Ed25519", "key_bits": 256}, ""),
        ({"key_type": "", "key_bits": 0}, ""),
        ({"signature_hash": "sha1"}, "SHA1"),
        ({"signature_hash": "md5"}, "MD5"),
        ({"signature_hash": "sha1", "self_issued": True}, ""),
        ({"signature_hash": "sha256"}, ""),
    ],
)
def test_what_is_too_weak(more: dict[str, Any], told: str) -> None:
    """Keys by their type, signatures by their hash; a root's own signature is looked at by nobody."""
    found = "; ".join(weaknesses(replace(CARD, **more)))
    assert told in found if told else found == ""


@pytest.mark.parametrize(
    ("text", "key", "sni"),
    [
        ("example.com", "example.com:443", "example.com"),
        ("Example.com:8443", "example.com:8443", "example.com"),
        ("10.0.0.1:443", "10.0.0.1:443", ""),
        ("[::1]", "[::1]:443", ""),
        ("[2001:db8::1]:8443", "[2001:db8::1]:8443", ""),
        ("münchen.example", "münchen.example:443", "xn--mnchen-3ya.example"),
    ],
)
def test_an_endpoint_in_one_word(text: str, key: str, sni: str) -> None:
    """host, host:port, [address]:port."""
    endpoint = Endpoint(**Endpoint.from_text(text))
    assert (endpoint.key, endpoint.sni) == (key, sni)


@pytest.mark.parametrize("text", ["", ":443", "::1", "https://example.com", "example.com/x", "a b", "example.com:port"])
def test_what_is_no_endpoint_says_how_one_is_written(text: str) -> None:
    """An address of IPv6 without brackets, a URL, nothing."""
    with pytest.raises(ValueError, match=r"write host:port, such as example\.com:443"):
        Endpoint.from_text(text)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"host": "a..b"}, "no host"),
        ({"host": "a/b"}, "no host"),
        ({"host": "-oProxyCommand=x y"}, "no host"),
        ({"host": "-starttls"}, "no host"),
        ({"host": "a", "server_name": "b c"}, "no host"),
        ({"host": "a", "port": 65536}, "port must be"),
        ({"host": "a", "port": -1}, "port must be"),
        ({"host": "a", "stage": "prod"}, "stage must be"),
    ],
)
def test_an_endpoint_that_there_cannot_be_is_refused(more: dict[str, Any], told: str) -> None:
    """At the configuration, not at the first look."""
    with pytest.raises(ValueError, match=told):
        Endpoint(**more)


def test_ports_follow_the_protocol() -> None:
    """Where none is given."""
    ports = {protocol: Endpoint("a", starttls=protocol).port for protocol in PROTOCOLS}
    assert ports == {
        "none": 443, "smtp": 25, "imap": 143, "pop3": 110, "ftp": 21, "postgres": 5432, "mysql": 3306, "ldap": 389,
    }  # fmt: skip


def test_an_endpoint_named_twice_is_refused_and_two_names_at_one_port_are_not() -> None:
    """Two looks at one place would take turns in one set of incidents."""
    with pytest.raises(ValueError, match="endpoints names a:443 twice"):
        Certificates(endpoints=(Endpoint("a"), Endpoint("A", 443)))
    two = Certificates(endpoints=(Endpoint("a"), Endpoint("a", server_name="b")))
    assert [target.key for target in two.targets()] == ["a:443", "a:443/b"]


@pytest.mark.parametrize("value", [0, -1, 1.1])
def test_a_part_of_the_whole_is_one(value: float) -> None:
    """0 would never warn, 2 always."""
    with pytest.raises(ValueError, match="warn_fraction"):
        Certificates(warn_fraction=value)
    with pytest.raises(ValueError, match="late_fraction"):
        Certificates(late_fraction=value)

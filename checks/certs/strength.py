"""What is too weak today, as public authorities and browsers have it."""

from __future__ import annotations

from collections.abc import Iterator

from checks.certs.model import Card, Served

_LEAST_BITS = {"RSA": 2048, "DSA": 2048, "EC": 224}
_BROKEN_HASHES = frozenset({"md2", "md4", "md5", "sha1"})
_OLD_PROTOCOLS = frozenset({"SSLv3", "TLSv1", "TLSv1.1"})


def weaknesses(card: Card) -> Iterator[str]:
    """What is weak of one certificate, in words."""
    least = _LEAST_BITS.get(card.key_type)
    if least is not None and 0 < card.key_bits < least:
        yield f"a key of {card.key_type} {card.key_bits} bits; at least {least} are needed"
    if card.signature_hash.lower() in _BROKEN_HASHES and not card.self_issued:
        # The signature of a root is looked at by nobody: it is trusted for being where it is.
        yield f"a signature with {card.signature_hash.upper()}"


def weaknesses_served(served: Served) -> Iterator[str]:
    """What is weak of what an address serves: its protocol, its chain as far as clients use it."""
    if served.protocol in _OLD_PROTOCOLS:
        yield f"the best protocol it speaks is {served.protocol}; at least TLSv1.2 is needed"
    for card in served.trust.path or served.chain:
        for weakness in weaknesses(card):
            yield f"{card.label}: {weakness}"

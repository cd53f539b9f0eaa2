"""Whether a chain leads to a trusted root: OpenSSL's own verification, apart from the handshake."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509
from OpenSSL import crypto

from checks.base import LookFailed
from checks.certs.model import Trust
from daemon.tls.cards import card_of

_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME (openssl/x509_vfy.h), for which pyOpenSSL has no name
# X509_V_ERR_…
_NO_ISSUER, _LEAF_NOT_VERIFIED = 20, 21
_SELF_SIGNED_LEAF, _SELF_SIGNED_ROOT = 18, 19
_OF_TIME = frozenset({9, 10})
MAX_ROOTS_BYTES = 16 * 1024 * 1024


class Roots:
    """The certificates that chains may lead to. Read once, when first needed; safe from any thread."""

    def __init__(self, file: Path | None = None) -> None:
        """*file*: a bundle in PEM that is trusted alone; None: what this machine trusts."""
        self._file = file
        self._lock = threading.Lock()
        self._known: tuple[crypto.X509, ...] | None = None

    def certificates(self) -> tuple[crypto.X509, ...]:
        """Give the roots; none where this machine has none. Raises LookFailed where the file named is no bundle."""
        with self._lock:
            if self._known is None:
                self._known = _of_file(self._file) if self._file is not None else _of_system()
            return self._known


def _of_file(file: Path) -> tuple[crypto.X509, ...]:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_ROOTS_BYTES)
        return tuple(crypto.X509.from_cryptography(one) for one in x509.load_pem_x509_certificates(data))
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise LookFailed("failed", f"ca_bundle {file}: {reason[:1].lower()}{reason[1:]}") from None
    except ValueError:
        raise LookFailed("failed", f"ca_bundle {file}: it holds no certificates in PEM that can be read") from None


def _of_system() -> tuple[crypto.X509, ...]:
    """What OpenSSL of this system would use, the environment's SSL_CERT_FILE and SSL_CERT_DIR included."""
    where = ssl.get_default_verify_paths()
    found = list(_loaded([Path(where.cafile)])) if where.cafile else []
    if not found and where.capath:
        found = list(_loaded(sorted(Path(where.capath).glob("*"))))
    return tuple({one.digest("sha256"): one for one in found}.values())


def _loaded(files: Iterable[Path]) -> Iterable[crypto.X509]:
    for file in files:
        try:
            with file.open("rb") as stream:
                data = stream.read(MAX_ROOTS_BYTES)
            yield from (crypto.X509.from_cryptography(one) for one in x509.load_pem_x509_certificates(data))
        except (OSError, ValueError):
            continue  # a folder of roots holds other files too


def verify(chain: Sequence[x509.Certificate], roots: Roots, now: datetime) -> Trust:
    """Say whether *chain* (the leaf first) leads to one of *roots*. Where only a date is in the way, it does."""
    anchors = roots.certificates()
    if not anchors:
        return Trust(
            "unknown", "there are no trusted roots on this machine: install ca-certificates, or give ca_bundle"
        )
    leaf, *others = [crypto.X509.from_cryptography(one) for one in chain]
    error = None
    for ignoring_time in (False, True):
        try:
            path = crypto.X509StoreContext(_store(anchors, now, ignoring_time), leaf, others).get_verified_chain()
        except crypto.X509StoreContextError as caught:
            error = caught
            if caught.errors[0] not in _OF_TIME:
                break
        else:
            return Trust("trusted", path=tuple(card_of(one.to_cryptography()) for one in path))
    assert error is not None
    return _untrusted(error)


def _store(anchors: Sequence[crypto.X509], now: datetime, ignoring_time: bool) -> crypto.X509Store:
    # One for each verification: the time is kept in the store, and looks run side by side. Filling it takes less than
    # a millisecond, as the certificates are shared.
    store = crypto.X509Store()
    for anchor in anchors:
        store.add_cert(anchor)
    if ignoring_time:
        store.set_flags(_NO_CHECK_TIME)
    else:
        store.set_time(now)
    return store


def _untrusted(error: crypto.X509StoreContextError) -> Trust:
    code, depth, text = error.errors
    card = card_of(error.certificate.to_cryptography())
    if code == _SELF_SIGNED_LEAF:
        return Trust("untrusted", f"the certificate {card.label} is signed by itself, and not trusted here")
    if code == _SELF_SIGNED_ROOT:
        return Trust("untrusted", f"the root {card.label} is not trusted here")
    if code in (_NO_ISSUER, _LEAF_NOT_VERIFIED):
        if depth == 0:
            reason = f"it does not send the certificate of its issuer ({card.issuer}), which is no trusted root either"
            return Trust("incomplete", reason)
        return Trust("untrusted", f"{card.label} was issued by {card.issuer}, which is not trusted here")
    return Trust("untrusted", f"{card.label}: {text}")

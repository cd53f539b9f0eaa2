"""Live TLS endpoints and files of certificates, read into plain data. The only import of OpenSSL and cryptography."""

from daemon.tls.places import LiveEndpoint, PemFiles, make_place
from daemon.tls.probe import Prober

__all__ = ["LiveEndpoint", "PemFiles", "Prober", "make_place"]

"""Asks DNS. The only import of dnspython: the system's resolver tells neither NXDOMAIN nor a delegation."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver

from checks.base import LookFailed
from checks.estate import Answer

SERVERS_ASKED = 4  # of a parent zone, until one answers


class Dns:
    """A resolver. Thread-safe; the system's settings are read at the first question."""

    def __init__(self, timeout: float = 5.0, nameservers: Sequence[str] = (), port: int = 53) -> None:
        """*timeout*: seconds for one question. *nameservers*: addresses to ask; none: those of the system."""
        self._timeout = timeout
        self._nameservers = list(nameservers)
        self._port = port
        self._lock = threading.Lock()
        self._resolver: dns.resolver.Resolver | None = None

    def resolve(self, name: str, kind: str = "A") -> Answer:
        """As checks.estate.EstatePlace.resolve()."""
        try:
            found = self._ready().resolve(_absolute(name), kind, search=False, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return Answer(exists=False)
        except (dns.exception.DNSException, OSError, ValueError) as error:
            raise _failed(f"{kind} of {name}", error) from error
        return Answer(True, tuple(sorted(str(one).rstrip(".") for one in found.rrset or ())))

    def delegation(self, zone: str) -> Answer:
        """As checks.estate.EstatePlace.delegation(): what a server of the zone above says when it is asked itself."""
        why: Exception | None = None
        try:
            name = _absolute(zone)
            for server in self._servers_above(name):
                try:
                    return self._asked(name, server)
                except (dns.exception.DNSException, OSError) as error:
                    why = error
        except (dns.exception.DNSException, OSError, ValueError) as error:
            why = error
        raise _failed(f"delegation of {zone}", why) from why

    def _ready(self) -> dns.resolver.Resolver:
        with self._lock:
            if self._resolver is None:
                made = dns.resolver.Resolver(configure=not self._nameservers)
                if self._nameservers:
                    made.nameservers = list(self._nameservers)
                made.port = self._port
                made.lifetime = made.timeout = self._timeout
                self._resolver = made
            return self._resolver

    def _servers_above(self, zone: dns.name.Name) -> Iterator[str]:
        """Addresses of some name servers of the zone that *zone* would be delegated by."""
        resolver = self._ready()
        parent = dns.resolver.zone_for_name(zone.parent(), resolver=resolver)
        hosts = sorted(str(one.target) for one in resolver.resolve(parent, "NS", search=False))
        given = 0
        for host in hosts:
            try:
                addresses = sorted(str(one) for one in resolver.resolve(host, "A", search=False))
            except dns.exception.DNSException:
                continue
            for address in addresses:
                yield address
                given += 1
                if given >= SERVERS_ASKED:
                    return

    def _asked(self, zone: dns.name.Name, server: str) -> Answer:
        question = dns.message.make_query(zone, dns.rdatatype.NS)
        question.flags &= ~dns.flags.RD
        answer, _ = dns.query.udp_with_fallback(question, server, timeout=self._timeout, port=self._port)
        code = answer.rcode()
        if code == dns.rcode.NXDOMAIN:
            return Answer(exists=False)
        if code != dns.rcode.NOERROR:
            raise dns.resolver.NoNameservers
        servers = {
            str(record.target).rstrip(".").lower()
            for section in (answer.answer, answer.authority)
            for found in section
            if found.rdtype == dns.rdatatype.NS and found.name == zone
            for record in found
        }
        return Answer(True, tuple(sorted(servers)))


def _absolute(name: str) -> dns.name.Name:
    return dns.name.from_text(name.rstrip(".") + ".")


def _failed(what: str, error: Exception | None) -> LookFailed:
    if isinstance(error, dns.exception.Timeout):
        return LookFailed("timeout", f"DNS did not answer in time: {what}")
    if isinstance(error, (dns.exception.SyntaxError, dns.name.LabelTooLong, dns.name.NameTooLong, ValueError)):
        return LookFailed("failed", f"DNS cannot be asked for this: {what}")
    reason = type(error).__name__ if error is not None else "no server has an address"
    return LookFailed("unavailable", f"DNS gives no answer ({reason}): {what}")

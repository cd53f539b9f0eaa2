"""DNS, asked of a real server on loopback that answers as the test says, over UDP and TCP."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from checks.base import LookFailed
from checks.estate import Answer
from daemon.dns import Dns

Reply = Callable[[dns.message.Message], dns.message.Message | None]
MANY = tuple(f"ns-{n}.a-rather-long-name-of-a-server.example.net" for n in range(40))


def _records(name: str, kind: str, *values: str) -> dns.rrset.RRset:
    return dns.rrset.from_text(name, 60, "IN", kind, *values)


def answers(question: dns.message.Message) -> dns.message.Message | None:
    """A small world: example.com is served here, and hands sub.example.com on."""
    asked = question.question[0]
    name, kind = str(asked.name), dns.rdatatype.to_text(asked.rdtype)
    reply = dns.message.make_response(question)
    soa = _records("example.com.", "SOA", "ns1.example.com. hostmaster.example.com. 1 7200 900 1209600 86400")
    match name, kind:
        case "www.example.com.", "A":
            reply.answer = [
                _records(name, "CNAME", "lb.example.com."),
                _records("lb.example.com.", "A", "192.0.2.7", "192.0.2.5"),
            ]
        case "example.com.", "NS":
            reply.answer = [_records(name, "NS", "ns1.example.com.")]
        case "example.com.", "SOA":
            reply.answer = [soa]
        case "ns1.example.com.", "A":
            reply.answer = [_records(name, "A", "127.0.0.1")]
        case "sub.example.com.", "NS":
            reply.authority = [_records(name, "NS", "NS-1.awsdns-1.com.", "ns-2.awsdns-2.org.")]
        case "large.example.com.", "NS":
            reply.authority = [_records(name, "NS", *(f"{one}." for one in MANY))]
        case "empty.example.com.", _:
            reply.authority = [soa]
        case "broken.example.com.", _:
            reply.set_rcode(dns.rcode.SERVFAIL)
        case "silent.example.com.", _:
            return None
        case _:
            reply.set_rcode(dns.rcode.NXDOMAIN)
            reply.authority = [soa]
    return reply


@contextmanager
def serving(reply: Reply) -> Iterator[int]:
    """Serve on one port of loopback, both ways; give the port."""

    class Datagram(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, sock = self.request
            answer = reply(dns.message.from_wire(data))
            if answer is not None:
                try:
                    wire = answer.to_wire(max_size=512)
                except dns.exception.TooBig:
                    short = dns.message.make_response(dns.message.from_wire(data))
                    short.flags |= dns.flags.TC
                    wire = short.to_wire()
                sock.sendto(wire, self.client_address)

    class Stream(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            (length,) = struct.unpack("!H", self.request.recv(2))
            answer = reply(dns.message.from_wire(self.request.recv(length)))
            if answer is not None:
                wire = answer.to_wire()
                self.request.sendall(struct.pack("!H", len(wire)) + wire)

    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), Datagram) as udp:
        port = udp.server_address[1]
        with socketserver.ThreadingTCPServer(("127.0.0.1", port), Stream) as tcp:
            for server in (udp, tcp):
                threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            try:
                yield port
            finally:
                udp.shutdown()
                tcp.shutdown()


@pytest.fixture(scope="module")
def names() -> Iterator[Dns]:
    with serving(answers) as port:
        yield Dns(timeout=0.5, nameservers=["127.0.0.1"], port=port)


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("www.example.com", "A", Answer(True, ("192.0.2.5", "192.0.2.7"))),
        ("www.example.com.", "A", Answer(True, ("192.0.2.5", "192.0.2.7"))),
        ("empty.example.com", "A", Answer(True)),
        ("nothing.example.com", "A", Answer(False)),
    ],
)
def test_names(names: Dns, name: str, kind: str, expected: Answer) -> None:
    """Aliases are followed; no such name and no such record are two answers."""
    assert names.resolve(name, kind) == expected


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("sub.example.com", Answer(True, ("ns-1.awsdns-1.com", "ns-2.awsdns-2.org"))),
        ("empty.example.com", Answer(True)),
        ("nothing.example.com", Answer(False)),
        ("large.example.com", Answer(True, tuple(sorted(MANY)))),
    ],
)
def test_delegations(names: Dns, zone: str, expected: Answer) -> None:
    """What the server above refers to; an answer too long for a datagram is fetched over TCP."""
    assert names.delegation(zone) == expected


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("broken.example.com", "unavailable"),
        ("silent.example.com", "timeout"),
        ("a..b", "failed"),
        (f"{'x' * 64}.example.com", "failed"),
    ],
)
def test_no_answer_is_not_an_answer(names: Dns, name: str, reason: str) -> None:
    """A server that fails or keeps silent says nothing about the name, nor does a name that is none."""
    for ask in (names.resolve, names.delegation):
        with pytest.raises(LookFailed) as failed:
            ask(name)
        assert failed.value.reason == reason


def test_a_port_where_nobody_listens_is_no_answer() -> None:
    """The network's own refusal."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(LookFailed):
        Dns(timeout=0.3, nameservers=["127.0.0.1"], port=port).resolve("www.example.com")

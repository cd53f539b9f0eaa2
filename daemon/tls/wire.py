"""A socket with one deadline for all that is done with it. Nothing here waits longer, whatever the other side does."""

from __future__ import annotations

import errno
import select
import socket
import time
from types import TracebackType

from checks.base import LookFailed

MAX_ANSWER = 64 * 1024  # bytes that a server may say before TLS begins
NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


class NoRoute(LookFailed):
    """This machine has no way to addresses of this family."""


class Wire:
    """A TCP connection. Every method raises LookFailed: timeout, unavailable, failed."""

    def __init__(self, opened: socket.socket, until: float) -> None:
        self.socket = opened
        self._until = until
        self._kept = bytearray()

    @classmethod
    def to(cls, family: socket.AddressFamily, address: tuple[object, ...], seconds: float) -> Wire:
        """Connect; that and all that follows takes *seconds* at most."""
        until = time.monotonic() + seconds
        try:
            opened = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            raise _failed(error, "connect") from None
        try:
            opened.setblocking(False)
            wire = cls(opened, until)
            wire._connect(address)
        except BaseException:
            opened.close()
            raise
        return wire

    @classmethod
    def over(cls, opened: socket.socket, seconds: float) -> Wire:
        """Take over a socket that is connected."""
        opened.setblocking(False)
        return cls(opened, time.monotonic() + seconds)

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def _connect(self, address: tuple[object, ...]) -> None:
        code = self.socket.connect_ex(address)
        if code == errno.EINPROGRESS:
            self.wait(writing=True, doing="connect")
            code = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise _failed(OSError(code, ""), "connect")

    def wait(self, *, writing: bool, doing: str) -> None:
        """Wait until the socket can be read from or written to. Raises LookFailed("timeout") at the deadline."""
        left = self._until - time.monotonic()
        poll = select.poll()  # select() knows no socket above 1023
        poll.register(self.socket, select.POLLOUT if writing else select.POLLIN)
        if left <= 0 or not poll.poll(left * 1000):
            raise LookFailed("timeout", f"no answer in time (to {doing})")

    def send(self, data: bytes) -> None:
        """Send all of *data*."""
        view = memoryview(data)
        while view:
            try:
                view = view[self.socket.send(view) :]
            except BlockingIOError:
                self.wait(writing=True, doing="what was sent")
            except OSError as error:
                raise _failed(error, "send") from None

    def exactly(self, count: int) -> bytes:
        """Give the next *count* bytes."""
        if count > MAX_ANSWER:
            raise LookFailed("failed", "its answer is too long to be one of this protocol")
        while len(self._kept) < count:
            self._receive()
        found = bytes(self._kept[:count])
        del self._kept[:count]
        return found

    def line(self) -> bytes:
        """Give the next line without its end."""
        while (end := self._kept.find(b"\n")) < 0:
            if len(self._kept) > MAX_ANSWER:
                raise LookFailed("failed", "its answer is too long to be one of this protocol")
            self._receive()
        return self.exactly(end + 1).rstrip(b"\r\n")

    def must_be_quiet(self) -> None:
        """What came beside the answer that begins TLS would be taken for a part of TLS: somebody may have put it in."""
        if self._kept:
            raise LookFailed("failed", "it said more than its answer to the request for TLS")

    def receive(self, doing: str) -> bytes:
        """Give what comes next; empty: the other side closed. Raises LookFailed at the deadline, however much comes."""
        while True:
            if time.monotonic() >= self._until:
                raise LookFailed("timeout", f"no answer in time (to {doing})")
            try:
                return self.socket.recv(16 * 1024)
            except BlockingIOError:
                self.wait(writing=False, doing=doing)
            except OSError as error:
                raise _failed(error, "read") from None

    def _receive(self) -> None:
        data = self.receive("what was asked before TLS")
        if not data:
            raise LookFailed("unavailable", "it closed the connection before TLS began")
        self._kept += data


def _failed(error: OSError, doing: str) -> LookFailed:
    code = error.errno or 0
    if code == errno.ECONNREFUSED:
        return LookFailed("unavailable", "the connection was refused")
    if code in NO_ROUTE:
        return NoRoute("unavailable", "this machine has no route to it")
    if code in (errno.ECONNRESET, errno.EPIPE):
        return LookFailed("unavailable", "it reset the connection")
    if code == errno.ETIMEDOUT:
        return LookFailed("timeout", "no answer in time (to connect)")
    if code in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
        return LookFailed("failed", f"this machine is out of something ({errno.errorcode[code]})")
    return LookFailed("unavailable", f"could not {doing} ({errno.errorcode.get(code, 'unknown error')})")

"""A stand-in for all of AWS, in a process of its own: every answer comes after LATENCY seconds and says "nothing".

`python -m benchmarks.stub SECONDS` prints its port, then serves until it is killed.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import PIPE, Popen

LATENCY = 0.08  # seconds
_EXPIRES = "2999-01-01T00:00:00Z"
_STS = (
    "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIABENCHMARK</AccessKeyId>"
    "<SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>"
    f"<Expiration>{_EXPIRES}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
)


@contextmanager
def stub(latency: float = LATENCY) -> Iterator[str]:
    """Run it, and give its address."""
    command = [sys.executable, "-m", "benchmarks.stub", str(latency)]
    with Popen(command, stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def answer(head: bytes, body: bytes) -> tuple[bytes, bytes]:
    """(content type, body): empty, in the words of the protocol that was asked in."""
    if b"Action=AssumeRole" in body:
        return b"text/xml", _STS.encode()
    if b"x-amz-target" in head:
        return b"application/x-amz-json-1.1", b"{}"
    if b"Action=" in body:
        name = body.split(b"Action=", 1)[1].split(b"&", 1)[0].decode()
        return b"text/xml", f"<{name}Response><{name}Result></{name}Result></{name}Response>".encode()
    if head.startswith((b"GET / ", b"GET /?")):
        return b"application/xml", b"<ListAllMyBucketsResult><Buckets></Buckets></ListAllMyBucketsResult>"
    return b"application/json", b"{}"


async def _serve(latency: float) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = 0
                if b"content-length:" in head:
                    length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
                body = await reader.readexactly(length)
                await asyncio.sleep(latency)
                kind, said = answer(head.replace(b"get /", b"GET /"), body)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (kind, len(said)))
                writer.write(said)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1])))

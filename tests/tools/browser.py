"""A real Chromium, told what to do over its debugging pipe: no driver, no WebSocket, no port.

The protocol is Chrome's DevTools Protocol as JSON, each message ended by a zero byte, on descriptors 3 and 4
(chromium's --remote-debugging-pipe).
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.tools.programs import chromium

SECONDS = 60.0  # for one answer: the machine may have much else to do


class BrowserError(Exception):
    """The browser refused, or gave no answer in time."""


class Tab:
    """One page of the browser. `said` holds what came on its console, and every exception and blocked thing."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._out, self._in = to_browser, from_browser
        self._number, self._buffer, self._session = 0, b"", ""
        self._loaded = False
        self.said: list[str] = []

    def open(self) -> None:
        """Make the tab, and hear what is said in it."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> Any:
        """One command and its answer. Raises BrowserError."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            for heard in self._hear(ends):
                if heard.get("id") == self._number:
                    if "error" in heard:
                        raise BrowserError(f"{method}: {heard['error']}")
                    return heard["result"]
        raise BrowserError(f"{method}: no answer in {SECONDS:.0f} s")

    def go(self, url: str) -> None:
        """Open an address, and wait until it is there with all that belongs to it."""
        self.wait_for_load(lambda: self.ask("Page.navigate", url=url))

    def wait_for_load(self, act: Callable[[], object]) -> None:
        """Do what makes the browser load a page, and wait until that is there."""
        self._loaded = False
        act()
        ends = time.monotonic() + SECONDS
        while not self._loaded:
            if time.monotonic() > ends:
                raise BrowserError(f"nothing was loaded in {SECONDS:.0f} s")
            for _ in self._hear(ends):
                pass

    def run(self, script: str) -> Any:
        """The value of an expression in the page; a promise is waited for."""
        found = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            raise BrowserError(json.dumps(found["exceptionDetails"])[:2_000])
        return found["result"].get("value")

    def look(self, *, width: int = 1280, height: int = 900, scheme: str = "light", scripts: bool = True) -> None:
        """How the page is looked at from now on."""
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", media="", features=features)
        self.ask("Emulation.setScriptExecutionDisabled", value=not scripts)

    def headers(self, headers: Mapping[str, str]) -> None:
        """Send these with every request."""
        self.ask("Network.enable")
        self.ask("Network.setExtraHTTPHeaders", headers=dict(headers))

    def press(self, key: str, code: int, **more: Any) -> None:
        """Press a key: Tab is ("Tab", 9), Enter ("Enter", 13, text="\\r")."""
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **more)

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """A PNG of the page."""
        data = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))

    def _hear(self, ends: float) -> Iterator[dict[str, Any]]:
        ready, _, _ = select.select([self._in], [], [], max(0.0, min(1.0, ends - time.monotonic())))
        if not ready:
            return
        piece = os.read(self._in, 1 << 20)
        if not piece:
            raise BrowserError("the browser has ended")
        self._buffer += piece
        *whole, self._buffer = self._buffer.split(b"\0")
        heard = [json.loads(message) for message in whole]
        for each in heard:  # all of them: whoever waits for an answer stops at it
            self._note(each)
        yield from heard

    def _note(self, heard: Mapping[str, Any]) -> None:
        method, params = heard.get("method"), heard.get("params", {})
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Runtime.consoleAPICalled":
            self.said.append(f"{params['type']}: {[each.get('value') for each in params['args']]}")
        elif method == "Runtime.exceptionThrown":
            self.said.append(json.dumps(params["exceptionDetails"])[:1_000])
        elif method == "Log.entryAdded":
            self.said.append(f"{params['entry']['level']}: {params['entry']['text']}")


@contextmanager
def browser() -> Iterator[Tab]:
    """A Chromium with one tab; a loud skip where there is none."""
    program = chromium()
    with ExitStack() as stack:
        profile = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        to_read, to_write = _pipe()
        from_read, from_write = _pipe()
        # Whatever the numbers are here, the browser finds its ends at 3 and 4.
        argv = [
            program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-sync", "--disable-background-networking", "--disable-component-update",
            "--disable-dev-shm-usage", "--hide-scrollbars", f"--user-data-dir={profile}", "--remote-debugging-pipe",
            "about:blank",
        ]  # fmt: skip
        process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{to_read} 4>&{from_write}', "bash", *argv], pass_fds=(to_read, from_write),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_read)
        os.close(from_write)
        stack.callback(os.close, to_write)
        stack.callback(os.close, from_read)
        stack.callback(_end, process)
        tab = Tab(to_write, from_read)
        tab.open()
        yield tab


def _pipe() -> tuple[int, int]:
    """A pipe whose numbers are neither 3 nor 4."""
    ends = os.pipe()
    found = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return found[0], found[1]


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(10)
    process.kill()
    process.wait()

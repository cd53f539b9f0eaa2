"""Scripted faults: what goes wrong, with which call, before or after Slack has done what was asked."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import StrEnum


class FaultKind(StrEnum):
    """How a call goes wrong."""

    RESET = "reset"  # the connection is reset
    EOF = "eof"  # the connection is closed without an answer
    DELAY = "delay"  # `seconds` pass; not committed: the request lands late, committed: only the answer is late
    HTTP = "http"  # an answer with `status` and an HTML body
    ERROR = "error"  # ok: false with `error`
    RATE_LIMITED = "rate_limited"  # 429 with Retry-After `retry_after`; never committed
    MALFORMED = "malformed"  # status 200 with half a JSON document


@dataclass(frozen=True, slots=True)
class Fault:
    """One scripted fault.

    It meets calls of *method* ("*": any) to *channel* (id or name; empty: any). It lets the first *skip* of them
    pass, then strikes *times* (0: for ever). *committed*: the call was carried out, and only the answer goes wrong.
    """

    kind: FaultKind
    method: str = "chat.postMessage"
    channel: str = ""
    committed: bool = False
    skip: int = 0
    times: int = 1
    seconds: float = 0.0  # DELAY
    status: int = 500  # HTTP
    error: str = "internal_error"  # ERROR
    retry_after: int = 30  # seconds, RATE_LIMITED


@dataclass
class _Armed:
    fault: Fault
    met: int = 0


@dataclass
class FaultScript:
    """The faults still to strike, in the order they were scripted; the first that meets a call strikes it."""

    _armed: list[_Armed] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._armed.append(_Armed(fault))

    def clear(self) -> None:
        with self._lock:
            self._armed.clear()

    def strike(self, method: str, channel_names: frozenset[str]) -> Fault | None:
        """The fault that this call meets, if any. *channel_names*: every name the call's channel has."""
        with self._lock:
            for armed in self._armed:
                fault = armed.fault
                if fault.method not in ("*", method) or (fault.channel and fault.channel not in channel_names):
                    continue
                armed.met += 1
                if armed.met <= fault.skip:
                    continue
                if fault.times and armed.met >= fault.skip + fault.times:
                    self._armed.remove(armed)
                return fault
            return None

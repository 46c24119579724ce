"""The host's side of one worker's events: a strict state machine with limits on size and time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final, Literal, cast

from greenbench import protocol
from greenbench.api import Effective, Share, Unused, Window, WindowKind

STAMP_LIMIT_S: Final = 1.0
"""How far a worker's stamp may lie before it can have come; beyond it the trial is invalid."""

AHEAD_LIMIT_S: Final = 0.001
"""How far a stamp may lie after its receipt: the clock is one, so only rounding remains."""

MAX_NAME_CHARS: Final = 100
MAX_ERROR_CHARS: Final = 4_096
MAX_METRICS: Final = 200
MAX_SHARES: Final = 20
MAX_COUNT: Final = 2**53
"""The largest number of things that a share is taken of: real numbers tell them apart."""
MAX_LOG_CHARS: Final = 1_048_576

MAX_WINDOWS: Final = 5_000
"""So many epochs and validations of a trial become windows. The events of all are kept, but what
has an energy of its own must fit into memory until the cohort has ended."""

State = Literal[
    "connected",
    "loading",
    "preparing",
    "prepared",
    "ready",
    "released",
    "training",
    "in_epoch",
    "in_validation",
    "trained",
    "testing",
    "done",
    "failed",
    "ended",
]

NEXT: Final[Mapping[tuple[str, str], State]] = {
    ("connected", "hello"): "loading",
    ("loading", "prepare_begin"): "preparing",
    ("preparing", "prepare_end"): "prepared",
    ("prepared", "ready"): "ready",
    ("released", "train_begin"): "training",
    ("training", "epoch_begin"): "in_epoch",
    ("in_epoch", "epoch_end"): "training",
    ("training", "validation_begin"): "in_validation",
    ("in_validation", "validation_end"): "training",
    ("training", "train_end"): "trained",
    ("trained", "test_begin"): "testing",
    ("testing", "test_end"): "trained",
    ("trained", "result"): "done",
}
"""State and event → state. `ready` → `released` is the host's `go`; `error` leads from every
state before the end to `failed`; `log` and `exit` follow the end of the training process."""

WINDOWS: Final[Mapping[str, WindowKind]] = {
    "prepare_end": "prepare",
    "epoch_end": "epoch",
    "validation_end": "validation",
    "train_end": "train",
    "test_end": "test",
}
REPEATED: Final = ("epoch", "validation")
UNSTAMPED: Final = ("log", "exit")
TRAINING: Final[tuple[State, ...]] = ("training", "in_epoch", "in_validation")
"""Between `train_begin` and `train_end`."""


class ProtocolError(Exception):
    """A worker said what it must not; its trial is invalid."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it came: stamps in seconds of CLOCK_MONOTONIC, the worker's and the host's."""

    sequence: int
    kind: str
    stamp_s: float
    received_s: float
    payload: Mapping[str, Any]
    size_bytes: int = 0
    """Of the message."""


@dataclass(slots=True)
class Conversation:
    """What one worker has said so far, and what is known from it."""

    state: State = "connected"
    windows: list[Window] = field(default_factory=list)
    repeated: int = 0
    """How many epochs and validations have ended."""
    metrics: dict[str, float] = field(default_factory=dict)
    first_epoch: dict[str, float] = field(default_factory=dict)
    last_epoch: dict[str, float] = field(default_factory=dict)
    """What the first and the last epoch reported; one object if there was one epoch."""
    tested: dict[str, float] = field(default_factory=dict)
    """What the test reported."""
    effective: dict[str, Effective] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    error_kind: str | None = None
    error: str | None = None
    exit_code: int | None = None
    exit_signal: int | None = None
    log_dropped_bytes: int | None = None
    ready_s: float | None = None
    _log: list[str] = field(default_factory=list)
    _log_chars: int = 0
    _begun: dict[str, tuple[float, int]] = field(default_factory=dict)
    _last_stamp_s: float = float("-inf")
    _sequence: int = 0
    _bytes: int = 0
    _buffer: bytearray = field(default_factory=bytearray)

    @property
    def log(self) -> str:
        """What the model printed, as far as it was kept."""
        return "".join(self._log)

    @property
    def left_out(self) -> int:
        """Epochs and validations that are no windows, since there were too many."""
        return max(0, self.repeated - MAX_WINDOWS)

    def release(self) -> None:
        """The host has said `go`."""
        if self.state != "ready":
            raise ProtocolError(f"go in state {self.state}")
        self.state = "released"

    def window(self, kind: WindowKind) -> Window | None:
        """The first window of that kind, if it has ended."""
        return next((window for window in self.windows if window.kind == kind), None)

    def begun_s(self, kind: WindowKind) -> float | None:
        """When the window of that kind that is open began."""
        return self._begun[kind][0] if kind in self._begun else None

    def next(self) -> Conversation:
        """With the next worker of the same trial: events go on being counted."""
        return Conversation(_sequence=self._sequence)

    def feed(self, data: bytes, received_s: float, came_s: float | None = None) -> list[Event]:
        """Takes bytes from the socket; returns the events in them. They came after `came_s`,
        wherever the host was until it took them (default: just then).

        Raises ProtocolError for anything that is not the next thing to say. Events before the
        offence are lost to the caller, but not their effect on this conversation.
        """
        self._bytes += len(data)
        if self._bytes > protocol.MAX_BYTES:
            raise ProtocolError(f"more than {protocol.MAX_BYTES} bytes of events")
        self._buffer += data
        *lines, rest = self._buffer.split(b"\n")
        self._buffer = bytearray(rest)
        if any(len(line) >= protocol.MAX_LINE_BYTES for line in (*lines, rest)):
            raise ProtocolError(f"a message is longer than {protocol.MAX_LINE_BYTES} bytes")
        came_s = received_s if came_s is None else came_s
        return [self._take(bytes(line), received_s, came_s) for line in lines]

    def _take(self, line: bytes, received_s: float, came_s: float) -> Event:
        try:
            kind, payload = protocol.decode(line)
        except (ValueError, RecursionError) as error:
            raise ProtocolError(f"a message can't be read: {_short(error)}") from error
        self._sequence += 1
        if self._sequence > protocol.MAX_EVENTS:
            raise ProtocolError(f"more than {protocol.MAX_EVENTS} events")
        if kind not in protocol.FROM_WORKER:
            raise ProtocolError(f"{kind[:MAX_NAME_CHARS]!r} is no event")
        if kind in UNSTAMPED:
            self._after_the_end(kind, payload)
            return Event(self._sequence, kind, received_s, received_s, {})
        stamp_s = self._stamp(kind, payload.pop("stamp_s", None), received_s, came_s)
        try:
            self._advance(kind, stamp_s, payload)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ProtocolError(f"{kind} is malformed: {_short(error)}") from error
        return Event(self._sequence, kind, stamp_s, received_s, payload, len(line))

    def _stamp(self, kind: str, stamp_s: object, received_s: float, came_s: float) -> float:
        if not isinstance(stamp_s, float):
            raise ProtocolError(f"{kind} has no stamp")
        if not self._last_stamp_s <= stamp_s <= received_s + AHEAD_LIMIT_S:
            raise ProtocolError(f"{kind} is stamped out of order or in the future")
        if came_s - stamp_s > STAMP_LIMIT_S:
            raise ProtocolError(
                f"{kind} was stamped {came_s - stamp_s:.3f} s before it came"
                f" (limit {STAMP_LIMIT_S} s)"
            )
        self._last_stamp_s = stamp_s
        return stamp_s

    def _advance(self, kind: str, stamp_s: float, payload: dict[str, Any]) -> None:
        if kind == "error" and self.state not in ("done", "failed", "ended"):
            self.error_kind = str(payload["error_kind"])[:MAX_NAME_CHARS]
            self.error = str(payload["message"])[:MAX_ERROR_CHARS]
            self.state = "failed"
            return
        following = NEXT.get((self.state, kind))
        if following is None:
            raise ProtocolError(f"{kind!r} is not allowed in state {self.state!r}")
        self.state = following
        if kind == "hello":
            self._check_version(payload)
        elif kind == "ready":
            self.ready_s = stamp_s
            self.environment = _values(payload["environment"])
        elif kind == "result":
            self.metrics = _metrics(payload["metrics"])
            self.effective = _effective(payload["effective"])
            self.environment = _values(payload.get("environment", self.environment))
        elif kind.endswith("_begin"):
            self._begun[kind.removesuffix("_begin")] = (stamp_s, _number(payload))
        if kind in WINDOWS:
            self._end_window(WINDOWS[kind], stamp_s, payload)

    def _end_window(self, kind: WindowKind, stamp_s: float, payload: dict[str, Any]) -> None:
        begun_s, number = self._begun.pop(kind)
        if _number(payload) != number:
            raise ProtocolError(f"{kind} {number} ended as number {_number(payload)}")
        metrics = _metrics(payload.get("metrics", {}))
        if kind == "epoch":
            self.first_epoch, self.last_epoch = self.first_epoch or metrics, metrics
        elif kind == "test":
            self.tested = metrics
        self.repeated += kind in REPEATED
        if kind in REPEATED and self.repeated > MAX_WINDOWS:
            return
        self.windows.append(Window(kind=kind, number=number, start_s=begun_s, end_s=stamp_s))

    def _check_version(self, payload: Mapping[str, Any]) -> None:
        if payload.get("protocol") != protocol.VERSION:
            raise ProtocolError(
                f"the worker speaks protocol {_short(payload.get('protocol'))}, this greenbench"
                f" {protocol.VERSION}: rebuild the images (`greenbench images build`)"
            )

    def _after_the_end(self, kind: str, payload: Mapping[str, Any]) -> None:
        if self.state == "ended":
            raise ProtocolError(f"{kind!r} after the end")
        if kind == "log":
            text = str(payload.get("text", ""))
            self._log_chars += len(text)
            if self._log_chars > MAX_LOG_CHARS:
                raise ProtocolError(f"a log of more than {MAX_LOG_CHARS} characters")
            self._log.append(text)
            return
        self.exit_code = _optional_int(payload.get("code"))
        self.exit_signal = _optional_int(payload.get("signal"))
        self.log_dropped_bytes = _optional_int(payload.get("dropped_bytes"))
        if self.state in ("done", "failed"):
            return
        self.state = "ended"


def _short(said: object) -> str:
    """What a worker said, as far as an error can quote it."""
    return str(said)[:MAX_NAME_CHARS]


def _number(payload: Mapping[str, Any]) -> int:
    number = payload.get("number", 0)
    if type(number) is not int or not 0 <= number < 2**31:
        raise ProtocolError(f"{_short(number)} is not a number of an epoch")
    return number


def _optional_int(value: object) -> int | None:
    """Of a whole number that a column of the store can hold."""
    return value if type(value) is int and -(2**63) <= value < 2**63 else None


def _values(payload: Any) -> dict[str, Any]:
    if not isinstance(payload, dict) or len(payload) > MAX_METRICS:
        raise ProtocolError("not a table of values")
    for name, value in payload.items():
        if len(name) > MAX_NAME_CHARS or not isinstance(value, bool | int | float | str):
            raise ProtocolError(f"{name[:MAX_NAME_CHARS]!r} is not a value with a short name")
    return cast("dict[str, Any]", payload)


def _effective(payload: Any) -> dict[str, Effective]:
    """The configuration in effect; shares and what was not used travel as objects."""
    if not isinstance(payload, dict):
        raise ProtocolError("not a table of values")
    plain = {k: v for k, v in payload.items() if not isinstance(v, dict | list)}
    told = {k: v for k, v in payload.items() if isinstance(v, dict | list)}
    _values(plain | dict.fromkeys(told, ""))
    return {**plain, **{name: _told(name, value) for name, value in told.items()}}


def _told(name: str, value: Any) -> Share | tuple[Share, ...] | Unused:
    if isinstance(value, list):
        if not 0 < len(value) <= MAX_SHARES:
            raise ProtocolError(f"{name!r} has {len(value)} shares")
        return tuple(_share(name, part) for part in value)
    if set(value) == {"held"}:
        held = value["held"]
        if isinstance(held, dict):
            return Unused(_share(name, held))
        held = _values(value)["held"]
        if isinstance(held, float) and not isfinite(held):
            raise ProtocolError(f"{name!r} is held as {held}")
        return Unused(held)
    return _share(name, value)


def _share(name: str, value: Any) -> Share:
    if type(value) is not dict or set(value) != {"count", "total", "least"}:
        raise ProtocolError(f"{name!r} is neither a value nor a share")
    if not all(type(number) is int and 0 <= number <= MAX_COUNT for number in value.values()):
        raise ProtocolError(f"{name!r} counts what can't be counted")
    return Share(**value)


def _metrics(payload: Any) -> dict[str, float]:
    """Metrics by name; non-finite ones travel as the strings that `float()` reads."""
    return {name: float(value) for name, value in _values(payload).items()}

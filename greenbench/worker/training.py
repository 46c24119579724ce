"""One training run: loads the trainer, waits at the barrier, trains, reports."""

from __future__ import annotations

import platform
import socket
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from greenbench import __version__, protocol
from greenbench.api import Conditions, EpochReport, Trainer

TRACEBACK_CHARS = 4_096


class Channel:
    """The worker's end of the socket: stamped events out, commands in."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = bytearray()

    def send(self, kind: str, stamp_s: float | None = None, **payload: Any) -> None:
        """Sends one event, stamped with CLOCK_MONOTONIC in seconds (now, unless given)."""
        stamp_s = time.monotonic() if stamp_s is None else stamp_s
        self._connection.sendall(protocol.encode(kind, {"stamp_s": stamp_s, **payload}))

    def receive(self, expected: str) -> dict[str, Any]:
        """Waits for one command; EOFError when the host is gone."""
        while b"\n" not in self._buffer:
            data = self._connection.recv(protocol.MAX_LINE_BYTES)
            if not data:
                raise EOFError("the host closed the connection")
            self._buffer += data
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer = bytearray(rest)
        kind, payload = protocol.decode(line)
        if kind != expected:
            raise ValueError(f"the host said {kind!r} where {expected!r} was due")
        return payload


class _Report:
    """Collects the metrics of one epoch, validation or test."""

    def __init__(self) -> None:
        self.metrics: dict[str, float] = {}

    def report(self, **metrics: float) -> None:
        self.metrics.update({name: float(value) for name, value in metrics.items()})


class WindowMarks:
    """Turns a trainer's marks into events; each edge comes after `synchronize()`."""

    def __init__(self, channel: Channel, trainer: Trainer) -> None:
        self._channel = channel
        self._trainer = trainer

    @contextmanager
    def epoch(self, number: int) -> Iterator[EpochReport]:
        """The training part of one epoch, counted from 1."""
        with self._window("epoch", number) as report:
            yield report

    @contextmanager
    def validation(self, number: int) -> Iterator[EpochReport]:
        """An evaluation after epoch `number`."""
        with self._window("validation", number) as report:
            yield report

    @contextmanager
    def test(self) -> Iterator[EpochReport]:
        """The final evaluation."""
        with self._window("test", 1) as report:
            yield report

    @contextmanager
    def _window(self, kind: str, number: int) -> Iterator[EpochReport]:
        report = _Report()
        self._trainer.synchronize()
        self._channel.send(f"{kind}_begin", number=number)
        yield report
        self._trainer.synchronize()
        stamp_s = time.monotonic()
        self._channel.send(f"{kind}_end", stamp_s, number=number, metrics=report.metrics)


def run(connection: socket.socket, scratch: Path, data: Path | None) -> int:
    """Runs the trial that the host sends; returns an exit code. Errors become an event."""
    channel = Channel(connection)
    try:
        _train(channel, scratch, data)
    except (EOFError, ConnectionError):
        return 1
    except BaseException as error:  # noqa: BLE001 (whatever a model raises is its outcome)
        traceback.print_exc()
        sys.stderr.flush()
        channel.send(
            "error",
            error_kind=_error_kind(error),
            message=f"{type(error).__name__}: {error}"[:TRACEBACK_CHARS],
            traceback=traceback.format_exc()[-TRACEBACK_CHARS:],
        )
        channel.receive("bye")
        return 1
    channel.receive("bye")
    return 0


def _train(channel: Channel, scratch: Path, data: Path | None) -> None:
    channel.send(
        "hello",
        protocol=protocol.VERSION,
        greenbench=__version__,
        python=platform.python_version(),
    )
    trial = channel.receive("trial")
    conditions = Conditions(
        seed=trial["seed"],
        threads=trial["threads"],
        device=trial["device"],
        scratch=scratch,
        data=data,
    )
    trainer = _trainer(trial["trainer"], trial["hyperparameters"], conditions)
    channel.send("prepare_begin")
    trainer.prepare()
    trainer.synchronize()
    channel.send("prepare_end")
    channel.send("ready", environment=dict(trainer.environment()))
    channel.receive("go")
    marks = WindowMarks(channel, trainer)
    trainer.synchronize()
    channel.send("train_begin")
    trainer.train(marks)
    trainer.synchronize()
    channel.send("train_end")
    metrics = {name: float(value) for name, value in trainer.test(marks).items()}
    channel.send(
        "result",
        metrics=metrics,
        effective=dict(trainer.effective()),
        environment=dict(trainer.environment()),
    )


def _trainer(reference: str, hyperparameters: Mapping[str, Any], conditions: Conditions) -> Trainer:
    module, _, attribute = reference.partition(":")
    trainer: Trainer = getattr(import_module(module), attribute)(hyperparameters, conditions)
    return trainer


def _error_kind(error: BaseException) -> str:
    """`out_of_memory` for the errors by which Python, torch and TensorFlow say so."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & {"MemoryError", "OutOfMemoryError", "ResourceExhaustedError"}:
        return "out_of_memory"
    return "exception"

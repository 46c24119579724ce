"""Measures any command with the meter that measures trials: `greenbench measure -- COMMAND`."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from greenbench.api import Channel, Missing, Window, WindowEnergy
from greenbench.energy.meter import Meter
from greenbench.energy.select import Opened
from greenbench.energy.timeline import Timeline
from greenbench.energy.total import Total, total
from greenbench.errors import UsageError

DRAIN_S: Final = 1.0
SETTLE_S: Final = 1.0
NOT_FOUND: Final = 127
SIGNALLED: Final = 128
"""A command that a signal ended has the exit code 128 + signal, as shells say it."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a command cost: energies of whole channels while it ran, whoever used them."""

    exit_code: int
    window: Window
    energies: Sequence[WindowEnergy]
    channels: Sequence[Channel]
    missing: Sequence[Missing]
    estimated: bool
    total: Total

    def as_json(self) -> dict[str, Any]:
        """Stable JSON; times in seconds of CLOCK_MONOTONIC, energies in joules, null: not known."""
        by_name = {channel.name: channel for channel in self.channels}
        return {
            "window": {
                "start_monotonic_s": self.window.start_s,
                "end_monotonic_s": self.window.end_s,
            },
            "exit_code": self.exit_code,
            "channels": [_channel_json(by_name[e.channel], e) for e in self.energies],
            "total": {
                "energy_j": self.total.energy_j,
                "uncertainty_j": self.total.resolution_j,
                "included": list(self.total.included),
                "left_out": dict(self.total.left_out),
            },
            "missing": [
                {"source": m.backend, "channel": m.channel, "reason": m.reason, "remedy": m.remedy}
                for m in self.missing
            ],
        }


def _channel_json(channel: Channel, energy: WindowEnergy) -> dict[str, Any]:
    return {
        "channel": channel.name,
        "energy_j": energy.energy_j,
        "uncertainty_j": energy.resolution_j,
        "source": channel.backend,
        "method": channel.method,
        "estimate": channel.method == "estimate",
        "coverage": energy.coverage,
        "calibration": energy.calibration,
        "samples": energy.samples,
        "gap_s": energy.gap_s,
        "scope": channel.scope,
        "contained_in": channel.contained_in,
        "reason": energy.reason,
    }


def measure_command(
    command: Sequence[str],
    opened: Opened,
    period_s: float,
    *,
    own_stdout: bool = True,
) -> Measurement:
    """Runs `command` under the meter; `own_stdout=False` sends what it prints to stderr.

    Raises UsageError (exit code 127) if there is no such command.
    """
    if shutil.which(command[0]) is None:
        error = UsageError(f"no such command: {command[0]}", "check its spelling and your PATH")
        error.exit_code = NOT_FOUND
        raise error
    timeline = Timeline(opened.channels)
    with Meter(opened.readers, period_s=period_s) as meter:
        _wait_for_a_first_update(meter, timeline, period_s)
        start_s = time.monotonic()
        code = _run(command, meter, timeline, own_stdout=own_stdout)
        window = Window(kind="train", start_s=start_s, end_s=time.monotonic())
        _settle(meter, timeline, window, period_s)
    energies = timeline.energy(window)
    return Measurement(
        exit_code=code,
        window=window,
        energies=energies,
        channels=opened.channels,
        missing=opened.missing,
        estimated=opened.estimated,
        total=total(energies, opened.channels),
    )


def _run(command: Sequence[str], meter: Meter, timeline: Timeline, *, own_stdout: bool) -> int:
    with (
        _signals_go_to_the_command() as told,
        subprocess.Popen(command, stdout=None if own_stdout else sys.stderr) as process,
    ):
        told.append(process)
        while True:
            try:
                code = process.wait(DRAIN_S)
                break
            except subprocess.TimeoutExpired:
                timeline.add(meter.drain())
    return code if code >= 0 else SIGNALLED - code


def _wait_for_a_first_update(meter: Meter, timeline: Timeline, period_s: float) -> None:
    """So that the first counter step before the command is seen as well."""
    time.sleep(2 * period_s)
    timeline.add(meter.drain())


def _settle(meter: Meter, timeline: Timeline, window: Window, period_s: float) -> None:
    give_up_s = time.monotonic() + max(SETTLE_S, 5 * period_s)
    timeline.add(meter.drain())
    while not timeline.ready(window) and time.monotonic() < give_up_s:
        time.sleep(period_s / 2)
        timeline.add(meter.drain())


@contextmanager
def _signals_go_to_the_command() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Ctrl-C reaches the command by itself, SIGTERM is passed on; its energy is still told.

    Handlers, since an ignored signal would stay ignored in the command.
    """
    told: list[subprocess.Popen[bytes]] = []

    def hear(number: int, _frame: object) -> None:
        if number == signal.SIGTERM:
            for process in told:
                process.send_signal(number)

    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

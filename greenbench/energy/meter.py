"""The one sampler of a host: reads every channel at a period, in a thread of its own."""

from __future__ import annotations

import sys
import threading
import time
from array import array
from collections import deque
from random import Random
from typing import TYPE_CHECKING, Final, Self

from greenbench.energy.samples import SampleChunk
from greenbench.energy.track import Track
from greenbench.errors import EnergyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from greenbench.api import Channel, Reader

SWITCH_INTERVAL_S: Final = 0.0005
"""The interpreter's switch interval while a meter's thread runs (Python's default is 5 ms)."""
STARVED_PERIODS: Final = 5.0
STARVED_LEAST_S: Final = 0.5
"""Readings further apart than both are a starved sampler."""
MISSED: Final = -(2**63)
"""Stands for a reading that raised; no sensor counts below zero."""
SLEEP_STEP_S: Final = 0.05
"""The clock that counts suspension moved by this much against the monotonic one: the host slept."""


def _suspended_s() -> float:
    """How long this host has been suspended since boot (Linux)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


class Meter:
    """Samples `readers` about every `period_s` seconds and keeps the rows until they are drained.

    The time between two samples varies by ± a quarter of the period, so that neither a counter's
    updates nor a periodic load can stay in step with it. With the default clock `start()` runs a
    thread. With an injected `clock` it runs none: call `tick()` for each sample. `suspended`
    returns the seconds that the host has been asleep so far.

    The meter does not close its readers. Nothing here raises when a sensor fails: see `failures`.
    """

    def __init__(
        self,
        readers: Sequence[Reader],
        period_s: float = 0.1,
        clock: Callable[[], float] | None = None,
        suspended: Callable[[], float] | None = None,
    ) -> None:
        if not period_s > 0:
            raise EnergyError(f"the sampling period must be above 0 s, not {period_s!r}")
        self.channels: tuple[Channel, ...] = tuple(reader.channel for reader in readers)
        self.period_s = period_s
        starved_s = max(STARVED_PERIODS * period_s, STARVED_LEAST_S)
        self._tracks = [Track(reader, starved_s) for reader in readers]
        self._threaded = clock is None
        self._clock = clock or time.monotonic
        self._suspended = suspended or (_suspended_s if clock is None else lambda: 0.0)
        self._suspended_s = self._suspended()
        self._reads = [reader.read for reader in readers]
        self._stamps_s = array("d")  # of each tick that waits: before the first read, after each
        self._raws = array("q")  # of each tick that waits: one a channel, or MISSED
        self._errors: deque[Exception] = deque()  # one for each MISSED
        self._lock = threading.Lock()
        self._stop = threading.Lock()  # held while the thread runs: waiting for it costs less than
        self._stop.acquire()  # for an Event, ten times a second
        self._thread: threading.Thread | None = None
        self._switch_interval_s = 0.0

    def start(self) -> None:
        """Takes a first sample and goes on sampling; harmless if it is already running."""
        if self._thread is not None:
            return
        self.tick()
        if self._threaded:
            self._switch_interval_s = sys.getswitchinterval()
            sys.setswitchinterval(min(SWITCH_INTERVAL_S, self._switch_interval_s))
            self._thread = threading.Thread(target=self._run, name="greenbench-meter", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Takes a last sample and stops; what was not drained can still be. Harmless if stopped."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stop.release()
            thread.join()
            sys.setswitchinterval(self._switch_interval_s)
            self.tick()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def tick(self) -> None:
        """Takes one sample of every channel, each read between two stamps of the clock.

        Only what can't wait is done here: after a sleep of 100 ms every line costs ten times what
        it costs back to back. `_settle` makes rows of it, for many ticks at once.
        """
        clock, stamps_s, raws = self._clock, self._stamps_s, self._raws
        with self._lock:
            suspended_s = self._suspended()
            slept = suspended_s - self._suspended_s > SLEEP_STEP_S
            self._suspended_s = suspended_s
            if slept:
                self._settle()
            stamps_s.append(clock())
            for read in self._reads:
                try:
                    raws.append(read())
                except Exception as error:  # noqa: BLE001 (a plugin's sensor must not end the meter)
                    raws.append(MISSED)
                    self._errors.append(error)
                stamps_s.append(clock())
            if slept:
                self._settle(slept=True)

    def _settle(self, *, slept: bool = False) -> None:
        """Turns the ticks that wait into rows, in their order; the caller holds the lock."""
        stamps_s, raws, tracks = self._stamps_s, self._raws, self._tracks
        count = len(tracks)
        for tick in range(len(raws) // count if count else 0):
            at = tick * (count + 1)
            for place, track in enumerate(tracks):
                before_s, after_s = stamps_s[at + place], stamps_s[at + place + 1]
                raw = raws[tick * count + place]
                if raw == MISSED:
                    track.missed(before_s, after_s, self._errors.popleft())
                else:
                    track.take(before_s, after_s, raw, slept=slept)
        del stamps_s[:], raws[:]

    def drain(self) -> list[SampleChunk]:
        """Every row since the last call, one chunk a channel; the rows are no longer kept here."""
        with self._lock:
            self._settle()
            full = [track.chunk for track in self._tracks]
            for track in self._tracks:
                track.chunk = SampleChunk(track.name)
        return [chunk for chunk in full if len(chunk)]

    def latest_power_w(self) -> dict[str, float]:
        """Power by channel (W), averaged over about a second; absent where there is no reading."""
        with self._lock:
            self._settle()
            powers = {track.name: track.power_w() for track in self._tracks}
        return {name: power_w for name, power_w in powers.items() if power_w is not None}

    def failures(self) -> dict[str, tuple[int, str]]:
        """By channel: how many readings failed or were faults so far, and the last error."""
        with self._lock:
            self._settle()
            return {t.name: (t.failures, t.last_error) for t in self._tracks if t.failures}

    def _run(self) -> None:
        vary = Random(0).random
        due_s = time.monotonic()
        while True:
            due_s += self.period_s * (0.75 + 0.5 * vary())
            now_s = time.monotonic()
            due_s = max(due_s, now_s)  # starved: don't catch up with a burst of reads
            if self._stop.acquire(timeout=due_s - now_s):
                return  # and hold it again, for the next start
            self.tick()

"""The background of a cohort: its members are started again until the foreground has ended."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from typing import Final, Literal

from greenbench.api import Executor, Exit, Running, Usage
from greenbench.conversation import TRAINING
from greenbench.errors import ExecutorError, GreenbenchError
from greenbench.member import Member

AT_ONCE_S: Final = 1.0
"""A run that ends in an error before it trained for so long has failed at once."""
MOST_AT_ONCE: Final = 3
"""So many of these in a row, and the background can't be had."""
HANGS_UP_S: Final = 5.0
"""How long a worker may take to end after it hung up without a result."""
NOT_AS_ASKED: Final = ("configuration", "device", "threads")
"""Errors of a run that is no run of this background: another one would not be either."""
NOW_ONLY: Final = ("memory_bytes", "pids")
"""What a trial uses now; the rest of its usage adds up over its runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundRun:
    """One run of a background member; times are monotonic seconds.

    `outcome`: it `completed` its training, `failed` by itself, or was `ended` with the foreground.
    """

    number: int
    identity: str | None
    started_s: float
    ready_s: float | None
    train_start_s: float | None
    train_end_s: float | None
    end_s: float
    outcome: Literal["completed", "failed", "ended"]
    error_kind: str | None = None
    error: str | None = None

    @property
    def training(self) -> tuple[float, float] | None:
        """From when to when it trained; None if it never did."""
        if self.train_start_s is None:
            return None
        return self.train_start_s, self.end_s if self.train_end_s is None else self.train_end_s


class Series:
    """All runs of one background as one `Running`: what it used goes on where a run ended."""

    def __init__(self, running: Running) -> None:
        self._now: Running | None = running
        self._before = Usage()
        self._last = Usage()
        self.identity = running.identity
        self.facts: Mapping[str, str] = running.facts

    def ends(self) -> None:
        """The run has ended; nobody is asked until the next one."""
        self._before, self._last, self._now = self.usage(), Usage(), None

    def follows(self, running: Running) -> None:
        """The next run."""
        self._now, self.identity, self.facts = running, running.identity, running.facts

    def usage(self) -> Usage:
        """The sum over all runs; memory and processes are those of the run that is on."""
        if self._now is not None:
            reader = getattr(self._now, "usage", None)
            found = reader() if callable(reader) else None
            if not isinstance(found, Usage):
                found = Usage(
                    cpu_time_s=self._now.cpu_time_s(),
                    memory_peak_bytes=self._now.memory_peak_bytes(),
                )
            self._last = _latest(self._last, found)
        return _sum(self._before, self._last)

    def cpu_time_s(self) -> float | None:
        """CPU time over all runs."""
        return self.usage().cpu_time_s

    def memory_peak_bytes(self) -> int | None:
        """The highest peak of any run."""
        return self.usage().memory_peak_bytes

    def exit(self) -> Exit | None:
        """How the run that is on ended."""
        return None if self._now is None else self._now.exit()

    def kill(self) -> None:
        """Ends the run that is on."""
        if self._now is not None:
            self._now.kill()

    def remove(self) -> None:
        """Leaves nothing of the run that is on."""
        if self._now is not None:
            self._now.remove()


def _latest(before: Usage, now: Usage) -> Usage:
    """Counters vanish with a container: what was told last stays."""
    known = {f.name: getattr(now, f.name) for f in fields(Usage)}
    kept = {
        k: getattr(before, k) if v is None and k not in NOW_ONLY else v for k, v in known.items()
    }
    return Usage(**kept)


def _sum(one: Usage, other: Usage) -> Usage:
    found = {name: getattr(other, name) for name in NOW_ONLY}
    for name in (f.name for f in fields(Usage) if f.name not in NOW_ONLY):
        a, b = getattr(one, name), getattr(other, name)
        if a is None or b is None:
            found[name] = b if a is None else a
        elif name == "memory_peak_bytes":
            found[name] = max(a, b)
        elif isinstance(a, tuple):
            found[name] = tuple(x + y for x, y in zip(a, b, strict=True))
        else:
            found[name] = a + b
    return Usage(**found)


@dataclass(slots=True)
class Backgrounds:
    """Book-keeping of a cohort's background, by slot. Containers are replaced in `thread`, since
    an engine takes its time and the foreground's events can't wait for it; whoever gave it shuts it
    down before `end`."""

    executor: Executor
    thread: ThreadPoolExecutor
    runs: dict[int, list[BackgroundRun]] = field(default_factory=dict)
    series: dict[int, Series] = field(default_factory=dict)
    cpu_time_s: dict[int, float] = field(default_factory=dict)
    released: bool = False
    """Whether the background may train: what gets ready from now on does so at once."""
    left_behind: bool = False
    """A run could not be removed: its executor was away."""
    _started_s: dict[int, float] = field(default_factory=dict)
    _starting: dict[int, Future[Running]] = field(default_factory=dict)
    _at_once: dict[int, int] = field(default_factory=dict)
    _hung_up_s: dict[int, float] = field(default_factory=dict)
    _before_s: dict[int, float] = field(default_factory=dict)

    def started(self, slot: int, running: Running) -> Series:
        """The executor has started a run; returns it as one with those before it."""
        self._started_s.setdefault(slot, time.monotonic())
        if slot in self.series:
            self.series[slot].follows(running)
        else:
            self.series[slot] = Series(running)
        return self.series[slot]

    def loading_s(self, slot: int) -> float:
        """How long ago the run that is on was started (s)."""
        return time.monotonic() - self._started_s.get(slot, time.monotonic())

    def close(self, slot: int, member: Member, outcome: Literal["failed", "ended"]) -> None:
        """Keeps what is known of the run that has ended now; `outcome` if it did not complete."""
        end_s = time.monotonic()
        said = member.conversation
        train = said.window("train")
        begun_s = train.start_s if train else said.begun_s("train")
        done = member.status == "completed"
        runs = self.runs.setdefault(slot, [])
        run = BackgroundRun(
            number=len(runs) + 1,
            identity=None if member.running is None else member.running.identity,
            started_s=self._started_s.get(slot, end_s),
            ready_s=said.ready_s,
            train_start_s=begun_s,
            train_end_s=train.end_s if train else None,
            end_s=end_s,
            outcome="completed" if done else outcome,
            error_kind=None if done else member.error_kind,
            error=None if done else member.error,
        )
        runs.append(run)
        trained_s = run.training[1] - run.training[0] if run.training else 0.0
        at_once = run.outcome == "failed" and trained_s < AT_ONCE_S
        self._at_once[slot] = self._at_once.get(slot, 0) + 1 if at_once else 0

    def hopeless(self, slot: int) -> bool:
        """Whether it fails at once again and again, or does not train what was asked for."""
        wrong = self.runs[slot][-1].error_kind in NOT_AS_ASKED
        return wrong or self._at_once.get(slot, 0) >= MOST_AT_ONCE

    def starting(self, slot: int) -> bool:
        """Whether its next run is not under way yet."""
        return slot in self._starting

    def lingers(self, slot: int, member: Member) -> bool:
        """Whether its worker has hung up without a result, but may still tell how it ended:
        nobody waits for it while the foreground trains."""
        known = member.conversation.state == "done"
        if known or (member.running is not None and member.running.exit() is not None):
            self._hung_up_s.pop(slot, None)
            return False
        since_s = self._hung_up_s.setdefault(slot, time.monotonic())
        return time.monotonic() - since_s < HANGS_UP_S

    def again(self, slot: int, old: Running | None, member: Member) -> None:
        """Removes what is left of a run and starts `member`, the next one."""
        if slot in self.series:
            self.series[slot].ends()
        self._started_s[slot] = time.monotonic()
        self._starting[slot] = self.thread.submit(self._replace, old, member)

    def _replace(self, old: Running | None, member: Member) -> Running:
        self._discard(old)
        return self.executor.start(member.launch)

    def arrived(self, members: list[Member]) -> Iterator[int]:
        """The slots whose next run is under way now; one that could not be started has failed."""
        for slot in [slot for slot, future in self._starting.items() if future.done()]:
            future = self._starting.pop(slot)
            try:
                members[slot].running = future.result()
            except GreenbenchError as error:
                members[slot].fail("start", str(error), "interrupted")
            else:
                yield slot

    def note_edge(self, kind: str) -> None:
        """Reads the background's CPU clocks where the foreground begins and ends to train."""
        if kind not in ("train_begin", "train_end"):
            return
        used = {slot: series.cpu_time_s() for slot, series in self.series.items()}
        known = {slot: seconds for slot, seconds in used.items() if seconds is not None}
        if kind == "train_begin":
            self._before_s = known
        else:
            self.cpu_time_s = {
                s: known[s] - self._before_s[s] for s in known if s in self._before_s
            }

    def end(self) -> None:
        """Removes what was still being started."""
        for future in self._starting.values():
            if not future.cancelled() and future.exception() is None:
                self._discard(future.result())
        self._starting.clear()

    def _discard(self, running: Running | None) -> None:
        if running is not None:
            with contextlib.suppress(ExecutorError):
                running.kill()
            try:
                running.remove()
            except ExecutorError:
                self.left_behind = True


def trains(member: Member) -> bool:
    """Whether it trains right now, as far as it has said."""
    return member.status == "running" and member.conversation.state in TRAINING

"""Who used what while a cohort ran: CPU and GPU time of each trial, of greenbench, of the rest.

The readings of use are taken at the edges of training, since only their differences over windows
are wanted. A GPU's driver forgets its samples, so that one is asked about once a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from greenbench.api import Channel, Running, Usage, Window, WindowEnergy
from greenbench.energy.attribution import Account, Share, Use, Who, attribute
from greenbench.energy.idle import IdlePowers
from greenbench.host.activity import own_cpu_time_s
from greenbench.host.cpu_time import Spent, busy
from greenbench.host.gpu_time import GpuTime
from greenbench.host.topology import CPUS, by_domain, domains

POLL_S: Final = 1.0
MARK_S: Final = 0.02
"""Edges of training that are closer share one reading; the slack of an account says so."""
SLACK: Final = 0.05
SLACK_S: Final = 0.02
"""Readings of use may be this share of a window and this many seconds away from its edges."""
EDGES: Final = ("train_begin", "train_end")
ENDS: Final = ("result", "error")
STAT: Final = Path("/proc/stat")
UNKNOWN: Final = -1
"""Stands for processes that can't be seen from here: ended at once, or in a foreign namespace."""
OTHER: Final = -2


@dataclass(frozen=True, slots=True)
class _Mark:
    """Everything that was used up to one instant. Slots number the trials."""

    stamp_s: float
    trials: tuple[Spent, ...]
    own_s: float
    busy: Spent
    gpu_s: Mapping[str, Mapping[int, float]]


@dataclass(slots=True)
class Ledger:
    """Readings of use for one cohort at a time: `begin`, `started`, `hear` and `poll`, `split`.

    Every call comes from one thread. `idle` is filled by whoever reads idle windows.
    """

    channels: Sequence[Channel]
    stat: Path = STAT
    cpus: Path = CPUS
    proc: Path = Path("/proc")
    own_cpu_time_s: Callable[[], float] = own_cpu_time_s
    idle: IdlePowers = field(default_factory=IdlePowers)
    gpus: GpuTime = field(init=False)
    _keys: Sequence[str] = ()
    _running: dict[int, Running] = field(default_factory=dict)
    _last: dict[int, Spent] = field(default_factory=dict)
    _marks: list[_Mark] = field(default_factory=list)
    _owners: dict[int, int] = field(default_factory=dict)
    _gpu_s: dict[str, dict[int, float]] = field(default_factory=dict)
    _polled_s: float = 0.0
    _domains: Mapping[int, tuple[str, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self._domains = domains(self.cpus)
        names = {c.physical_id for c in self.channels if c.name.startswith("gpu/")}
        self.gpus = GpuTime(sorted(names))
        self.gpus.open()

    def begin(self, trials: Sequence[str]) -> None:
        """A new cohort of these trials (keys); what was read of the one before is dropped."""
        self._keys = tuple(trials)
        for kept in (self._running, self._last, self._owners, self._gpu_s):
            kept.clear()
        self._marks.clear()

    def started(self, slot: int, running: Running) -> None:
        """What the executor started for a trial."""
        self._running[slot] = running

    def poll(self, now_s: float) -> None:
        """Asks the GPUs who used them, if it is time to."""
        if self.gpus.uuids and now_s - self._polled_s >= POLL_S:
            self._poll_gpus(now_s)

    def hear(self, slot: int, kinds: Sequence[str]) -> None:
        """Reads what belongs to events of a trial: everyone at the edges of training, the trial
        itself at its end, while it can still be read."""
        if any(kind in EDGES for kind in kinds):
            now_s = time.monotonic()
            if not self._marks or now_s - self._marks[-1].stamp_s >= MARK_S:
                self.mark(now_s)
        elif any(kind in ENDS for kind in kinds):
            self._spent(slot)

    def mark(self, stamp_s: float) -> None:
        """Reads everyone's use at this instant (monotonic, s)."""
        self._poll_gpus(stamp_s)
        self._marks.append(
            _Mark(
                stamp_s,
                tuple(self._spent(slot) for slot in range(len(self._keys))),
                self.own_cpu_time_s(),
                busy(self.stat, self._domains),
                {uuid: dict(used) for uuid, used in self._gpu_s.items()},
            )
        )

    def split(self, window: Window, energies: Sequence[WindowEnergy]) -> list[Share]:
        """The rows of every measured channel in a window between two edges of training; an
        estimate is split by nobody."""
        account = self.account(window)
        measured = {c.name: c for c in self.channels if c.method != "estimate"}
        return [
            share
            for energy in energies
            if energy.channel in measured
            for share in attribute(
                energy, window, measured[energy.channel], account, self.idle.of(energy.channel)
            )
        ]

    def account(self, window: Window) -> Account:
        """Everyone's use in a window between two marks."""
        if not self._marks:
            return self._nobody("it was not read who used it")
        first = min(self._marks, key=lambda mark: abs(mark.stamp_s - window.start_s))
        last = min(self._marks, key=lambda mark: abs(mark.stamp_s - window.end_s))
        away_s = abs(first.stamp_s - window.start_s) + abs(last.stamp_s - window.end_s)
        length_s = window.end_s - window.start_s
        if length_s <= 0 or away_s > SLACK * length_s + SLACK_S or first is last:
            return self._nobody(f"use was read {away_s:.2g} s away from the window's edges")
        return self._between(first, last, min(away_s / length_s, 1.0))

    def _nobody(self, reason: str) -> Account:
        uses = [Use(trial=key) for key in self._keys]
        ids = ("cpu", *(channel.physical_id for channel in self.channels))
        return Account(uses=uses, why_not=dict.fromkeys(ids, reason))

    def _between(self, first: _Mark, last: _Mark, slack: float) -> Account:
        whole = last.busy.since(first.busy)
        spent = [b.since(a) for a, b in zip(first.trials, last.trials, strict=True)]
        own_s = last.own_s - first.own_s
        known_s = own_s + sum(s.cpu_time_s for s in spent if s.cpu_time_s is not None)
        rest_s = None if whole.cpu_time_s is None else max(whole.cpu_time_s - known_s, 0.0)
        uses = [
            self._use(s, self._gpu_time_s(first, last, slot), trial=key)
            for slot, (key, s) in enumerate(zip(self._keys, spent, strict=True))
        ]
        other = self._gpu_time_s(first, last, OTHER)
        unseen = self._gpu_time_s(first, last, UNKNOWN)
        uses.append(self._use(Spent(own_s), dict.fromkeys(other, 0.0), "own"))
        uses.append(self._use(Spent(rest_s), other, "other"))
        uses.append(self._use(Spent(0.0), unseen, "unattributed"))
        return Account(
            uses=uses, busy_by_s=whole.by_s or {}, why_not=dict(self.gpus.unknown), slack=slack
        )

    def _use(
        self, spent: Spent, gpu_time_s: Mapping[str, float], kind: Who = "trial", trial: str = ""
    ) -> Use:
        """On a host with one package all CPU time was spent there."""
        everywhere = list(dict.fromkeys(self._domains.values()))
        by_s, total_s = spent.by_s, spent.cpu_time_s
        if len(everywhere) == 1 and total_s is not None:
            by_s = dict.fromkeys(everywhere[0], total_s)
        return Use(
            kind=kind,
            trial=trial,
            cpu_time_s=total_s,
            cpu_time_by_s=by_s or None,
            gpu_time_s=gpu_time_s,
        )

    # --- readings -------------------------------------------------------------------------------

    def _spent(self, slot: int) -> Spent:
        """A trial's CPU time so far; after its end what was read last."""
        running = self._running.get(slot)
        last = self._last.get(slot, Spent())
        if running is None:
            return last
        usage = _usage(running)
        if usage is None:
            return last
        by_s = last.by_s
        if usage.cpu_time_by_cpu_s is not None and self._domains:
            by_s = by_domain(dict(enumerate(usage.cpu_time_by_cpu_s)), self._domains)
        total_s = usage.cpu_time_s if usage.cpu_time_s is not None else last.cpu_time_s
        self._last[slot] = Spent(total_s, by_s)
        return self._last[slot]

    # --- GPUs -----------------------------------------------------------------------------------

    def _poll_gpus(self, now_s: float) -> None:
        self._polled_s = now_s
        for uuid, pid, seconds in self.gpus.poll(now_s):
            used = self._gpu_s.setdefault(uuid, {})
            owner = self._owner(pid)
            used[owner] = used.get(owner, 0.0) + seconds

    def _owner(self, pid: int) -> int:
        """The slot of the trial that a process belongs to, `OTHER` or `UNKNOWN`."""
        if pid not in self._owners:
            for slot, running in self._running.items():
                usage = _usage(running)
                if usage is not None:
                    self._owners.update(dict.fromkeys(usage.pids or (), slot))
        if pid in self._owners:
            return self._owners[pid]
        return OTHER if (self.proc / str(pid)).exists() else UNKNOWN

    def _gpu_time_s(self, first: _Mark, last: _Mark, who: int) -> dict[str, float]:
        """By UUID; a GPU whose driver does not tell is not in it."""
        return {
            uuid: last.gpu_s.get(uuid, {}).get(who, 0.0) - first.gpu_s.get(uuid, {}).get(who, 0.0)
            for uuid in self.gpus.uuids
            if uuid not in self.gpus.unknown
        }


def _usage(running: Running) -> Usage | None:
    """What an executor tells of a trial; from executors without `usage`, its CPU time alone."""
    reader = getattr(running, "usage", None)
    found = reader() if callable(reader) else Usage(cpu_time_s=running.cpu_time_s())
    return found if isinstance(found, Usage) else None

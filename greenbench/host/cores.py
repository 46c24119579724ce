"""Which processors may be used here, as physical cores, and which a process may run on."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from greenbench.host.topology import CPUS


def usable_cores(usable: Iterable[int] | None = None, root: Path = CPUS) -> list[tuple[int, ...]]:
    """Physical cores, each as the logical processors of it that may be used, in the kernel's order.

    `usable`: the processors to choose from, by default those that this process may run on: its
    affinity, which the kernel keeps within its control group's cpuset
    (https://docs.kernel.org/admin-guide/cgroup-v2.html#cpuset). Siblings are told in
    `topology/thread_siblings_list` (https://docs.kernel.org/admin-guide/cputopology.html); a
    processor that tells none is a core of its own.
    """
    left = set(os.sched_getaffinity(0) if usable is None else usable)
    cores = []
    for cpu in sorted(left):
        if cpu not in left:
            continue
        siblings = {cpu, *_siblings(root / f"cpu{cpu}" / "topology")} & left
        left -= siblings
        cores.append(tuple(sorted(siblings)))
    return cores


def allowed_cpus(pids: Iterable[int], proc: Path = Path("/proc")) -> set[int]:
    """The processors that any thread of these processes may run on; those that ended are left
    out."""
    found: set[int] = set()
    for pid in pids:
        try:
            threads = [int(folder.name) for folder in (proc / str(pid) / "task").iterdir()]
        except OSError:
            continue
        for thread in threads:
            try:
                found |= os.sched_getaffinity(thread)
            except OSError:
                continue
    return found


def _siblings(topology: Path) -> set[int]:
    try:
        text = (topology / "thread_siblings_list").read_text(encoding="ascii")
    except OSError:
        return set()
    return parse_cpus(text)


def parse_cpus(text: str) -> set[int]:
    """The kernel's list format: `0-3,8`."""
    found: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if first:
            found |= set(range(int(first), int(last or first) + 1))
    return found

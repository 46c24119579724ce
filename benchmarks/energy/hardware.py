"""The simulated hardware that every tool of a run reads: one GPU and two processor packages.

NVML is a compiled stub found as `libnvidia-ml.so.1`; `/sys/class/powercap` is a simulated tree in a
mount namespace. No tool is changed. Needs root, `unshare` and a C compiler.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools import TOOLS

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from sim import unshare  # noqa: E402
from sim.curves import Curve, square  # noqa: E402
from sim.nvml import SimulatedNvml  # noqa: E402
from sim.powercap import SimulatedPowercap, Zone  # noqa: E402

LOAD = square(60, 300, period_s=1.3, duty=0.3)
PACKAGES = 2


@dataclass
class Hardware:
    """Where children are run. Each is a process of its own: NVML stays loaded in one."""

    nvml: SimulatedNvml
    powercap: Path
    cpu: Path

    def child(self, *arguments: object) -> dict[str, Any]:
        """Runs `child.py` with `arguments` on this hardware; what it prints last, as JSON.
        `{"absent": reason}` if the tool is not installed or does not run."""
        script = Path(__file__).with_name("child.py")
        command = [sys.executable, str(script), *map(str, arguments)]
        done = unshare.run(command, self.powercap, self.cpu, **self.nvml.environment)
        if done.returncode != 0:
            return {"absent": (done.stderr.strip() or "no output").splitlines()[-1]}
        found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return found

    def in_turn(self, task: str, least: str, rounds: int = 4) -> dict[str, dict[str, Any]]:
        """`task` of every tool, one after the other, several rounds; of each tool the round with
        the least of that figure: the one that other work on this machine disturbed least."""
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in TOOLS}
        for _ in range(rounds):
            for name, results in found.items():
                if not any("absent" in one for one in results):
                    results.append(self.child(task, name))
        return {n: min(ones, key=lambda one: one.get(least, 0.0)) for n, ones in found.items()}


@contextmanager
def simulated(curve: Curve = LOAD, update_s: float = 0.02) -> Iterator[Hardware]:
    """One GPU whose counter updates every 20 ms, and two packages (updated every 50 ms, so that
    the simulation itself takes no processor from what is measured)."""
    if not unshare.available():
        sys.exit("this needs root and unshare: tools read /sys/class/powercap, and it is simulated")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        nvml = SimulatedNvml(folder)
        nvml.set_curve(0, curve)
        nvml.set(0, update_s=update_s)
        zones = [Zone(str(n), f"package-{n}", curve, limit_uw=250_000_000) for n in range(PACKAGES)]
        tree = SimulatedPowercap(folder / "powercap", zones)
        cpu = unshare.fake_sockets(folder / "cpu", PACKAGES)
        with tree.running(update_s=0.05):
            yield Hardware(nvml, tree.root, cpu)

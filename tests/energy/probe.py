"""A process under test: opens backends by name, meters windows, prints what it found.

python probe.py BACKEND SECONDS [PERIOD]
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from random import Random

from greenbench.api import Provided, Window
from greenbench.energy.meter import Meter
from greenbench.energy.plugin import greenbench_energy_backends
from greenbench.energy.select import open_channels
from greenbench.energy.timeline import Timeline
from greenbench.errors import EnergyError

RANDOM_WINDOWS = 300
SHORTEST_S = 0.1


def main(backend: str, seconds: float, period_s: float = 0.05) -> None:
    offered = [Provided(b.name, b, "greenbench", "0") for b in greenbench_energy_backends()]
    try:
        opened = open_channels(offered, "auto" if backend == "auto" else [backend])
    except EnergyError as error:
        print(json.dumps({"error": str(error)}))
        return
    found: dict[str, object] = {
        "channels": [asdict(channel) for channel in opened.channels],
        "missing": [asdict(missing) for missing in opened.missing],
        "backends": opened.backends,
        "estimated": opened.estimated,
        "windows": [],
    }
    timeline = Timeline(opened.channels)
    windows = []
    with Meter(opened.readers, period_s) as meter:
        time.sleep(0.3)
        for number in range(1, 3):
            start_s = time.monotonic()
            time.sleep(seconds / 2)
            windows.append(
                Window(kind="epoch", start_s=start_s, end_s=time.monotonic(), number=number)
            )
        whole = Window(kind="train", start_s=windows[0].start_s, end_s=windows[-1].end_s)
        while not timeline.ready(whole):
            time.sleep(0.05)
            timeline.add(meter.drain())
    found["windows"] = [told(timeline, w) for w in [*windows, whole]]
    found["random"] = [told(timeline, w) for w in random_windows(whole)]
    found["failures"] = meter.failures()
    print(json.dumps(found))


def told(timeline: Timeline, window: Window) -> dict[str, object]:
    energies = [asdict(energy) for energy in timeline.energy(window)]
    return {"start_s": window.start_s, "end_s": window.end_s, "energies": energies}


def random_windows(whole: Window) -> list[Window]:
    """Within `whole`, from `SHORTEST_S` to half of it; none if it is too short."""
    random, length_s = Random(1), whole.end_s - whole.start_s
    found: list[Window] = []
    while length_s > 4 * SHORTEST_S and len(found) < RANDOM_WINDOWS:
        long_s = random.uniform(SHORTEST_S, length_s / 2)
        start_s = random.uniform(whole.start_s, whole.end_s - long_s)
        found.append(Window(kind="epoch", start_s=start_s, end_s=start_s + long_s))
    return found


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), *(float(text) for text in sys.argv[3:]))

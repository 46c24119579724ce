"""What each tool costs while it only watches, at 10 Hz, above an empty 10 Hz loop.

python benchmarks/energy/idle.py [--seconds 30]
"""

from __future__ import annotations

import argparse
from typing import Any

from hardware import simulated
from markdown import reached, table
from tools import TOOLS

SAMPLES = {
    "greenbench": "10 Hz",
    "Zeus": "nothing; its helpers look for wraps once a second",
    "CodeCarbon": "10 Hz",
    "pyRAPL": "nothing",
    "perun": "10 Hz",
}


def percent(share: float) -> str:
    return f"{100 * share:.3f} %"


def row(name: str, one: dict[str, Any]) -> tuple[object, ...]:
    if "absent" in one:
        return (name, one["absent"], *[None] * 6)
    return (
        name,
        SAMPLES[name],
        percent(one["tool"]),
        percent(one["empty"]),
        f"**{percent(one['above'])}**",
        one["helpers"],
        f"{one['helpers_mb']:.0f} MB" if one["helpers"] else None,
        f"{one['own_mb']:.0f} MB",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=30)
    seconds = parser.parse_args().seconds
    with simulated() as hardware:
        found = {name: hardware.child("idle", name, seconds) for name in TOOLS}
        driver = hardware.child("idle", "driver", seconds)
    head = ["tool", "samples", "CPU, share of a core", "empty loop at the same time"]
    head += ["above it", "helper processes", "their memory", "own memory"]
    ours = found["greenbench"]
    share, helpers = reached(held=ours["above"] <= 0.001), reached(held=not ours["helpers"])
    print("## Idle cost\n\nAim: at most 0.1 % of a core above an empty 10 Hz loop: ", end="")
    print(f"{share}; no helper process: {helpers}.\n")
    print(table(head, [row(name, one) for name, one in found.items()]))
    print(
        "\nA loop that only makes the same driver calls as greenbench, with nothing around them: "
        f"{percent(driver['above'])} above the\nempty loop. Medians over {seconds} seconds, of the"
        " differences within each second."
    )


if __name__ == "__main__":
    main()

"""What the beginning and the end of a window cost, and what its energy costs later.

python benchmarks/energy/windows.py
"""

from __future__ import annotations

from hardware import simulated
from markdown import micro, reached, table, times


def main() -> None:
    with simulated() as hardware:
        found = hardware.in_turn("window", "begin_us")
        later = hardware.child("integrate", "greenbench")
    both_us = {n: f["begin_us"] + f["end_us"] for n, f in found.items() if "begin_us" in f}
    rows = [
        (
            name,
            micro(one["begin_us"]) if name in both_us else one["absent"],
            micro(one["end_us"]) if name in both_us else None,
            micro(both_us[name]) if name in both_us else None,
            times(both_us.get(name), both_us["greenbench"]),
        )
        for name, one in found.items()
    ]
    held = reached(held=both_us["greenbench"] <= 30)
    print(f"## Beginning and ending a window\n\nAim: at most 30 µs together: {held}.\n")
    print(table(["tool", "begin", "end", "together", "of greenbench"], rows))
    sample_us = found["greenbench"]["edge_sample_us"]
    print(
        "\nIn greenbench, an edge is a stamp of the clock and a window is queued; no sensor is read"
        " for it. The others\nread their sensors at each edge (perun only marks the time). In a suite,"
        " the host's runner hears of an edge and\nthen takes a sample beside it, unless it took one"
        f" within 20 ms: {sample_us:.0f} µs in the host's process, while the\ntraining goes on. With"
        f" both samples a window costs {both_us['greenbench'] + 2 * sample_us:.0f} µs."
    )
    print(
        "\nLater, outside of the window: taking a tick's rows of"
        f" {later['channels']} channels into the timeline costs"
        f" {later['add_us_per_tick']:.0f} µs, and the\nenergies of one window of 15 s on all"
        f" {later['channels']} channels, with their ±, {later['energy_us']:.0f} µs."
    )


if __name__ == "__main__":
    main()

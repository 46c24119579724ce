"""A measurement on the terminal, on stderr: stdout belongs to the command."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from greenbench.measure import Measurement


def show_measurement(found: Measurement) -> None:
    """Prints energy and mean power by channel, each with its ± and its source."""
    length_s = found.window.end_s - found.window.start_s
    console = Console(stderr=True)
    console.print(Text(f"ran for {length_s:.3f} s, exit code {found.exit_code}"))
    table = Table(box=None, pad_edge=False)
    for heading in ("channel", "energy", "±", "mean power", "source"):
        table.add_column(heading, justify="left" if heading in ("channel", "source") else "right")
    for energy, channel in zip(found.energies, found.channels, strict=True):
        source = f"{channel.backend}, {channel.method}"
        if energy.energy_j is None:
            table.add_row(channel.name, "not known", "", "", Text(f"{source}: {energy.reason}"))
            continue
        spread = "unknown" if energy.resolution_j is None else f"{energy.resolution_j:.3g} J"
        power = f"{energy.energy_j / length_s:.2f} W" if length_s > 0 else ""
        table.add_row(channel.name, f"{energy.energy_j:.3f} J", spread, power, Text(source))
    console.print(table)
    if found.estimated:
        console.print(Text("estimates from CPU time: no meter answers here", style="yellow"))
    elif found.total.energy_j is not None:
        names = " + ".join(found.total.included)
        console.print(Text(f"total {found.total.energy_j:.3f} J ({names})"))
    for missing in found.missing:
        console.print(
            Text(f"not read: {missing.channel} ({missing.reason})\n  → {missing.remedy}", "dim")
        )

"""What the doctor found, on a terminal of 80 columns; fixes stand on lines of their own."""

from __future__ import annotations

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from greenbench.cli.views import printable
from greenbench.host.control import Control
from greenbench.host.doctor import ChannelReport, Examination


def show_examination(found: Examination, console: Console | None = None) -> None:
    """Prints it: channels, what is missing, what disturbs, the control workload, the verdict."""
    console = console or Console()
    _heading(console, "What can be measured")
    if found.estimated:
        console.print(
            Text("No meter answers on this host: these are estimates from CPU time.", "yellow")
        )
    if found.channels:
        console.print(*_channels(found.channels), sep="\n")
        counters = [channel for channel in found.channels if channel.method == "counter"]
        if counters:
            console.print(_counters(counters))
    else:
        console.print("Nothing.")
    _missing(console, found)
    _disturbances(console, found)
    _executors(console, found)
    if found.control:
        _control(console, found.control)
    _verdict(console, found)


def _heading(console: Console, text: str) -> None:
    console.print()
    console.rule(Text(text, style="bold"), align="left")


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place else "left", no_wrap=True)
    return table


def _channels(channels: tuple[ChannelReport, ...]) -> list[RenderableType]:
    table = _table("channel", "read by", "updates", "±1 % from", "idle", "varies")
    for channel in channels:
        stated = "*" if channel.update_period_from == "stated" else ""
        table.add_row(
            Text(printable(channel.channel)),
            f"{channel.source} {channel.method}" if channel.method != "estimate" else "estimate",
            _seconds(channel.update_period_s) + stated,
            _seconds(channel.one_percent_s),
            _idle(channel),
            "–" if channel.idle_variation is None else f"{channel.idle_variation:.1%}",
        )
    lines: list[RenderableType] = [table]
    if any(channel.update_period_from == "stated" for channel in channels):
        lines.append(Text("* as the backend states it: too few changes were seen", style="dim"))
    lines += [
        Text(f"{printable(channel.channel)}: {printable(channel.reason)}")
        for channel in channels
        if channel.reason
    ]
    return lines


def _counters(channels: list[ChannelReport]) -> Table:
    table = _table("counter", "unit", "holds", "wraps after")
    for channel in channels:
        unit = "–" if channel.unit_j is None else f"{channel.unit_j * 1e6:g} µJ"
        holds = "–" if channel.range_j is None else f"{channel.range_j / 1000:.1f} kJ"
        wraps = "does not wrap"
        if channel.wrap_s is not None:
            wraps = f"{_seconds(channel.wrap_s)} at {channel.max_power_w:g} W"
        table.add_row(Text(printable(channel.channel)), unit, holds, wraps)
    return table


def _missing(console: Console, found: Examination) -> None:
    if not found.missing:
        return
    _heading(console, "What is missing")
    for missing in found.missing:
        _point(console, f"{missing.channel} ({missing.backend}): {missing.reason}", missing.remedy)


def _disturbances(console: Console, found: Examination) -> None:
    _heading(console, "What disturbs")
    for disturbance in found.disturbances:
        _point(console, f"{disturbance.what}: {disturbance.text}", disturbance.remedy)
    if not found.disturbances:
        console.print("Nothing that can be seen from here.")


def _executors(console: Console, found: Examination) -> None:
    _heading(console, "Where trials can run")
    for name, availability in found.executors:
        usable = "usable" if availability.usable else "not usable"
        remedy = "" if availability.usable else availability.remedy
        _point(console, f"{name}: {usable}: {availability.detail}", remedy)


def _control(console: Console, control: Control) -> None:
    _heading(console, "Control workload")
    energy = control.quantity == "energy_j"
    what = "energy" if energy else "CPU time (not energy: no meter answers)"
    console.print(Text(f"{len(control.runs)} runs of the same work, compared by {what}."))
    table = _table("run", "time", "CPU time", "energy")
    for number, run in enumerate(control.runs, 1):
        joules = "–" if run.energy_j is None else f"{run.energy_j:.2f} J"
        cells = (f"{run.duration_s:.3f} s", f"{run.cpu_time_s:.3f} s", joules)
        table.add_row(str(number), *cells)
    console.print(table)
    if control.variation is None:
        console.print("Its variation is not known: a run has no energy.")
        return
    line = f"coefficient of variation {control.variation:.2%}, limit {control.limit:.0%}"
    if control.duration_variation is not None:
        line += f"; of the time {control.duration_variation:.2%}"
    if control.trend is not None:
        line += f"; second half against first {control.trend:+.2%}"
    console.print(Text(line))


def _verdict(console: Console, found: Examination) -> None:
    console.print()
    console.print(Text(*_judgement(found)))


def _judgement(found: Examination) -> tuple[str, str]:
    """The last sentence, and its style."""
    if not found.measures:
        return "This host measures no energy: suites run, with estimates and no verdicts.", "red"
    if found.control is None:
        return "Whether this host is stable was not tried (--no-control).", "yellow"
    if found.stable:
        return "This host is stable: the same work takes the same energy, within 1 %.", "green"
    if found.stable is None:
        return "Whether this host is stable is not known: a run has no energy.", "red"
    return (
        "This host is not stable: the same work did not take the same energy, within 1 %."
        " End what disturbs, and try again."
    ), "red"


def _point(console: Console, text: str, remedy: str) -> None:
    point = Table.grid(padding=(0, 1, 0, 0))
    point.add_row("•", Text(printable(text)))
    if remedy:
        point.add_row("", Text(f"→ {printable(remedy)}", style="cyan"))
    console.print(point)


def _idle(channel: ChannelReport) -> str:
    if channel.idle_power_w is None:
        return "not known"
    if channel.idle_uncertainty_w is None:
        return f"{channel.idle_power_w:.2f} W"
    return f"{channel.idle_power_w:.2f} ± {channel.idle_uncertainty_w:.2g} W"


def _seconds(value: float | None) -> str:
    """A time in the unit in which it is easy to read."""
    if value is None:
        return "–"
    if value < 1:
        return f"{value * 1000:.3g} ms"
    if value < 120:
        return f"{value:.3g} s"
    return f"{value / 60:.3g} min" if value < 7200 else f"{value / 3600:.3g} h"

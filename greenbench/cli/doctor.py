"""`greenbench doctor`: what this host can measure, how well, and what would make it better."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from greenbench.api import Availability, Missing
    from greenbench.plugins import Plugins

NO_METER: Final = 6
NOT_STABLE: Final = 8


@click.command()
@click.option("--idle", "idle_s", type=click.FloatRange(min=0.5), default=5.0, show_default=True)
@click.option("--runs", type=click.IntRange(min=2), default=10, show_default=True)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1),
    default=30.0,
    show_default=True,
    help="About how long a run of the control workload takes.",
)
@click.option("--no-control", is_flag=True, help="Leave out the control workload.")
@click.option("--period", "period_s", type=float, default=0.1, show_default=True, help="Seconds.")
@click.option("--backend", "backends", multiple=True, help="Energy backend (default: auto).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; progress goes to stderr.")
def doctor(
    *,
    idle_s: float,
    runs: int,
    seconds: float,
    no_control: bool,
    period_s: float,
    backends: tuple[str, ...],
    as_json: bool,
) -> None:
    """What this host can measure, and how well.

    Reads idle power, looks for other work, and repeats a control workload: by default 10 runs of
    30 s. A host is called stable if their energy varies by 1 % at most.
    """
    from greenbench.cli.busy import warn_of_a_suite
    from greenbench.energy.select import open_channels
    from greenbench.host.doctor import Wish, examine
    from greenbench.plugins import load_plugins

    warn_of_a_suite()
    plugins = load_plugins()
    offered = [plugins.energy[name] for name in plugins.energy.offered]
    wish = Wish(idle_s=idle_s, runs=0 if no_control else runs, seconds=seconds, period_s=period_s)
    with open_channels(offered, backends or "auto") as opened:
        found = examine(
            opened,
            _executors(plugins),
            wish,
            lambda line: click.echo(line, err=True),
            _lacking(plugins),
        )
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=2, ensure_ascii=False))
    else:
        from greenbench.cli.doctor_view import show_examination

        show_examination(found)
    if not found.measures:
        sys.exit(NO_METER)
    sys.exit(NOT_STABLE if found.stable is False else 0)


def _executors(plugins: Plugins) -> list[tuple[str, Availability]]:
    return [
        (name, plugins.executors[name].value.availability()) for name in plugins.executors.names()
    ]


def _lacking(plugins: Plugins) -> list[Missing]:
    """What executors can't give to trials; not every one tells."""
    executors = [plugins.executors[name].value for name in plugins.executors.names()]
    tellers = [getattr(executor, "lacks", None) for executor in executors]
    return [missing for tell in tellers if callable(tell) for missing in tell()]

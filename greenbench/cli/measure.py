"""`greenbench measure -- COMMAND…`: the energy of any command."""

from __future__ import annotations

import json
import sys

import click


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--period", "period_s", type=float, default=0.1, show_default=True, help="Seconds.")
@click.option("--backend", "backends", multiple=True, help="Energy backend (default: auto).")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON; what COMMAND prints goes to stderr."
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def measure(
    period_s: float,
    backends: tuple[str, ...],
    as_json: bool,  # noqa: FBT001
    command: tuple[str, ...],
) -> None:
    """Run COMMAND and say what it cost. Its exit code is passed on.

    Energies are of whole channels while it ran: of everything that ran on them.
    """
    from greenbench.cli.busy import warn_of_a_suite
    from greenbench.energy.select import open_channels
    from greenbench.measure import measure_command
    from greenbench.plugins import load_plugins

    warn_of_a_suite()
    plugins = load_plugins()
    offered = [plugins.energy[name] for name in plugins.energy.offered]
    with open_channels(offered, backends or "auto") as opened:
        found = measure_command(command, opened, period_s, own_stdout=not as_json)
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=2, ensure_ascii=False))
    else:
        from greenbench.cli.measure_view import show_measurement

        show_measurement(found)
    sys.exit(found.exit_code)

"""A word before measuring beside a suite."""

from __future__ import annotations

import click


def warn_of_a_suite() -> None:
    """Says on stderr whose energy will be in what is read, and that its own will suffer."""
    from greenbench.host.lock import holder

    found = holder()
    if found is not None:
        click.echo(
            f"greenbench: {found} measures on this host: its energy will be in these numbers, and"
            " this work in its",
            err=True,
        )

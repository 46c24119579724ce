"""Values that several commands take."""

from __future__ import annotations

import click


def share_option(
    ctx: click.Context,  # noqa: ARG001 (click's signature)
    param: click.Parameter,  # noqa: ARG001 (as above)
    value: str | None,
) -> float | None:
    """`5%` or `5` is 0.05."""
    if value is None:
        return None
    try:
        share = float(value.strip().removesuffix("%")) / 100
    except ValueError:
        share = -1.0
    if not 0 <= share < float("inf"):
        raise click.BadParameter(f"{value!r} is no percentage: write 5%")
    return share

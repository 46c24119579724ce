"""Which view of a run fits: asked for, or by what stdout is."""

from __future__ import annotations

import sys

from greenbench.cli.live import LiveView
from greenbench.cli.views import JsonView, PlainView, QuietView, View


def choose_view(*, quiet: bool, as_json: bool) -> View:
    """JSON or quiet if asked for; live on a terminal; else plain lines."""
    if as_json:
        return JsonView()
    if quiet:
        return QuietView()
    if sys.stdout.isatty():
        return LiveView()
    return PlainView()

"""Reads energy on the host: `open_channels` → `Meter` → `Timeline` → `total`, `attribute`.

Importing this package imports none of them yet: they load when they are first named.
"""

from __future__ import annotations

from importlib import import_module

_HOMES = {
    "open_channels": "select",
    "Opened": "select",
    "Meter": "meter",
    "SampleChunk": "samples",
    "Timeline": "timeline",
    "Total": "total",
    "total": "total",
    "attribute": "attribution",
    "Share": "attribution",
    "Use": "attribution",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])

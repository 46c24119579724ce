"""Which channels add up to a total: disjoint ones, each physical source once, estimates apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from greenbench.api import Channel

METHOD_ORDER = {"counter": 0, "power": 1, "estimate": 2}


def disjoint(channels: Iterable[Channel], *, estimates: bool = False) -> list[str]:
    """Names of the channels that may be added, sorted: measured ones, or the estimates instead.

    A channel contained in another present one is left out, and of channels that read the same
    physical source a counter goes before a power reading, then the first name.
    """
    present = [c for c in channels if (c.method == "estimate") == estimates]
    names = {channel.name for channel in present}
    kept: dict[str, Channel] = {}
    for channel in sorted(present, key=lambda c: (METHOD_ORDER.get(c.method, 9), c.name)):
        if channel.contained_in not in names:
            kept.setdefault(channel.physical_id or channel.name, channel)
    return sorted(channel.name for channel in kept.values())


def channel_from(data: Mapping[str, Any]) -> Channel:
    """A channel from a session's facts; what is absent there takes the most cautious reading."""
    known = {field.name for field in fields(Channel)}
    name = str(data.get("name", "unnamed"))
    defaults = {"name": name, "backend": "unknown", "method": "estimate", "scope": ""}
    return Channel(
        **{"physical_id": name, **defaults, **{k: v for k, v in data.items() if k in known}}
    )

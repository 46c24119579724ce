"""What the meter took of one channel, in compact arrays, and as bytes for the store."""

from __future__ import annotations

import struct
import sys
from array import array
from dataclasses import dataclass, field
from typing import Final

from greenbench.errors import EnergyError

FAILED: Final = 1
"""The read raised; the row repeats the last good value."""
GAP: Final = 2
"""The energy between the last good row and this one is not known; the value did not grow."""
AMBIGUOUS: Final = 4
"""Why it is a gap: so much time passed that the counter could have wrapped more than once."""
RESET: Final = 8
"""Why it is a gap: the counter went back (driver reload, or a wrap its backend can't undo)."""
FAULT: Final = 16
"""The read was a step that no power can explain; the row repeats the last good value."""
STARVED: Final = 32
"""The last good row is longer ago than the sampler meant it to be."""
SLEPT: Final = 64
"""Why it is a gap: the host was suspended."""

BAD: Final = FAILED | FAULT
"""Rows with one of these bits carry no reading."""

_HEADER: Final = struct.Struct("<4sHHQ")
_MAGIC: Final = b"GBsc"
_VERSION: Final = 1
_COLUMNS: Final = (("stamp_s", "d"), ("half_s", "f"), ("value", "q"), ("flags", "B"))


@dataclass(slots=True)
class SampleChunk:
    """Rows of one channel in the order in which they were taken.

    `stamp_s`: middle of the read on the monotonic clock (s). `half_s`: half of the time that the
    read took (s). `value`: for a counter the units since the meter began, wraps undone; for a
    power channel the reading, in the channel's units. `flags`: bits of this module.
    """

    channel: str
    stamp_s: array[float] = field(default_factory=lambda: array("d"))
    half_s: array[float] = field(default_factory=lambda: array("f"))
    value: array[int] = field(default_factory=lambda: array("q"))
    flags: array[int] = field(default_factory=lambda: array("B"))

    def __len__(self) -> int:
        return len(self.stamp_s)

    def to_bytes(self) -> bytes:
        """Versioned, little-endian, 21 bytes a row; read back by `from_bytes`."""
        name = self.channel.encode()
        head = _HEADER.pack(_MAGIC, _VERSION, len(name), len(self))
        return b"".join((head, name, *(_little(getattr(self, c)) for c, _ in _COLUMNS)))

    @classmethod
    def from_bytes(cls, data: bytes) -> SampleChunk:
        """The chunk that `to_bytes` wrote; `EnergyError` if `data` is not one."""
        if len(data) < _HEADER.size:
            raise EnergyError("a stored sample chunk is cut short")
        magic, version, name_length, rows = _HEADER.unpack_from(data)
        if magic != _MAGIC or version != _VERSION:
            raise EnergyError(
                f"a stored sample chunk is of an unknown kind ({magic!r}, version {version})",
                "read it with the version of greenbench that wrote it",
            )
        at = _HEADER.size + name_length
        chunk = cls(data[_HEADER.size : at].decode())
        for column, kind in _COLUMNS:
            values = array(kind)
            size = rows * values.itemsize
            if len(data) < at + size:
                raise EnergyError(f"a stored sample chunk of {chunk.channel} is cut short")
            values.frombytes(data[at : at + size])
            if sys.byteorder == "big":
                values.byteswap()
            setattr(chunk, column, values)
            at += size
        return chunk


def _little(values: array[float] | array[int]) -> bytes:
    if sys.byteorder == "big":
        values = values[:]
        values.byteswap()
    return values.tobytes()

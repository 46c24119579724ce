"""Since when what a worker said can have waited: the host's own delay is not the worker's."""

from __future__ import annotations

from collections import deque
from typing import Final

IN_FLIGHT_BYTES: Final = 524_288
"""More than a Unix socket holds (Linux: 208 KiB, doubled where the sender asks for all it may)."""


class Arrivals:
    """When the bytes that are taken next from one socket can have come at the earliest.

    They came after the host last found nothing waiting, and after it had made room for them by
    taking what was before them. A host that was away for a while, in a commit on a slow disk say,
    finds all that was said meanwhile at once; its stamps are no later for that.
    """

    __slots__ = ("_earliest_s", "_taken", "_taken_bytes")

    def __init__(self, listening_s: float) -> None:
        self._earliest_s = listening_s
        self._taken: deque[tuple[int, float]] = deque()
        self._taken_bytes = 0

    @property
    def earliest_s(self) -> float:
        """Of what is taken next (monotonic, s)."""
        return self._earliest_s

    def nothing_waits(self, at_s: float) -> None:
        """At that instant, or later, there was nothing to take."""
        self._earliest_s = at_s
        self._taken.clear()

    def took(self, count: int, at_s: float) -> None:
        """So many bytes were taken, not before that instant, and there may be more."""
        self._taken_bytes += count
        self._taken.append((self._taken_bytes, at_s))
        while self._taken and self._taken_bytes - self._taken[0][0] >= IN_FLIGHT_BYTES:
            self._earliest_s = max(self._earliest_s, self._taken.popleft()[1])

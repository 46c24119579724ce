"""Where all chance comes from: seeds derived from the suite's seed and a path of names."""

from __future__ import annotations

import hashlib
import json
from random import Random

TRAINING_SEEDS = 2**31
"""Training seeds are below this: every framework's generator takes them."""


def derived_seed(seed: int, *path: str | int) -> int:
    """A 64-bit seed for one purpose. Same arguments, same seed, on any machine; the seeds of
    other paths don't change it, so a study can be added without changing another's draws."""
    text = json.dumps([seed, *path], ensure_ascii=True, separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def derived_random(seed: int, *path: str | int) -> Random:
    """A random generator for one purpose; see `derived_seed`."""
    return Random(derived_seed(seed, *path))


def training_seed(seed: int, *path: str | int) -> int:
    """A seed in the range that every framework takes; see `derived_seed`."""
    return derived_seed(seed, *path) % TRAINING_SEEDS

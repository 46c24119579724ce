"""The identity of a trial: one function, from the logical plan alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from greenbench.api import Role, Scenario, Value

KEY_LETTERS = 16
"""64 bits: two of a million trials share a key with a chance of 3 in 10⁸; a plan checks."""


def trial_key(
    *,
    model: str,
    arm: str,
    hyperparameters: Mapping[str, Value],
    seed: int,
    block: int,
    scenario: Scenario,
    threads: int,
    slot: int = 0,
    role: Role = "measured",
    ordinal: int = 1,
    beside: Mapping[str, object] | None = None,
) -> str:
    """The key of a trial: 16 hexadecimal digits, the same wherever the same trial is planned.

    `seed` is the slot's own; `ordinal` tells the originals of one block apart. `scenario` has the
    whole configuration of every companion, and `beside` is, for a companion's own trial, what the
    measured member is (see `configuration`). What belongs to
    an attempt (image, versions, host, time, place in the order) is not part of it. Values count
    with their type: 1, 1.0 and true differ. Raises ValueError for NaN and infinities.
    """
    content: dict[str, object] = {
        "model": model,
        "arm": arm,
        "hyperparameters": dict(hyperparameters),
        "seed": seed,
        "block": block,
        "scenario": scenario.data(),
        "threads": threads,
        "slot": slot,
        "role": role,
        "ordinal": ordinal,
    }
    if beside is not None:
        content["beside"] = dict(beside)
    return _digest(content)


def configuration(model: str, hyperparameters: Mapping[str, Value]) -> dict[str, object]:
    """A model with all its values, as identities have it."""
    return {"model": model, "hyperparameters": dict(hyperparameters)}


def cohort_key(trial_keys: Sequence[str]) -> str:
    """The key of a cohort: it follows from the trials in its slots."""
    return _digest({"trials": list(trial_keys)})


def _digest(content: Mapping[str, object]) -> str:
    text = json.dumps(
        content, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":")
    )
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_LETTERS]

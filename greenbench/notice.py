"""What a running suite tells whoever watches: one value that every view formats its own way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "suite_begin",
    "executor",
    "prepare",
    "meters",
    "idle",
    "cooldown",
    "cohort_begin",
    "trial_begin",
    "trial_ready",
    "go",
    "epoch",
    "trial_end",
    "cohort_end",
    "power",
    "problem",
    "suite_end",
]


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that happened. `text` is for people (empty: nothing worth a line), `data` is
    JSON for machines."""

    kind: Kind
    text: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


Notify = Callable[[Notice], None]

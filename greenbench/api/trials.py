"""Trials: what is planned, the windows they have, and what comes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from greenbench.api.models import Value
from greenbench.api.mutation import Mutation

Role = Literal["measured", "background"]
WindowKind = Literal[
    "idle", "prepare", "ready_idle", "train", "epoch", "validation", "test", "overlap"
]
Status = Literal["planned", "running", "completed", "failed", "interrupted", "excluded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Solo, or `copies` of the same configuration side by side."""

    kind: Literal["solo", "homogeneous"] = "solo"
    copies: int = 1

    def __str__(self) -> str:
        return "solo" if self.kind == "solo" else f"{self.kind} ×{self.copies}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one trial may use. `gpus`: none, or what the suite asks for ("all", a count, ids)."""

    threads: int = 1
    memory_mb: int = 4096
    pids: int = 256
    scratch_mb: int = 512
    shm_mb: int = 256
    timeout_s: float = 3600.0
    ready_timeout_s: float = 300.0
    gpus: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    """Models whose trials may use a network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One planned training run of one configuration with one seed. See `greenbench.plan`."""

    key: str
    study: str
    model: str
    arm: str
    mutation: Mutation | None
    hyperparameters: Mapping[str, Value]
    seed: int
    block: int
    cohort: str
    scenario: Scenario
    slot: int = 0
    role: Role = "measured"
    threads: int = 1
    counted: bool = True
    """False for the warm-up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """An interval of the host's monotonic clock; `number` counts epochs from 1."""

    kind: WindowKind
    start_s: float
    end_s: float
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowEnergy:
    """Energy of one channel in one window, with its three kinds of uncertainty apart.

    `energy_j` is None where the window can't be known (`reason` says why). `resolution_j` is the
    half-width that counter steps, sampling and gaps leave; `coverage` and `calibration` are
    relative and come from the channel (None: unknown).
    """

    channel: str
    window: WindowKind
    number: int
    energy_j: float | None
    resolution_j: float | None
    coverage: float | None
    calibration: float | None
    method: str
    samples: int
    gap_s: float
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """What came of one attempt at a trial, as plugins see it in `greenbench_trial_end`."""

    trial: Trial
    attempt: int
    status: Status
    metrics: Mapping[str, float]
    energies: Sequence[WindowEnergy]
    windows: Sequence[Window]
    cpu_time_s: float | None
    error: str

"""Trials: what is planned, the windows they have, and what comes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from greenbench.api.mutation import Mutation
from greenbench.api.values import Value

Role = Literal["measured", "companion", "background"]
"""`measured`: the study's model. `companion`: trains once beside it, from the same start.
`background`: trains before it starts and is started again until it ends."""
ScenarioKind = Literal["solo", "homogeneous", "mixed", "foreground"]
WindowKind = Literal[
    "idle", "prepare", "ready_idle", "train", "epoch", "validation", "test", "overlap"
]
Status = Literal["planned", "running", "completed", "failed", "interrupted", "excluded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """A model that trains beside the measured one. In a suite `hyperparameters` overrides its
    defaults; in a plan it is the whole configuration."""

    model: str
    hyperparameters: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """What the members of a cohort share of the host, and what each may use of it.

    `gpu`: all on the trial's GPUs (`same`), or one GPU for `each`. `cores`: all on the same
    (`shared`), or each on its own (`pinned`), as many as it has threads. `cpu_quota`: processors'
    worth of CPU time that a member may use, None for no limit. `memory_mb`: a member's memory in
    MiB, None for that of the suite's limits.
    """

    gpu: Literal["same", "each"] = "same"
    cores: Literal["shared", "pinned"] = "shared"
    cpu_quota: float | None = None
    memory_mb: int | None = None

    def chosen(self) -> dict[str, Any]:
        """What differs from the default, as JSON data."""
        default = Placement()
        return {k: v for k, v in asdict(self).items() if v != getattr(default, k)}

    def words(self) -> list[str]:
        """What differs from the default, for people."""
        found = ["a GPU each"] if self.gpu == "each" else []
        found += ["pinned cores"] if self.cores == "pinned" else []
        found += [f"{self.cpu_quota:g} CPUs each"] if self.cpu_quota is not None else []
        return found + ([f"{self.memory_mb} MiB each"] if self.memory_mb is not None else [])


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What trains at the same time on the host, and where each of it runs.

    `solo`: one trial. `homogeneous`: `copies` of the same configuration. `mixed`: the study's model
    and `companions`, each once. `foreground`: the study's model beside `companions` in the
    background.
    """

    kind: ScenarioKind = "solo"
    copies: int = 1
    companions: tuple[Companion, ...] = ()
    placement: Placement = field(default_factory=Placement)

    def __str__(self) -> str:
        others = ", ".join(companion.model for companion in self.companions)
        what = {
            "solo": "solo",
            "homogeneous": f"homogeneous ×{self.copies}",
            "mixed": f"mixed with {others}",
            "foreground": f"foreground beside {others}",
        }[self.kind]
        return ", ".join([what, *self.placement.words()])

    @property
    def members(self) -> int:
        """How many trials run at the same time."""
        return self.copies + len(self.companions)

    def data(self) -> dict[str, Any]:
        """As JSON data; what is at its default and came after version 1 is left out, so that
        identities made from it stay what they were."""
        data: dict[str, Any] = {"kind": self.kind, "copies": self.copies}
        if self.companions:
            data["companions"] = [
                {"model": c.model, "hyperparameters": dict(c.hyperparameters)}
                for c in self.companions
            ]
        if placement := self.placement.chosen():
            data["placement"] = placement
        return data

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Scenario:
        """The inverse of `data`."""
        return cls(
            kind=data.get("kind", "solo"),
            copies=data.get("copies", 1),
            companions=tuple(Companion(**c) for c in data.get("companions", ())),
            placement=Placement(**data.get("placement", {})),
        )


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

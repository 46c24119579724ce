"""What a suite says, as frozen data: the form in which the rest of greenbench sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from greenbench.api import Limits, MutationRequest, Scenario, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """How energy is read. `backends` is None for `auto`; idle windows are in seconds."""

    period_s: float = 0.1
    backends: tuple[str, ...] | None = None
    idle_s: float = 5.0
    """Idle window before the first cohort."""
    idle_between_s: float = 1.0
    """Idle window between two cohorts."""
    ready_idle_s: float = 1.0
    """Window in which a cohort has loaded everything and nothing runs yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cooldown:
    """When a host counts as rested again, compared with the idle window before the suite."""

    enabled: bool = True
    limit_s: float = 30.0
    """The longest wait before a cohort; a host that isn't rested by then is recorded as such."""
    temperature_margin_c: float = 3.0
    """Rested: no sensor is more than this many °C above its idle reading."""
    idle_power_margin: float = 0.1
    """Rested: power is no more than this share above idle power (0.1: 10 %)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """What is done about interruptions and spoiled measurements, never about a model's failure."""

    times: int = 2
    """How often one cohort is run again."""
    wait_s: float = 120.0
    """The longest wait for an executor that went away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What only the user can say of energy; nothing is assumed where it is not stated (None)."""

    grid_g_per_kwh: float | None = None
    """Emissions of the grid in g CO₂e a kWh."""
    price_per_kwh: float | None = None
    currency: str = ""
    smallest_effect: float | None = None
    """The smallest relative change of energy that matters (0.02: 2 %)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MutateSpec:
    """Which operator is asked for what. `place` is the key below the study that says so."""

    operator: str
    request: MutationRequest = field(default_factory=MutationRequest)
    place: tuple[str | int, ...] = ("mutate",)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySpec:
    """One model in one scenario. A `[[study]]` table with two scenarios gives two of these.

    `name` is the table's (by default the model's): draws and training seeds come from it, so
    that one table's scenarios have the same mutants and seeds. `hyperparameters` overrides
    defaults; what results is the study's original. `originals` per block: None means √mutants,
    rounded, at least 1. `margins`: by metric, the loss that is no damage, in place of the model's.
    `label` names the scenario where its own words would not tell it apart.
    `position` is the table's place in the file, counted from 0.
    """

    model: str
    name: str
    scenario: Scenario = field(default_factory=Scenario)
    hyperparameters: Mapping[str, Value] = field(default_factory=dict)
    mutate: tuple[MutateSpec, ...] = ()
    nulls: int = 1
    originals: int | None = None
    blocks: int = 3
    margins: Mapping[str, float] = field(default_factory=dict)
    label: str = ""
    position: int = 0

    @property
    def study(self) -> str:
        """The study's name wherever it shows: `digits-mlp/solo`, `digits-mlp/homogeneous-2`,
        `digits-mlp/mixed+digits-cnn`, `digits-mlp/foreground+digits-cnn-pinned`."""
        return f"{self.name}/{self.label or _scenario_name(self.scenario)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A whole suite. `text` is the file as it was read, for the record."""

    name: str
    studies: tuple[StudySpec, ...]
    description: str = ""
    seed: int = 0
    executor: str = "auto"
    measure: Measure = field(default_factory=Measure)
    cooldown: Cooldown = field(default_factory=Cooldown)
    limits: Limits = field(default_factory=Limits)
    analysis: Analysis = field(default_factory=Analysis)
    retry: Retry = field(default_factory=Retry)
    text: str = ""
    path: Path | None = None

    def models(self) -> list[str]:
        """The names of the models that it trains, in order of appearance."""
        names = [
            name
            for study in self.studies
            for name in (study.model, *(c.model for c in study.scenario.companions))
        ]
        return list(dict.fromkeys(names))


def _scenario_name(scenario: Scenario) -> str:
    placement = scenario.placement
    copies = f"-{scenario.copies}" if scenario.kind == "homogeneous" else ""
    others = "".join(f"+{companion.model}" for companion in scenario.companions)
    parts = [f"{scenario.kind}{copies}{others}"]
    parts += ["gpu-each"] if placement.gpu == "each" else []
    parts += ["pinned"] if placement.cores == "pinned" else []
    parts += [f"{placement.cpu_quota:g}cpu"] if placement.cpu_quota is not None else []
    parts += [f"{placement.memory_mb}mib"] if placement.memory_mb is not None else []
    return "-".join(parts)

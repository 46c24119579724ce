"""The tables of a map as pydantic models: its shape, its limits, its JSON Schema."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from greenbench.suite.tables import Finite, NotNegative, Positive, Scalar, Table

Name = Annotated[str, Field(min_length=1)]
Names = Annotated[list[Name], Field(min_length=1)]
Items = Annotated[int, Field(gt=0)]
EnergyUnit = Literal["J", "kJ", "MJ", "mJ", "uJ", "Wh", "kWh"]
TimeUnit = Literal["s", "ms", "min", "h"]

JOULES: dict[str, float] = {
    "J": 1.0,
    "kJ": 1e3,
    "MJ": 1e6,
    "mJ": 1e-3,
    "uJ": 1e-6,
    "Wh": 3600.0,
    "kWh": 3.6e6,
}
"""One unit in joules."""
SECONDS: dict[str, float] = {"s": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0}
"""One unit in seconds."""


class FileTable(Table):
    """How the file is written."""

    encoding: Name = "utf-8"
    """The text's encoding; a byte order mark in front of UTF-8 is taken off."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    """What stands between two cells."""
    missing: list[str] = Field(default_factory=lambda: [""])
    """Cells that say that nothing was recorded. They are never 0."""


class StatusTable(Table):
    """Whether a run completed."""

    column: Name
    """The column that says so."""
    completed: Names
    """What it says of a run that completed; anything else is a failed one."""
    error: Name | None = None
    """The column with a failed run's error text."""


class GpuUseTable(Table):
    """How busy the GPU was: a training that was meant for it may have run on the processor."""

    column: Name
    """The column with the GPU's mean utilisation."""
    least: NotNegative = 1.0
    """A run below is pointed out."""


class RunTable(Table):
    """What a row is about."""

    model: Names
    """The columns that name the trained model; several are joined by "/"."""
    id: Name | None = None
    """The column with the run's own id."""
    timestamp: Name | None = None
    """The column that says when it ran (ISO 8601)."""
    time: Name | None = None
    """The column with the time that the energies belong to."""
    time_unit: TimeUnit = "s"
    """Its unit."""
    block: Name | None = None
    """The column with the block, only where every arm ran once a block in random order."""
    status: StatusTable | None = None
    """Whether a run completed; left out: every row is a completed run."""
    gpu_use: GpuUseTable | None = None
    """How busy the GPU was."""


class ScenarioTable(Table):
    """Alone, or measured beside another training."""

    column: Name
    """The column that tells the two apart."""
    solo: Names
    """What it says of a run that had the host to itself."""
    foreground: Names
    """What it says of a run that was measured beside another one."""
    background: Names | None = None
    """The columns that name the model that ran beside it; several are joined by "/"."""
    each_background: bool = True
    """Whether runs beside different models are studies of their own."""


class EnergyTable(Table):
    """One channel's energy."""

    column: Name
    """The column that holds it."""
    channel: Name
    """What it is: `cpu/package-0`, `cpu/dram-0`, `gpu/0`."""
    unit: EnergyUnit = "J"
    """The column's unit."""
    method: Literal["counter", "power", "estimate"]
    """Read from an energy counter, integrated from power readings, or worked out by a model."""
    source: Name
    """The tool that recorded it."""
    scope: str = ""
    """What the channel covers, in words."""
    contained_in: Name | None = None
    """The channel that already includes this one."""
    sampling_s: Positive | None = None
    """Seconds between two readings."""
    calibration: Positive | None = None
    """The sensor's published relative error."""
    zero: Literal["value", "missing"] = "value"
    """Whether a 0 is an energy, or how the tool writes that it had no sensor."""


class MetricTable(Table):
    """One metric of performance."""

    column: Name
    """The column that holds it."""
    name: Name
    """What the report calls it."""
    direction: Literal["maximize", "minimize"]
    """Which way is better."""
    unit: str = ""
    """Its unit."""
    low: Finite | None = None
    """Values below are impossible, so they are left out as not known."""
    high: Finite | None = None
    """Values above are impossible, so they are left out as not known."""
    margin: NotNegative | None = None
    """The loss that is still no damage; left out: no verdict on performance."""
    margins: dict[str, NotNegative] = Field(default_factory=dict)
    """The same for single models, by name."""
    items: Items | None = None
    """How many test items the metric is a share of; left out: not known, and the sampling error of
    the test set is in no verdict."""
    items_of: dict[str, Items] = Field(default_factory=dict)
    """The same for single models, by name."""
    models: Names | None = None
    """The models that have this metric; left out: those with any value of it."""


class HyperparametersTable(Table):
    """Which values a run had. One of two forms: `columns` (a column for each hyperparameter) with
    `defaults`, or `changed` with `value` and `default` (one change a row)."""

    columns: dict[str, Name] = Field(default_factory=dict)
    """The column of each hyperparameter, by its name. An empty cell: not recorded."""
    executed: dict[str, Name] = Field(default_factory=dict)
    """The column with the value that the trainer truly used, by name: a row in which it differs
    from the recorded one is left out."""
    defaults: dict[str, dict[str, Scalar]] = Field(default_factory=dict)
    """The original's values, by model."""
    says_changed: Name | None = None
    """The column that claims which hyperparameter was changed, to be checked against the values."""
    says_count: Name | None = None
    """The column that claims how many were changed, to be checked against the values."""
    changed: Name | None = None
    """The column that names the changed hyperparameter; empty for the original."""
    value: Name | None = None
    """The column with its value."""
    default: Name | None = None
    """The column with its value in the original."""
    log_scale: list[Name] = Field(default_factory=list)
    """Hyperparameters whose natural steps are factors."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        long = (self.changed, self.value, self.default)
        if any(long) and (self.columns or self.executed or self.defaults):
            raise ValueError("either columns with defaults, or changed with value and default")
        if any(long) and not all(long):
            raise ValueError("changed, value and default together")
        if not any(long) and not self.columns:
            raise ValueError("columns with defaults, or changed with value and default")
        strangers = sorted(set(self.executed) - set(self.columns))
        if strangers:
            raise ValueError(f"executed only of what is in columns, not {', '.join(strangers)}")
        joined = [name for name in self.columns if "," in name]
        if joined:
            raise ValueError(f"names without a comma, not {joined[0]!r}: it stands between names")
        return self


class FilterTable(Table):
    """Rows that are left out on purpose."""

    column: Name
    """The column that decides."""
    keep: Names | None = None
    """Only rows with one of these cells are taken."""
    drop: Names | None = None
    """Rows with one of these cells are left out."""
    reason: Name
    """Why, for the record."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.keep is None) == (self.drop is None):
            raise ValueError("keep or drop, one of the two")
        return self


class AgreeTable(Table):
    """Two columns that should say the same; rows in which they don't are pointed out."""

    column: Name
    """The column that is checked."""
    equals: Names
    """The columns whose sum it should be."""
    tolerance: NotNegative = 1e-6
    """The relative difference that is still agreement."""


class MapTable(Table):
    """A map: which column of a file means what."""

    name: Name
    """What the report calls the set."""
    description: str = ""
    """Where the measurements come from, in words."""
    host: dict[str, Scalar] = Field(default_factory=dict)
    """What is known of the machine they were made on."""
    synthetic: bool = False
    """Whether the models were trained on generated data."""
    file: FileTable = Field(default_factory=FileTable)
    run: RunTable
    scenario: ScenarioTable | None = None
    hyperparameters: HyperparametersTable | None = None
    energy: list[EnergyTable] = Field(default_factory=list)
    metrics: list[MetricTable] = Field(default_factory=list)
    filters: list[FilterTable] = Field(default_factory=list)
    agree: list[AgreeTable] = Field(default_factory=list)
    copies: Literal["drop", "keep"] = "drop"
    """What becomes of a row that repeats another one's measurement to the last digit."""

    @model_validator(mode="after")
    def _channels_differ(self) -> Self:
        for what, names in (
            ("channel", [energy.channel for energy in self.energy]),
            ("metric", [metric.name for metric in self.metrics]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"each {what} once, not {', '.join(twice)} twice")
        return self


TABLES: dict[tuple[str, ...], type[Table]] = {
    (): MapTable,
    ("file",): FileTable,
    ("run",): RunTable,
    ("run", "status"): StatusTable,
    ("run", "gpu_use"): GpuUseTable,
    ("scenario",): ScenarioTable,
    ("hyperparameters",): HyperparametersTable,
    ("energy",): EnergyTable,
    ("metrics",): MetricTable,
    ("filters",): FilterTable,
    ("agree",): AgreeTable,
}
"""Each table by the names in front of it, for error messages."""

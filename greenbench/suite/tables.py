"""The suite file's tables as pydantic models: its shape, its limits, its JSON Schema."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
)

from greenbench import api
from greenbench.suite.spec import Cooldown, Measure, Retry

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
GPU_NAME = r"^(\d+(:\d+)?|GPU-[0-9A-Za-z-]+|MIG-[0-9A-Za-z/-]+)$"
"""As NVIDIA's tools name a GPU: index or UUID, a MIG instance as `gpu:instance` or by UUID."""
MAX_SEED = 2**63 - 1

_LIMITS = api.Limits()
_MEASURE = Measure()
_COOLDOWN = Cooldown()
_RETRY = Retry()


def _scalar(value: object) -> object:
    if not isinstance(value, bool | int | float | str):
        raise ValueError("true, false, a number or a text")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a finite number")
    return value


def _kind(value: object) -> str:
    """Which form of a key that has several was written: the error then speaks of that one."""
    if isinstance(value, dict):
        return "<table>"
    if isinstance(value, list):
        return "<list>"
    if isinstance(value, int) and not isinstance(value, bool):
        return "<number>"
    return "<word>"


Scalar = Annotated[
    Any,
    AfterValidator(_scalar),
    WithJsonSchema({"type": ["boolean", "number", "string"]}),
]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Table(BaseModel):
    """Base of all tables: no unknown keys, no conversions; docstrings become descriptions."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)


class MeasureTable(Table):
    """How energy is read."""

    period_s: Annotated[float, Field(ge=0.01, le=60)] = _MEASURE.period_s
    """Seconds between two samples of a channel."""
    backends: Annotated[
        Annotated[Literal["auto"], Tag("<word>")]
        | Annotated[list[str], Field(min_length=1), Tag("<list>")],
        Discriminator(lambda value: "<list>" if isinstance(value, list) else "<word>"),
    ] = "auto"
    """`auto` (one backend for each physical channel), or the backends to use, by name."""
    idle_s: NotNegative = _MEASURE.idle_s
    """Seconds of idle power read before the first cohort."""
    idle_between_s: NotNegative = _MEASURE.idle_between_s
    """Seconds of idle power read between two cohorts."""
    ready_idle_s: NotNegative = _MEASURE.ready_idle_s
    """Seconds in which a cohort has loaded everything and waits: what being ready draws."""


class CooldownTable(Table):
    """When the next cohort may start."""

    enabled: bool = _COOLDOWN.enabled
    """Whether to wait for the host to come to rest before each cohort."""
    limit_s: NotNegative = _COOLDOWN.limit_s
    """The longest wait before a cohort, in seconds."""
    temperature_margin_c: NotNegative = _COOLDOWN.temperature_margin_c
    """At rest, no sensor is more than this many °C above its reading in the idle window."""
    idle_power_margin: NotNegative = _COOLDOWN.idle_power_margin
    """At rest, power is at most this share above idle power (0.1: 10 %)."""


class RetryTable(Table):
    """What is done about trials that something else than their model interrupted or spoiled."""

    times: Annotated[int, Field(ge=0, le=100)] = _RETRY.times
    """How often one cohort is run again."""
    wait_s: NotNegative = _RETRY.wait_s
    """The longest wait for an engine that went away, in seconds."""


class LimitsTable(Table):
    """What one trial may use."""

    threads: Annotated[int, Field(ge=1)] = _LIMITS.threads
    """Compute threads of the framework."""
    memory_mb: Annotated[int, Field(ge=64)] = _LIMITS.memory_mb
    """Memory in MiB; a trial that needs more is ended."""
    pids: Annotated[int, Field(ge=16)] = _LIMITS.pids
    """Processes and threads that may exist at once."""
    scratch_mb: Annotated[int, Field(ge=1)] = _LIMITS.scratch_mb
    """Size of the only writable folder, in MiB."""
    shm_mb: Annotated[int, Field(ge=1)] = _LIMITS.shm_mb
    """Shared memory in MiB."""
    timeout_s: Positive = _LIMITS.timeout_s
    """Seconds from `go` until a trial is ended as hanging."""
    ready_timeout_s: Positive = _LIMITS.ready_timeout_s
    """Seconds from the start of a worker until it has to be ready."""
    gpus: Annotated[
        Annotated[int, Field(ge=0), Tag("<number>")]
        | Annotated[Literal["all"], Tag("<word>")]
        | Annotated[
            list[Annotated[str, Field(pattern=GPU_NAME)]], Field(min_length=1), Tag("<list>")
        ],
        Discriminator(lambda value: kind if (kind := _kind(value)) != "<table>" else "<word>"),
    ] = 0
    """GPUs of a trial: how many, `all`, or a list of texts: indices, UUIDs, MIG instances as
    `gpu:instance`."""
    network: list[str] = []
    """Models whose trials may use a network; all others have none."""


class AnalysisTable(Table):
    """What only you can say of energy; what is not stated is not assumed and not shown."""

    grid_g_per_kwh: NotNegative | None = None
    """Emissions of the grid in g CO₂e a kWh: savings are shown as emissions too."""
    price_per_kwh: NotNegative | None = None
    """Price of a kWh: savings are shown as money too."""
    currency: Annotated[str, Field(max_length=8)] = ""
    """What the price is in: `EUR`."""
    smallest_effect: Annotated[float, Field(gt=0, lt=1)] | None = None
    """The smallest relative change of energy that matters (0.02: 2 %): what is shown to be smaller
    is called unchanged."""


class CompanionTable(Table):
    """A model that trains beside the study's."""

    model: str
    """The model's name (`greenbench plugins` lists them)."""
    hyperparameters: dict[str, Scalar] = {}
    """Overrides of the model's defaults."""


Companions = Annotated[
    list[
        Annotated[
            Annotated[str, Tag("<word>")] | Annotated[CompanionTable, Tag("<table>")],
            Discriminator(lambda v: "<table>" if isinstance(v, dict | Table) else "<word>"),
        ]
    ],
    Field(max_length=63),
]


def _kinds_keys(schema: dict[str, Any]) -> None:
    """Which keys go with which kind, for editors; `meaning.py` says it in words."""
    needs = {"mixed": "companions", "foreground": "background"}
    schema["allOf"] = [
        {
            "if": {"properties": {"kind": {"const": kind}}},
            "then": {"required": [key], "properties": {key: {"minItems": 1}}},
            "else": {"properties": {key: {"maxItems": 0}}},
        }
        for kind, key in needs.items()
    ]
    homogeneous = {"properties": {"kind": {"const": "homogeneous"}}}
    copies = {"properties": {"copies": {"enum": [1, None]}}}
    schema["allOf"].append({"if": homogeneous, "else": copies})


class ScenarioTable(Table):
    """What trains at the same time on the host, and where."""

    model_config = ConfigDict(json_schema_extra=_kinds_keys)

    kind: Literal["solo", "homogeneous", "mixed", "foreground"]
    """`solo`: alone on the host; `homogeneous`: copies of one configuration side by side;
    `mixed`: the study's model and companions, from one start; `foreground`: the study's model
    beside others in the background, which train before it starts and until it ends."""
    name: Annotated[str, Field(pattern=NAME)] | None = None
    """Names the scenario's study (`STUDY/name`) where its own words don't tell it apart."""
    copies: Annotated[int, Field(ge=1, le=64)] | None = None
    """How many copies: 2 or more (default 2) for `homogeneous`; 1 for the others."""
    companions: Companions = []
    """For `mixed`: the models beside the study's, `"NAME"` (at its defaults) or a table."""
    background: Companions = []
    """For `foreground`: the models in the background, `"NAME"` (at its defaults) or a table."""
    gpu: Literal["same", "each"] = "same"
    """`same`: all members on the GPUs of `limits.gpus`; `each`: one of these for each member."""
    cores: Literal["shared", "pinned"] = "shared"
    """`shared`: members may use the same cores; `pinned`: each has its own, `limits.threads` of
    them."""
    cpu_quota: Annotated[float, Field(ge=0.01, allow_inf_nan=False)] | None = None
    """Processors' worth of CPU time that each member may use (default: no limit)."""
    memory_mb: Annotated[int, Field(ge=64)] | None = None
    """Memory of each member in MiB (default: that of `[limits]`)."""


class DrawTable(Table):
    """Random values, drawn from the suite's seed."""

    distribution: Literal["uniform", "log-uniform"]
    """How values spread between `low` and `high`."""
    low: Finite
    """The smallest value, inclusive."""
    high: Finite
    """The largest value, inclusive."""
    count: Annotated[int, Field(ge=1, le=10_000)]
    """How many different values."""
    relative: bool = False
    """Whether `low` and `high` are multiples of the original's value."""


class MutateTable(Table):
    """Asks one operator for mutants."""

    operator: str
    """The operator's name (`greenbench plugins` lists them)."""
    values: list[Scalar] = []
    """Explicit values."""
    factors: list[Finite] = []
    """Multiples of the original's value."""
    draw: DrawTable | None = None
    """Random values."""
    options: dict[str, Scalar] = {}
    """Options of the operator's own."""

    def request(self) -> api.MutationRequest:
        """The same as operators take it."""
        return api.MutationRequest(
            values=tuple(self.values),
            factors=tuple(self.factors),
            draw=api.Draw(**self.draw.model_dump()) if self.draw else None,
            options=self.options,
        )


class StudyTable(Table):
    """One model: its original, its mutants, and the scenarios that they run in."""

    model: str
    """The model's name (`greenbench plugins` lists them)."""
    name: Annotated[str, Field(pattern=NAME)] | None = None
    """Tells two studies of one model apart; by default the model's name."""
    scenarios: Annotated[
        list[
            Annotated[
                Annotated[Literal["solo"], Tag("<word>")]
                | Annotated[ScenarioTable, Tag("<table>")],
                Discriminator(lambda v: "<table>" if isinstance(v, dict | Table) else "<word>"),
            ]
        ],
        Field(min_length=1),
    ] = ["solo"]
    """`"solo"`, or a table such as `{kind = "homogeneous", copies = 2}`, `{kind = "mixed",
    companions = ["NAME"]}` or `{kind = "foreground", background = ["NAME"]}`; each gives a study
    of its own."""
    hyperparameters: dict[str, Scalar] = {}
    """Overrides of the model's defaults; what results is the study's original."""
    nulls: Annotated[int, Field(ge=0, le=100)] | None = None
    """A/A arms: null mutants, that change nothing (default 1)."""
    originals: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Originals in each block (default: √mutants, rounded, at least 1)."""
    blocks: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Blocks of this study (default: the suite's)."""
    margins: dict[str, NotNegative] = {}
    """By metric, in its own unit: the loss that is still no damage, in place of the model's."""
    operators: Annotated[
        Annotated[str, Tag("<word>")]
        | Annotated[list[Annotated[str, Field(min_length=1)]], Tag("<list>")],
        Discriminator(lambda value: "<list>" if isinstance(value, list) else "<word>"),
    ] = []
    """Operators that know by themselves what to do, by name: `"paper"`, or several in a list."""
    mutate: list[MutateTable] = []
    """The mutants."""


class SuiteTable(Table):
    """A greenbench suite: what is trained, how it is mutated, measured and limited."""

    model_config = ConfigDict(title="greenbench suite")

    name: Annotated[str, Field(pattern=NAME)]
    """The suite's name: letters, digits, `.`, `_`, `-`; it names folders and labels."""
    description: str = ""
    """What the suite is for, in a sentence."""
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 0
    """All chance comes from it: draws, order, training seeds."""
    blocks: Annotated[int, Field(ge=1, le=1000)] = 3
    """How often each study is repeated, as a complete block."""
    executor: str = "auto"
    """`auto`, `docker`, `process`, or one that a plugin offers."""
    measure: MeasureTable = MeasureTable()
    """How energy is read."""
    cooldown: CooldownTable = CooldownTable()
    """When the next cohort may start."""
    limits: LimitsTable = LimitsTable()
    """What one trial may use."""
    retry: RetryTable = RetryTable()
    """What is done about interruptions."""
    analysis: AnalysisTable = AnalysisTable()
    """What the analysis is told of energy."""
    study: Annotated[list[StudyTable], Field(min_length=1)]
    """The studies."""


TABLES: dict[tuple[str, ...], type[Table]] = {
    (): SuiteTable,
    ("measure",): MeasureTable,
    ("cooldown",): CooldownTable,
    ("limits",): LimitsTable,
    ("retry",): RetryTable,
    ("analysis",): AnalysisTable,
    ("study",): StudyTable,
    ("study", "scenarios"): ScenarioTable,
    ("study", "scenarios", "companions"): CompanionTable,
    ("study", "scenarios", "background"): CompanionTable,
    ("study", "mutate"): MutateTable,
    ("study", "mutate", "draw"): DrawTable,
}
"""The table at each place of the file, list positions left out."""

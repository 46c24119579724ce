"""The figures of a report as values: what is drawn, never how; views draw them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from greenbench.report.values import Behind, Interval, Kind

Tone = Literal["good", "bad", "plain", "quiet"]
"""greener or kept; costlier or damaged; anything else that counts; what is no mutant (A/A arms)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """What an axis shows; `kind` is how its numbers are written, as in a table's column.

    `better` says which way is good, if one is.
    """

    title: str
    kind: Kind = "quantity"
    better: Literal["less", "more"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One line of a forest plot or one point of a scatter plot (then with `y`)."""

    label: str
    x: Interval
    y: Interval | None = None
    word: str = ""
    tone: Tone = "plain"
    behind: Behind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """Estimates with their intervals, one below the other; `band` shades ±band around zero."""

    title: str
    x: Axis
    marks: tuple[Mark, ...]
    band: float | None = None
    notes: tuple[str, ...] = ()
    kind: Literal["forest"] = field(default="forest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter:
    """Points on two axes; `front` names those (by place) that no other point beats on both.

    `y_margin` draws a line: what lies on its bad side is a loss beyond the stated margin.
    """

    title: str
    x: Axis
    y: Axis
    marks: tuple[Mark, ...]
    front: tuple[int, ...] = ()
    y_margin: float | None = None
    notes: tuple[str, ...] = ()
    kind: Literal["scatter"] = field(default="scatter")

    def __post_init__(self) -> None:
        """ValueError where `front` names a point that is not there."""
        if not all(0 <= place < len(self.marks) for place in self.front):
            raise ValueError(f"{self.title!r}: front names a point that is not there")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heatmap:
    """Coefficients from -1 to 1 in a grid; None is not known, and `words` says why (or more).

    `behind` has one entry a row, or none at all.
    """

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    words: tuple[tuple[str, ...], ...] = ()
    behind: tuple[Behind | None, ...] = ()
    notes: tuple[str, ...] = ()
    kind: Literal["heatmap"] = field(default="heatmap")

    def __post_init__(self) -> None:
        """ValueError where the grid is not one, or `words` or `behind` don't fit it."""
        shape = [len(self.columns)] * len(self.rows)
        grids = [self.values, self.words] if self.words else [self.values]
        fits = all([len(row) for row in grid] == shape for grid in grids)
        if not fits or len(self.behind) not in (0, len(self.rows)):
            raise ValueError(f"{self.title!r}: not one value for each row and column")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The same thing twice: solo and co-located, or in two result sets."""

    label: str
    first: Interval | None
    second: Interval | None
    behind: Behind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Two numbers a line, side by side; `first` and `second` name them."""

    title: str
    x: Axis
    first: str
    second: str
    pairs: tuple[Pair, ...]
    notes: tuple[str, ...] = ()
    kind: Literal["pairs"] = field(default="pairs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A window on a trace's clock (s)."""

    what: str
    label: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Power of one channel: the lowest and the highest W of each step; None where nothing was read."""

    name: str
    low_w: tuple[float | None, ...]
    high_w: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Power over time in equal steps of `step_s`, from 0 on, with its windows."""

    title: str
    step_s: float
    series: tuple[Series, ...]
    spans: tuple[Span, ...] = ()
    notes: tuple[str, ...] = ()
    behind: Behind | None = None
    kind: Literal["trace"] = field(default="trace")

    def __post_init__(self) -> None:
        """ValueError where there is no series, or they are not equally long."""
        sizes = {len(values) for series in self.series for values in (series.low_w, series.high_w)}
        if len(sizes) != 1 or not self.step_s > 0:
            raise ValueError(f"{self.title!r}: series of one length, and steps of some length")


Figure = Forest | Scatter | Heatmap | Pairs | Trace

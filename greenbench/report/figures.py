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


@dataclass(frozen=True, slots=True, kw_only=True)
class Heatmap:
    """Coefficients from -1 to 1 in a grid; None is not known, and `words` says why (or more)."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    words: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()
    kind: Literal["heatmap"] = field(default="heatmap")


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


Figure = Forest | Scatter | Heatmap | Pairs | Trace

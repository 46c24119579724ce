"""A report's figures as SVG files beside its Markdown: the same bytes for the same record."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from greenbench.report.figures import (
    Axis,
    Figure,
    Forest,
    Heatmap,
    Mark,
    Pairs,
    Scatter,
    Tone,
    Trace,
)
from greenbench.report.text import cell_text, inert
from greenbench.report.values import Interval, Kind

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Sheet

WIDTH_IN = 7.5
MOST_LINES = 30
"""Lines of a forest plot or of pairs; the table beside it has all."""
LINE_IN, LETTER_IN = 0.24, 0.069
"""Height of a line; width of a letter of 9 points, on the safe side of the mean."""
TITLE_IN = 0.26
"""What a title takes of the height."""
MOST_LETTERS = 38
MOST_LEVEL = 6
"""Columns of a heat map whose names stand level."""
MOST_LABELS = 24
"""Points of a scatter plot that are named."""
BESIDE: Any = {"va": "center", "size": 8, "color": "#5c6763"}
VEIL: Any = {"boxstyle": "square,pad=0.05", "facecolor": "white", "alpha": 0.7, "linewidth": 0}
"""Behind a name among points. (A white rim would write every letter out twice, in its full path.)"""
COLOURS: dict[Tone, str] = {
    "good": "#0f7b55",
    "bad": "#b4470c",
    "plain": "#3d4f8a",
    "quiet": "#8a948f",
}
SHAPES: dict[Tone, str] = {"good": "v", "bad": "s", "plain": "o", "quiet": "o"}
SERIES = ("#1f6fb2", "#b4470c", "#7a4fa3", "#0f7b55")
SOFT, LINE, INK = "#5c6763", "#d9dfdc", "#17201c"
SETTINGS: Any = {
    "svg.hashsalt": "greenbench",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "text.parse_math": False,
    "text.usetex": False,
    "axes.unicode_minus": True,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": INK,
    "path.simplify": True,
}


def render_svg(figure: Figure) -> str:
    """The figure as SVG with a white ground, so that it can be read on dark pages too.

    Texts are drawn as paths: they look the same everywhere, and nothing in them can act.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure as Sheet

    with mpl.rc_context(SETTINGS), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a glyph that the font lacks is a box, no news
        height_in = _height_in(figure)
        sheet = Sheet(figsize=(WIDTH_IN, height_in))
        FigureCanvasSVG(sheet)
        left, right, top, bottom = _margins_in(figure)
        across, up = WIDTH_IN - left - right, height_in - top - bottom
        place = (left / WIDTH_IN, bottom / height_in, across / WIDTH_IN, up / height_in)
        axes = sheet.add_axes(place)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        title_y = 1 - 0.08 / height_in
        sheet.text(0.01, title_y, _cut(figure.title, 80), size=10, weight="bold", va="top")
        _draw(figure, axes, sheet)
        text = io.StringIO()
        sheet.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()


def alternative(figure: Figure) -> str:
    """What the figure shows, in words, for those who don't see it."""
    if isinstance(figure, Forest):
        return f"Forest plot, {figure.title}: {_spread(figure.marks, figure.x)}"
    if isinstance(figure, Scatter):
        return f"Scatter plot, {figure.title}, {len(figure.marks)} points"
    if isinstance(figure, Heatmap):
        return f"Heat map, {figure.title}, {len(figure.rows)} by {len(figure.columns)}"
    if isinstance(figure, Pairs):
        return f"{figure.title}: {figure.first} beside {figure.second}, {len(figure.pairs)} lines"
    names = ", ".join(series.name for series in figure.series)
    return f"Power over time, {figure.title}: {names}"


def _spread(marks: Sequence[Mark], axis: Axis) -> str:
    known = [mark for mark in marks if math.isfinite(mark.x.value)]
    if not known:
        return "nothing known"
    ends = min(known, key=lambda m: m.x.value), max(known, key=lambda m: m.x.value)
    return " to ".join(f"{m.label} {cell_text(m.x, axis.kind)}" for m in dict.fromkeys(ends))


def _height_in(figure: Figure) -> float:
    _, _, top, bottom = _margins_in(figure)
    if isinstance(figure, Forest):
        return top + bottom + LINE_IN * min(len(figure.marks), MOST_LINES)
    if isinstance(figure, Pairs):
        return top + bottom + LINE_IN * min(len(figure.pairs), MOST_LINES)
    if isinstance(figure, Heatmap):
        return top + bottom + 0.3 * len(figure.rows)
    return 4.2 if isinstance(figure, Scatter) else 2.9


def _margins_in(figure: Figure) -> tuple[float, float, float, float]:
    """Left, right, top and bottom, by the length of what stands in them.

    Fixed ones: a layout that measures every text takes longer than the drawing.
    """
    if isinstance(figure, Forest):
        labels = [mark.label for mark in figure.marks[:MOST_LINES]]
        beside = [cell_text(mark.x, figure.x.kind) for mark in figure.marks[:MOST_LINES]]
        return _width_in(labels), _width_in(beside) + 0.05, 0.4, 0.55
    if isinstance(figure, Pairs):
        labels = [pair.label for pair in figure.pairs[:MOST_LINES]]
        return _width_in(labels), 0.2, TITLE_IN + 0.3, 0.55
    if isinstance(figure, Heatmap):
        longest = _width_in(figure.columns, 24)
        slanted = len(figure.columns) > MOST_LEVEL
        return _width_in(figure.rows), 0.5 if slanted else 0.1, 0.45 + 0.5 * longest * slanted, 0.1
    return (
        (0.85, 0.15, 0.45, 0.55)
        if isinstance(figure, Scatter)
        else (0.7, 0.15, TITLE_IN + 0.3, 0.5)
    )


def _width_in(texts: Sequence[str], longest: int = MOST_LETTERS) -> float:
    """Room for the widest text at the size of labels, with a little air."""
    return LETTER_IN * max((len(_cut(text, longest)) for text in texts), default=0) + 0.2


def _draw(figure: Figure, axes: Axes, sheet: Sheet) -> None:
    if isinstance(figure, Forest):
        _forest(figure, axes)
    elif isinstance(figure, Scatter):
        _scatter(figure, axes)
    elif isinstance(figure, Heatmap):
        _heatmap(figure, axes)
    elif isinstance(figure, Pairs):
        _pairs(figure, axes, sheet)
    else:
        _trace(figure, axes, sheet)


def _forest(figure: Forest, axes: Axes) -> None:
    marks = [mark for mark in figure.marks if math.isfinite(mark.x.value)][:MOST_LINES]
    if figure.band is not None and math.isfinite(figure.band):
        axes.axvspan(-figure.band, figure.band, color="#0f7b55", alpha=0.12, linewidth=0)
    axes.axvline(0, color=SOFT, linewidth=0.9)
    placed = [(place, mark) for place, mark in enumerate(marks)]
    for tone, colour in COLOURS.items():
        found = [(place, mark) for place, mark in placed if mark.tone == tone]
        ends = [(place, *bounds) for place, mark in found for bounds in _bounds(mark.x)]
        if ends:
            places, lows, highs = zip(*ends, strict=True)
            axes.hlines(places, lows, highs, color=colour, linewidth=1.6)
        if found:
            axes.plot([m.x.value for _, m in found], [p for p, _ in found], **_style(tone))
    _lines(axes, [mark.label for mark in marks])
    _numbers(axes.xaxis, figure.x.kind)
    axes.set_xlabel(_axis_title(figure.x))
    for place, mark in placed:
        text = cell_text(mark.x, figure.x.kind)
        axes.text(1.02, place, text, transform=axes.get_yaxis_transform(), **BESIDE)
    _rest(axes, len(figure.marks) - len(marks))


def _scatter(figure: Scatter, axes: Axes) -> None:
    marks = [m for m in figure.marks if m.y and math.isfinite(m.x.value) and _fine(m.y)]
    axes.axvline(0, color=LINE, linewidth=0.9)
    axes.axhline(0, color=LINE, linewidth=0.9)
    if figure.y_margin is not None:
        axes.axhline(figure.y_margin, color=COLOURS["bad"], linestyle="--", linewidth=1)
    front = [figure.marks[place] for place in figure.front if figure.marks[place] in marks]
    ends = sorted((m.x.value, m.y.value if m.y else 0.0) for m in front)
    axes.plot(*zip(*ends, strict=True) if ends else ([], []), color=COLOURS["good"], linewidth=1.2)
    for tone, colour in COLOURS.items():
        points = [(m.x, m.y or Interval(0.0)) for m in marks if m.tone == tone]
        flat = [(y.value, *ends) for x, y in points for ends in _bounds(x)]
        tall = [(x.value, *ends) for x, y in points for ends in _bounds(y)]
        if flat:
            axes.hlines(*zip(*flat, strict=True), color=colour, alpha=0.5, linewidth=1)
        if tall:
            axes.vlines(*zip(*tall, strict=True), color=colour, alpha=0.5, linewidth=1)
        if points:
            axes.plot([x.value for x, _ in points], [y.value for _, y in points], **_style(tone))
    for number, mark in enumerate(marks):
        x, y = mark.x, mark.y or Interval(0.0)
        if number < MOST_LABELS:
            axes.annotate(
                _cut(mark.label, 34),
                (x.value, y.value),
                xytext=(6, 5),
                textcoords="offset points",
                fontsize=7.5,
                color=SOFT,
                bbox=VEIL,
            )
    axes.spines["left"].set_visible(True)
    _numbers(axes.xaxis, figure.x.kind)
    _numbers(axes.yaxis, figure.y.kind)
    axes.set_xlabel(_axis_title(figure.x))
    axes.set_ylabel(_axis_title(figure.y))
    axes.margins(x=0.14, y=0.1)


def _heatmap(figure: Heatmap, axes: Axes) -> None:
    for row, values in enumerate(figure.values):
        for column, value in enumerate(values):
            colour, alpha = "#f0f2f1", 1.0
            if value is not None:
                colour, alpha = "#2a76c4" if value < 0 else "#d2541b", 0.06 + 0.6 * abs(value)
            spot = ([column + 0.03, column + 0.97], row + 0.04, row + 0.96)
            axes.fill_between(*spot, color=colour, alpha=alpha, linewidth=0)
            text = cell_text(value, "coefficient")
            axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=8)
    names = [_cut(name, 24) for name in figure.columns]
    slanted = len(names) > MOST_LEVEL
    for column, name in enumerate(names):
        style = {"rotation": 35, "ha": "left"} if slanted else {"ha": "center"}
        axes.text(column + 0.5, -0.08, name, va="bottom", size=8.5, color=SOFT, **style)
    for row, name in enumerate(figure.rows):
        axes.text(-0.06, row + 0.5, _cut(name, MOST_LETTERS), ha="right", va="center")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.tick_params(length=0)
    axes.set_xlim(0, len(names))
    axes.set_ylim(len(figure.rows), 0)
    for side in ("top", "bottom"):
        axes.spines[side].set_visible(False)


def _pairs(figure: Pairs, axes: Axes, sheet: Sheet) -> None:
    pairs = figure.pairs[:MOST_LINES]
    styles = (("o", SERIES[0], figure.first), ("s", SERIES[1], figure.second))
    for number, (shape, colour, _) in enumerate(styles):
        known = [
            (place, found)
            for place, pair in enumerate(pairs)
            if (found := (pair.first, pair.second)[number]) and _fine(found)
        ]
        shift = 0.24 * number - 0.12
        ends = [(place + shift, *bounds) for place, found in known for bounds in _bounds(found)]
        if ends:
            axes.hlines(*zip(*ends, strict=True), color=colour, linewidth=1)
        axes.plot(
            [found.value for _, found in known],
            [place for place, _ in known],
            marker=shape,
            color=colour,
            markersize=5,
            linestyle="",
            zorder=3,
        )
    both = [
        (place, pair.first.value, pair.second.value)
        for place, pair in enumerate(pairs)
        if pair.first and pair.second and _fine(pair.first) and _fine(pair.second)
    ]
    if both:
        axes.hlines(*zip(*both, strict=True), color=COLOURS["quiet"], linewidth=1.3)
    for shape, colour, name in styles:
        axes.plot([], [], marker=shape, color=colour, linestyle="", label=_cut(name, 40))
    _lines(axes, [pair.label for pair in pairs])
    _numbers(axes.xaxis, figure.x.kind)
    axes.set_xlabel(_axis_title(figure.x))
    _legend(sheet, 2)
    low, high = axes.get_xlim()
    if low > 0:
        axes.set_xlim(0, 1.02 * high)  # lengths are compared
    _rest(axes, len(figure.pairs) - len(pairs))


def _trace(figure: Trace, axes: Axes, sheet: Sheet) -> None:
    for number, series in enumerate(figure.series):
        known = [
            (place * figure.step_s, low, high)
            for place, (low, high) in enumerate(zip(series.low_w, series.high_w, strict=True))
            if low is not None and high is not None
        ]
        colour = SERIES[number % len(SERIES)]
        for run in _runs(known, figure.step_s):
            at, low, high = zip(*run, strict=True)
            middle = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
            axes.fill_between(at, low, high, color=colour, alpha=0.28, linewidth=0)
            axes.plot(at, middle, color=colour, linewidth=0.9)
        axes.plot([], [], color=colour, label=_cut(series.name, 40))
    for span in figure.spans:
        if span.what == "train":
            axes.axvspan(span.start_s, span.end_s, color="#0f7b55", alpha=0.06, linewidth=0)
    epochs = [span.start_s for span in figure.spans if span.what == "epoch"]
    if epochs:  # one path for all: each by itself takes five times the bytes
        across = [x for start_s in epochs for x in (start_s, start_s, math.nan)]
        style: Any = {"color": COLOURS["quiet"], "linewidth": 0.6, "linestyle": ":"}
        whole = axes.get_xaxis_transform()
        axes.plot(across, [0, 1, math.nan] * len(epochs), transform=whole, scalex=False, **style)
    axes.set_ylim(bottom=0)
    axes.set_xlim(0, figure.step_s * max(len(s.low_w) for s in figure.series))
    axes.spines["left"].set_visible(True)
    axes.set_xlabel("Time (s)")
    axes.set_ylabel("Power (W)")
    _legend(sheet, 4)


def _legend(sheet: Sheet, columns: int) -> None:
    """Below the title, which may be as wide as the figure."""
    top = 1 - TITLE_IN / sheet.get_figheight()
    where: Any = {"loc": "upper right", "bbox_to_anchor": (1.0, top), "borderaxespad": 0.2}
    sheet.legend(ncols=columns, frameon=False, fontsize=8, **where)


def _runs(
    points: Sequence[tuple[float, float, float]], step_s: float
) -> Iterator[list[tuple[float, float, float]]]:
    """Stretches without a hole."""
    run: list[tuple[float, float, float]] = []
    for point in points:
        if run and point[0] - run[-1][0] > 1.5 * step_s:
            yield run
            run = []
        run.append(point)
    if run:
        yield run


def _bounds(found: Interval) -> Iterator[tuple[float, float]]:
    ends = [end for end in (found.low, found.high) if end is not None and math.isfinite(end)]
    if len(ends) == 2:
        yield ends[0], ends[1]


def _fine(found: Interval) -> bool:
    return math.isfinite(found.value)


def _style(tone: Tone) -> dict[str, Any]:
    colour = COLOURS[tone]
    return {
        "marker": SHAPES[tone],
        "color": colour,
        "markerfacecolor": colour if tone in ("good", "bad") else "white",
        "markersize": 5.5,
        "linestyle": "",
        "zorder": 3,
    }


def _lines(axes: Axes, labels: Sequence[str]) -> None:
    """One label a line, the first on top."""
    for place, label in enumerate(labels):
        text = _cut(label, MOST_LETTERS)
        axes.text(
            -0.015, place, text, transform=axes.get_yaxis_transform(), ha="right", va="center"
        )
    axes.set_yticks([])
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.grid(axis="x", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)


def _numbers(axis: Any, kind: Kind) -> None:
    if kind in ("percent", "share"):
        write: Callable[[float, int], str] = lambda value, _: (  # noqa: E731
            f"{100 * value:+.3g} %".replace("-", "−").replace("+0 %", "0 %")
        )
        axis.set_major_formatter(write)
    elif kind == "quantity":
        axis.set_major_formatter(lambda value, _: f"{value:,.6g}".replace("-", "−"))


def _axis_title(axis: Axis) -> str:
    hint = {"less": " (less is better)", "more": " (more is better)", None: ""}[axis.better]
    return _cut(axis.title, 90) + hint


def _rest(axes: Axes, left_out: int) -> None:
    if left_out > 0:
        axes.text(
            0.0, 1.0, f"… and {left_out} more", transform=axes.transAxes, fontsize=7.5, color=SOFT
        )


def _cut(text: str, longest: int) -> str:
    return inert(text, longest)

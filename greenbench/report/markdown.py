"""A report as Markdown that renders on code hosts; foreign text in it stays text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from greenbench.report.figures import Figure
from greenbench.report.model import Report, Section, Table
from greenbench.report.text import LONGEST, cell_text, inert

SPECIAL = re.compile(r"[\\`*|~$]|\](?=[\[(:])|(?<![^\W_])_|_(?![^\W_])")
ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;", "#": "&#35;"})
LEADING = re.compile(r"^([-+=!:\[]|\d+(?=[.)](\s|$)))")
ENDING = re.compile(r"&#?\w+;$|[.,;:!。，；：！]$")
"""With which a heading is not to end: a linter takes it for a sentence."""
LINK = re.compile(r"(?i)(?<=[a-z])(:)(?=//)|(?<=www)(\.)")
MEANING = re.compile(r"[\\`*|~$_&<>@#]|\](?=[\[(:])|(?i:://|www\.)")
"""What escaping may change; most texts hold none of it."""


def render_markdown(report: Report, pictures: Mapping[Figure, str] | None = None) -> str:
    """The whole report, the same for the same record, ending in one newline.

    `pictures` are the places of drawn figures; without them there are tables alone.
    """
    lines = [_heading("#", report.title), ""]
    for section in report.sections:
        lines += _section(section, pictures or {})
    return "\n".join(lines).rstrip("\n") + "\n"


def write_markdown(report: Report, path: Path) -> list[Path]:
    """The report in `path` and its figures as SVG in a folder beside it; returns all files."""
    from greenbench.report.pictures import render_svg

    folder = path.with_name(f"{path.stem}-figures")
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures: dict[Figure, str] = {}
    written = []
    for section in report.sections:
        for number, figure in enumerate(section.figures, 1):
            folder.mkdir(exist_ok=True)
            drawn = folder / f"{section.key}-{number}.svg"
            drawn.write_text(render_svg(figure), encoding="utf-8")
            pictures[figure] = f"{quote(folder.name)}/{quote(drawn.name)}"
            written.append(drawn)
    path.write_text(render_markdown(report, pictures), encoding="utf-8")
    return [path, *written]


def escape(text: str, longest: int = LONGEST) -> str:
    """Plain text such that Markdown and the HTML made of it show just that text, in a line."""
    plain = inert(text, longest)
    if not MEANING.search(plain):
        return plain
    plain = SPECIAL.sub(lambda match: "\\" + match.group(), plain)
    plain = plain.translate(ENTITIES)
    return LINK.sub(lambda match: f"&#{ord(match.group())};", plain)


def _block(text: str) -> str:
    """A paragraph or point: nothing at its start may begin a list, a heading or a rule."""
    plain = escape(text, 10_000)
    return LEADING.sub(lambda match: f"&#{ord(match.group()[0])};{match.group()[1:]}", plain)


def _heading(level: str, title: str) -> str:
    return f"{level} {ENDING.sub(_entity, escape(title))}"


def _entity(found: re.Match[str]) -> str:
    sign = found.group()
    return sign if len(sign) > 1 else f"&#{ord(sign)};"


def _section(section: Section, pictures: Mapping[Figure, str]) -> Iterator[str]:
    yield from (_heading("##", section.title), "")
    for paragraph in section.paragraphs:
        yield from (_block(paragraph), "")
    if section.points:
        yield from (f"- {_block(point)}" for point in section.points)
        yield ""
    for figure in section.figures:
        if figure in pictures:
            yield from _picture(figure, pictures[figure])
    for table in section.tables:
        yield from _table(table)


def _picture(figure: Figure, place: str) -> Iterator[str]:
    from greenbench.report.pictures import alternative

    yield from (f"![{escape(alternative(figure))}]({place})", "")
    for note in figure.notes:
        yield from (_block(note), "")


def _table(table: Table) -> Iterator[str]:
    yield from (_heading("###", table.title), "")
    yield _row(escape(column.title) for column in table.columns)
    yield _row("---" if column.kind == "text" else "---:" for column in table.columns)
    for row in table.rows:
        cells = zip(row, table.columns, strict=True)
        yield _row(escape(cell_text(cell, column.kind)) for cell, column in cells)
    yield ""
    for note in table.notes:
        yield from (_block(note), "")


def _row(cells: Iterator[str]) -> str:
    return f"| {' | '.join(cells)} |"

"""Takes the sections that plugins offer into a report; a broken one is named and left out."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Final

from pydantic import TypeAdapter, ValidationError

from greenbench.report.model import Report, Section
from greenbench.report.values import Cell

KEY: Final = re.compile(r"[a-z][a-z0-9-]{0,40}")
RESERVED: Final = ("trials", "report", "data", "tip")
"""Places of the page that are no sections."""
BEFORE: Final = ("failures", "limits", "provenance", "methods")
"""Sections on the record itself: what plugins add comes before them."""


def with_sections(
    report: Report, offered: Iterable[tuple[str, object]], problems: Sequence[str] = ()
) -> Report:
    """The report with what was offered as (who, section), and a section on what failed.

    `problems` are failures from before: a hook that raised. Each section says whose it is.
    """
    taken = {section.key for section in report.sections} | set(RESERVED)
    found: list[Section] = []
    failed = list(problems)
    for who, value in offered:
        try:
            section = _checked(value, taken)
        except ValueError as error:
            failed.append(f"{who}: {error}")
            continue
        taken.add(section.key)
        source = f"This section comes from the plugin {who}."
        found.append(dataclasses.replace(section, paragraphs=(source, *section.paragraphs)))
    if failed:
        found.append(
            Section(
                key="plugin-problems",
                title="Sections that could not be made",
                points=tuple(failed),
            )
        )
    place = next(
        (n for n, section in enumerate(report.sections) if section.key in BEFORE),
        len(report.sections),
    )
    sections = (*report.sections[:place], *found, *report.sections[place:])
    return dataclasses.replace(report, sections=sections)


def _checked(value: object, taken: set[str]) -> Section:
    """The section with every part of the type that views rely on; ValueError says what is not."""
    if not isinstance(value, Section):
        raise ValueError(f"offered a {type(value).__name__}, not a greenbench.report.Section")
    if not isinstance(value.key, str) or not KEY.fullmatch(value.key):
        raise ValueError(f"the key {value.key!r} is not lower-case letters, digits and dashes")
    if value.key in taken:
        raise ValueError(f"the key {value.key!r} is taken")
    try:
        section = TypeAdapter(Section).validate_python(dataclasses.asdict(value))
    except (ValidationError, TypeError) as error:
        raise ValueError(f"the section {value.key!r} is broken: {_first(error)}") from error
    for table in section.tables:
        wrong = [n for n, row in enumerate(table.rows, 1) if len(row) != len(table.columns)]
        if wrong:
            raise ValueError(
                f"the section {value.key!r} is broken: row {wrong[0]} of its table"
                f" {table.title!r} has not one cell for each of {len(table.columns)} columns"
            )
        huge = [n for n, row in enumerate(table.rows, 1) if any(map(_is_huge, row))]
        if huge:
            raise ValueError(
                f"the section {value.key!r} is broken: row {huge[0]} of its table {table.title!r} has"
                " a whole number that no float holds"
            )
        if table.behind and len(table.behind) != len(table.rows):
            raise ValueError(
                f"the section {value.key!r} is broken: `behind` of its table {table.title!r} has"
                f" not one entry for each of {len(table.rows)} rows"
            )
    return section


def _is_huge(cell: Cell) -> bool:
    return isinstance(cell, int) and abs(cell) > sys.float_info.max


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        found = error.errors()[0]
        return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"
    return str(error)

"""`greenbench report`: what a result set says: on the terminal, as Markdown, as a picture."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from greenbench.cli.results import FOLDER, open_latest

if TYPE_CHECKING:
    from greenbench.report import Report

WIDTH = 100
"""Columns of a terminal report that goes into a file."""


@click.command()
@click.argument("folder", type=FOLDER, required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", "md", "svg"]),
    default="terminal",
    help="svg: a picture of the terminal report.",
)
@click.option("--section", "sections", multiple=True, help="Only this section (repeatable).")
@click.option(
    "--include-invalid",
    is_flag=True,
    help="Take in runs whose measurement failed a check.",
)
@click.option("-o", "--output", type=FOLDER, help="File to write instead of printing.")
def report(
    folder: Path | None,
    form: Literal["terminal", "md", "svg"],
    sections: tuple[str, ...],
    include_invalid: bool,  # noqa: FBT001
    output: Path | None,
) -> None:
    """Report on a result set (default: the latest)."""
    from greenbench.errors import UsageError
    from greenbench.report import build_report, render_terminal

    store = open_latest(folder)
    try:
        built = build_report(store, include_invalid=include_invalid)
    finally:
        store.close()
    if sections:
        known = [section.key for section in built.sections]
        unknown = sorted(set(sections) - set(known))
        if unknown:
            raise UsageError(
                f"the report has no section {', '.join(unknown)}", f"it has: {', '.join(known)}"
            )
        built = built.only(sections)
    if form == "terminal" and output is None:
        from rich.console import Console

        render_terminal(built, Console())
        return
    text = _text(built, form)
    if output is None:
        click.echo(text, nl=False)
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8")
    click.echo(output)


def _text(built: Report, form: Literal["terminal", "md", "svg"]) -> str:
    from rich.console import Console

    from greenbench.report import render_markdown, render_terminal

    if form == "md":
        return render_markdown(built)
    console = Console(record=True, width=WIDTH, file=StringIO())
    render_terminal(built, console)
    if form == "svg":
        return console.export_svg(title=built.title)
    return console.export_text()

"""`greenbench report`: what a result set says, on the terminal or as a file."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from greenbench.cli.options import share_option
from greenbench.cli.results import FOLDER, open_latest

if TYPE_CHECKING:
    from greenbench.analysis.stated import Stated
    from greenbench.report import Report
    from greenbench.store import Store

WIDTH = 100
"""Columns of a terminal report that goes into a file."""
FORMATS = ("terminal", "md", "html", "latex", "json", "csv", "svg")
SUFFIXES: Final = {
    ".md": "md",
    ".html": "html",
    ".htm": "html",
    ".tex": "latex",
    ".json": "json",
    ".csv": "csv",
    ".svg": "svg",
}
"""The format of a file whose `--format` is not said."""


@click.command()
@click.argument("folder", type=FOLDER, required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="Default: what the name after -o says, else terminal. svg: a picture of the terminal report.",
)
@click.option(
    "--section",
    "sections",
    multiple=True,
    help="Only this section (repeatable), such as paper: the questions of arXiv 2603.06195.",
)
@click.option(
    "--include-invalid",
    is_flag=True,
    help="Take in runs whose measurement failed a check.",
)
@click.option("-o", "--output", type=FOLDER, help="File to write; for csv also a folder.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of --format json, and end.")
@click.option(
    "--compare",
    type=FOLDER,
    nargs=2,
    metavar="BEFORE AFTER",
    help="Two result sets side by side instead.",
)
@click.option(
    "--fail-over",
    callback=share_option,
    metavar="PERCENT",
    help="With --compare: exit code 9 if AFTER takes over so much more, beyond its interval.",
)
@click.option(
    "--grid-intensity",
    type=click.FloatRange(min=0),
    metavar="G_PER_KWH",
    help="Emissions of the grid (g CO₂e a kWh): savings as emissions too.",
)
@click.option("--price", type=click.FloatRange(min=0), help="Price of a kWh: savings as money too.")
@click.option("--currency", default="", help="What the price is in, such as EUR.")
@click.option(
    "--smallest-effect",
    callback=share_option,
    metavar="PERCENT",
    help="The smallest change of energy that matters: what is shown to be smaller is unchanged.",
)
def report(  # noqa: PLR0917 (click passes them by name)
    folder: Path | None,
    form: str | None,
    sections: tuple[str, ...],
    include_invalid: bool,  # noqa: FBT001
    output: Path | None,
    schema: bool,  # noqa: FBT001
    compare: tuple[Path, Path] | None,
    fail_over: float | None,
    grid_intensity: float | None,
    price: float | None,
    currency: str,
    smallest_effect: float | None,
) -> None:
    """Report on a result set (default: the latest)."""
    if schema:
        from greenbench.report.data import render_schema

        click.echo(render_schema(), nl=False)
        return
    _check(folder, compare, fail_over)
    if compare:
        from greenbench.cli.compare import compared

        built, verdict = compared(*compare, include_invalid=include_invalid, fail_over=fail_over)
    else:
        from greenbench.analysis.stated import Stated

        stated = Stated(
            grid_g_per_kwh=grid_intensity,
            price_per_kwh=price,
            currency=currency,
            smallest_effect=smallest_effect,
        )
        store = open_latest(folder)
        built = _built(store, sections, include_invalid=include_invalid, stated=stated)
        verdict = None
    _put(_only(built, sections), form or _form(output), output)
    if verdict is not None:
        verdict.announce()


def _check(folder: Path | None, compare: tuple[Path, Path] | None, fail_over: float | None) -> None:
    from greenbench.errors import UsageError

    if compare and folder:
        raise UsageError("--compare names both result sets", f"leave out {folder}")
    if fail_over is not None and not compare:
        raise UsageError(
            "--fail-over compares two result sets", "add --compare BEFORE AFTER: two folders"
        )


def _built(store: Store, also: Sequence[str], *, include_invalid: bool, stated: Stated) -> Report:
    """The report of a result set with the sections of plugins."""
    from greenbench.plugins import load_plugins
    from greenbench.report import build_report
    from greenbench.report.extended import with_sections

    try:
        built = build_report(store, include_invalid=include_invalid, stated=stated, also=also)
    finally:
        store.close()
    plugins = load_plugins()
    offered, problems = plugins.offers(
        "greenbench_report_sections", report=built, results=str(store.folder)
    )
    return with_sections(built, offered, problems)


def _only(built: Report, sections: Sequence[str]) -> Report:
    from greenbench.errors import UsageError

    if not sections:
        return built
    from greenbench.report.build import ON_REQUEST

    known = list(dict.fromkeys([*(section.key for section in built.sections), *ON_REQUEST]))
    unknown = sorted(set(sections) - set(known))
    if unknown:
        raise UsageError(
            f"the report has no section {', '.join(unknown)}", f"it has: {', '.join(known)}"
        )
    return built.only(sections)


def _form(output: Path | None) -> str:
    return SUFFIXES.get(output.suffix.lower(), "terminal") if output else "terminal"


def _put(built: Report, form: str, output: Path | None) -> None:
    """Prints the report, or writes it and prints where it went."""
    from greenbench.errors import ResultsError

    if output is None:
        if form == "terminal":
            from rich.console import Console

            from greenbench.report import render_terminal

            render_terminal(built, Console())
        else:
            click.echo(_text(built, form), nl=False)
        return
    try:
        _write(built, form, output)
    except OSError as error:
        raise ResultsError(f"can't write {output}: {error.strerror or error}") from error


def _write(built: Report, form: str, output: Path) -> None:
    from greenbench.report import write_csv, write_markdown

    if form == "md":
        written = write_markdown(built, output)
        click.echo(output)
        if len(written) > 1:
            click.echo(f"{written[1].parent}/ ({len(written) - 1} figures)")
        return
    if form == "csv" and output.suffix.lower() != ".csv":
        for path in write_csv(built, output):
            click.echo(path)
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(_text(built, form), encoding="utf-8")
    click.echo(output)


def _text(built: Report, form: str) -> str:
    from greenbench import report as views

    written = {
        "md": views.render_markdown,
        "html": views.render_html,
        "latex": views.render_latex,
        "json": views.render_json,
        "csv": views.render_csv,
    }
    if form in written:
        return written[form](built)
    from rich.console import Console

    console = Console(record=True, width=WIDTH, file=StringIO())
    views.render_terminal(built, console)
    if form == "svg":
        return _unfetched(console.export_svg(title=views.inert(built.title)))
    return console.export_text()


def _unfetched(picture: str) -> str:
    """Rich's picture without the font that it would fetch; a space in its texts is no plain one."""
    import re

    return re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)

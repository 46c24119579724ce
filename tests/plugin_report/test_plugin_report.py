"""The example of docs/hooks/report.md: it is what the page shows, it installs, it reports."""

import io
import json
import math
import os
import re
import subprocess
import sys
import zipfile
from dataclasses import fields
from pathlib import Path

import pytest
from rich.console import Console

from greenbench.report import (
    Column,
    Interval,
    Report,
    Section,
    Table,
    render_html,
    render_markdown,
    render_terminal,
)
from greenbench.report.extended import with_sections
from greenbench.report.figures import Axis, Forest, Mark

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "tests" / "fixtures" / "plugin-report"
PAGE = (ROOT / "docs" / "hooks" / "report.md").read_text(encoding="utf-8")
sys.path.append(str(ROOT / "tests" / "report"))

from simulated import Study, Truth, change, simulate  # noqa: E402

BROKEN = """
from greenbench.hookspecs import hookimpl
@hookimpl
def greenbench_report_sections():
    raise RuntimeError("no network | <b>")
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)


def test_the_page_shows_the_files_verbatim_and_explains_a_section():
    assert (EXAMPLE / "pyproject.toml").read_text(encoding="utf-8") in blocks("toml")
    assert (EXAMPLE / "greenbench_price.py").read_text(encoding="utf-8") in blocks("python")
    for field in fields(Section):
        assert f"`{field.name}`" in PAGE, field.name


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The example as pip would install it, and a plugin that fails."""
    dist, site = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(dist)]
    subprocess.run(build, cwd=EXAMPLE, check=True, capture_output=True)
    zipfile.ZipFile(next(dist.glob("greenbench_price-*.whl"))).extractall(site)
    info = site / "broken_report-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-report\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text("[greenbench]\nbroken = broken_report\n")
    (site / "broken_report.py").write_text(BROKEN)
    return site


def test_hook_greenbench_report_sections(greenbench, site, tmp_path):
    results = tmp_path / "set"
    simulate(results, [Study([(change("epochs", 5), Truth(energy=0.5))], blocks=2)]).close()
    env = os.environ | {"PYTHONPATH": str(site), "GREENBENCH_PRICE_PER_KWH": "0.5"}
    done = greenbench("report", results, "--format", "json", env=env)
    assert done.returncode == 0, done.stderr
    sections = {section["key"]: section for section in json.loads(done.stdout)["sections"]}
    price = sections["price"]
    assert price["paragraphs"][0] == "This section comes from the plugin greenbench-price 0.1.0."
    ((study, energy_j, money),) = price["tables"][0]["rows"]
    assert study == "mlp, solo"
    assert money == pytest.approx(energy_j / 3.6e6 * 0.5)
    (problem,) = sections["plugin-problems"]["points"]
    assert problem.startswith("broken-report 2.0: greenbench_report_sections failed: RuntimeError")
    keys = list(sections)
    assert keys.index("price") < keys.index("plugin-problems") < keys.index("failures")
    only = greenbench("report", results, "--section", "price", "--format", "md", env=env)
    assert "## What it cost" in only.stdout


def test_they_are_listed_with_the_other_plugins(greenbench, site):
    done = greenbench("plugins", "--json", env={"PYTHONPATH": str(site)})
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["plugins"]
    found = {(r["name"], r["distribution"]) for r in rows if r["kind"] == "report section"}
    assert found >= {("price", "greenbench-price"), ("broken", "broken-report")}


GOOD = Section(key="fine", title="Fine")
WRONG = {
    "not a section": ("text", "offered a str"),
    "a taken key": (Section(key="summary", title="x"), "'summary' is taken"),
    "a place of the page": (Section(key="trials", title="x"), "'trials' is taken"),
    "a hostile key": (Section(key='x" onload="', title="x"), "is not lower-case"),
    "a title that is none": (Section(key="a", title=None), "title"),
    "a cell that is none": (
        Section(
            key="a", title="x", tables=(Table(title="t", columns=(Column("c"),), rows=(([1],),)),)
        ),
        "rows",
    ),
    "a short row": (
        Section(key="a", title="x", tables=(Table(title="t", columns=(Column("c"),), rows=((),)),)),
        "row 1",
    ),
    "a number that no float holds": (
        Section(
            key="a",
            title="x",
            tables=(Table(title="t", columns=(Column("c", "count"),), rows=((10**400,),)),),
        ),
        "row 1",
    ),
    "an unknown kind": (
        Section(
            key="a",
            title="x",
            tables=(Table(title="t", columns=(Column("c", "odd"),), rows=((1,),)),),
        ),
        "kind",
    ),
    "a figure beyond its points": (
        Section(key="a", title="x", figures=({"kind": "scatter", "front": (3,)},)),
        "figures",
    ),
    "a wrong figure": (Section(key="a", title="x", figures=("picture",)), "figures"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_broken_section_is_named_and_the_rest_goes_on(name):
    value, words = WRONG[name]
    report = Report(
        title="t",
        basis="none",
        sections=(Section(key="summary", title="S"), Section(key="failures", title="F")),
    )
    found = with_sections(report, [("odd 1.0", value), ("good 2.0", GOOD)])
    assert [section.key for section in found.sections] == [
        "summary",
        "fine",
        "plugin-problems",
        "failures",
    ]
    (problem,) = found.section("plugin-problems").points
    assert problem.startswith("odd 1.0: ")
    assert words in problem
    assert "odd 1.0: " in render_html(found)
    assert "odd 1.0" in render_markdown(found)


def test_intervals_that_are_no_numbers_are_shown_as_not_known():
    odd = [Interval(math.nan, math.inf, -math.inf), Interval(1e308, -1e308, 1e308)]
    table = Table(
        title="t", columns=(Column("c", "percent"),), rows=tuple((value,) for value in odd)
    )
    marks = tuple(Mark(label="m", x=value, tone="good") for value in odd)
    figure = Forest(title="f", x=Axis(title="x", kind="percent", better="less"), marks=marks)
    section = Section(key="mine", title="x", tables=(table,), figures=(figure,))
    report = Report(title="t", basis="none", sections=())
    found = with_sections(report, [("odd 1.0", section)])
    assert "| – |" in render_markdown(found)
    assert "nan" not in render_html(found).partition("<script")[0]
    console = Console(width=80, record=True, file=io.StringIO())
    render_terminal(found, console)
    assert "▼" in console.export_text()


def test_a_plugins_numbers_keep_their_types():
    table = Table(
        title="t",
        columns=(Column("c"), Column("d", "percent"), Column("n", "count")),
        rows=(("a", Interval(0.1, 0.0, 0.2), 3), ("b", None, None)),
    )
    section = Section(key="mine", title="x", tables=(table,))
    report = Report(title="t", basis="none", sections=())
    (found,) = with_sections(report, [("good 1.0", section)]).sections
    assert found.tables == (table,)

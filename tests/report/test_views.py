"""Every format of a report: byte for byte, inert whatever the names, and by its own schema."""

import csv
import io
import json
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from click.testing import CliRunner
from simulated import Study, Truth, change, null, simulate
from test_report import NASTY, PAIR, terminal

from greenbench.api import Change, Mutation
from greenbench.cli import cli
from greenbench.report import (
    Interval,
    build_report,
    render_csv,
    render_html,
    render_json,
    render_latex,
    render_markdown,
    render_svg,
    report_data,
    report_schema,
    write_csv,
    write_markdown,
)
from greenbench.report.drawn import pareto_front
from greenbench.report.lines import forest_lines
from greenbench.report.traces import thinned
from greenbench.store import Store

HERE = Path(__file__).parent
SMALL = [(change("epochs", 5), Truth(energy=0.5)), (null(), Truth())]
VIEWS = {
    "golden.json": render_json,
    "golden.tex": render_latex,
    "golden.csv": render_csv,
    "golden.html": lambda report: without_code(render_html(report)),
}


def without_code(page: str) -> str:
    """The page without its style and script, which are files of their own, and their hashes."""
    page = re.sub(r"<style>.*?</style>", "<style></style>", page, flags=re.DOTALL)
    page = re.sub(r"<script>.*?</script>", "<script></script>", page, flags=re.DOTALL)
    return re.sub(r"sha256-[A-Za-z0-9+/=]+", "sha256-", page)


@pytest.fixture
def small(tmp_path, monkeypatch):
    monkeypatch.setattr("greenbench.store.now_utc", lambda: "2026-01-02T03:04:05+00:00")
    studies = [Study(SMALL, blocks=3, originals=1), Study(SMALL, blocks=3, scenario=PAIR)]
    return build_report(simulate(tmp_path / "set", studies))


def test_golden_json_latex_csv_and_html(small):
    """GREENBENCH_UPDATE_GOLDEN=1 writes them anew; read the difference before committing it."""
    for name, render in VIEWS.items():
        text, golden = render(small), HERE / name
        if os.environ.get("GREENBENCH_UPDATE_GOLDEN"):
            golden.write_text(text, encoding="utf-8")
        assert text == golden.read_text(encoding="utf-8"), name


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Every text that a stranger can choose is one that tries something."""
    mutation = Mutation("optimizer", (Change("optimizer", "sgd", NASTY),))
    formula = Mutation("optimizer", (Change("optimizer", "sgd", "=1+1"),))
    special = r"\input{/etc/passwd} %x {}_^~ 中文 [a] *b* 'q' \\ -- ﷽"
    store = simulate(
        tmp_path_factory.mktemp("hostile") / "set",
        [
            Study([(mutation, Truth(energy=0.7)), (formula, Truth())], model=NASTY, blocks=5),
            Study(SMALL, model="=cmd|'/c calc'!A1", blocks=3),
        ],
        outcomes={0: {"status": "failed", "error": special + NASTY}},
        facts={"suite_name": "@SUM(A1)", "suite_description": special},
        session_facts={"host": {"cpu_model": special}, "gives_up": NASTY},
        traced=True,
    )
    return build_report(store)


def test_hostile_texts_cannot_steer_or_turn_any_format(hostile, tmp_path):
    texts = {
        "md": render_markdown(hostile),
        "terminal": terminal(hostile, 400),
        "html": render_html(hostile),
        "latex": render_latex(hostile),
        "csv": render_csv(hostile),
    }
    texts |= {path.name: path.read_text() for path in write_csv(hostile, tmp_path / "csv")}
    for name, text in texts.items():
        for character in "\x1b\u202e\x00\x07\u200b":
            assert character not in text, name
    for text in (render_json(hostile),):
        assert "\x1b" not in text, "JSON writes control characters as escapes"
        assert json.loads(text)["title"] == "greenbench: @SUM(A1)"


def test_no_cell_of_a_spreadsheet_is_a_formula(hostile, tmp_path):
    texts = [render_csv(hostile)]
    texts += [path.read_bytes().decode() for path in write_csv(hostile, tmp_path / "csv")]
    cells = [cell for text in texts for row in csv.reader(io.StringIO(text)) for cell in row]
    number = re.compile(r"-?(\d+(\.\d*)?([eE][-+]?\d+)?|inf)")
    started = [c for c in cells if c.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))]
    assert all(number.fullmatch(cell) for cell in started)
    assert any(cell.startswith("'=cmd|") for cell in cells)
    assert any("[95 %]" in cell for cell in cells)


def test_latex_has_only_the_commands_that_the_view_writes(hostile):
    text = render_latex(hostile)
    allowed = (
        "usepackage section subsection begin end item caption centering small toprule midrule"
        " bottomrule endhead endfoot par smallskip linewidth raggedright arraybackslash"
        " textbackslash textasciitilde textasciicircum textless textgreater textbar textquotedbl"
        " textasciigrave textquotesingle textendash textemdash dots ensuremath Delta delta"
        " varepsilon rho tau mu surd times pm rightarrow infty leq geq approx cdot circ"
    )
    commands = set(re.findall(r"(?<!\\)(?:\\\\)*\\([A-Za-z]+)", text))
    assert commands <= set(allowed.split())
    assert text.isascii() or all(ord(c) < 0x180 for c in text)
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert not re.search(r"(?<!\\)[%#$&](?! )", re.sub(r" & ", " ", body))
    assert body.count("{") - body.count(r"\{") == body.count("}") - body.count(r"\}")
    for block in re.findall(r"\\midrule\n(.*?)\\bottomrule", text, re.DOTALL):
        widths = {
            len(re.findall(r"(?<!\\) & ", line)) for line in block.splitlines() if " & " in line
        }
        assert len(widths) <= 1


def test_json_keeps_to_its_published_schema(hostile, small):
    schema = report_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for report in (hostile, small):
        validator.validate(json.loads(render_json(report)))
    broken = report_data(small)
    broken["sections"][0]["points"] = "text"
    assert not validator.is_valid(json.loads(json.dumps(broken)))
    broken = report_data(small)
    broken["sections"][1]["tables"][0]["surprise"] = 1
    assert not validator.is_valid(json.loads(json.dumps(broken)))


def test_markdown_passes_a_linter_and_its_figures_are_there(small, hostile, tmp_path):
    for report, name in ((small, "a report.md"), (hostile, "hostile.md")):
        written = write_markdown(report, tmp_path / name)
        text = written[0].read_text(encoding="utf-8")
        links = re.findall(r"^!\[.+\]\(([^)\s]+)\)$", text, re.MULTILINE)
        figures = [figure for section in report.sections for figure in section.figures]
        assert len(links) == len(figures) == len(written) - 1
        for link, path in zip(links, written[1:], strict=True):
            assert (tmp_path / link.replace("%20", " ")) == path
            ET.parse(path)
        lint = [sys.executable, "-m", "pymarkdown", "-d", "md013", "scan", str(written[0])]
        done = subprocess.run(lint, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_svg_is_the_same_every_time_and_holds_no_text(hostile):
    for section in hostile.sections:
        for figure in section.figures[:2]:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                one, two = render_svg(figure), render_svg(figure)
            assert one == two
            names = {element.tag.rpartition("}")[2] for element in ET.fromstring(one).iter()}
            assert not names & {"script", "a", "image", "foreignObject", "text", "style"} - {
                "style"
            }
            links = re.findall(r'href="([^"]*)"', one)
            assert all(link.startswith("#") for link in links)
            assert "2026" not in one.partition("<defs>")[0]


def test_every_number_of_a_delta_names_trials_that_are_listed(small):
    listed = set(small.trials.table.behind)
    assert small.trials.total == len(small.trials.table.rows) == 3 * 3 + 3 * 4 * 2
    for section in small.sections:
        for table in section.tables:
            assert len(table.behind) in (0, len(table.rows))
            for selection in filter(None, table.behind):
                assert any(
                    group.study == selection.study and group.arms[0] in selection.arms
                    for group in listed
                )
    effects = small.section("effects")
    assert all(table.behind for table in effects.tables)


def test_a_large_result_set_lists_some_of_each_arm(tmp_path, monkeypatch):
    monkeypatch.setattr("greenbench.report.listed.MOST", 12)
    report = build_report(simulate(tmp_path, [Study(SMALL, blocks=8)]))
    trials = report.trials
    assert trials.total == 8 * 4
    assert {row[2] for row in trials.table.rows} == {"original", "epochs: 10 → 5", "null 1"}
    assert len(trials.table.rows) == 12
    assert "12 of 32 trials" in trials.table.notes[0]


def test_thinning_keeps_every_peak_and_holes():
    points = [(s / 10, 100.0) for s in range(1000)]
    points[500] = (50.0, 900.0)
    points[700] = (70.0, 1.0)
    points[800:900] = [(89.9, float("nan"))]
    low, high = thinned(points, 0.0, 1.0, steps=100)
    assert max(v for v in high if v is not None) == 900.0
    assert min(v for v in low if v is not None) == 1.0
    assert low[85] is None
    assert high[85] is None
    sparse_low, sparse_high = thinned([(0.0, 5.0), (10.0, 7.0)], 0.0, 1.0, steps=10)
    assert sparse_low == sparse_high == (7.0,) * 10


def test_pareto_front_by_hand():
    points = [(0.0, 0.0), (-0.5, -0.1), (-0.2, 0.0), (0.3, 0.2), (-0.2, -0.3), (-0.2, 0.0)]
    assert pareto_front(points, more_is_better=True) == (1, 2, 3, 5)
    assert pareto_front(points, more_is_better=False) == (1, 4)
    assert pareto_front([], more_is_better=True) == ()


def test_a_forest_plot_in_text_puts_zero_and_marks_where_they_belong(small):
    figure = small.section("effects").figures[0]
    lines = list(forest_lines(figure, 80))
    assert all(len(text) <= 80 for text, _ in lines)
    zero = {text.index("│") for text, _ in lines if "│" in text}
    assert len(zero) == 1
    halved = lines[0][0]
    assert halved.startswith("  epochs: 10 → 5 ")
    assert min(halved.find(c) for c in "▼○" if c in halved) < zero.pop()
    assert list(forest_lines(figure, 30)) == []


def test_a_log_file_has_no_colour_and_keeps_its_width(greenbench, tmp_path):
    simulate(tmp_path / "set", [Study(SMALL, blocks=5)], traced=True).close()
    done = greenbench("report", tmp_path / "set", env=os.environ | {"COLUMNS": "80"})
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert done.stdout.index("Summary") < done.stdout.index("Mutants against")
    assert re.search(r"gpu/0 +[▁▂▃▄▅▆▇█]{20,} ≤ \d", done.stdout)


def test_the_name_of_the_file_says_the_format(tmp_path):
    simulate(tmp_path / "set", [Study(SMALL, blocks=2)]).close()
    starts = {
        "r.html": "<!doctype html>",
        "r.md": "# greenbench",
        "r.tex": "% Made by",
        "r.json": '{\n "schema": "greenbench.report/1"',
        "r.csv": "section,table,row",
        "r.txt": "greenbench: simulated",
    }
    for name, start in starts.items():
        arguments = ["report", str(tmp_path / "set"), "-o", str(tmp_path / name)]
        assert CliRunner().invoke(cli, arguments, catch_exceptions=False).exit_code == 0
        assert (tmp_path / name).read_text().startswith(start)
    assert (tmp_path / "r-figures" / "effects-1.svg").read_text().startswith("<?xml")
    schema = CliRunner().invoke(cli, ["report", "--schema"])
    assert json.loads(schema.output) == json.loads(json.dumps(report_schema()))


def test_a_file_that_cannot_be_written_is_said(greenbench, tmp_path):
    simulate(tmp_path / "set", [Study(SMALL, blocks=2)]).close()
    (tmp_path / "file").write_text("")
    done = greenbench("report", tmp_path / "set", "-o", tmp_path / "file" / "r.html")
    assert done.returncode == 7
    assert "can't write" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_interval_takes_three_columns_of_a_table_file(small, tmp_path):
    written = {path.name: path for path in write_csv(small, tmp_path)}
    rows = list(csv.DictReader(written["effects-mlp-solo-energy.csv"].open(encoding="utf-8")))
    head = next(name for name in rows[0] if name.startswith("Δ energy [95 %]"))
    table = next(t for t in small.section("effects").tables if t.title == "mlp, solo: energy")
    place = next(n for n, c in enumerate(table.columns) if c.title == head)
    interval = table.rows[0][place]
    assert isinstance(interval, Interval)
    assert float(rows[0][head]) == interval.value
    assert float(rows[0][f"{head} low"]) == interval.low


def test_old_stores_open_read_only(tmp_path):
    simulate(tmp_path, [Study(SMALL, blocks=2)], traced=True).close()
    report = build_report(Store.open(tmp_path, read_only=True))
    assert report.section("traces") is not None

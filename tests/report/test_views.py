"""Every format of a report: byte for byte, inert whatever the names, and by its own schema."""

import csv
import io
import json
import os
import re
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from random import Random
from xml.etree import ElementTree as ET

import goldens
import jsonschema
import pytest
from click.testing import CliRunner
from shapes import PAPER_COLUMNS, paper_rows, write
from simulated import DEFAULTS, GPU, PACKAGE, Study, Truth, change, null, simulate
from test_report import NASTY, PAIR, terminal

from greenbench.api import Change, Mutation
from greenbench.cli import cli
from greenbench.imports import import_file
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
from greenbench.report.compare import compare
from greenbench.report.drawn import pareto_front
from greenbench.report.figures import Axis, Mark, Scatter
from greenbench.report.lines import forest_lines
from greenbench.report.traces import thinned
from greenbench.store import Store

HERE = Path(__file__).parent


@pytest.fixture
def small(tmp_path, monkeypatch):
    monkeypatch.setattr("greenbench.store.now_utc", goldens.now_utc)
    return build_report(goldens.small(tmp_path / "set"))


def test_golden_reports(tmp_path, monkeypatch):
    """GREENBENCH_UPDATE_GOLDEN=1 writes them anew; read the difference before committing it."""
    monkeypatch.setattr("greenbench.store.now_utc", goldens.now_utc)
    for name, text in goldens.made(tmp_path).items():
        if os.environ.get("GREENBENCH_UPDATE_GOLDEN"):
            (HERE / name).write_text(text, encoding="utf-8")
        assert text == (HERE / name).read_text(encoding="utf-8"), name


@pytest.mark.parametrize(
    ("zone", "locale"), [("Pacific/Chatham", "C"), ("America/St_Johns", "tr_TR.UTF-8")]
)
def test_golden_reports_elsewhere(tmp_path, zone, locale):
    """Time zone and locale of the reader's machine are in none of them."""
    environment = {**os.environ, "TZ": zone, "LC_ALL": locale, "LANG": locale}
    made = [sys.executable, str(HERE / "goldens.py"), str(tmp_path)]
    done = subprocess.run(made, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len(names) == 11
    for name in names:
        assert (tmp_path / "out" / name).read_bytes() == (HERE / name).read_bytes(), name


SPECIAL = r"\input{/etc/passwd} %x {}_^~ 中文 [a] *b* 'q' \\ -- ﷽ \u3164;=1+1;x"
METRIC, LOSS = f"=metric {NASTY}", f"{SPECIAL} loss"
NAMED = f"hyperparameter {NASTY}"
CHANNELS = [
    GPU | {"name": f"gpu/0 {NASTY}", "scope": NASTY, "backend": f"@b {NASTY}"},
    PACKAGE | {"name": f"+cpu {SPECIAL} + x", "scope": SPECIAL, "method": "power", "unit_w": 0.001},
]


def hostile_set(folder, seed=1):
    """Every text that a stranger can choose is one that tries something."""
    truths = [
        (Mutation("optimizer", (Change("optimizer", "sgd", NASTY),)), Truth(energy=0.7)),
        (Mutation("optimizer", (Change("optimizer", "sgd", "=1+1"),)), Truth()),
        *(
            (Mutation(NAMED, (Change(NAMED, 0.1, value),)), Truth(energy=value))
            for value in (0.2, 0.4, 0.8, 1.6)
        ),
    ]
    model = {"name": NASTY, "framework": NASTY, "data": SPECIAL, "synthetic": True}
    model |= {
        "metrics": [
            {"name": METRIC, "direction": "maximize", "unit": NASTY, "margin": 0.01},
            {"name": LOSS, "direction": "minimize", "unit": SPECIAL, "margin": None},
        ]
    }
    studies = [
        Study(truths, model=NASTY, blocks=5),
        Study(truths, model=NASTY, blocks=2, scenario=PAIR),
        Study(goldens.SMALL, model="=cmd|'/c calc'!A1", blocks=3),
    ]
    values = Random(seed)
    named = {
        n: {"metrics": {METRIC: values.gauss(0.9, 0.001), LOSS: 0.1, f"-{NASTY}": 1.0 + n}}
        for n in range(1, 99)
    }
    return simulate(
        folder,
        studies,
        channels=CHANNELS,
        outcomes={0: {"status": "failed", "error": SPECIAL + NASTY}, **named},
        facts={
            "suite_name": "@SUM(A1)",
            "suite_description": SPECIAL,
            "models": {NASTY: model},
        },
        session_facts={
            "host": {"cpu_model": SPECIAL, NASTY: seed},
            "gives_up": NASTY,
            "images": {NASTY: f"{SPECIAL} {seed}"},
            "versions": {NASTY: str(seed)},
            "data": {NASTY: str(seed)},
            "missing": [{"channel": NASTY, "reason": SPECIAL, "remedy": NASTY}],
            "disturbances": [{"text": NASTY, "remedy": SPECIAL}],
        },
        seed=seed,
        traced=True,
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Hostile result sets: two to compare, and one that was imported."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, seed in (("set", 1), (f"after {NASTY.replace('/', '')}"[:60], 2)):
        hostile_set(folder / name, seed).close()
    noisy = Random(3)
    rows = [
        row
        | {
            "subject": f"=subject {NASTY}",
            "background": row["background"] and SPECIAL,
            "mutated_hyperparameter": row["mutated_hyperparameter"]
            and NAMED + row["mutated_hyperparameter"],
            "gpu_j": row["gpu_j"] * noisy.gauss(1, 0.001),
        }
        for row in (
            *paper_rows(drift=0.1),
            *paper_rows(seed=2, scenario="parallel", background="other"),
        )
    ]
    runs = write(folder / "=runs <b>.csv", PAPER_COLUMNS, rows)
    import_file(runs, "paper-runs", folder / "imported")
    return [
        folder / "set",
        next(f for f in folder.iterdir() if f.name[:5] == "after"),
        folder / "imported",
    ]


@pytest.fixture(scope="module")
def reports(folders):
    """What can be made of them: a report, a comparison, and a report on imported runs."""
    one, two, runs = (Store.open(folder, read_only=True) for folder in folders)
    return {
        "report": build_report(one, also=["paper"]),
        "compared": compare(one, two, names=(NASTY, "=AFTER")).report,
        "imported": build_report(runs, also=["paper"]),
    }


@pytest.fixture(scope="module", params=["report", "compared", "imported"])
def hostile(request, reports):
    return reports[request.param]


def test_hostile_names_reach_every_kind_of_section(reports):
    """So that the tests below mean something."""
    keys = {section.key for report in reports.values() for section in report.sections}
    assert {"correlations", "colocation", "traces", "diagnostics", "paper", "deltas"} <= keys
    text = {name: render_json(report) for name, report in reports.items()}
    for name in (METRIC, LOSS, CHANNELS[0]["name"], CHANNELS[1]["name"], NAMED):
        assert json.dumps(name, ensure_ascii=False)[1:-1] in text["report"], name
    for name in (METRIC, NAMED):
        assert json.dumps(name, ensure_ascii=False)[1:-1] in text["compared"], name
    assert json.dumps(NAMED, ensure_ascii=False)[1:-1] in text["imported"]


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
        for character in "\x1b\u202e\x00\x07\u200b\u3164":
            assert character not in text, name
    assert "<script>alert" not in texts["md"] + texts["html"]
    text = render_json(hostile)
    assert "\x1b" not in text, "JSON writes control characters as escapes"
    assert json.loads(text)["title"] == hostile.title


def test_a_picture_of_a_hostile_report_holds_text_alone(folders, tmp_path):
    """`-o report.svg`, of a report, of one with the paper's questions, and of a comparison."""
    one, two, runs = map(str, folders)
    for number, chosen in enumerate(
        ([one], ["--compare", one, two], [runs, "--section", "paper", "--section", "diagnostics"])
    ):
        path = tmp_path / f"{number}.svg"
        arguments = ["report", *chosen, "-o", str(path)]
        assert CliRunner().invoke(cli, arguments, catch_exceptions=False).exit_code == 0
        text = path.read_text(encoding="utf-8")
        for character in "\x1b\u202e\x00\x07\u200b":
            assert character not in text
        tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(text).iter()}
        assert tags <= {"svg", "style", "defs", "clipPath", "rect", "text", "g", "circle"}
        assert "<script" not in text
        assert not re.search(r"url\(\W*http|@font-face|@import", text), "nothing is fetched"


def test_no_cell_of_a_spreadsheet_is_a_formula(hostile, tmp_path):
    texts = [render_csv(hostile)]
    texts += [path.read_bytes().decode() for path in write_csv(hostile, tmp_path / "csv")]
    cells = [cell for text in texts for row in csv.reader(io.StringIO(text)) for cell in row]
    number = re.compile(r"-?(\d+(\.\d*)?([eE][-+]?\d+)?|inf)")
    started = [c for c in cells if c.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))]
    assert all(number.fullmatch(cell) for cell in started)
    assert any(";'=1+1;" in cell for cell in cells)
    assert not [c for c in cells if ";=" in c], "where the comma is the decimal sign, ; parts cells"


def test_a_formula_is_kept_as_text(reports):
    cells = [cell for row in csv.reader(io.StringIO(render_csv(reports["report"]))) for cell in row]
    assert any(cell.startswith("'=cmd|") for cell in cells)


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
    dotted = replace(small, title="a suite named with a full stop.")
    for report, name in ((small, "a report.md"), (hostile, "hostile.md"), (dotted, "dotted.md")):
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


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """A report with everything in it: choices, power, drift, outliers, co-location, failures."""
    truths = [
        (change("epochs", 5), Truth(energy=0.5)),
        (change("epochs", 8), Truth(energy=0.8)),
        (change("epochs", 12), Truth(energy=1.2)),
        (change("epochs", 15), Truth(energy=1.5)),
        (null(), Truth()),
    ]
    studies = [Study(truths, blocks=6), Study(truths, blocks=6, scenario=PAIR)]
    outcomes = {3: {"status": "failed", "error": "boom"}, 9: {"energy_j": 90_000.0}}
    store = simulate(
        tmp_path_factory.mktemp("full") / "set",
        studies,
        outcomes=outcomes,
        facts={"analysis": {"grid_g_per_kwh": 300.0, "price_per_kwh": 0.3}},
    )
    attempt = store.connection.execute("SELECT MIN(id) FROM attempts WHERE status = 'completed'")
    found = {"check": "gaps", "severity": "warn", "found": 0.02, "limit": 0.01, "text": "a gap"}
    store.add_rows("checks", [{"attempt": attempt.fetchone()[0], **found}])
    return build_report(store, also=["paper"])


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """A report on runs without blocks."""
    return build_report(goldens.recorded(tmp_path_factory.mktemp("imported")), also=["paper"])


def names_a_study(report, table):
    """Whether rows or the title say which study they are of."""
    studies = {group.study for group in report.trials.table.behind}
    titled = table.title in studies or table.title.rpartition(": ")[0] in studies
    return titled or any(column.title == "Study" for column in table.columns)


def test_every_number_of_a_study_names_trials_that_are_listed(small, full, imported):
    assert small.trials.total == len(small.trials.table.rows) == 3 * 3 + 3 * 4 * 2
    traced = set()
    for report in (small, full, imported):
        listed = set(report.trials.table.behind)
        for section in report.sections:
            for table in filter(lambda t: names_a_study(report, t), section.tables):
                assert len(table.behind) == len(table.rows), table.title
                traced.add(section.key)
                for row, selection in zip(table.rows, table.behind, strict=True):
                    if selection is None:
                        assert row[0] == "all", table.title
                        continue
                    for part in selection.parts():
                        arms = {g.arms[0] for g in listed if g.study == part.study}
                        assert arms
                        assert set(part.arms) <= arms, table.title
                    if table.columns[0].title == "Study":
                        assert row[0] == selection.study
    expected = {"effects", "choice", "correlations", "trust", "shares", "failures", "limits"}
    assert traced == expected | {"colocation", "diagnostics", "paper"}


def test_every_link_of_the_page_leads_to_trials(full, imported):
    for report in (full, imported):
        page = render_html(report)
        data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page)
        selections = json.loads(data[1])["behind"]
        linked = {int(number) for number in re.findall(r'href="#trials:(\d+)"', page)}
        assert linked
        assert linked <= set(range(len(selections)))
        assert all(selection["groups"] for selection in selections)


def test_every_mark_of_a_figure_names_its_trials(full, imported):
    kinds = set()
    for report in (full, imported):
        for figure in (figure for section in report.sections for figure in section.figures):
            kinds.add(figure.kind)
            parts = {
                "forest": lambda f: [mark.behind for mark in f.marks],
                "scatter": lambda f: [mark.behind for mark in f.marks],
                "heatmap": lambda f: f.behind,
                "pairs": lambda f: [pair.behind for pair in f.pairs],
                "trace": lambda f: [f.behind],
            }[figure.kind](figure)
            assert parts
            assert all(parts), figure.title
    assert {"forest", "scatter", "heatmap", "pairs"} <= kinds


def tables(report, key, title):
    return [t for t in report.section(key).tables if t.title == title]


def test_changes_are_there_in_their_unit_and_relative(small):
    study = "mlp, solo"
    (other,) = tables(small, "effects", f"{study}: time, power and performance in other units")
    (time,) = tables(small, "effects", f"{study}: time and performance")
    (energy,) = tables(small, "effects", f"{study}: energy taken apart")
    (originals,) = tables(small, "effects", "The originals")
    heads = [column.title for column in other.columns]
    assert heads == [
        "Mutant",
        "Δ time (s)",
        "Δ active energy (J)",
        "Δ mean power (W)",
        "Δ accuracy (%)",
        "Δ loss (%)",
    ]
    means = dict(zip([c.title for c in originals.columns], originals.rows[0], strict=True))
    for row, of_time, of_energy in zip(other.rows, time.rows, energy.rows, strict=True):
        changes = {"Time (s)": of_time[1], "Active (J)": of_energy[1], "Power (W)": of_energy[2]}
        for absolute, (name, relative) in zip(row[1:4], changes.items(), strict=True):
            assert absolute == pytest.approx(relative.value * means[name], rel=0.02)
        assert row[4] == pytest.approx(of_time[2].value / 0.9, rel=0.02)


def test_imported_runs_have_every_coefficient_and_say_what_is_missing(imported):
    section = imported.section("correlations")
    (first,) = tables(imported, "correlations", "toy/solo")
    (further,) = tables(imported, "correlations", "toy/solo: further coefficients")
    assert [row[:2] for row in further.rows] == [row[:2] for row in first.rows]
    epochs = dict(zip((c.title for c in further.columns), further.rows[0], strict=True))
    assert further.rows[0][0] == "epochs"
    assert epochs["Kendall's τ [95 %]"].value > 0.7
    assert epochs["Pearson's r [95 %]"].value > 0.99
    assert len(section.figures) == 2
    text = " ".join(imported.section("effects").paragraphs)
    for words in ("forest plot", "Pareto front", "choice of a configuration", "more blocks"):
        assert words in text


def test_a_large_result_set_lists_some_of_each_arm(tmp_path, monkeypatch):
    monkeypatch.setattr("greenbench.report.listed.MOST", 12)
    report = build_report(simulate(tmp_path, [Study(goldens.SMALL, blocks=8)]))
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


def test_marks_of_many_epochs_reach_to_the_end_of_training(tmp_path):
    study = Study(goldens.SMALL, blocks=2, base=DEFAULTS | {"epochs": 250})
    store = simulate(tmp_path, [study], traced=True)
    original, mutant = build_report(store).section("traces").figures
    epochs = [span for span in original.spans if span.what == "epoch"]
    (train,) = [span for span in original.spans if span.what == "train"]
    length_s = (train.end_s - train.start_s) / 250
    assert [span.label for span in epochs[:2]] == ["epoch 1", "epoch 3"]
    assert epochs[-1].start_s == pytest.approx(train.end_s - 2 * length_s, rel=1e-3)
    assert original.notes[0] == "Of the epochs one in 2 is marked."
    assert "marked" not in " ".join(mutant.notes)
    assert len(render_svg(original)) < 120_000


def test_names_among_points_take_few_bytes():
    """Their letters are drawn by reference, not each in its whole path."""
    x = Axis(title="Δ energy", kind="percent")
    marks = [
        Mark(label=f"learning_rate: 0.1 → {n}", x=Interval(n / 10), y=Interval(n)) for n in range(9)
    ]
    few, many = (
        len(render_svg(Scatter(title="t", x=x, y=x, marks=tuple(part))))
        for part in (marks[:1], marks)
    )
    assert (many - few) / 8 < 4_000


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
    simulate(tmp_path / "set", [Study(goldens.SMALL, blocks=5)], traced=True).close()
    done = greenbench("report", tmp_path / "set", env=os.environ | {"COLUMNS": "80"})
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert done.stdout.index("Summary") < done.stdout.index("Mutants against")
    assert re.search(r"gpu/0 +[▁▂▃▄▅▆▇█]{20,} ≤ \d", done.stdout)


def test_the_name_of_the_file_says_the_format(tmp_path):
    simulate(tmp_path / "set", [Study(goldens.SMALL, blocks=2)]).close()
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
    simulate(tmp_path / "set", [Study(goldens.SMALL, blocks=2)]).close()
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
    simulate(tmp_path, [Study(goldens.SMALL, blocks=2)], traced=True).close()
    report = build_report(Store.open(tmp_path, read_only=True))
    assert report.section("traces") is not None

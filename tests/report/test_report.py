"""Reports of whole result sets: what is said, what is never said, and byte for byte."""

import csv
import io
import itertools
import json
import math
import re
import warnings
from pathlib import Path

import jsonschema
import pytest
from goldens import PAIR, TRUTHS, now_utc, terminal, without_code
from shapes import PAPER_COLUMNS, paper_row, paper_rows, write
from simulated import ESTIMATE, Study, Truth, change, null, simulate

from greenbench.api import Change, Mutation, Scenario
from greenbench.imports import import_file
from greenbench.report import (
    build_report,
    list_results,
    render_csv,
    render_html,
    render_json,
    render_latex,
    render_markdown,
    render_svg,
    report_schema,
    results_json,
    results_table,
)
from greenbench.report.compare import compare
from greenbench.report.model import Column, Interval, Report, Section, Table
from greenbench.store import Store

SCHEMA = jsonschema.Draft202012Validator(report_schema())
VERDICTS = r"greener|costlier|unchanged|inconclusive|kept|damaged|improved"


@pytest.fixture
def frozen(monkeypatch):
    monkeypatch.setattr("greenbench.store.now_utc", now_utc)


def test_the_same_record_gives_the_same_report(tmp_path, frozen):
    reports = [
        build_report(simulate(tmp_path / name / "set", [Study(TRUTHS)])) for name in ("a", "b")
    ]
    assert reports[0] == reports[1]


def test_summary_comes_first_and_names_the_greenest(tmp_path):
    report = build_report(simulate(tmp_path, [Study(TRUTHS)]))
    assert report.basis == "measured"
    assert report.sections[0].key == "summary"
    text = " ".join(report.sections[0].points)
    assert "30 of 30" not in text
    assert "35 of 35 trials completed" in text
    assert "greenest with performance kept: epochs: 10 → 5" in text
    assert [s.key for s in report.only(["limits", "summary"]).sections] == ["summary", "limits"]
    assert report.section("colocation") is None


def test_warm_ups_are_counted_apart(tmp_path):
    store = simulate(tmp_path, [Study(TRUTHS)], run=9)
    with store.transaction():
        first = "cohort IN (SELECT cohort FROM trials ORDER BY position LIMIT 2)"
        store.connection.execute(f"UPDATE trials SET counted = 0 WHERE {first}")
    report = build_report(store)
    assert report.section("summary").points[0] == (
        "9 of 35 trials completed (26 planned); 2 of them warm-ups, which enter nothing."
    )
    assert "26 of 33 trials were not run yet" in " ".join(report.section("limits").points)


def test_the_methods_say_what_a_reader_needs_to_repeat_the_work(tmp_path):
    """Names, seeds and numbers of the record, and the tests of each section that is there."""
    session = {
        "images": {"mlp": "greenbench/mlp:1 sha256:0123", "cnn": "greenbench/mlp:1 sha256:0123"},
        "limits": {"threads": 3, "memory_mb": 2048, "gpus": ["all"]},
        "cooldown": {
            "enabled": True,
            "limit_s": 45.0,
            "temperature_margin_c": 3.0,
            "idle_power_margin": 0.1,
        },
        "measure": {"period_s": 0.25, "idle_s": 61.0, "idle_between_s": 11.0, "ready_idle_s": 5.5},
        "data": {"mnist": "sha256:4567"},
    }
    studies = [Study(TRUTHS, blocks=6), Study(TRUTHS, blocks=6, scenario=PAIR)]
    outcomes = {9: {"energy_j": 90_000.0}}
    store = simulate(tmp_path / "full", studies, outcomes=outcomes, session_facts=session, seed=77)
    paragraphs = build_report(store).section("methods").paragraphs
    text = " ".join(paragraphs)
    said = [
        "The suite simulated was run by greenbench 0.1.0, planned with the seed 77.",
        "mlp, solo, mlp, homogeneous ×2: 6 blocks of 2 originals, 4 mutants, 1 A/A arm",
        "by the executor process",
        "cnn, mlp in greenbench/mlp:1 sha256:0123",
        "3 threads, 2048 MB of memory, GPUs: all",
        "Versions: python 3.11.0",
        "mnist sha256:4567",
        "3.0 °C and power no more than 10 % above idle, for 45.0 s at most",
        "61.0 s at the start of a session, 11.0 s between cohorts, 5.5 s with everything loaded",
        "every 0.25 s: gpu/0 (nvml, counter)",
        "cpu_model Example CPU",
        "Welch's t on logarithms of block means",
        "delta method",
        "Holm over a study's mutants",
        "Pitman and Morgan",
        "half of a study's blocks, drawn 20 times",
        "power 80%",
        "Drift is the slope",
        "3.5 median absolute deviations",
        "every metric with a margin (accuracy 0.01), and the worst word decides",
    ]
    assert [words for words in said if words not in text] == []
    plain = simulate(tmp_path / "plain", [Study(TRUTHS[:1], blocks=2)], channels=[])
    text = " ".join(build_report(plain).section("methods").paragraphs)
    for words in ("Pitman", "delta method", "cross-fitted", "power 80%", "median absolute"):
        assert words not in text, words


@pytest.mark.parametrize("blocks", [2, 6])
def test_estimates_are_labelled_and_conclude_nothing(tmp_path, blocks):
    missing = [
        {"backend": "rapl", "channel": "cpu/package-0", "reason": "no rights", "remedy": "sudo"}
    ]
    studies = [Study(TRUTHS, blocks=blocks), Study(TRUTHS, blocks=blocks, scenario=PAIR)]
    store = simulate(tmp_path, studies, channels=[ESTIMATE], session_facts={"missing": missing})
    report = build_report(store)
    assert report.basis == "estimate"
    for text in (render_markdown(report), terminal(report)):
        assert not re.search(VERDICTS, text)
        assert "verdict" not in " ".join(text.split()).replace("no verdict is given", "")
        assert "CPU time" in text
        assert "estimate" in report.sections[0].points[1]
        assert "no rights" in text
        assert "sudo" in text
    assert all(trial["energy_j"] is None for trial in results_json(store)["trials"])
    assert all(trial["cohort_estimate_j"] > 0 for trial in results_json(store)["trials"])


def test_what_was_not_metered_is_called_quicker_and_never_greener(tmp_path):
    store = simulate(tmp_path, [Study(TRUTHS, blocks=6)], channels=[ESTIMATE])
    text = render_markdown(build_report(store, also=["paper"]).only(["paper"]))
    assert "Quicker alone, by the published test on time:" in text
    assert "Greener" not in text


def test_generated_data_are_called_so_wherever_results_on_them_show(tmp_path):
    """The simulated models are synthetic; one is made a recorded one here."""
    label = "Generated data, not recorded from the world"
    studies = [Study(TRUTHS, blocks=3), Study(TRUTHS, blocks=3, model="real")]
    sets = [simulate(tmp_path / name, studies, traced=True) for name in ("a", "b")]
    for store in sets:
        models = store.facts()["models"]
        models["real"]["synthetic"] = False
        store.connection.execute(
            "UPDATE facts SET value = ? WHERE key = 'models'", (json.dumps(models),)
        )
    report = build_report(sets[0], also=["paper"])
    compared = compare(*sets).report
    for key, found in (("summary", report), ("limits", report), ("summary", compared)):
        assert any(f"{label}: mlp, solo." in point for point in found.section(key).points), key
    assert f"{label}: mlp, solo." in report.section("paper").paragraphs
    figures = [figure for section in report.sections for figure in section.figures]
    of_real = [figure for figure in figures if figure.title.startswith("real")]
    assert {figure.kind for figure in of_real} == {"forest", "scatter", "heatmap", "trace"}
    for figure in figures:
        assert (f"{label}." in figure.notes) == (figure not in of_real), figure.title
    for section in compared.sections:
        assert all(f"{label}." in figure.notes for figure in section.figures)
    shown = terminal(report.only(["effects", "traces"]))
    drawn = sum(figure.kind in ("forest", "trace") for figure in figures if figure not in of_real)
    assert shown.count(label) == drawn


def test_too_few_blocks_print_no_p(tmp_path):
    report = build_report(simulate(tmp_path, [Study(TRUTHS, blocks=2)]))
    title = "mlp, solo: tests beside the intervals"
    table = next(t for t in report.section("effects").tables if t.title == title)
    assert {row[2] for row in table.rows if row[0] != "null 1"} == {"too few to tell"}
    alone = build_report(simulate(tmp_path / "one", [Study(TRUTHS, blocks=1)]))
    table = next(t for t in alone.section("effects").tables if t.title == "mlp, solo: energy")
    assert {row[3] for row in table.rows if row[0] != "null 1"} == {"too few to tell"}
    assert {row[4] for row in table.rows} == {"inconclusive", "A/A arm"}
    assert any("too few to tell" in point for point in report.section("limits").points)


NASTY = "a|b <script>alert(1)</script>\nx\x1b[31mred \u202egnp.exe `c` [l](http://e.x) @me #1 $x$ *b* _i_ www.e.x"


def test_hostile_texts_are_inert(tmp_path):
    mutation = Mutation("optimizer", (Change("optimizer", "sgd", NASTY),))
    store = simulate(
        tmp_path,
        [Study([(mutation, Truth()), (null(), Truth())], model=NASTY, blocks=5)],
        outcomes={0: {"status": "failed", "error": NASTY}},
        facts={"suite_name": NASTY, "suite_description": NASTY},
        session_facts={"host": {"cpu_model": NASTY}, "gives_up": NASTY},
    )
    report = build_report(store)
    markdown = render_markdown(report)
    for text in (markdown, terminal(report, 400)):
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "\\u202e" in terminal(report, 400)
    assert "<script" not in markdown
    assert not re.search(r"[^\\]\]\(|http://|www\.|@me|[^\\]`", markdown)
    for block in re.findall(r"(?:^\|.*\n)+", markdown, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1
    json.dumps(results_json(store), allow_nan=False)


def test_plain_names_stay_readable(tmp_path):
    text = render_markdown(build_report(simulate(tmp_path, [Study(TRUTHS)])))
    assert "| learning_rate: 0.1 → 0.01 |" in text
    assert "−50" in text or "−49" in text


def test_terminal_keeps_to_its_width(tmp_path):
    report = build_report(simulate(tmp_path, [Study(TRUTHS), Study(TRUTHS, scenario=PAIR)]))
    for width in (40, 80, 200):
        lines = terminal(report, width).splitlines()
        assert max(map(len, lines)) <= width
        assert lines[0].startswith("greenbench: simulated")
    assert re.search(
        r"epochs: 10 → 5 .*−\d+\.\d % \[−\d+\.\d, −\d+\.\d\] .*greener", terminal(report)
    )


def test_a_verdict_stays_in_one_piece_in_a_crowded_table():
    columns = [Column("Mutant"), Column("Runs", "count"), Column("Δ energy (J)", "change")]
    columns += [Column("Δ energy [95 %]", "percent"), Column("p", "p"), Column("δ", "coefficient")]
    columns += [Column("Verdict"), Column("Δ test_accuracy [95 %]", "change")]
    row = ("learning_rate: 0.01 → 0.0059593217089678", 2, -1084.0, Interval(1.0, -0.999, 282.125))
    row += (0.998, -0.33, "inconclusive", Interval(82.4, 75.6, 89.3))
    table = Table(title="A study", columns=tuple(columns), rows=(row,))
    report = Report(
        title="", basis="measured", sections=(Section(key="effects", title="", tables=(table,)),)
    )
    assert "inconclusive" in terminal(report, 80)


def study_of(**truth):
    return Study(TRUTHS, **truth)


BAD = {
    "empty plan": {"studies": []},
    "nothing ran": {"studies": [study_of()], "run": 0},
    "half finished": {"studies": [study_of()], "run": 9},
    "one trial": {"studies": [Study(blocks=1, originals=1)]},
    "all failed": {
        "studies": [study_of()],
        "outcomes": {n: {"status": "failed", "error": "boom"} for n in range(99)},
    },
    "no noise": {"studies": [study_of(noise=0, accuracy_noise=0, blocks=6)]},
    "no energy": {"studies": [study_of()], "channels": []},
    "zero energy": {"studies": [study_of()], "outcomes": {n: {"energy_j": 0.0} for n in range(99)}},
    "unknown energy": {
        "studies": [study_of()],
        "outcomes": {n: {"energy_j": None} for n in range(99)},
    },
    "infinite energy": {
        "studies": [study_of()],
        "outcomes": {n: {"energy_j": math.inf} for n in range(0, 99, 3)},
    },
    "every other energy infinite": {
        "studies": [study_of(), Study(TRUTHS, scenario=PAIR)],
        "outcomes": {n: {"energy_j": math.inf} for n in range(0, 99, 2)},
    },
    **{
        f"energy of {energy_j}": {
            "studies": [study_of(), Study(TRUTHS, scenario=PAIR)],
            "outcomes": {n: {"energy_j": energy_j} for n in range(0, 99, 2)},
        }
        for energy_j in (1e-300, 1e300)
    },
    "numbers of every size": {
        "studies": [study_of(), Study(TRUTHS, scenario=PAIR)],
        "outcomes": {
            n: {
                "energy_j": 10.0 ** ((7 * n) % 600 - 300),
                "train_s": 10.0 ** ((11 * n) % 400 - 200),
                "metrics": {
                    "accuracy": 1e-170 * (1 + n % 7),
                    "loss": 10.0 ** ((13 * n) % 600 - 300),
                },
            }
            for n in range(99)
        },
    },
    "settings of every size": {
        "studies": [
            Study([(change("epochs", value), Truth()) for value in (1e300, -1e300, 1e-300, 1e308)])
        ],
    },
    "all diverged": {
        "studies": [study_of()],
        "outcomes": {n: {"metrics": {"accuracy": math.nan, "loss": math.inf}} for n in range(99)},
    },
    "no metrics": {"studies": [study_of()], "outcomes": {n: {"metrics": {}} for n in range(99)}},
    "huge metrics": {
        "studies": [study_of()],
        "outcomes": {n: {"metrics": {"accuracy": 1e308 * (-1) ** n}} for n in range(99)},
    },
    "no originals": {"studies": [Study(TRUTHS, originals=0)]},
    "one block": {"studies": [study_of(blocks=1)]},
    "no facts": {
        "studies": [study_of(), Study(TRUTHS, scenario=PAIR)],
        "facts": {"studies": [], "models": {}},
        "session_facts": {"channels": [], "host": {}, "versions": {}, "measure": None},
    },
}


@pytest.mark.parametrize("name", BAD)
def test_any_record_gets_a_report(tmp_path, name, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        store = simulate(tmp_path / "one", **BAD[name])
        other = simulate(tmp_path / "two", **BAD[name], seed=2)
        texts = every_view(build_report(store, also=["paper"]))
        every_view(compare(store, other).report)
        json.dumps(results_json(store), allow_nan=False)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""
    assert texts["md"].count("## Summary") == 1


BAD_RUNS = {
    "originals only": [paper_row(run=run) for run in range(3)],
    "one run": [paper_row()],
    "one original": [paper_row(), *(paper_row("epochs", 5, 20, run=run) for run in range(3))],
    "constant": [
        *(paper_row(run=run) for run in range(3)),
        *(paper_row("epochs", value, 20, run=run) for value in (5, 10, 30) for run in range(2)),
    ],
    "no performance": [row | {"performance": ""} for row in paper_rows()],
    "no energy": [row | {"cpu_package_j": "", "dram_j": "", "gpu_j": ""} for row in paper_rows()],
    "zero energy": [row | {"cpu_package_j": 0, "dram_j": 0, "gpu_j": 0} for row in paper_rows()],
    "constant performance": [row | {"performance": 0.5} for row in paper_rows()],
    **{
        f"{column} of {value}": [row | {column: value} for row in paper_rows()]
        for column, value in (("gpu_j", 1e300), ("time_s", 1e-300), ("value", "1" * 5000))
    },
    "huge performance": [
        row | {"performance": 1e300 * (-1) ** place} for place, row in enumerate(paper_rows())
    ],
}


@pytest.mark.parametrize("name", BAD_RUNS)
def test_any_imported_runs_get_a_report(tmp_path, name, capsys):
    runs = write(tmp_path / "runs.csv", PAPER_COLUMNS, BAD_RUNS[name])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        import_file(runs, "paper-runs", tmp_path / "set")
        store = Store.open(tmp_path / "set", read_only=True)
        every_view(build_report(store, also=["paper"]))
        every_view(compare(store, store).report)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def every_view(report):
    """The report in every format, in none of which a number that is none shows as one."""
    data = json.loads(render_json(report))
    SCHEMA.validate(data)
    texts = {
        "md": render_markdown(report),
        "terminal": terminal(report),
        "html": without_code(render_html(report)),
        "latex": render_latex(report),
    }
    for name, text in texts.items():
        assert not re.search(r"\b(nan|inf)\b", text, re.IGNORECASE), name
    # in data an infinite number is the one word that float() reads
    assert not re.search(r"\bnan\b|\binf\b", re.sub(r'"-?inf"', "", json.dumps(data)).lower())
    cells = [cell for row in csv.reader(io.StringIO(render_csv(report))) for cell in row]
    assert not [c for c in cells if re.search(r"\b(nan|inf)\b", c) and c not in ("inf", "-inf")]
    drawn = {figure.kind: figure for s in report.sections for figure in s.figures}
    assert all(render_svg(figure) for figure in drawn.values())
    return texts


def test_diverged_trainings_are_an_outcome_of_their_own(tmp_path):
    store = simulate(
        tmp_path,
        [Study(TRUTHS, blocks=6)],
        shuffled=False,
        outcomes={5: {"metrics": {"accuracy": math.nan, "loss": math.inf}}},
    )
    text = render_markdown(build_report(store))
    row = next(line for line in text.splitlines() if "learning_rate" in line and "diverged" in line)
    assert row.endswith("| diverged | 1 of 6 |")


def test_each_way_to_diverge_is_shown_and_enters_no_mean(tmp_path):
    store = simulate(tmp_path, [Study(TRUTHS, blocks=6)], shuffled=False)
    rates = [
        (attempt, json.loads(mutation))
        for attempt, mutation in store.connection.execute(
            "SELECT a.id, t.mutation FROM attempts a JOIN trials t ON t.key = a.trial"
            " WHERE t.mutation LIKE '%learning_rate%' ORDER BY a.id"
        )
    ]
    means = [build_report(store)]
    for (attempt, _), kind in zip(rates, ("loss_above_start", "at_chance"), strict=False):
        row = {"kind": kind, "metric": "m", "found": 2.0, "limit": 1.0, "text": "t"}
        store.add_rows("divergences", [{"attempt": attempt, **row}])
    means.append(build_report(store))
    before, after = (
        next(
            r
            for t in tables(report)
            if "performance" in t.title
            for r in t.rows
            if "learning" in r[0]
        )
        for report in means
    )
    text = render_markdown(means[1])
    row = next(line for line in text.splitlines() if "learning_rate" in line and "diverged" in line)
    assert row.endswith("| diverged | 2 of 6 |")
    assert "(loss above its start, no better than chance)" in text
    assert before[2] != after[2]  # the change of the metric rests on four blocks now
    assert before[1] == after[1]  # time was spent all the same
    kinds = [trial["divergence"] for trial in results_json(store)["trials"]]
    assert sorted(filter(None, kinds)) == ["at_chance", "loss_above_start"]


def tables(report):
    return [table for section in report.sections for table in section.tables]


def test_results_as_data(tmp_path):
    outcomes = {0: {"status": "failed", "error": "boom", "metrics": {"accuracy": math.nan}}}
    studies = [Study(TRUTHS, blocks=1), Study(TRUTHS, blocks=1, scenario=PAIR)]
    store = simulate(tmp_path / "one", studies, outcomes=outcomes, run=10)
    trials = results_json(store)["trials"]
    assert [trial["key"] for trial in trials] == list(store.statuses())
    assert [t["status"] for t in trials] == list(store.statuses().values())
    failed, solo, pair, planned = trials[0], trials[1], trials[8], trials[-1]
    assert failed["error"] == "boom"
    assert failed["metrics"] == {"accuracy": "nan"}
    assert failed["energy_j"] is failed["cohort_energy_j"] is failed["train_s"] is None
    assert solo["energy_j"] == solo["cohort_energy_j"] > 0
    assert pair["energy_j"] is None
    assert pair["cohort_energy_j"] > 0
    assert planned["status"] == "planned"
    assert planned["attempts"] == 0
    assert next(t for t in trials if t["arm"] == "original")["mutation"] is None
    assert list(results_table(store)["key"]) == [trial["key"] for trial in trials]


def test_results_are_listed_and_broken_ones_named(tmp_path):
    simulate(tmp_path / "good", [Study(TRUTHS, blocks=1)], run=2).close()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "results.sqlite").write_text("not a database")
    rows = {Path(row["folder"]).name: row for row in list_results(tmp_path)}
    assert rows["good"]["trials"] == 7
    assert rows["good"]["completed"] == 2
    assert rows["good"]["suite"] == "simulated"
    assert "can't be read" in rows["bad"]["problem"]


def test_a_read_only_store_reports_too(tmp_path):
    simulate(tmp_path, [Study(TRUTHS)]).close()
    with_writer = build_report(Store.open(tmp_path))
    assert build_report(Store.open(tmp_path, read_only=True)) == with_writer


def test_who_used_it_is_called_modelled_everywhere_and_decides_nothing(tmp_path):
    store = simulate(tmp_path, [Study(TRUTHS), Study(TRUTHS, scenario=PAIR)])
    report = build_report(store)
    section = report.section("shares")
    assert "modelled" in section.title
    for table in section.tables:
        assert "modelled" in table.title
        assert all("modelled" in row[1] for row in table.rows)
        assert sum(row[2] for row in table.rows) == pytest.approx(_energy_of(report, table.title))
    store.connection.execute("DROP TABLE shares")  # a result set from before they were kept
    without = build_report(store)
    assert without.section("shares") is None
    rest = [section.key for section in report.sections if section.key != "shares"]
    assert without.only(rest) == report.only(rest)


def _energy_of(report, title: str) -> float:
    originals = report.section("effects").tables[0]
    return next(row[2] for row in originals.rows if title.startswith(f"{row[0]}:"))


def test_every_number_of_copies_is_its_own_comparison(tmp_path):
    scenarios = [Scenario(), PAIR, Scenario(kind="homogeneous", copies=3)]
    studies = [
        Study(TRUTHS[:1], blocks=2, scenario=s, model=m)
        for m, s in itertools.product("ab", scenarios)
    ]
    report = build_report(simulate(tmp_path, studies))
    titles = [table.title for table in report.section("colocation").tables]
    assert len([t for t in titles if "One training: " in t]) == 4

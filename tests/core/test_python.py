"""A result set from Python: light to import, documented, and the page's examples run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import greenbench
from greenbench.errors import ResultsError, UsageError

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
sys.path.append(str(ROOT / "tests" / "report"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from simulated import Study, Truth, change, null, simulate

    truths = [(change("epochs", n), Truth(energy=n / 10)) for n in (5, 8, 12)]
    truths += [(change("learning_rate", v), Truth()) for v in (0.02, 0.5)] + [(null(), Truth())]
    folder = tmp_path_factory.mktemp("python") / "mine"
    simulate(folder, [Study(truths, blocks=3)]).close()
    return folder


def test_importing_it_loads_nothing_heavy():
    code = "import greenbench, sys; print([m for m in ('pandas', 'scipy', 'click', 'docker') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="open_result"):
        greenbench.open_result  # noqa: B018


def test_the_page_runs_as_it_stands(folder, tmp_path, monkeypatch, capsys):
    (tmp_path / "reports").symlink_to(folder.parent)
    monkeypatch.chdir(tmp_path)
    names = {}
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)):
        exec(compile(block, f"docs/python.md, example {number}", "exec"), names)
    assert names["report"].section("paper").tables
    assert "epochs: 10 → 5" in capsys.readouterr().out


def test_every_column_that_the_page_names_is_there(folder):
    with greenbench.open_results(folder) as results:
        for name, columns in re.findall(
            r"^\| `results\.(\w+)(?:\(cohort\))?` \|[^|]*\|([^|]*)\|", PAGE, re.MULTILINE
        ):
            frame = getattr(results, name)
            frame = frame() if callable(frame) else frame
            text = re.sub(r"\([^)]*\)|`[^`]*`", "", columns)
            named = re.findall(
                r"\b[a-z][a-z0-9_]*[a-z0-9]\b", text.replace(" or ", ", ").replace(" and ", ", ")
            )
            words = {"the", "trial", "columns", "with", "for", "each", "hyperparameter"}
            missing = {n for n in named if n not in frame.columns} - words
            assert not missing, (name, missing)
        assert {"metric.accuracy", "channel.gpu/0"} <= set(results.cohorts.columns)
        assert {"hyperparameter.epochs"} <= set(results.runs.columns)


def test_frames_are_the_callers_own(folder):
    with greenbench.open_results(folder) as results:
        frame = results.cohorts
        frame["energy_j"] = 0.0
        assert (results.cohorts["energy_j"] > 0).all()
        metrics = results.metrics
        assert set(metrics["metric"]) == {"accuracy", "loss"}
        assert len(metrics) == 2 * len(results.trials)
        one = results.cohorts.iloc[0]
        same = metrics[(metrics["cohort"] == one["cohort"]) & (metrics["metric"] == "accuracy")]
        assert same["value"].tolist() == [one["metric.accuracy"]]
        assert "24 trials" in repr(results)
        assert "Summary" in results._repr_html_()


def test_a_report_takes_what_is_stated(folder):
    def texts(report):
        tables = [table for section in report.sections for table in section.tables]
        notes = [note for table in tables for note in table.notes]
        return " ".join([*notes, *report.section("methods").paragraphs])

    stated = {
        "grid_g_per_kwh": 300.0,
        "price_per_kwh": 0.25,
        "currency": "EUR",
        "smallest_effect": 0.02,
    }
    words = ("300 g CO₂e a kWh", "0.25 EUR a kWh", "(2 %)")
    with greenbench.open_results(folder) as results:
        said, plain = texts(results.report(**stated)), texts(results.report())
    assert [word in said for word in words] == [True] * 3
    assert not any(word in plain for word in words)


def test_traces_are_those_of_the_cohort(tmp_path):
    from array import array

    from simulated import GPU, Study, simulate

    from greenbench.energy.samples import SampleChunk

    store = simulate(tmp_path, [Study(blocks=1, originals=2)], channels=[GPU | {"unit_j": 0.001}])
    runs = store.connection.execute("SELECT cohort, start_s, end_s FROM cohort_runs").fetchall()
    for _, start_s, end_s in runs:
        stamps = array("d", [start_s - 1, start_s + 1, end_s - 1, end_s + 1])
        chunk = SampleChunk(
            "gpu/0",
            stamps,
            array("f", [0.0] * 4),
            array("q", [0, 1000, 2000, 3000]),
            array("B", [0] * 4),
        )
        store.add_samples(1, [("gpu/0", stamps[0], stamps[-1], 4, chunk.to_bytes())])
    store.close()
    with greenbench.open_results(tmp_path) as results:
        assert len(results.traces()) == 8
        trace = results.traces(runs[1][0])
        assert trace["energy_j"].tolist() == [1.0, 2.0]
        assert trace["stamp_s"].between(*runs[1][1:]).all()
        with pytest.raises(UsageError, match="no cohort 'nothing'"):
            results.traces("nothing")


def test_nothing_there_is_said(tmp_path):
    with pytest.raises(ResultsError, match="no result set"):
        greenbench.open_results(tmp_path)

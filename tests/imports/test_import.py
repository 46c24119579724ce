"""Measurements made elsewhere: taken as they stand, and everything that is not taken is said."""

import json
import math

import pytest
from shapes import (
    CODECARBON_COLUMNS,
    LAB_COLUMNS,
    PAPER_COLUMNS,
    codecarbon_row,
    lab_row,
    paper_row,
    paper_rows,
    write,
)

from greenbench.analysis import frames
from greenbench.analysis.cohorts import cohorts
from greenbench.errors import ResultsError, UsageError
from greenbench.imports import import_file, load_map, map_names, map_schema, map_text
from greenbench.imports.tables import JOULES
from greenbench.store import Store


def take(tmp_path, columns, rows, name):
    """Imports rows; what was said of them, the trials and the comparable runs."""
    file = write(tmp_path / "runs.csv", columns, rows)
    found = import_file(file, name, tmp_path / "set")
    store = Store.open(tmp_path / "set", read_only=True)
    read = frames.read(store)
    return found, read, cohorts(read), store.facts()


def texts(remarks):
    return {remark.text: len(remark.lines) for remark in remarks}


def test_values_arrive_as_data(tmp_path):
    found, read, table, facts = take(tmp_path, PAPER_COLUMNS, paper_rows(), "paper-runs")
    assert len(table) == len(found.runs) == 105
    assert not found.left_out
    assert not found.gaps
    arms = set(table["mutation"])
    assert {"", "epochs: 20 → 30", "learning_rate: 0.1 → 2.06e-05"} <= arms
    assert len(arms) == 21
    row = found.file.rows[7]
    trial = table[table["cohort"] == f"runs.csv:{row.line}"].iloc[0]
    for channel, column in (("cpu/package", "cpu_package_j"), ("gpu", "gpu_j")):
        assert trial[f"channel.{channel}"] == float(row.cells[column])
    parts = [float(row.cells[c]) for c in ("cpu_package_j", "dram_j", "gpu_j")]
    assert trial["energy_j"] == pytest.approx(math.fsum(parts), rel=1e-15)
    assert trial["train_s"] == float(row.cells["time_s"])
    assert trial["metric.performance"] == float(row.cells["performance"])
    assert json.loads(trial["hyperparameters"]) == {
        "epochs": 12,
        "learning_rate": 0.1,
        "gamma": 0.7,
        "weight_decay": 1e-4,
    }
    assert facts["imported"]["sha256"] == found.file.sha256
    assert facts["imported"]["map_text"] == map_text("paper-runs")
    assert set(read.trials["block"]) == {0}
    assert list(read.windows["kind"].unique()) == ["train"]
    assert frames.shares(Store.open(tmp_path / "set", read_only=True)).empty
    assert not len(read.checks)


def test_missing_energy_is_missing_never_zero(tmp_path):
    rows = [
        paper_row(run=0),
        paper_row(run=1, gpu_j=""),
        paper_row(run=2, cpu_package_j="", dram_j="", gpu_j=""),
        paper_row(run=3, performance="", time_s=52),
        paper_row(run=4, cpu_package_j="", dram_j="", gpu_j="", time_s="", performance=""),
        paper_row(run=5, gpu_j=-3, time_s=51),
    ]
    found, read, table, _ = take(tmp_path, PAPER_COLUMNS, rows, "paper-runs")
    assert texts(found.left_out) == {"nothing measured: no time, no energy, no metric": 1}
    assert texts(found.gaps) == {
        "gpu: the energy is not known: -3 is none": 1,
        "the energy of gpu was not recorded": 2,
        "no energy was recorded": 1,
        "no metric of performance was recorded": 1,
    }
    energies = dict(zip(table["cohort"], table["energy_j"], strict=True))
    assert energies["runs.csv:2"] == 5100.0
    assert math.isnan(energies["runs.csv:3"])
    assert math.isnan(energies["runs.csv:4"])
    reasons = read.energies[read.energies["energy_j"].isna()]["reason"]
    assert set(reasons) == {"not recorded", "recorded as -3"}
    assert not (read.energies["energy_j"] == 0).any()


def test_background_makes_a_study_of_its_own(tmp_path):
    rows = [*paper_rows(), *paper_rows(seed=2, scenario="parallel", background="other")]
    _, _, table, _ = take(tmp_path, PAPER_COLUMNS, rows, "paper-runs")
    assert dict(table.groupby("study")["kind"].first()) == {
        "toy/foreground-other": "foreground",
        "toy/solo": "solo",
    }


def test_what_the_lab_file_teaches_is_said(tmp_path):
    copy = lab_row(3) | {"experiment_id": "run_003", "timestamp": "2026-01-09T00:00:00"}
    rows = [
        lab_row(0),
        lab_row(1),
        lab_row(2, hyperparam_epochs=12, mutated_param="epochs", num_mutated_params=1),
        lab_row(3, hyperparam_epochs=14, mutated_param="epochs", num_mutated_params=1),
        copy | {"hyperparam_epochs": 14, "perf_test_loss": ""},
        lab_row(1, minute=77, duration_seconds=5, hyperparam_seed=7, num_mutated_params=0),
        lab_row(5, hyperparam_batch_size=64, hyperparam_epochs=8, mutated_param="learning_rate"),
        lab_row(6, **dict.fromkeys([c for c in LAB_COLUMNS if c.startswith("hyperparam_")], "")),
        lab_row(7, perf_test_accuracy=4044, energy_gpu_util_avg_percent=0.01),
        lab_row(8, energy_cpu_total_joules=1),
        lab_row(9, training_success="False", error_message="CUDA out of memory"),
        lab_row(10, hyperparam_batch_size="", hyperparam_seed="", hyperparam_epochs=9),
        lab_row(11, hyperparam_batch_size="", hyperparam_seed=""),
    ]
    found, read, table, _ = take(tmp_path, LAB_COLUMNS, rows, "lab-runs")
    assert texts(found.left_out) == {
        "no hyperparameter was recorded, so what ran is not known": 1,
        "what was recorded of the hyperparameters stands at the default and the rest was not"
        " recorded, so what ran is not known": 1,
        "copies: time and energies repeat those of another row to the last digit": 1,
    }
    said = texts(found.findings)
    assert said["ids are used for more than one run; runs are told apart by their line"] == 2
    assert said["energy_cpu_total_joules is not energy_cpu_pkg_joules + energy_cpu_ram_joules"] == 1
    wrong = (
        "the hyperparameter that is said to be changed stands at its default, or was not recorded"
    )
    assert said[wrong] == 1
    idle = next(text for text in said if "hardly used" in text)
    assert idle.startswith("examples/mnist: the GPU was hardly used")
    assert said[idle] == 1
    assert texts(found.gaps)["only some of the hyperparameters were recorded"] == 1
    assert texts(found.gaps)[
        "test_accuracy: not known, since what was recorded lies outside [0, 100]"
    ]
    failed = read.trials[read.trials["status"] == "failed"].iloc[0]
    assert failed["error"] == "CUDA out of memory"
    assert failed["key"] not in set(table["cohort"])
    arms = dict(zip(table["cohort"], table["arm"], strict=True))
    assert arms["runs.csv:8"] == "batch_size: 32 → 64, epochs: 10 → 8"
    assert arms["runs.csv:2"] == "original"
    partly = read.trials[read.trials["key"] == "runs.csv:13"].iloc[0]
    assert json.loads(partly["hyperparameters"]) == {"epochs": 9, "learning_rate": 0.01}
    starts = table.set_index("cohort")["start_s"]
    assert starts["runs.csv:7"] - starts["runs.csv:2"] == 77 * 60


def test_an_executed_value_that_differs_is_left_out(tmp_path):
    text = map_text("lab-runs").replace(
        "[hyperparameters.defaults]",
        '[hyperparameters.executed]\nepochs = "epochs_run"\n\n[hyperparameters.defaults]',
    )
    chosen = tmp_path / "mine.toml"
    chosen.write_text(text)
    rows = [lab_row(n, epochs_run=n_run) for n, n_run in enumerate((10, 10.0, 1, ""))]
    found, *_ = take(tmp_path, [*LAB_COLUMNS, "epochs_run"], rows, str(chosen))
    assert texts(found.left_out) == {
        "the epochs that was executed differs from the recorded one": 1
    }


def test_codecarbon_estimates_stay_estimates(tmp_path):
    rows = [codecarbon_row(n) for n in range(4)]
    found, read, table, _ = take(tmp_path, CODECARBON_COLUMNS, rows, "codecarbon")
    assert table["energy_j"].tolist() == [
        pytest.approx(row["gpu_energy"] * 3.6e6, rel=1e-15) for row in rows
    ]
    assert table["estimate_j"].notna().all()
    constant = "ram: the energy is a constant power times time, so no sensor was read"
    assert texts(found.findings) == {constant: 4}
    methods = dict(zip(read.channels["name"], read.channels["method"], strict=True))
    assert methods == {"cpu": "estimate", "gpu": "counter", "ram": "estimate"}


def test_a_codecarbon_run_without_a_gpu_measured_nothing(tmp_path):
    rows = [codecarbon_row(n, gpu_energy=0.0) for n in range(3)]
    _, read, table, _ = take(tmp_path, CODECARBON_COLUMNS, rows, "codecarbon")
    assert table["energy_j"].isna().all()
    assert read.energies.loc[read.energies["channel"] == "gpu", "energy_j"].isna().all()


def test_a_diverged_training_is_not_a_missing_one(tmp_path):
    rows = [paper_row(run=0), paper_row(run=1, performance="nan", time_s=51)]
    found, _, table, _ = take(tmp_path, PAPER_COLUMNS, rows, "paper-runs")
    assert not found.gaps
    assert table["diverged"].tolist() == [0, 1]


BAD_FILES = {
    "no file": (None, "can't be read"),
    "empty": (b"", "is empty"),
    "blank": (b"\n\n", "is empty"),
    "header only": (b"subject,scenario\n", "no rows"),
    "wrong encoding": ("ä".encode("latin-1") + b",b\n1,2\n", "isn't utf-8 text"),
    "utf-16": ("a,b\n1,2\n".encode("utf-16-le"), "isn't utf-8 text"),
    "twice": (b"a,a\n1,2\n", "more than once"),
    "ragged": (b"a,b\n1,2\n1,2,3\n", ":3: 3 cells, the header has 2"),
    "quote": (b'a,b\n1,"2\n', "not CSV"),
    "other columns": (b"subject,scenario,cpu_package\na,solo,1\n", 'did you mean "cpu_package"?'),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_files_that_cant_be_used_say_why(tmp_path, greenbench, name):
    data, message = BAD_FILES[name]
    file = tmp_path / "runs.csv"
    if data is not None:
        file.write_bytes(data)
    ran = greenbench("import", file, "--map", "paper-runs", "--results", tmp_path / "set")
    assert ran.returncode == 2
    assert message in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "set").exists()


def test_cells_that_are_not_numbers_are_named(tmp_path):
    rows = [
        paper_row(run=0, gpu_j="12,5"),
        paper_row(run=1, scenario="both"),
        paper_row("epochs", "", 20, 2),
        paper_row("epochs", 22, 20, 3),
        paper_row("epochs", 22, 21, 4, performance="good"),
        paper_row("gamma,epochs", 22, 20, 5),
    ]
    file = write(tmp_path / "runs.csv", PAPER_COLUMNS, rows)
    with pytest.raises(UsageError) as error:
        import_file(file, "paper-runs", tmp_path / "set")
    text = str(error.value)
    for problem in (
        'runs.csv:2: column "gpu_j": found "12,5"; a number is needed',
        'runs.csv:3: column "scenario": found "both"; the map knows: solo, parallel',
        'runs.csv:4: column "value": found ""; epochs is said to be changed here',
        'runs.csv:6: column "default": found "21"; the default of epochs of toy is 20 above',
        'runs.csv:6: column "performance": found "good"; a number is needed',
        'runs.csv:7: column "mutated_hyperparameter": found "gamma,epochs"; one hyperparameter\'s name',
    ):
        assert problem in text


@pytest.mark.parametrize(
    ("cell", "needed"),
    [
        ("", "the block's number is needed"),
        ("a", "a number is needed"),
        *((cell, "blocks are counted 1, 2, 3, …") for cell in ("0", "1.5", "nan", "inf", "1e300")),
    ],
)
def test_blocks_that_are_none_are_named(tmp_path, cell, needed):
    rows = [paper_row(run=1), paper_row("epochs", 5, 20, run=cell)]
    file = write(tmp_path / "runs.csv", PAPER_COLUMNS, rows)
    text = map_text("paper-runs")
    (tmp_path / "map.toml").write_text(text.replace("[run]\n", '[run]\nblock = "run"\n'))
    with pytest.raises(UsageError) as error:
        import_file(file, str(tmp_path / "map.toml"), tmp_path / "set")
    problem, *_ = str(error.value).splitlines()
    assert problem == f'runs.csv:3: column "run": found "{cell}"; {needed}'
    assert str(error.value).count("runs.csv:") == 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('time = "time_s"', 'tiem = "time_s"', 'did you mean "time"?'),
        ('column = "gpu_j"', 'column = "gpu_joule"', 'did you mean "gpu_j"?'),
        ('method = "power"', 'method = "guess"', 'allowed: "counter", "power" or "estimate"'),
        ('channel = "gpu"', 'channel = "cpu/dram"', "each channel once, not cpu/dram twice"),
        ('value = "value"\n', "", "changed, value and default together"),
        ('source = "nvidia-smi"\n', "", "is missing: the tool that recorded it"),
        ("margin = 0.01", "margin = -1", "0 or more"),
        ('model = ["subject"]', "model = [", "not TOML"),
    ],
)
def test_a_wrong_map_is_put_right_by_its_message(tmp_path, old, new, message):
    text = map_text("paper-runs")
    assert old in text
    chosen = tmp_path / "mine.toml"
    chosen.write_text(text.replace(old, new))
    file = write(tmp_path / "runs.csv", PAPER_COLUMNS, paper_rows())
    with pytest.raises(UsageError) as error:
        import_file(file, str(chosen), tmp_path / "set")
    assert message in str(error.value)
    assert str(chosen) in str(error.value)


def test_maps_are_found_by_name_and_named_when_not():
    assert map_names() == ["codecarbon", "lab-runs", "paper-runs"]
    with pytest.raises(UsageError, match='did you mean "paper-runs"'):
        load_map("paper_run")


def test_the_schema_is_one_that_editors_complete_from():
    schema = map_schema()
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == {"name", "run"}
    energy = schema["$defs"]["EnergyTable"]["properties"]
    assert energy["unit"]["enum"] == list(JOULES)
    for table in [schema, *schema["$defs"].values()]:
        assert all(
            "description" in field or "$ref" in str(field) for field in table["properties"].values()
        )


def test_a_second_import_never_overwrites(tmp_path):
    file = write(tmp_path / "runs.csv", PAPER_COLUMNS, paper_rows())
    import_file(file, "paper-runs", tmp_path / "set")
    with pytest.raises(ResultsError, match="already holds"):
        import_file(file, "paper-runs", tmp_path / "set")


def test_the_command_says_what_it_took(tmp_path, greenbench):
    rows = [*paper_rows(), paper_row(run=9, cpu_package_j="", dram_j="", gpu_j="")]
    file = write(tmp_path / "runs.csv", PAPER_COLUMNS, rows)
    ran = greenbench("import", file, "--map", "paper-runs", "--json")
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert (said["rows"], said["taken"]) == (106, 106)
    assert said["gaps"] == [{"text": "no energy was recorded", "rows": 1, "lines": [107]}]
    assert (tmp_path / "reports" / "runs" / "results.sqlite").exists()
    ran = greenbench("import", file, "--map", "paper-runs", "--results", "other")
    assert "106 of 106 rows taken from runs.csv." in ran.stdout
    assert "no energy was recorded (line 107)" in ran.stdout

"""A few synthetic rows of the shape of each file that a ready map is for."""

import csv
import random
from pathlib import Path

PAPER_COLUMNS = [
    "subject",
    "scenario",
    "background",
    "mutated_hyperparameter",
    "value",
    "default",
    "run",
    "cpu_package_j",
    "dram_j",
    "gpu_j",
    "time_s",
    "performance",
]
LAB_COLUMNS = [
    "experiment_id",
    "timestamp",
    "repository",
    "model",
    "is_parallel",
    "training_success",
    "duration_seconds",
    "retries",
    "error_message",
    "hyperparam_alpha",
    "hyperparam_batch_size",
    "hyperparam_dropout",
    "hyperparam_epochs",
    "hyperparam_kfold",
    "hyperparam_learning_rate",
    "hyperparam_max_iter",
    "hyperparam_seed",
    "hyperparam_weight_decay",
    "perf_accuracy",
    "perf_best_val_accuracy",
    "perf_map",
    "perf_precision",
    "perf_rank1",
    "perf_rank5",
    "perf_recall",
    "perf_test_accuracy",
    "perf_test_loss",
    "perf_eval_loss",
    "perf_final_training_loss",
    "perf_top1_accuracy",
    "perf_top5_accuracy",
    "perf_top10_accuracy",
    "perf_top20_accuracy",
    "energy_cpu_pkg_joules",
    "energy_cpu_ram_joules",
    "energy_cpu_total_joules",
    "energy_gpu_total_joules",
    "energy_gpu_util_avg_percent",
    "num_mutated_params",
    "mutated_param",
    "bg_repository",
    "bg_model",
    "fg_duration_seconds",
]
CODECARBON_COLUMNS = [
    "timestamp",
    "project_name",
    "run_id",
    "experiment_id",
    "duration",
    "emissions",
    "emissions_rate",
    "cpu_power",
    "gpu_power",
    "ram_power",
    "cpu_energy",
    "gpu_energy",
    "ram_energy",
    "energy_consumed",
    "codecarbon_version",
]


def write(path: Path, columns, rows) -> Path:
    """A CSV file of `rows`, mappings; a column that a row lacks is an empty cell."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def paper_row(mutated="", value="", default="", run=0, **known):
    row = {
        "subject": "toy",
        "scenario": "solo",
        "mutated_hyperparameter": mutated,
        "value": value,
        "default": default,
        "run": run,
        "cpu_package_j": 1000.0,
        "dram_j": 100.0,
        "gpu_j": 4000.0,
        "time_s": 50.0,
        "performance": 0.9,
    }
    return row | known


def paper_rows(*, seed=1, subject="toy", scenario="solo", background="", drift=0.0):
    """Originals, epochs that scale energy and time, a learning rate that only moves performance, a
    gamma that nothing responds to, and a weight decay that does nothing but was run on another
    day, with `drift` (relative) more power."""
    noise = random.Random(seed)
    who = {"subject": subject, "scenario": scenario, "background": background}

    def measured(time=1.0, power=1.0, performance=0.0):
        time_s = 100 * time * (1 + noise.gauss(0, 0.003))
        factor = power * (1 + noise.gauss(0, 0.003))
        return {
            "time_s": time_s,
            "cpu_package_j": 30 * factor * time_s,
            "dram_j": 3 * factor * time_s,
            "gpu_j": 100 * factor * time_s,
            "performance": 0.9 + performance + noise.gauss(0, 0.001),
        }

    rows = [paper_row(run=run, **who, **measured()) for run in range(5)]
    for name, default, values in (
        ("epochs", 20, (12, 16, 22, 26, 30.0)),
        ("learning_rate", 0.1, (0.02, 0.05, 2.06e-05, 0.3, 0.9)),
        ("gamma", 0.7, (0.2, 0.4, 0.9, 1.5, 2.0)),
        ("weight_decay", 1e-4, (2e-5, 5e-5, 1.5e-4, 2e-4, 2.9e-4)),
    ):
        for value in values:
            effect = {
                "epochs": {"time": value / 20},
                "learning_rate": {"performance": -abs(value - 0.1) / 5},
                "gamma": {},
                "weight_decay": {"power": 1 + drift},
            }[name]
            rows += [
                paper_row(name, value, default, run, **who, **measured(**effect))
                for run in range(5)
            ]
    return rows


def lab_row(number, minute=None, **known):
    minute = number if minute is None else minute
    row = {
        "experiment_id": f"run_{number:03}",
        "timestamp": f"2026-01-{1 + minute // 1440:02}T{minute // 60 % 24:02}:{minute % 60:02}:00.5",
        "repository": "examples",
        "model": "mnist",
        "is_parallel": "False",
        "training_success": "True",
        "duration_seconds": 190.0 + number,
        "hyperparam_batch_size": 32,
        "hyperparam_epochs": 10,
        "hyperparam_learning_rate": 0.01,
        "hyperparam_seed": 1,
        "perf_test_accuracy": 98.0 + number / 100,
        "perf_test_loss": 0.03 + number / 1000,
        "energy_cpu_pkg_joules": 7000.0 + number,
        "energy_cpu_ram_joules": 500.0 + number,
        "energy_cpu_total_joules": 7500.0 + 2 * number,
        "energy_gpu_total_joules": 18000.0 + 3 * number,
        "energy_gpu_util_avg_percent": 60.0,
        "num_mutated_params": 0,
    }
    return row | known


def codecarbon_row(number, **known):
    cpu, gpu, ram = 0.001 + number**2 / 1e5, 0.002 + number**2 / 1e5, 20.0 * (100 + number) / 3.6e6
    row = {
        "timestamp": f"2026-01-01T00:00:0{number}",
        "project_name": "codecarbon",
        "run_id": f"id-{number}",
        "duration": 100.0 + number,
        "cpu_energy": cpu,
        "gpu_energy": gpu,
        "ram_energy": ram,
        "energy_consumed": cpu + gpu + ram,
        "codecarbon_version": "3.0.0",
    }
    return row | known

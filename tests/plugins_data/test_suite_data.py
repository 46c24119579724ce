"""A suite on a prepared data set: verified before its first trial, mounted, in the record."""

import json

import pytest
from greenbench_data import catalog

from greenbench import datasets
from greenbench.api import Provided

pytest.importorskip("numpy")
pytest.importorskip("torch")
pytestmark = pytest.mark.torch

SUITE = """
name = "prepared"
blocks = 1
[measure]
idle_s = 0.2
idle_between_s = 0.1
ready_idle_s = 0.1
[cooldown]
enabled = false
[limits]
memory_mb = 2048
[[study]]
model = "mnist-cnn"
hyperparameters = {epochs = 1, width = 2, batch_size = 20}
nulls = 0
[[study.mutate]]
operator = "epochs"
values = [2]
[[study]]
name = "generated"
model = "cifar10-resnet20"
hyperparameters = {data = "synthetic-cifar10", data_share = 0.01, epochs = 1, width = 2, batch_size = 20}
nulls = 0
[[study.mutate]]
operator = "epochs"
values = [2]
"""
EXECUTORS = ["process", pytest.param("docker", marks=pytest.mark.docker)]


@pytest.fixture
def suite(tmp_path):
    path = tmp_path / "suite.toml"
    path.write_text(SUITE)
    return path


def run(greenbench, suite, executor, *more):
    out = str(suite.parent / f"out-{executor}")
    options = ["--executor", executor, "--results", out, *more]
    return greenbench("suite", "run", str(suite), *options), suite.parent / f"out-{executor}"


@pytest.mark.parametrize("executor", EXECUTORS)
def test_it_trains_on_it_and_the_record_says_on_what(
    cache, published_mnist, suite, greenbench, executor
):
    offered = Provided("mnist", catalog.MNIST, "greenbench-data", "1.0")
    datasets.prepare(offered, published_mnist, lambda _: None, again=False)
    assert (cache / "mnist" / "train_images.npy").stat().st_mode & 0o777 == 0o644
    done, out = run(greenbench, suite, executor)
    assert done.returncode == 0, done.stdout + done.stderr
    from greenbench.store import Store

    store = Store.open(out)
    session, facts = store.sessions()[-1], store.facts()
    store.close()
    assert session["data"] == {"mnist": datasets.verify(catalog.MNIST).digest}
    studies = {study["study"]: study for study in facts["studies"]}
    assert studies["mnist-cnn/solo"]["synthetic"] is False
    assert studies["generated/solo"]["synthetic"] is True
    report = greenbench("report", str(out), "--format", "md").stdout
    assert "synthetic, CIFAR-10 form" in report
    assert "Generated data, not recorded from the world: generated/solo" in report
    if executor == "process":
        flipped(cache / "mnist" / "test_images.npy")
        again, _ = run(greenbench, suite, executor, "--new", "--results", str(suite.parent / "o2"))
        assert again.returncode == 9
        assert "test_images.npy" in again.stdout + again.stderr


def flipped(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_what_is_not_prepared_stops_the_run_with_both_ways(cache, suite, greenbench):
    done, _ = run(greenbench, suite, "process")
    assert done.returncode == 9
    said = done.stdout + done.stderr
    assert "greenbench data fetch mnist`" in said
    assert "--from FOLDER" in said
    assert "Traceback" not in said


def test_the_plan_shows_what_is_trained_on(cache, suite, greenbench):
    said = greenbench("suite", "plan", str(suite)).stdout
    assert "generated/solo: trains on synthetic-cifar10 (synthetic, CIFAR-10 form)" in said
    plan = json.loads(greenbench("suite", "plan", str(suite), "--json").stdout)
    assert {s["study"]: s["synthetic"] for s in plan["studies"]} == {
        "mnist-cnn/solo": False,
        "generated/solo": True,
    }
    keys = {trial["hyperparameters"]["data"] for trial in plan["trials"]}
    assert keys == {"mnist", "synthetic-cifar10"}

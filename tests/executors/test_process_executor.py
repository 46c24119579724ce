"""The embedded executor: whole trees are counted and ended, secrets stay out, crashes are told."""

import json
import os

import psutil
import pytest

from greenbench.api import Limits
from greenbench.errors import ExecutorError
from greenbench.executors import gpus
from greenbench.executors.process import ProcessExecutor
from greenbench.executors.process_tree import MARKER


@pytest.fixture
def executor():
    return ProcessExecutor()


def test_a_trial_runs_and_ends_well(executor, probe, talk):
    trial = talk(executor, probe)
    trial.until("result")
    assert trial.running.exit() is None
    trial.say_bye()
    ended = trial.wait()
    assert (ended.code, ended.out_of_memory, ended.detail) == (0, False, "")


def test_cpu_time_counts_children_that_have_ended(executor, probe, talk):
    trial = talk(executor, probe)
    trial.until("result", behaviour="burn_in_children")
    before_bye_s = trial.running.cpu_time_s()
    trial.say_bye()
    trial.wait()
    assert before_bye_s >= 0.8
    assert trial.running.cpu_time_s() >= before_bye_s
    assert trial.running.memory_peak_bytes() > 5_000_000


def test_kill_ends_children_that_left_the_session(executor, probe, talk):
    trial = talk(executor, probe)
    trial.until("epoch_begin", behaviour="linger")
    tree = trial.running._tree
    while len(strays := _marked(tree._marker)) < 4:  # supervisor, trainer, child, grandchild
        pass
    assert len({os.getsid(process.pid) for process in strays}) == 2
    trial.running.kill()
    assert _marked(tree._marker) == []
    assert trial.running.exit().code == -9
    trial.running.kill()  # harmless


def test_leftovers_of_a_result_set_are_ended_and_no_others(executor, probe, talk):
    mine, other = talk(executor, probe), talk(executor, probe)
    mine.until("epoch_begin", behaviour="linger")
    other.until("epoch_begin", behaviour="linger")
    removed = executor.remove_leftovers(f"test-{mine.folder.name}")
    assert len(removed) >= 2
    mine.wait()
    assert other.running.exit() is None


def test_secrets_of_the_host_are_not_passed_on(executor, probe, talk, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    trial = talk(executor, probe, Limits(threads=3, scratch_mb=7))
    trial.until("ready")
    inside = json.loads(trial.events["ready"]["environment"]["answer"])
    assert "AWS_SECRET_ACCESS_KEY" not in inside["environment"]
    assert inside["environment"]["OMP_NUM_THREADS"] == "3"
    assert inside["environment"]["CUDA_VISIBLE_DEVICES"] == ""
    assert inside["home"] == str(trial.folder / "scratch")
    assert (inside["core"], inside["file_bytes"]) == (0, 7 * 1024 * 1024)


def test_a_crash_before_the_socket_is_told_with_its_last_words(executor, probe, talk, monkeypatch):
    monkeypatch.setattr("greenbench.executors.process.sys.executable", "/bin/false")
    trial = talk(executor, probe)
    assert trial.wait().code == 1
    monkeypatch.undo()
    broken = trial.folder / "broken"
    (broken / "greenbench").mkdir(parents=True)
    (broken / "greenbench" / "__init__.py").write_text("raise RuntimeError('half an install')")
    monkeypatch.setenv("PYTHONPATH", str(broken))
    assert "half an install" in talk(executor, probe).wait().detail


def test_a_missing_framework_is_found_before_the_first_trial(
    executor, tmp_path, monkeypatch, probe, write_distribution
):
    from dataclasses import replace

    folder = write_distribution(
        tmp_path / "more", "needy", {}, metadata='Requires-Dist: no-such-thing ; extra == "nst"\n'
    )
    monkeypatch.syspath_prepend(folder)
    needy = replace(probe, distribution="needy", value=replace(probe.value, framework="nst"))
    with pytest.raises(ExecutorError, match="needs no-such-thing") as caught:
        executor.prepare([needy], Limits(), print)
    assert "pip install 'needy[nst]'" in caught.value.remedy
    assert "Python 3" in executor.prepare([probe], Limits(), print)["probe"]


def test_gpus_without_a_driver_are_refused_before_the_first_trial(executor, probe, monkeypatch):
    monkeypatch.setattr(gpus, "DRIVER_FILES", ())
    with pytest.raises(ExecutorError, match="no NVIDIA driver"):
        executor.prepare([probe], Limits(gpus=("all",)), print)


@pytest.mark.parametrize(
    ("asked", "visible"),
    [((), ""), (("all",), None), (("count:2",), "0,1"), (("1", "GPU-ab"), "1,GPU-ab")],
)
def test_gpus_asked_for_are_the_gpus_seen(asked, visible):
    assert gpus.gpu_request(asked).visible_devices() == visible


def _marked(marker):
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARKER) == marker and process.status() != "zombie":
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found

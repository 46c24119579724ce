"""Workers are believed on a host that is slow: to start the others, or to listen."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

from greenbench.api import HOLDER_LABEL, Launch, Limits
from greenbench.cohort import CohortRun
from greenbench.conversation import STAMP_LIMIT_S
from greenbench.executors.process import ProcessExecutor
from greenbench.plan import build_plan
from greenbench.plugins import load_plugins
from greenbench.suite.load import parse_suite

SUITE = """
name = "slow"
blocks = 1
[[study]]
model = "trouble"
scenarios = [{kind = "homogeneous", copies = 3}]
hyperparameters = {epochs = 1, epoch_s = 0.0}
"""


class SlowExecutor(ProcessExecutor):
    """Three starts take longer than an event may wait to be read."""

    def start(self, launch):
        running = super().start(launch)
        time.sleep(0.45 * STAMP_LIMIT_S)
        return running


class Listener:
    """Hears everything and wants nothing."""

    def started(self, slot, running):
        pass

    def released(self, go_s):
        pass

    def heard(self, slot, events):
        pass

    def pulse(self):
        return True


class Absent(Listener):
    """Is away for longer than an event may wait, in a commit on a slow disk say, while training
    goes on."""

    def heard(self, slot, events):
        if any(event.kind == "train_begin" for event in events):
            time.sleep(1.5 * STAMP_LIMIT_S)


def outcome(executor, listener):
    """The status of a cohort of three, and what is held against its members."""
    plugins = load_plugins()
    plan = build_plan(parse_suite(SUITE, plugins), plugins)
    cohort = next(cohort for cohort in plan.cohorts if cohort.counted)
    with tempfile.TemporaryDirectory(prefix="gb-") as folder:
        launches = []
        for trial in cohort.trials:
            directory = Path(folder) / str(trial.slot)
            directory.mkdir()
            launches.append(
                Launch(
                    trial=trial,
                    model=plugins.models["trouble"],
                    limits=replace(Limits(), scratch_mb=64),
                    directory=directory,
                    labels={HOLDER_LABEL: "slow"},
                )
            )
        run = CohortRun(executor, launches, listener)
        return run.run(), [member.error for member in run.members]


def test_what_the_first_workers_say_is_heard_while_the_last_ones_start():
    assert outcome(SlowExecutor(), Listener()) == ("completed", [None] * 3)


def test_what_workers_say_while_the_host_is_away_is_believed():
    assert outcome(ProcessExecutor(), Absent()) == ("completed", [None] * 3)

"""A cohort whose workers take long to start: the first ones speak long before the last is there."""

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


def test_what_the_first_workers_say_is_heard_while_the_last_ones_start():
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
        run = CohortRun(SlowExecutor(), launches, Listener())
        status = run.run()
    assert (status, [member.error for member in run.members]) == ("completed", [None] * 3)

"""A model distribution on disk that misbehaves on request, and the host's side of its socket."""

import base64
import contextlib
import hashlib
import json
import os
import socket
import tempfile
import time
from pathlib import Path

import pytest

from greenbench import protocol
from greenbench.api import (
    HOLDER_LABEL,
    Hyperparameter,
    Launch,
    Limits,
    Metric,
    Model,
    Provided,
    Scenario,
    Trial,
)

BASE_VARIABLE = "GREENBENCH_TEST_BASE"
"""The base image to build from where no registry is in reach; `scripts/test` sets it."""

TRAINER = """
import os, subprocess, sys, time

class Trainer:
    def __init__(self, hyperparameters, conditions):
        self.hyperparameters = hyperparameters
        self.conditions = conditions

    def prepare(self): pass
    def synchronize(self): pass

    def train(self, progress):
        with progress.epoch(1):
            getattr(self, self.hyperparameters["behaviour"])()

    def test(self, progress):
        return {"accuracy": 1.0}

    def effective(self):
        return dict(self.hyperparameters)

    def environment(self):
        return {"answer": self.answer()}

    def answer(self):
        from .inside import facts
        return facts(self.conditions)

    def nothing(self): pass

    def burn(self, seconds=0.4):
        end = time.process_time() + seconds
        while time.process_time() < end: pass

    def burn_in_children(self):
        code = "import time\\nwhile time.process_time() < 0.4: pass"
        for _ in range(2):
            subprocess.run([sys.executable, "-c", code], check=True)

    def linger(self):
        code = "import os, time\\nos.setsid()\\nif os.fork() == 0: time.sleep(600)\\ntime.sleep(600)"
        subprocess.Popen([sys.executable, "-c", code])
        time.sleep(600)

    def eat_memory(self):
        eaten = []
        while True:
            eaten.append(bytearray(16 << 20))
"""

INSIDE = """
import json, os, pathlib, resource

def attempt(action):
    try:
        action()
    except OSError as error:
        return type(error).__name__ + " " + str(error.errno)
    return "done"

def facts(conditions):
    status = dict(
        line.split(":", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines()
    )
    scratch = pathlib.Path(conditions.scratch)
    return json.dumps({
        "uid": os.getuid(), "gid": os.getgid(), "home": os.environ.get("HOME"),
        "capabilities": status["CapEff"].strip(), "no_new_privileges": status["NoNewPrivs"].strip(),
        "seccomp": status["Seccomp"].strip(),
        "interfaces": sorted(os.listdir("/sys/class/net")),
        "root": attempt(lambda: open("/root-file", "w")),
        "run_folder": attempt(lambda: open("/run/greenbench/file", "w")),
        "scratch": attempt(lambda: (scratch / "file").write_text("x")),
        "data": conditions.data and (conditions.data / "set.txt").read_text(),
        "data_write": conditions.data and attempt(lambda: (conditions.data / "f").write_text("x")),
        "scratch_bytes": os.statvfs(scratch).f_blocks * os.statvfs(scratch).f_frsize,
        "shm_bytes": os.statvfs("/dev/shm").f_blocks * os.statvfs("/dev/shm").f_frsize,
        "affinity": sorted(os.sched_getaffinity(0)),
        "core": resource.getrlimit(resource.RLIMIT_CORE)[1],
        "file_bytes": resource.getrlimit(resource.RLIMIT_FSIZE)[1],
        "environment": dict(os.environ),
    })
"""

LINE = 'VERSION_LINE = "one"\n'


def _write_distribution(folder, name, files, *, version="1.0", metadata="", entry_points=""):
    """An installed distribution as an installer leaves it: files, metadata and RECORD."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    contents = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": entry_points,
        f"{info}/INSTALLER": "test\n",
    }
    lines = []
    for path, text in contents.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()
        lines.append(f"{path},sha256={digest.rstrip('=')},{len(text.encode())}")
    (folder / info / "RECORD").write_text("\n".join([*lines, f"{info}/RECORD,,", ""]))
    return folder


@pytest.fixture
def write_distribution():
    return _write_distribution


@pytest.fixture
def write_editable(tmp_path, monkeypatch):
    """Installs `name` editable from a folder `src`, as hatchling leaves it; for this test only."""

    def write(name, files, **more):
        source = tmp_path / f"{name}-source"
        for path, text in files.items():
            (source / "src" / path).parent.mkdir(parents=True, exist_ok=True)
            (source / "src" / path).write_text(text)
        (source / "pyproject.toml").write_text("[project]\n")
        site = _write_distribution(
            tmp_path / f"{name}-site", name, {f"_{name}.pth": str(source / "src")}, **more
        )
        (site / f"{name.replace('-', '_')}-1.0.dist-info" / "direct_url.json").write_text(
            json.dumps({"url": f"file://{source}", "dir_info": {"editable": True}})
        )
        monkeypatch.syspath_prepend(site)
        monkeypatch.syspath_prepend(source / "src")
        return source / "src"

    return write


@pytest.fixture
def probe(tmp_path, monkeypatch):
    """The model `probe`, installed for this test only."""
    folder = _write_distribution(
        tmp_path / "installed",
        "greenbench-probe",
        {
            "greenbench_probe/__init__.py": LINE,
            "greenbench_probe/trainer.py": TRAINER,
            "greenbench_probe/inside.py": INSIDE,
        },
        metadata="Requires-Dist: greenbench\n",
    )
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    model = Model(
        name="probe",
        framework="plain",
        trainer="greenbench_probe.trainer:Trainer",
        hyperparameters=(Hyperparameter(name="behaviour", default="nothing"),),
        metrics=(Metric(name="accuracy", direction="maximize"),),
    )
    return Provided("probe", model, "greenbench-probe", "1.0")


@pytest.fixture(scope="session")
def plain_image(docker_engine):
    """The framework image `plain`, built from the base image that this machine can get."""
    from greenbench.executors.images import ImageBuilder
    from greenbench.executors.inventory import list_images

    base = os.environ.get(BASE_VARIABLE)
    yield ImageBuilder(docker_engine, print, base=base).ensure_framework("plain")
    for image in list_images(docker_engine):
        if image.distribution.startswith("greenbench-probe"):
            docker_engine.client.remove_image(image.id, force=True)


class Talk:
    """The host's end of one trial: starts it, says what a runner would say, keeps the events."""

    def __init__(self, executor, model, folder, limits, data=None, cpus=(), cpu_quota=None):
        self.folder = folder
        self.events = {}
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(folder / "worker.sock"))
        (folder / "worker.sock").chmod(0o666)
        self._server.listen()
        self._server.settimeout(60)
        self._connection = None
        self._model = model
        trial = Trial(
            key="k",
            study="s",
            model=model.name,
            arm="original",
            mutation=None,
            hyperparameters={},
            seed=1,
            block=1,
            cohort="c",
            scenario=Scenario(),
        )
        self.launch = Launch(
            trial=trial,
            model=model,
            limits=limits,
            directory=folder,
            data=data,
            cpus=cpus,
            cpu_quota=cpu_quota,
            labels={HOLDER_LABEL: f"test-{folder.name}", "greenbench.trial": "k"},
        )
        self.running = executor.start(self.launch)

    def until(self, *kinds, behaviour="nothing"):
        """Talks until one of the events `kinds` came; returns its payload."""
        if self._connection is None:
            self._connection, _ = self._server.accept()
            self._connection.settimeout(60)
            self._lines = self._connection.makefile("rb")
        for line in self._lines:
            kind, payload = protocol.decode(line)
            self.events[kind] = payload
            if kind == "hello":
                self._send(
                    "trial",
                    seed=1,
                    threads=1,
                    device="cpu",
                    trainer=self._model.value.trainer,
                    hyperparameters={"behaviour": behaviour},
                )
            elif kind == "ready":
                self._send("go")
            if kind in kinds:
                return payload
        raise AssertionError(f"the worker closed its socket after {list(self.events)}")

    def say_bye(self):
        self._send("bye")

    def wait(self, running=None, limit_s=60):
        """Waits for the end and returns it."""
        running = running or self.running
        deadline_s = time.monotonic() + limit_s
        while time.monotonic() < deadline_s:
            if (ended := running.exit()) is not None:
                return ended
            time.sleep(0.02)
        raise AssertionError("the trial did not end")

    def close(self):
        self.running.kill()
        self.running.remove()
        if self._connection is not None:
            self._lines.close()
            self._connection.close()
        self._server.close()

    def _send(self, kind, **payload):
        self._connection.sendall(protocol.encode(kind, payload))


@pytest.fixture
def talk():
    """Starts trials and leaves nothing of them behind."""
    with contextlib.ExitStack() as stack:

        def start(executor, model, limits=None, **more):
            # a socket's path has to be short
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gb-")))
            folder.chmod(0o755)
            made = Talk(executor, model, folder, limits or Limits(memory_mb=256), **more)
            stack.callback(made.close)
            return made

        yield start

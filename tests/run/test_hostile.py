"""A model that attacks: whatever it tries gets nowhere, and the record says what happened."""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from greenbench.api import HOLDER_LABEL
from greenbench.executors.images import ImageBuilder
from greenbench.store import Store

from .conftest import GREENBENCH

pytestmark = pytest.mark.docker

PLUGIN = Path(__file__).parents[1] / "fixtures" / "plugin-hostile"
SECRET = "hush-4f1c9a"
MEMORY_MB = 160
MAY_GROW_BYTES = 16 * 2**20
"""Of a flood a few events wait for a commit, and its first windows for the cohort's end."""
PIDS = 48

SUITE = """
name = "hostile"
seed = 3
blocks = 1
executor = "docker"
[measure]
idle_s = 0.2
idle_between_s = 0.0
ready_idle_s = 0.0
[cooldown]
enabled = false
[limits]
threads = 1
memory_mb = {memory_mb}
pids = {pids}
scratch_mb = 16
shm_mb = 12
network = {network}
timeout_s = {timeout_s}
ready_timeout_s = 60
[[study]]
model = "hostile"
name = "{name}"
scenarios = [{scenario}]
nulls = 0
originals = 1
[study.hyperparameters]
address = "{address}"
file = "{file}"
secret = "{secret}"
data = "hostile-data"
[[study.mutate]]
operator = "hyperparameter"
options = {{ name = "attack" }}
values = {attacks}
"""

DENIED = (
    "write-everywhere",
    "network",
    "read-the-host",
    "find-the-engine",
    "environment",
    "privileges",
    "system-calls",
    "change-the-data",
    "fork-bomb",
    "eat-memory-in-children",
    "eat-shm",
    "eat-disks",
    "eat-descriptors",
    "kill-the-supervisor",
    "leave-orphans",
)
"""What the walls of the container stop: the trial goes on, and by its own word got nowhere."""

FAILS = {
    "eat-memory": ("out_of_memory", "out of memory|more than 160 MiB"),
    "eat-system-v-memory": ("out_of_memory", "out of memory|more than 160 MiB"),
    "jump-the-gun": ("protocol", "'train_begin' is not allowed in state 'preparing'"),
    "replay": ("protocol", "'epoch_end' is not allowed in state 'training'"),
    "flood-of-log": ("protocol", "a log of more than 1048576 characters"),
    "malformed": ("protocol", "a message can't be read"),
    "nested": ("protocol", "a message can't be read"),
    "oversized": ("protocol", "a message is longer than 65536 bytes"),
    "out-of-order": ("protocol", "'result' is not allowed in state 'in_epoch'"),
    "stamp-past": ("protocol", "out of order or in the future"),
    "stamp-future": ("protocol", "out of order or in the future"),
    "huge-number": ("protocol", "epoch_end is malformed"),
    "broken-text": ("protocol", "a message can't be read"),
    "forge-exit": ("protocol", "'log' after the end"),
    "close-the-channel": ("crash", "exit code"),
    "blame-the-engine": ("crash", "exit code"),
}
"""What is found out: the trial fails, with the kind and the text that are recorded."""

FLOODS = {
    "flood": "more than 1048576 events|s before it came",
    "flood-of-bytes": "more than 134217728 bytes of events",
}


HARMLESS = {
    "write-everywhere": r"create in /(etc|usr)?|make a device|run a program from scratch",
    "change-the-data": "(?!no data).*",
    "leave-the-cores": "leave for .*",
    "privileges": "higher priority|give a file away|become root by .*",
    "system-calls": ".*",
}
"""What gets through in a container of its own without the walls."""
SHARED = {
    "network": r"connect to \('(?!8\.8|169\.254).*|send to .*|(raw|packet) socket|an abstract socket.*",
    "read-the-host": r"read /(?!proc).*prize\.txt|read /(etc/shadow|root)|processes of others",
    "find-the-engine": r"connect to /run/docker.sock|sockets",
    "environment": ".*",
}
"""What gets through in one that shares what it is about with the host."""
CAPABILITIES = (
    *("DAC_READ_SEARCH", "MKNOD", "NET_ADMIN", "NET_RAW", "SYS_ADMIN", "SYS_BOOT"),
    *("SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO"),
)
"""Not `--privileged`: an engine in a container may lack some of all."""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> dict[str, str]:
    """The plugin as a user installs it, for these tests alone: the variables that show it. Its
    data, which everybody may write."""
    target = tmp_path_factory.mktemp("hostile")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--disable-pip-version-check", "--target", str(target)]
    subprocess.run([*command, str(PLUGIN)], check=True)
    paths = [str(target), *filter(None, [os.environ.get("PYTHONPATH")])]
    data = tmp_path_factory.mktemp("data")
    variables = {"PYTHONPATH": os.pathsep.join(paths), "GREENBENCH_DATA": str(data)}
    fetch = [*GREENBENCH, "data", "fetch", "hostile-data"]
    subprocess.run(fetch, check=True, env={**os.environ, **variables})
    for path in (data, *data.rglob("*")):
        path.chmod(0o777)
        if os.geteuid() == 0:
            os.chown(path, 65534, 65534)  # the user inside
    return variables


def bridge_address() -> str:
    """The host as a container could reach it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("172.17.0.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "172.17.0.1"


class Canary:
    """Listens where attacks would arrive: TCP, UDP and an abstract socket of the host."""

    def __init__(self) -> None:
        self.visits: list[str] = []
        tcp = socket.create_server(("0.0.0.0", 0))
        self.port = tcp.getsockname()[1]
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("0.0.0.0", self.port))
        unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        unix.bind(f"\0greenbench-{self.port}")
        unix.listen()
        self.sockets = (tcp, udp, unix)
        for listener in (tcp, unix):
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        threading.Thread(target=self._receive, args=(udp,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, address = listener.accept()
            except OSError:
                return
            connection.close()
            self.visits.append(str(address))

    def _receive(self, udp: socket.socket) -> None:
        while True:
            try:
                _, address = udp.recvfrom(100)
            except OSError:
                return
            self.visits.append(f"UDP {address}")


@pytest.fixture
def canary():
    made = Canary()
    with socket.create_connection((bridge_address(), made.port)):
        pass
    while not made.visits:
        pass
    made.visits.clear()
    yield made
    for listener in made.sockets:
        listener.close()


def run_suite(
    folder: Path,
    variables,
    attacks,
    canary,
    *,
    name="hostile",
    scenario='"solo"',
    network=(),
    timeout_s=40,
):
    """Runs a suite of attacks; returns its exit code, its output and its peak memory (bytes)."""
    folder.mkdir(exist_ok=True)
    prize = folder / "prize.txt"
    prize.write_text("a file of the host")
    path = folder / "suite.toml"
    path.write_text(
        SUITE.format(
            memory_mb=MEMORY_MB,
            pids=PIDS,
            timeout_s=timeout_s,
            name=name,
            scenario=scenario,
            address=f"{bridge_address()}:{canary.port}",
            file=prize,
            secret=SECRET,
            attacks=json.dumps(list(attacks)),
            network=json.dumps(list(network)),
        )
    )
    with (folder / "output.txt").open("w+") as output:
        run = subprocess.Popen(
            [*GREENBENCH, "suite", "run", str(path), "--results", str(folder / "out")],
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **variables, "AWS_SECRET_ACCESS_KEY": SECRET},
        )
        _, status, used = os.wait4(run.pid, 0)
        run.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        assert prize.read_text() == "a file of the host"
        return run.returncode, output.read(), used.ru_maxrss * 1024


def outcomes(folder: Path) -> dict[str, list[sqlite3.Row]]:
    """The counted attempts by attack."""
    connection = sqlite3.connect(folder / "out" / "results.sqlite")
    connection.row_factory = sqlite3.Row
    rows = connection.execute(
        """SELECT a.*, t.hyperparameters, t.slot FROM attempts a JOIN trials t ON t.key = a.trial
           WHERE t.counted = 1 ORDER BY t.position, a.number"""
    ).fetchall()
    connection.close()
    found: dict[str, list[sqlite3.Row]] = {}
    for row in rows:
        found.setdefault(json.loads(row["hyperparameters"])["attack"], []).append(row)
    return found


def heard(folder: Path, attempt: int) -> int:
    """How many events of an attempt are on record."""
    connection = sqlite3.connect(folder / "out" / "results.sqlite")
    (events,) = connection.execute("SELECT COUNT(*) FROM events WHERE attempt = ?", (attempt,))
    connection.close()
    return int(events[0])


def attempts_inside(log: str) -> list[dict]:
    return [json.loads(line) for line in log.splitlines() if line.startswith('{"what"')]


def containers(engine, folder: Path) -> list[dict]:
    """What the engine has of the suite in `folder`."""
    store = Store.open(folder / "out", read_only=True)
    label = f"{HOLDER_LABEL}={store.facts()['result_set']}"
    store.close()
    return engine.client.containers(all=True, filters={"label": label})


def survivors(folder: Path) -> list[int]:
    """Processes that are still in a control group of one of the suite's containers."""
    connection = sqlite3.connect(folder / "out" / "results.sqlite")
    ids = [i for (i,) in connection.execute("SELECT identity FROM attempts") if i]
    connection.close()
    found = []
    for pid in psutil.pids():
        try:
            groups = Path("/proc", str(pid), "cgroup").read_text()
        except OSError:
            continue
        found += [pid] if any(identity in groups for identity in ids) else []
    return found


def test_every_attack_gets_nowhere_and_is_on_record(hostile, canary, docker_engine, tmp_path):
    code, output, _ = run_suite(
        tmp_path / "s", hostile, [*DENIED, *FAILS, "outlive-bye", "starve-the-supervisor"], canary
    )
    assert code == 3, output
    assert "Traceback" not in output
    found = outcomes(tmp_path / "s")
    starved = found.pop("starve-the-supervisor")  # looks as if killed from outside: it is bounded
    assert [row["status"] for row in starved] == ["interrupted"] * 3
    assert all(len(rows) == 1 for rows in found.values()), "a model's own failure is not retried"

    (innocent,) = found["none"]
    assert (innocent["status"], innocent["error"]) == ("completed", None)
    for attack in DENIED:
        (row,) = found[attack]
        tried = attempts_inside(row["log"])
        got_through = [a for a in tried if not a["denied"]]
        assert got_through == [], attack
        assert tried, attack
        assert (row["status"], json.loads(row["metrics"])) == ("completed", {"breaches": 0.0})
    for attack, (kind, text) in FAILS.items():
        (row,) = found[attack]
        assert (attack, row["status"], row["error_kind"]) == (attack, "failed", kind), row["error"]
        assert re.search(text, row["error"]), (attack, row["error"])

    (fork_bomb,) = found["fork-bomb"]
    started = int(re.search(r"(\d+) started", fork_bomb["log"])[1])
    assert PIDS // 2 <= started <= PIDS
    (lingerer,) = found["outlive-bye"]
    assert (lingerer["status"], lingerer["error_kind"]) == ("completed", "lingered")
    assert "stay after bye" in lingerer["log"], "its log is not lost"
    assert canary.visits == []
    assert containers(docker_engine, tmp_path / "s") == []
    assert survivors(tmp_path / "s") == []
    data = Path(hostile["GREENBENCH_DATA"], "hostile-data")
    assert {p.name for p in data.iterdir()} == {"numbers.txt", "manifest.json"}
    assert (data / "numbers.txt").read_text() == "1 2 3"
    (row,) = found["change-the-data"]
    errors = {a["detail"] for a in attempts_inside(row["log"])[1:]}
    assert errors == {"Read-only file system"}, "no other wall hides that one"


@pytest.mark.parametrize("attacks", [HARMLESS, SHARED])
def test_without_the_walls_the_same_attacks_get_through(
    hostile, canary, docker_engine, tmp_path, attacks
):
    """What can't succeed anywhere proves nothing of the walls."""
    image = ImageBuilder(docker_engine, print, base=os.environ.get("GREENBENCH_TEST_BASE"))
    prize = tmp_path / "prize.txt"
    prize.write_text("a file of the host")
    plugin = hostile["PYTHONPATH"].partition(os.pathsep)[0]
    socket_path = docker_engine.endpoint.url.removeprefix("unix://")
    command = ["docker", "run", "--rm", "--interactive", "--entrypoint", "python"]
    command += ["--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"]
    command += [f"--cap-add={name}" for name in CAPABILITIES]
    command += ["-v", f"{plugin}:/plugin:ro", "-e", "PYTHONPATH=/plugin"]
    if attacks is SHARED:
        command += ["--network", "host", "--pid", "host", "-e", f"AWS_SECRET_ACCESS_KEY={SECRET}"]
        command += ["-v", f"{prize}:{prize}:ro", "-v", f"{socket_path}:/run/docker.sock"]
    else:
        data = tmp_path / "data"
        data.mkdir()
        (data / "numbers.txt").write_text("1 2 3")
        command += ["-v", f"{data}:/data"]
    command += [image.ensure_framework("plain").tag, "-P", "-m", "greenbench_hostile.control"]
    command += [bridge_address(), str(canary.port), str(prize), SECRET]
    done = subprocess.run(
        command, input=" ".join(attacks), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    tried = [json.loads(line) for line in done.stdout.splitlines()]
    for attack, able in attacks.items():
        meant = [t for t in tried if t["attack"] == attack and re.fullmatch(able, t["what"])]
        assert meant, attack
        known = [t for t in meant if t["detail"] != os.strerror(errno.ENOSYS)]  # to this kernel
        assert [t for t in known if t["denied"]] == [], attack


def test_a_model_that_the_suite_lets_out_gets_out_and_the_report_says_so(hostile, canary, tmp_path):
    folder = tmp_path / "s"
    run_suite(folder, hostile, ["network"], canary, network=["hostile"])
    (row,) = outcomes(folder)["network"]
    through = [a["what"] for a in attempts_inside(row["log"]) if not a["denied"]]
    assert f"connect to ('{bridge_address()}', {canary.port})" in through
    assert not {"raw socket", "packet socket", "the hypervisor"} & set(through)
    assert canary.visits
    report = subprocess.run(
        [*GREENBENCH, "report", str(folder / "out")], capture_output=True, text=True, check=True
    ).stdout
    assert "Trials of hostile could use a network" in " ".join(report.split())


def test_copies_of_a_hostile_trial_do_not_reach_each_other(hostile, canary, tmp_path):
    folder = tmp_path / "s"
    scenario = '{kind = "homogeneous", copies = 2}'
    run_suite(folder, hostile, ["other-trials"], canary, scenario=scenario)
    _nowhere(outcomes(folder)["other-trials"], at_least=6)


def _nowhere(rows, at_least):
    assert [row["slot"] for row in rows] == [0, 1]
    for row in rows:
        tried = attempts_inside(row["log"])
        assert len(tried) >= at_least
        assert [a for a in tried if not a["denied"]] == []
        assert row["status"] == "completed"


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="two processors are needed to stray")
def test_pinned_members_do_not_leave_their_cores(hostile, canary, tmp_path):
    folder = tmp_path / "s"
    scenario = '{kind = "homogeneous", copies = 2, cores = "pinned"}'
    run_suite(folder, hostile, ["leave-the-cores"], canary, scenario=scenario)
    _nowhere(outcomes(folder)["leave-the-cores"], at_least=3)


def test_a_gigabyte_of_output_and_a_flood_cost_the_host_no_memory(hostile, canary, tmp_path):
    """Coarse on purpose; benchmarks/run/flood.py has the engine's CPU time and the meter's gaps."""
    _, _, calm_bytes = run_suite(tmp_path / "calm", hostile, ["eat-descriptors"], canary)
    loud = ["print-a-gigabyte", "million-events", *FLOODS]
    code, output, loud_bytes = run_suite(tmp_path / "loud", hostile, loud, canary, timeout_s=200)
    assert code == 3, output
    assert loud_bytes - calm_bytes < MAY_GROW_BYTES
    (row,) = outcomes(tmp_path / "loud")["print-a-gigabyte"]
    assert row["status"] == "completed"
    cut = int(re.search(r"greenbench: (\d+) bytes of output were cut here", row["log"])[1])
    assert cut == row["log_dropped_bytes"]
    assert 10**9 - 300_000 < cut < 10**9
    assert len(row["log"]) < 300_000
    assert "a gigabyte of output" in row["log"].splitlines()[-1], "its end is kept"
    (row,) = outcomes(tmp_path / "loud")["million-events"]
    assert (row["status"], row["error"]) == ("completed", None)
    assert heard(tmp_path / "loud", row["id"]) > 10**6, "every event is kept"
    assert re.search(r"495,\d{3} epochs and validations after the first 5,000", output)
    for attack, text in FLOODS.items():
        (row,) = outcomes(tmp_path / "loud")[attack]
        assert row["error_kind"] == "protocol"
        assert re.search(text, row["error"])

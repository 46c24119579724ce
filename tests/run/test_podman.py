"""One suite on Podman's Docker-compatible socket; only where GREENBENCH_TEST_PODMAN=1 asks for it.

It takes root, podman and runc (`apt-get install podman runc`), and nothing of the host's own Podman:
storage and socket are the test's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from .conftest import each_once

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(
        os.environ.get("GREENBENCH_TEST_PODMAN") != "1",
        reason="asked for with GREENBENCH_TEST_PODMAN=1",
    ),
]
START_LIMIT_S = 20


@pytest.fixture
def podman():
    """The URL of a Podman of the test's own, with runc."""
    folder = Path(tempfile.mkdtemp(prefix="gb-podman-"))
    store = ["--root", folder / "root", "--runroot", folder / "run", "--runtime", "runc"]
    url = f"unix://{folder}/podman.sock"
    service = subprocess.Popen(["podman", *store, "system", "service", "--time=0", url])
    end_s = time.monotonic() + START_LIMIT_S
    while not (folder / "podman.sock").exists():
        assert time.monotonic() < end_s, "podman does not start"
        time.sleep(0.1)
    yield url
    subprocess.run(["podman", *store, "rm", "--all", "--force"], check=False, capture_output=True)
    service.terminate()
    service.wait()
    subprocess.run(["umount", folder / "root" / "overlay"], check=False, capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)


def run(*arguments, **variables):
    return subprocess.run(
        [sys.executable, "-c", "from greenbench.cli import main; main()", *map(str, arguments)],
        env={**os.environ, **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_suite_runs_on_podman(podman, suite, tmp_path, docker_engine):
    from greenbench.executors.foundation import of_framework

    archive = tmp_path / "plain.tar"
    exported = run("images", "export", archive, of_framework("plain", "cpu").tag)
    assert exported.returncode == 0, exported.stderr
    imported = run("images", "import", archive, DOCKER_HOST=podman)
    assert imported.stdout in exported.stdout, "the same tag, the same id"
    path = suite(scenarios='["solo", {kind = "homogeneous", copies = 2}]')
    results = ("--results", tmp_path / "out", "--executor", "docker")
    done = run("suite", "run", path, *results, DOCKER_HOST=podman)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Podman Engine" in done.stdout
    each_once(path)
    left = ["podman", "--url", podman, "ps", "--all", "--quiet"]
    assert subprocess.run(left, capture_output=True, text=True, check=True).stdout == ""

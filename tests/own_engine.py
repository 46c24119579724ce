"""An engine of the test's own, on its own socket and data root: a second machine to carry to."""

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from greenbench.errors import ExecutorError
from greenbench.executors.engine import Endpoint, connect

START_LIMIT_S = 60
CAN_START = os.getuid() == 0 and all(map(shutil.which, ("dockerd", "unshare")))


@contextmanager
def own_engine():
    """Starts `dockerd` and yields its endpoint's URL; ends it and removes all it had.

    In a network of its own: an engine without a bridge removes the host's `docker0`, which is
    another engine's.
    """
    folder = Path(tempfile.mkdtemp(prefix="gb-engine-"))
    url = f"unix://{folder}/docker.sock"
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(
            [
                "unshare", "--net", "dockerd", "--host", url, "--data-root", folder / "data",
                "--exec-root", folder / "exec", "--pidfile", folder / "pid",
                "--bridge=none", "--iptables=false",
            ],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        _wait(url, daemon, folder / "log")
        yield url
    finally:
        daemon.terminate()
        daemon.wait(START_LIMIT_S)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(url, daemon, log):
    end_s = time.monotonic() + START_LIMIT_S
    while time.monotonic() < end_s and daemon.poll() is None:
        try:
            connect(Endpoint(url, "the test")).client.close()
        except ExecutorError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"dockerd does not start: {log.read_text()[-2000:]}")

"""An engine of the test's own, on its own socket and data root: another machine to carry to, or one
to kill, to restart, and to deprive of its socket."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psutil

from greenbench.errors import ExecutorError
from greenbench.executors.engine import Endpoint, connect

START_LIMIT_S = 90
CAN_START = os.geteuid() == 0 and all(map(shutil.which, ("dockerd", "unshare")))


class OwnEngine:
    """`dockerd` with its own socket, data, state, containers' namespace and network namespace: an
    engine without a bridge would take the other one's bridge away."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="gb-engine-"))
        self.socket = self.folder / "docker.sock"
        self.url = f"unix://{self.socket}"
        self._daemon: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        folder = self.folder
        (folder / "pid").unlink(missing_ok=True)
        # Where nobody reaps orphans, a zombie passes for the containerd that it was.
        (folder / "exec" / "containerd" / "containerd.pid").unlink(missing_ok=True)
        with (folder / "log").open("ab") as log:
            self._daemon = subprocess.Popen(
                [
                    "unshare", "--net", "dockerd", "--host", self.url,
                    "--data-root", folder / "data", "--exec-root", folder / "exec",
                    "--pidfile", folder / "pid", "--containerd-namespace", folder.name,
                    "--containerd-plugins-namespace", f"{folder.name}-plugins",
                    "--bridge=none", "--iptables=false", "--storage-driver", "overlay2",
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        end_s = time.monotonic() + START_LIMIT_S
        while time.monotonic() < end_s and self._daemon.poll() is None:
            try:
                self.client().close()
            except ExecutorError:
                time.sleep(0.2)
            else:
                return
        raise AssertionError(f"dockerd does not start: {(folder / 'log').read_text()[-2000:]}")

    def client(self):
        """A client of its own, as an independent observer."""
        return connect(Endpoint(self.url, "the test")).client

    def kill(self) -> None:
        """As a crash: the daemon is gone at once; its containers are not asked."""
        assert self._daemon is not None
        os.kill(self._daemon.pid, signal.SIGKILL)
        self._daemon.wait()
        end_s = time.monotonic() + START_LIMIT_S
        while self._containerd_lives() and time.monotonic() < end_s:
            time.sleep(0.05)

    def load(self, image: str) -> None:
        """An image of the shared engine, carried over."""
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saved:
            subprocess.run(
                ["docker", "--host", self.url, "load", "--quiet"],
                stdin=saved.stdout, check=True, capture_output=True,
            )  # fmt: skip

    def _containerd_lives(self) -> bool:
        """It dies with its daemon, by the kernel's doing."""
        try:
            pid = int((self.folder / "exec" / "containerd" / "containerd.pid").read_text())
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except (OSError, ValueError, psutil.Error):
            return False

    def end(self) -> None:
        """Ends it and all it started."""
        if self._daemon is not None and self._daemon.poll() is None:
            with contextlib.suppress(ExecutorError):
                client = self.client()
                for container in client.containers(all=True, quiet=True):
                    client.remove_container(container["Id"], force=True)
            self._daemon.terminate()
            self._daemon.wait(START_LIMIT_S)
        for process in psutil.process_iter(["cmdline"]):  # shims that a killed daemon left
            if any(str(self.folder) in part for part in process.info["cmdline"] or ()):
                for child in process.children(recursive=True):
                    child.kill()
                process.kill()
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for place in reversed([m for m in mounts if m.startswith(str(self.folder))]):
            subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def own_engine():
    """Starts one and yields its endpoint's URL; ends it and removes all it had."""
    engine = OwnEngine()
    try:
        engine.start()
        yield engine.url
    finally:
        engine.end()

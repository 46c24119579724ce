"""Runs a program in a mount namespace in which `/sys/class/powercap` is a simulated tree.

Unmodified pyRAPL (and any other tool with fixed paths) then reads the simulation. Needs root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

_SCRIPT = r"""
set -e
mount -t tmpfs none "$GBSIM_KEEP"
mkdir "$GBSIM_KEEP/sys"
mount --rbind /sys "$GBSIM_KEEP/sys"
mount -t tmpfs none /sys/class
for entry in "$GBSIM_KEEP"/sys/class/*; do ln -s "$entry" /sys/class/; done
rm -f /sys/class/powercap
ln -s "$GBSIM_POWERCAP" /sys/class/powercap
if [ -n "$GBSIM_CPU" ]; then mount --bind "$GBSIM_CPU" /sys/devices/system/cpu; fi
exec "$@"
"""


def available() -> bool:
    """Whether this process may make mount namespaces."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    made = subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], check=False, capture_output=True
    )
    return made.returncode == 0


def fake_sockets(folder: Path, sockets: int) -> Path:
    """A `/sys/devices/system/cpu` with one processor in each of `sockets` sockets."""
    folder.mkdir()
    (folder / "present").write_text(f"0-{sockets - 1}\n" if sockets > 1 else "0\n")
    (folder / "online").write_text((folder / "present").read_text())
    for number in range(sockets):
        topology = folder / f"cpu{number}" / "topology"
        topology.mkdir(parents=True)
        (topology / "physical_package_id").write_text(f"{number}\n")
    return folder


def run(
    command: Sequence[str | Path],
    powercap: Path,
    cpu: Path | None = None,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Runs `command` with `powercap` as the class folder and `cpu` as the processors' folder."""
    whole = ["unshare", "-m", "sh", "-c", _SCRIPT, "sh", *command]
    with TemporaryDirectory() as keep:
        env = {
            **os.environ,
            **environment,
            "GBSIM_KEEP": keep,
            "GBSIM_POWERCAP": str(powercap),
            "GBSIM_CPU": str(cpu or ""),
        }
        return subprocess.run(
            whole, env=env, check=False, capture_output=True, text=True, timeout=120
        )

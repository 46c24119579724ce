"""A disk that fills up costs the trial that runs, nothing that was measured before."""

from __future__ import annotations

import os
import subprocess

import pytest

from .conftest import each_once, start, statuses

SIZE_KB = 1024


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MB in memory, mounted where the results go."""
    folder = tmp_path / "out"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_KB}k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs root: it mounts a small file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_ends_the_run_with_a_message_and_the_same_command_goes_on(
    suite, small_disk
) -> None:
    path = suite(blocks=3, epoch_s=0.1, troubles=["print-megabytes"])
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * (SIZE_KB - 400) * 1024)
    run = start(path, "--executor", "process")
    output, _ = run.communicate(timeout=120)
    assert run.returncode == 7, output
    assert "make room on the disk" in output
    assert "Traceback" not in output
    before = [key for key, status in statuses(path).items() if status == "completed"]
    assert before
    filler.unlink()
    again = start(path, "--executor", "process", "--quiet")
    output, _ = again.communicate(timeout=200)
    if again.returncode == 7:  # 1 MB does not hold the whole suite's logs
        subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
        again = start(path, "--executor", "process", "--quiet")
        output, _ = again.communicate(timeout=200)
    assert again.returncode == 0, output
    each_once(path)

"""A disk that fills up costs the trial that runs, nothing that was measured before."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from .conftest import EXECUTORS, each_once, kinds, measured, start

SIZE_MB = 12
LEFT_KB = 400


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own, mounted where the results go: in a file where the kernel has loop
    devices, else in memory. Blocks of a page: SQLite's mapped index needs them on a full disk."""
    folder, image = tmp_path / "out", tmp_path / "disk.img"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("needs root: it mounts a small file system")
    with image.open("wb") as made:
        made.truncate(SIZE_MB << 20)
    ways = [["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(folder)]]
    if shutil.which("mkfs.ext4"):
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-b", "4096", str(image)], check=True)
        ways.insert(0, ["mount", "-o", "loop", str(image), str(folder)])
    if all(subprocess.run(way, check=False, capture_output=True).returncode for way in ways):
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder, left_kb: int):
    """All but `left_kb` of the file system; returns the file that takes the room."""
    filler = folder / "filler"
    room = os.statvfs(folder)
    filler.write_bytes(b"x" * (room.f_bavail * room.f_frsize - left_kb * 1024))
    return filler


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_full_disk_ends_the_run_with_a_message_and_the_same_command_goes_on(
    suite, small_disk, executor
) -> None:
    path = suite(blocks=3, epoch_s=0.1, timeout_s=60, troubles=["print-megabytes"])
    filler = fill(small_disk, LEFT_KB)
    run = start(path, "--executor", executor)
    output, _ = run.communicate(timeout=120)
    assert run.returncode == 7, output
    assert "make room on the disk" in output
    assert "Traceback" not in output
    filler.unlink()
    before = measured(path)
    assert kinds(before) >= {"train", "metrics", "samples"}
    again = start(path, "--executor", executor, "--quiet")
    output, _ = again.communicate(timeout=200)
    assert again.returncode == 0, output
    each_once(path)
    assert before <= measured(path)

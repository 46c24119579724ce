"""A disk that fills up costs the trial that runs, nothing that was measured before."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress

import pytest

from greenbench.errors import ResultsError
from greenbench.store import Store

from .conftest import GREENBENCH, each_once, kinds, measured, start

SIZE_MB = 12
LEFT_KB = 600
BLOCK_BYTES = (1024, 4096)
"""A page of memory mapped from a file has one block or several, some of which may be missing."""
ALMOST_FULL_KB = (0, 24, 100)
"""Where SQLite alone stumbles differently, at one size of blocks or the other."""

WRITER = """
import sys
from pathlib import Path
from greenbench.errors import ResultsError
from greenbench.store import Store

store = Store.open(Path(sys.argv[1]))
session = store.begin_session("boot", {})
print("open", flush=True)
sys.stdin.readline()
try:
    for number in range(20_000):
        store.add_problem(session, "x" * 4000)
except ResultsError as error:
    print(number, error)
store.close()
"""


@pytest.fixture
def small_disk(request, tmp_path):
    """A file system of its own, mounted where the results go: in a file where the kernel has loop
    devices, else in memory. The parameter is its size of blocks."""
    folder, image = tmp_path / "out", tmp_path / "disk.img"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("needs root: it mounts a small file system")
    with image.open("wb") as made:
        made.truncate(SIZE_MB << 20)
    ways = [["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(folder)]]
    if shutil.which("mkfs.ext4"):
        subprocess.run(
            ["mkfs.ext4", "-q", "-m", "0", "-b", str(request.param), str(image)], check=True
        )
        ways.insert(0, ["mount", "-o", "loop", str(image), str(folder)])
    if all(subprocess.run(way, check=False, capture_output=True).returncode for way in ways):
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder, left_kb: int):
    """All but `left_kb` of the file system; returns the file that takes the room."""
    filler, kept = folder / "filler", folder / "kept"
    with kept.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(left_kb, 1) * 1024)
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    os.sync()
    if left_kb:
        kept.unlink()
        os.sync()
    return filler


@pytest.mark.parametrize(
    ("executor", "small_disk"),
    [
        ("process", 1024),
        ("process", 4096),
        pytest.param("docker", 4096, marks=pytest.mark.docker),
    ],
    indirect=["small_disk"],
)
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


def greenbench(*arguments) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*GREENBENCH, *map(str, arguments)], check=False, capture_output=True, text=True
    )


@pytest.mark.parametrize("small_disk", BLOCK_BYTES, indirect=True)
def test_results_on_a_full_disk_are_read_and_nothing_is_begun(suite, small_disk) -> None:
    path = suite()
    run = start(path, "--executor", "process", "--quiet")
    assert run.wait(60) == 0
    before = measured(path)
    for left_kb in ALMOST_FULL_KB:
        filler = fill(small_disk, left_kb)
        room_kb = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize / 1024
        assert left_kb - 8 <= room_kb <= left_kb + 8
        assert measured(path) == before
        for folder in (small_disk, small_disk / "another"):
            done = greenbench("suite", "run", path, "--results", folder)
            assert done.returncode == 7, (left_kb, done.returncode, done.stderr)
            assert re.search("the disk is full|No space left", done.stderr)
            assert "make room on the disk" in done.stderr
        for command in ("results", "show"), ("report",):
            assert left_kb or greenbench(*command, small_disk).returncode == 0
        filler.unlink()
    assert greenbench("suite", "run", path, "--results", small_disk).returncode == 0
    Store.create(small_disk / "another", {}, []).close()  # what was refused is not in its way


@pytest.mark.parametrize("small_disk", BLOCK_BYTES, indirect=True)
def test_beside_a_run_whose_disk_is_full_results_are_read(small_disk) -> None:
    Store.create(small_disk, {"result_set": "a"}, []).close()
    command = [sys.executable, "-c", WRITER, str(small_disk)]
    writer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert writer.stdout.readline() == "open\n"
    filler = fill(small_disk, 0)
    store = Store.open(small_disk, read_only=True)
    assert store.facts()["result_set"] == "a"
    store.close()
    filler.unlink()
    told, _ = writer.communicate("go\n", timeout=60)
    number, _, text = told.partition(" ")
    assert (writer.returncode, "make room on the disk" in text) == (0, True), told
    store = Store.open(small_disk, read_only=True)
    (kept,) = store.connection.execute("SELECT COUNT(*) FROM problems").fetchone()
    store.close()
    assert kept == int(number) > 0, "what was written before is there"
    with pytest.raises(ResultsError, match="the disk is full"):
        Store.open(small_disk)

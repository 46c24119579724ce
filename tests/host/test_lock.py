"""One suite at a time measures on a host; the lock names its holder and dies with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from greenbench.errors import BusyError
from greenbench.host import lock

HOLD = """
import sys, time
from pathlib import Path
from greenbench.host.lock import hold
with hold(sys.argv[1], Path("out")):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    path = tmp_path / "host.lock"
    monkeypatch.setenv(lock.PLACE_VARIABLE, str(path))
    return path


@pytest.fixture
def other():
    """A suite that measures in another process, holding this host."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, "night run"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_suite_is_refused_and_told_who_is_there(other, tmp_path):
    with (
        pytest.raises(BusyError, match=r"suite 'night run' \(process \d+, \w+, since 20") as caught,
        lock.hold("mine", tmp_path),
    ):
        pass
    assert f"process {other.pid}" in caught.value.message
    assert "--share-host" in caught.value.remedy
    assert caught.value.exit_code == 10
    assert lock.holder().pid == other.pid


def test_the_lock_dies_with_its_holder(other, tmp_path):
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    assert lock.holder() is None
    with lock.hold("mine", tmp_path) as held:
        assert held.beside is None
        assert lock.holder().suite == "mine"
    assert lock.holder() is None


def test_who_shares_the_host_is_known_to_both(tmp_path):
    with lock.hold("first", tmp_path) as first:
        assert first.sharers() == []
        with lock.hold("second", tmp_path, share=True) as second:
            assert second.beside.suite == "first"
            assert [s.suite for s in first.sharers()] == ["second"]
            assert second.sharers() == []
        assert lock.holder().suite == "first"
    with lock.hold("third", tmp_path, share=True) as third:  # nobody else is there
        assert third.beside is None
        assert third.sharers() == []


def test_what_another_user_wrote_into_it_is_only_text(tmp_path, place):
    place.write_text('no JSON\n[1]\n{"pid": 1}\n')
    with lock.hold("first", tmp_path) as first:
        with place.open("a") as file:
            line = {"pid": 7, "suite": "\x1b[2J" * 900, "user": "u", "since": "", "results": ""}
            file.write("garbage\n" + json.dumps(line) + "\n")
        (sharer,) = first.sharers()
        assert len(sharer.suite) <= lock.MOST_SHOWN
        assert "\x1b" not in str(sharer)


@pytest.mark.skipif(os.getuid() != 0, reason="to be another user takes root")
def test_it_works_for_several_users_in_a_shared_folder(tmp_path, monkeypatch):
    """As in /run/lock: anybody may make the file, nobody may replace another's."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    become_nobody = (
        "import os; os.umask(0o077); os.setgroups([]); os.setgid(65534); os.setuid(65534)"
    )
    program = HOLD.replace("with hold", f"{become_nobody}\nwith hold")
    environment = {**os.environ, lock.PLACE_VARIABLE: str(shared / "lock"), "USER": "nobody"}
    with subprocess.Popen(
        [sys.executable, "-c", program, "theirs"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout.readline() == "held\n"
        monkeypatch.setenv(lock.PLACE_VARIABLE, str(shared / "lock"))
        with pytest.raises(BusyError, match="nobody"), lock.hold("mine", tmp_path):
            pass
        process.kill()
    with lock.hold("mine", tmp_path):
        assert lock.holder().suite == "mine"


def test_a_place_that_can_not_be_written_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv(lock.PLACE_VARIABLE, str(tmp_path / "no" / "such" / "lock"))
    with pytest.raises(BusyError, match="can't be made") as caught, lock.hold("mine", tmp_path):
        pass
    assert lock.PLACE_VARIABLE in caught.value.remedy
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    monkeypatch.setenv(lock.PLACE_VARIABLE, str(link))
    with pytest.raises(BusyError, match="can't be made"), lock.hold("mine", tmp_path):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_all_users_come_to_the_same_place(monkeypatch, tmp_path):
    closed, open_ = tmp_path / "closed", tmp_path / "open"
    for folder, mode in ((closed, 0o755), (open_, 0o1777)):
        folder.mkdir()
        folder.chmod(mode)
    monkeypatch.setattr(lock, "SHARED_FOLDERS", (tmp_path / "none", closed, open_))
    assert lock.place({}) == open_ / lock.NAME  # though root could write to the closed one

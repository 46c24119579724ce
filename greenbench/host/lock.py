"""One suite measures on a host at a time: a lock that dies with its holder, for every user."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from greenbench.errors import BusyError

PLACE_VARIABLE: Final = "GREENBENCH_HOST_LOCK"
"""Another file than the host's: for tests, and for hosts whose usual places are not shared."""
SHARED_FOLDERS: Final = (Path("/run/lock"), Path("/tmp"))  # noqa: S108 (every user has to find it)
NAME: Final = "greenbench-host.lock"
TRIES: Final = 5
TRY_S: Final = 0.1
"""`holder()` takes the lock for an instant to see whether it is free."""
MOST_READ: Final = 65_536
MOST_SHOWN: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who measures on this host, by its own word; `since` is local time, ISO 8601."""

    pid: int
    suite: str
    user: str = ""
    since: str = ""
    results: str = ""

    def __str__(self) -> str:
        who = f", {self.user}" if self.user else ""
        since = f", since {self.since}" if self.since else ""
        return f"suite {self.suite!r} (process {self.pid}{who}{since})"


@dataclass(slots=True)
class HostLock:
    """Held until it is closed, or until its process ends. `beside`: whose measurement this one
    disturbs, if it was told to share the host."""

    beside: Holder | None
    _file: IO[str]

    def sharers(self) -> list[Holder]:
        """Who came to measure beside the holder of the lock, and said so."""
        if self.beside is not None:
            return []
        return _read(self._file)[1:]


def place(environment: Mapping[str, str] = os.environ) -> Path:
    """The file of the lock. The choice of folder depends on the host alone, never on the user:
    all have to come to the same one."""
    if named := environment.get(PLACE_VARIABLE):
        return Path(named)
    for folder in SHARED_FOLDERS:
        try:
            if folder.stat().st_mode & stat.S_IWOTH:
                return folder / NAME
        except OSError:
            continue
    return SHARED_FOLDERS[-1] / NAME


@contextmanager
def hold(suite: str, results: Path, *, share: bool = False) -> Iterator[HostLock]:
    """The host for this suite alone while the context lasts.

    Raises BusyError where another suite measures, unless told to `share` the host with it: then
    the other one's record will say so too.
    """
    with _open(place()) as file:
        beside = None
        if not _try_lock(file):
            beside = next(iter(_read(file)), Holder(pid=0, suite="unknown"))
            if not share:
                raise BusyError(
                    f"{beside} measures on this host: each would read the other's energy as its own",
                    "wait for it, or run both at once with --share-host (recorded, and shown as a"
                    " limit of both)",
                )
        me = Holder(
            pid=os.getpid(),
            suite=suite,
            user=_user(),
            since=datetime.now().astimezone().isoformat(timespec="seconds"),
            results=str(results.absolute()),
        )
        if beside is None:
            file.truncate(0)
        file.write(json.dumps(asdict(me)) + "\n")
        file.flush()
        yield HostLock(beside, file)


def holder() -> Holder | None:
    """Which suite measures on this host right now, if one does."""
    try:
        with place().open("r", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return next(iter(_read(file)), Holder(pid=0, suite="unknown"))
    except OSError:
        return None
    return None


def _open(path: Path) -> IO[str]:
    """For appending; made for every user if it is not there. No link is followed, and a file of
    another user is not opened for creation (kernels forbid that in a shared folder)."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    for _ in range(TRIES):
        try:
            return os.fdopen(os.open(path, flags), "a+", encoding="utf-8")
        except FileNotFoundError:
            pass
        except OSError as error:
            raise _unusable(path, error) from error
        try:
            descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            continue  # another one was quicker
        except OSError as error:
            raise _unusable(path, error) from error
        os.fchmod(descriptor, 0o666)  # whatever the umask
        return os.fdopen(descriptor, "a+", encoding="utf-8")
    raise _unusable(path, FileNotFoundError("it comes and goes"))


def _unusable(path: Path, error: OSError) -> BusyError:
    return BusyError(
        f"the host's lock {path} can't be made: {error}",
        f"name a file that every user of this host can write: {PLACE_VARIABLE}=FILE",
    )


def _try_lock(file: IO[str]) -> bool:
    for attempt in range(TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if attempt < TRIES - 1:
                time.sleep(TRY_S)
        else:
            return True
    return False


def _read(file: IO[str]) -> list[Holder]:
    """The holder and those beside it; what is not one of ours is passed over."""
    file.seek(0)
    found = []
    for line in file.read(MOST_READ).splitlines():
        try:
            data = json.loads(line)
            texts = {name: _plain(data[name]) for name in ("suite", "user", "since", "results")}
            found.append(Holder(pid=int(data["pid"]), **texts))
        except (ValueError, KeyError, TypeError):
            continue
    return found


def _plain(text: object) -> str:
    """Another user wrote it: short, and nothing that steers a terminal."""
    return "".join(letter for letter in str(text)[:MOST_SHOWN] if letter.isprintable())


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        return str(os.getuid())

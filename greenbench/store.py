"""One SQLite file per result set, its only truth: plan, attempts, events, energies, samples."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any, Literal

from greenbench.api import Change, Mutation, Scenario, Status, Trial, Window, WindowEnergy
from greenbench.errors import ResultsError
from greenbench.schema import ADDED, SCHEMA, SCHEMA_VERSION, statements

FILE = "results.sqlite"
LOCK = "lock"
LOCK_TRIES = 3
LOCK_TRY_S = 0.1
"""`abandoned` takes the lock for an instant to see whether it is free."""
CACHE_KIB = 256
"""Pages that a writer keeps: a run's memory must not grow with its results, and the kernel caches
the file as well."""
INDEX_BYTES = 4 * 32768
"""Of SQLite's index of its log, which all who have the file open share in mapped memory: enough for
67 MB of log. Where a block of it is missing on a full disk, touching it ends the process, so all of
it is taken at once."""
ROOM_BYTES = 2 * INDEX_BYTES
"""A file system with less room than this is full: nothing can be written before there is more."""
MAKE_ROOM = "make room on the disk; the same command goes on from what was committed"
Table = Literal[
    "usage_1hz",
    "gpu_1hz",
    "host_1hz",
    "cpu_1hz",
    "usage",
    "checks",
    "shares",
    "divergences",
    "starts",
    "background_runs",
]
ENDED: tuple[Status, ...] = ("completed", "failed", "excluded")
"""States in which a trial is not run again, unless it is `CONTAMINATED`."""
CONTAMINATED = "contaminated"
"""The `error_kind` of a completed attempt whose measurement somebody else spoiled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnd:
    """What is written when an attempt ends."""

    status: Status
    metrics: Mapping[str, float]
    effective: Mapping[str, Any]
    environment: Mapping[str, Any]
    cpu_time_s: float | None = None
    memory_peak_bytes: int | None = None
    exit_code: int | None = None
    error_kind: str | None = None
    error: str | None = None
    log: str | None = None
    log_dropped_bytes: int | None = None


def now_utc() -> str:
    """The wall clock in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def to_json(value: Any) -> str:
    """Canonical JSON: sorted keys, no spaces, floats by shortest round-trip."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class Store:
    """One result set. Every method commits before it returns, unless inside `transaction()`."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self.connection = connection
        self._lock_file: Any = None

    # --- opening ---

    @classmethod
    def create(cls, folder: Path, facts: Mapping[str, Any], trials: Iterable[Trial]) -> Store:
        """Makes a result set in `folder` (created if needed, must hold none yet)."""
        path = folder / FILE
        if path.exists():
            raise ResultsError(
                f"{folder} already holds a result set",
                "choose another folder with --results",
            )
        store, ours = None, False
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.touch(exist_ok=False)  # whoever else begins one here at this moment keeps theirs
            ours = True
            store = cls(folder, _to_write(path))
            with store.transaction():
                for statement in statements(SCHEMA + ADDED):
                    store.connection.execute(statement)
                everything = {**facts, "schema_version": SCHEMA_VERSION, "created_at": now_utc()}
                store.connection.executemany(
                    "INSERT INTO facts VALUES (?, ?)",
                    [(key, to_json(value)) for key, value in everything.items()],
                )
                store.connection.executemany(
                    f"INSERT INTO trials VALUES ({', '.join('?' * 15)})",
                    [_trial_row(position, trial) for position, trial in enumerate(trials)],
                )
        except BaseException as error:
            if store is not None:
                store.close()
            if ours:
                path.unlink(missing_ok=True)  # half of one would stand in the way of the next try
            if isinstance(error, (OSError, sqlite3.Error)):
                full = getattr(error, "errno", None) == errno.ENOSPC
                text = f"can't create a result set in {folder}: {error}"
                raise ResultsError(text, MAKE_ROOM if full else "") from error
            raise
        return store

    @classmethod
    def open(cls, folder: Path, *, read_only: bool = False) -> Store:
        """Opens the result set in `folder` (or the folder of a given file)."""
        path = folder if folder.is_file() else folder / FILE
        if not path.is_file():
            raise ResultsError(
                f"no result set in {folder}", "`greenbench results list` shows those that exist"
            )
        try:
            store = cls(path.parent, _to_read(path) if read_only else _to_write(path))
            version = store.facts().get("schema_version")
        except sqlite3.Error as error:
            raise ResultsError(f"{path} can't be read as a result set: {error}") from error
        if version != SCHEMA_VERSION:
            raise ResultsError(
                f"{path} has schema version {version!r}, this greenbench reads {SCHEMA_VERSION}",
                "open it with the version of greenbench that wrote it",
            )
        if not read_only:
            with store.transaction():
                for statement in statements(ADDED):
                    store.connection.execute(statement)
        return store

    def close(self) -> None:
        """Closes the file and lets go of the lock."""
        self.connection.close()
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None

    def lock(self) -> None:
        """Refuses a second writer; the lock dies with its holder."""
        handle = (self.folder / LOCK).open("w")
        for tries_left in reversed(range(LOCK_TRIES)):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if tries_left:
                    time.sleep(LOCK_TRY_S)
                    continue
                handle.close()
                raise ResultsError(
                    f"another greenbench is running this result set ({self.folder})",
                    "wait for it, or choose another folder with --results",
                ) from error
        self._lock_file = handle

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; nested ones belong to the outermost. A disk that is full or gone is a
        ResultsError: what was committed before is safe."""
        if self.connection.in_transaction:
            yield self.connection
            return
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            yield self.connection
            self.connection.execute("COMMIT")
        except BaseException as error:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError):
                raise ResultsError(
                    f"{self.folder / FILE} can't be written: {error}",
                    MAKE_ROOM,
                ) from error
            raise

    # --- reading ---

    def facts(self) -> dict[str, Any]:
        """What is known of the whole result set: suite text, name, plan seed, versions."""
        rows = self.connection.execute("SELECT key, value FROM facts")
        return {key: json.loads(value) for key, value in rows}

    def trials(self) -> list[Trial]:
        """The plan, in order."""
        rows = self.connection.execute("SELECT * FROM trials ORDER BY position")
        return [_trial(row) for row in rows]

    def statuses(self) -> dict[str, Status]:
        """The state of each planned trial: that of its last attempt, else planned."""
        rows = self.connection.execute(
            """SELECT t.key, COALESCE((SELECT a.status FROM attempts a WHERE a.trial = t.key
               ORDER BY a.number DESC LIMIT 1), 'planned') FROM trials t ORDER BY t.position"""
        )
        return {key: status for key, status in rows}  # noqa: C416 (typed by the loop)

    def settled(self) -> set[str]:
        """The trials that are not run again: their last attempt ended, and nobody spoiled it."""
        rows = self.connection.execute(
            """SELECT trial, status, error_kind FROM attempts a WHERE number =
               (SELECT MAX(number) FROM attempts WHERE trial = a.trial)"""
        )
        return {trial for trial, status, kind in rows if status in ENDED and kind != CONTAMINATED}

    def attempts_of(self, trial: str) -> int:
        """How many attempts at a trial are on record."""
        row = self.connection.execute("SELECT COUNT(*) FROM attempts WHERE trial = ?", (trial,))
        return int(row.fetchone()[0])

    def sessions(self) -> list[dict[str, Any]]:
        """All sessions in order, with their facts decoded."""
        rows = self.connection.execute(
            "SELECT id, started_at, ended_at, boot_id, facts FROM sessions ORDER BY id"
        )
        names = ("id", "started_at", "ended_at", "boot_id")
        return [dict(zip(names, row[:4], strict=True)) | json.loads(row[4]) for row in rows]

    def has(self, table: str) -> bool:
        """Whether this result set has a table; one from before it was added, opened read-only,
        has not."""
        row = self.connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,))
        return row.fetchone() is not None

    def durations_s(self) -> dict[str, float]:
        """Mean seconds from start to end of the completed cohorts, by study."""
        rows = self.connection.execute(
            """SELECT t.study, AVG(c.end_s - c.start_s) FROM cohort_runs c
               JOIN (SELECT DISTINCT cohort, study FROM trials) t ON t.cohort = c.cohort
               WHERE c.status = 'completed' AND c.end_s IS NOT NULL GROUP BY t.study"""
        )
        return {study: mean for study, mean in rows}  # noqa: C416 (typed by the loop)

    # --- writing ---

    def begin_session(self, boot_id: str, facts: Mapping[str, Any]) -> int:
        """Starts a session; attempts that an earlier one left running become interrupted."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE attempts SET status = 'interrupted' WHERE status = 'running'"
            )
            connection.execute(
                "UPDATE cohort_runs SET status = 'interrupted' WHERE status = 'running'"
            )
            cursor = connection.execute(
                "INSERT INTO sessions (started_at, boot_id, facts) VALUES (?, ?, ?)",
                (now_utc(), boot_id, to_json(facts)),
            )
        return int(cursor.lastrowid or 0)

    def end_session(self, session: int) -> None:
        """Writes the session's end."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE sessions SET ended_at = ? WHERE id = ?", (now_utc(), session)
            )

    def add_session_facts(self, session: int, facts: Mapping[str, Any]) -> None:
        """Adds to a session's facts what was learnt after it began."""
        with self.transaction() as connection:
            row = connection.execute("SELECT facts FROM sessions WHERE id = ?", (session,))
            known = json.loads(row.fetchone()[0])
            connection.execute(
                "UPDATE sessions SET facts = ? WHERE id = ?", (to_json(known | facts), session)
            )

    def add_problem(self, session: int, text: str) -> None:
        """Keeps a warning with the record."""
        with self.transaction() as connection:
            connection.execute("INSERT INTO problems VALUES (?, ?, ?)", (session, now_utc(), text))

    def add_samples(
        self, session: int, chunks: Sequence[tuple[str, float, float, int, bytes]]
    ) -> None:
        """Commits packed chunks: channel, first and last stamp (s), count, bytes."""
        with self.transaction() as connection:
            connection.executemany(
                "INSERT INTO samples VALUES (?, ?, ?, ?, ?, ?)",
                [(session, *chunk) for chunk in chunks],
            )

    def begin_cohort(
        self,
        session: int,
        trials: Sequence[Trial],
        start_s: float,
        previous: str | None,
        conditions: Mapping[str, Any],
    ) -> tuple[int, list[int]]:
        """Journals a cohort before it starts; returns its run's id and its attempts' ids."""
        cohort = trials[0].cohort
        with self.transaction() as connection:
            number = (
                1
                + connection.execute(
                    "SELECT COALESCE(MAX(number), 0) FROM cohort_runs WHERE cohort = ?", (cohort,)
                ).fetchone()[0]
            )
            cursor = connection.execute(
                """INSERT INTO cohort_runs (session, cohort, number, status, started_at, start_s,
                   previous, conditions) VALUES (?, ?, ?, 'running', ?, ?, ?, ?)""",
                (session, cohort, number, now_utc(), start_s, previous, to_json(conditions)),
            )
            run = int(cursor.lastrowid or 0)
            attempts = []
            for trial in trials:
                cursor = connection.execute(
                    "INSERT INTO attempts (cohort_run, trial, number, status)"
                    " VALUES (?, ?, ?, 'running')",
                    (run, trial.key, 1 + self.attempts_of(trial.key)),
                )
                attempts.append(int(cursor.lastrowid or 0))
        return run, attempts

    def set_identity(self, attempt: int, identity: str, facts: Mapping[str, Any]) -> None:
        """What the executor started for an attempt."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE attempts SET identity = ?, facts = ? WHERE id = ?",
                (identity, to_json(dict(facts)), attempt),
            )

    def set_go(self, cohort_run: int, go_s: float) -> None:
        """When the start barrier opened."""
        with self.transaction() as connection:
            connection.execute("UPDATE cohort_runs SET go_s = ? WHERE id = ?", (go_s, cohort_run))

    def add_events(
        self, attempt: int, events: Iterable[tuple[int, str, float, float, Mapping[str, Any]]]
    ) -> None:
        """Keeps events: sequence, kind, the worker's stamp, the host's stamp (s), payload."""
        with self.transaction() as connection:
            connection.executemany(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)",
                ((attempt, *event[:4], to_json(event[4])) for event in events),
            )

    def add_window(
        self,
        session: int,
        window: Window,
        energies: Sequence[WindowEnergy],
        *,
        cohort_run: int | None = None,
        attempt: int | None = None,
    ) -> int:
        """Keeps a window and the energy of each channel in it; returns the window's id."""
        with self.transaction() as connection:
            cursor = connection.execute(
                """INSERT INTO windows (session, cohort_run, attempt, kind, number, start_s, end_s)
                   VALUES (?, ?, ?, ?, ?, ?, ?)""",
                (
                    session,
                    cohort_run,
                    attempt,
                    window.kind,
                    window.number,
                    window.start_s,
                    window.end_s,
                ),
            )
            connection.executemany(
                f"INSERT INTO energies VALUES ({', '.join('?' * 10)})",
                [_energy_row(int(cursor.lastrowid or 0), energy) for energy in energies],
            )
        return int(cursor.lastrowid or 0)

    def add_rows(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Adds rows to one of the tables of readings and checks; all have the same columns."""
        if not rows:
            return
        names = list(rows[0])
        columns = ", ".join(f'"{name}"' for name in names)
        places = ", ".join(f":{name}" for name in names)
        with self.transaction() as connection:
            connection.executemany(
                f"INSERT INTO {table} ({columns}) VALUES ({places})", [dict(row) for row in rows]
            )

    def end_attempt(self, attempt: int, end: AttemptEnd) -> None:
        """Writes what came of an attempt."""
        columns = asdict(end)
        for name in ("metrics", "effective", "environment"):
            columns[name] = to_json(_finite(columns[name]))
        assignments = ", ".join(f"{name} = :{name}" for name in columns)
        with self.transaction() as connection:
            connection.execute(
                f"UPDATE attempts SET {assignments} WHERE id = :id",
                columns | {"id": attempt},
            )

    def end_cohort(self, cohort_run: int, status: Status, end_s: float) -> None:
        """Writes a cohort's end."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE cohort_runs SET status = ?, end_s = ? WHERE id = ?",
                (status, end_s, cohort_run),
            )


def abandoned(folder: Path) -> bool:
    """Whether a result set lies in `folder` whose run has ended, however. Where that can't be seen
    (the folder is gone, or another user's), it has not."""
    try:
        with (folder / LOCK).open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _to_write(path: Path) -> sqlite3.Connection:
    """A connection that writes, and leaves others free to read."""
    if (room_bytes := _room_bytes(path)) < ROOM_BYTES:
        raise _full(path, "can't be written", room_bytes)
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    connection.execute("BEGIN IMMEDIATE")  # opens the index, and keeps other writers off it
    try:
        _take_room(_beside(path, "shm"))
    except OSError as error:
        connection.close()
        raise _full(path, "can't be written", _room_bytes(path)) from error
    connection.execute("COMMIT")
    return connection


def _take_room(index: Path) -> None:
    """Gives every byte of the shared index a block. Through SQLite's own descriptor: closing one of
    our own would let go of its locks on that file."""
    descriptors = Path("/proc/self/fd")
    for entry in descriptors.iterdir() if descriptors.is_dir() else ():
        with suppress(FileNotFoundError):  # the folder's own, closed by now
            if entry.readlink() == index:
                os.posix_fallocate(int(entry.name), 0, INDEX_BYTES)


def _to_read(path: Path) -> sqlite3.Connection:
    """A connection that reads, beside a writer or alone.

    Readers share the log's index too, and make one if nobody has: on a full disk, or in a folder
    that is not theirs, they can't. Where there is no log either, the file alone is read as it lies.
    """
    how = "mode=ro"
    if not _can_be_indexed(path):
        if not _size_bytes(_beside(path, "wal")):
            how += "&immutable=1"
        elif (room_bytes := _room_bytes(path)) < INDEX_BYTES:
            raise _full(path, "can't be read", room_bytes)
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True, timeout=30)
    connection.isolation_level = None
    return connection


def _can_be_indexed(path: Path) -> bool:
    """Whether the log's index is there with all of its blocks, or can be made in the room left."""
    try:
        taken_bytes = 512 * _beside(path, "shm").stat().st_blocks
    except FileNotFoundError:
        if not os.access(path.parent, os.W_OK):
            return False
        taken_bytes = 0
    return taken_bytes + _room_bytes(path) >= INDEX_BYTES


def _beside(path: Path, kind: str) -> Path:
    """The log (`wal`) or its index (`shm`), as SQLite names them."""
    path = path.resolve()
    return path.with_name(f"{path.name}-{kind}")


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _room_bytes(path: Path) -> int:
    """What this user may still write to the file system of `path`."""
    found = os.statvfs(path.parent)
    return found.f_bavail * found.f_frsize


def _full(path: Path, what: str, room_bytes: int) -> ResultsError:
    room = f"{room_bytes / 1024:.0f} of the {ROOM_BYTES // 1024} KiB that it takes are left"
    return ResultsError(f"{path} {what}: the disk is full ({room})", MAKE_ROOM)


def _trial_row(position: int, trial: Trial) -> tuple[Any, ...]:
    mutation = trial.mutation
    return (
        position,
        trial.key,
        trial.cohort,
        trial.study,
        trial.model,
        trial.arm,
        None if mutation is None else to_json(mutation_data(mutation)),
        to_json(dict(trial.hyperparameters)),
        trial.seed,
        trial.block,
        to_json(trial.scenario.data()),
        trial.slot,
        trial.role,
        trial.threads,
        int(trial.counted),
    )


def mutation_data(mutation: Mutation) -> dict[str, Any]:
    """A mutation as JSON data; its text is for people and is not stored."""
    return {
        "operator": mutation.operator,
        "number": mutation.number,
        "changes": [
            {"hyperparameter": c.hyperparameter, "before": c.before, "after": c.after}
            for c in mutation.changes
        ],
    }


def mutation_from(data: Mapping[str, Any]) -> Mutation:
    """The inverse of `mutation_data`."""
    changes = tuple(Change(**change) for change in data["changes"])
    return Mutation(data["operator"], changes, data["number"])


def _trial(row: Sequence[Any]) -> Trial:
    return Trial(
        key=row[1],
        cohort=row[2],
        study=row[3],
        model=row[4],
        arm=row[5],
        mutation=None if row[6] is None else mutation_from(json.loads(row[6])),
        hyperparameters=json.loads(row[7]),
        seed=row[8],
        block=row[9],
        scenario=Scenario.of(json.loads(row[10])),
        slot=row[11],
        role=row[12],
        threads=row[13],
        counted=bool(row[14]),
    )


def _energy_row(window: int, energy: WindowEnergy) -> tuple[Any, ...]:
    return (
        window,
        energy.channel,
        energy.energy_j,
        energy.resolution_j,
        energy.coverage,
        energy.calibration,
        energy.method,
        energy.samples,
        energy.gap_s,
        energy.reason,
    )


def _finite(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no NaN: non-finite numbers are kept as the strings `float()` reads back."""
    return {
        key: repr(value) if isinstance(value, float) and not isfinite(value) else value
        for key, value in values.items()
    }


def result_sets(root: Path) -> list[Path]:
    """Folders below `root` that hold a result set, oldest first."""
    found = [path.parent for path in root.glob(f"*/{FILE}")]
    return sorted(found, key=lambda folder: ((folder / FILE).stat().st_mtime, folder.name))

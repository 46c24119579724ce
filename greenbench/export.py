"""A result set as CSV or Parquet files, one a table; the store stays the only truth."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from greenbench.analysis import frames as reading
from greenbench.analysis.channels import channel_from
from greenbench.analysis.cohorts import cohorts
from greenbench.api import Channel
from greenbench.energy.samples import SampleChunk
from greenbench.errors import ResultsError
from greenbench.spreadsheet import harmless
from greenbench.store import Store

READINGS: tuple[reading.Readings, ...] = ("usage", "usage_1hz", "gpu_1hz", "host_1hz", "cpu_1hz")
"""Tables of the store that are exported as they are; their columns are in `greenbench.schema`."""
Format = Literal["csv", "parquet"]
TABLES = (
    "trials",
    "cohorts",
    "windows",
    "energies",
    "shares",
    "backgrounds",
    "checks",
    "packages",
    *READINGS,
    "samples",
)

SAMPLES = pa.schema(
    [
        ("session", pa.int64()),
        ("channel", pa.string()),
        ("stamp_s", pa.float64()),
        ("half_s", pa.float64()),
        ("energy_j", pa.float64()),
        ("power_w", pa.float64()),
        ("flags", pa.int64()),
    ]
)
WHOLE = ("session", "cohort_run", "attempt", "memory_peak_bytes", "exit_code")
"""Columns of whole numbers that may be missing."""


def export_tables(store: Store, folder: Path, file_format: Format = "csv") -> list[Path]:
    """Writes the `TABLES` into `folder`.

    Columns and units are those of `analysis.frames`; samples have session, channel, stamp_s and
    half_s (monotonic, s), energy_j (a counter's, J since the meter began) or power_w (a power
    reading, W), and flags (bits of `energy.samples`). What is not known is an empty cell or null.
    In CSV, a text that a spreadsheet would run as a formula gets a leading apostrophe.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [
            _write(frame, folder / f"{name}.{file_format}") for name, frame in _tables(store)
        ]
        return [*written, _samples(store, folder / f"samples.{file_format}")]
    except OSError as error:
        raise ResultsError(f"can't export to {folder}: {error}") from error


def _tables(store: Store) -> Iterator[tuple[str, pd.DataFrame]]:
    frames = reading.read(store)
    trials = reading.trials(store)
    trials["metrics"] = trials["metrics"].map(json.dumps)
    trials["value"] = trials["value"].map(
        lambda value: None if value is None else json.dumps(value)
    )
    found = cohorts(frames)
    found["value"] = found["value"].map(
        lambda value: None if _missing(value) else json.dumps(value)
    )
    yield "trials", trials
    yield "cohorts", found
    yield "windows", reading.windows(store)
    yield "energies", reading.energies(store)
    yield "shares", reading.shares(store)
    yield "backgrounds", reading.backgrounds(store)
    yield "checks", reading.checks(store)
    yield "packages", reading.packages(store)
    for name in READINGS:
        yield name, reading.readings(store, name)


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _write(frame: pd.DataFrame, path: Path) -> Path:
    whole = {name: "Int64" for name in WHOLE if name in frame}
    frame = frame.astype(whole)
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        _harmless(frame).to_csv(path, index=False, lineterminator="\n")
    return path


def _harmless(frame: pd.DataFrame) -> pd.DataFrame:
    texts = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    return frame.assign(**{str(name): frame[name].map(_cell) for name in texts})


def _cell(value: Any) -> Any:
    return harmless(value) if isinstance(value, str) else value


def _samples(store: Store, path: Path) -> Path:
    if path.suffix == ".parquet":
        with pq.ParquetWriter(path, SAMPLES) as writer:
            for frame in sample_frames(store):
                writer.write_table(pa.Table.from_pandas(frame, SAMPLES, preserve_index=False))
        return path
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(SAMPLES.names) + "\n")
        for frame in sample_frames(store):
            _harmless(frame).to_csv(file, index=False, header=False, lineterminator="\n")
    return path


def sample_frames(store: Store) -> Iterator[pd.DataFrame]:
    """The samples chunk by chunk: what a long suite took does not fit into memory."""
    known = {
        (session["id"], channel.name): channel
        for session in store.sessions()
        for channel in map(channel_from, session.get("channels") or ())
    }
    rows = store.connection.execute(
        "SELECT session, channel, chunk FROM samples ORDER BY session, channel, first_s"
    )
    for session, name, data in rows:
        yield _chunk(session, SampleChunk.from_bytes(data), known.get((session, name)))


def _chunk(session: int, chunk: SampleChunk, channel: Channel | None) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "session": session,
            "channel": chunk.channel,
            "stamp_s": list(chunk.stamp_s),
            "half_s": list(chunk.half_s),
        }
    )
    values = pd.Series(list(chunk.value), dtype=float)
    for column, unit in (
        ("energy_j", channel.unit_j if channel else None),
        ("power_w", channel.unit_w if channel else None),
    ):
        frame[column] = values * unit if unit is not None else float("nan")
    return frame.assign(flags=list(chunk.flags))

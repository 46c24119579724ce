"""The tables of a result set, in SQL."""

SCHEMA_VERSION = 1

SCHEMA = """
CREATE TABLE facts (              -- about the whole result set; values are JSON
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
CREATE TABLE trials (             -- the plan, in order
    position INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    cohort TEXT NOT NULL,
    study TEXT NOT NULL,
    model TEXT NOT NULL,
    arm TEXT NOT NULL,
    mutation TEXT,                -- JSON; NULL for the original
    hyperparameters TEXT NOT NULL,
    seed INTEGER NOT NULL,
    block INTEGER NOT NULL,
    scenario TEXT NOT NULL,       -- JSON: kind, copies; companions and placement, if any
    slot INTEGER NOT NULL,
    role TEXT NOT NULL,
    threads INTEGER NOT NULL,
    counted INTEGER NOT NULL      -- 0 for the warm-up
) STRICT;
CREATE TABLE sessions (           -- one per `suite run`; each has a monotonic clock of its own
    id INTEGER PRIMARY KEY,
    started_at TEXT NOT NULL,     -- UTC, ISO 8601
    ended_at TEXT,
    boot_id TEXT NOT NULL,
    facts TEXT NOT NULL           -- JSON: host, versions, executor, channels, missing channels
) STRICT;
CREATE TABLE samples (            -- chunks as greenbench.energy.meter.SampleChunk packs them
    session INTEGER NOT NULL REFERENCES sessions(id),
    channel TEXT NOT NULL,
    first_s REAL NOT NULL,
    last_s REAL NOT NULL,
    count INTEGER NOT NULL,
    chunk BLOB NOT NULL
) STRICT;
CREATE INDEX samples_by_time ON samples(session, channel, first_s);
CREATE TABLE cohort_runs (        -- one per attempt at a cohort
    id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES sessions(id),
    cohort TEXT NOT NULL,
    number INTEGER NOT NULL,
    status TEXT NOT NULL,
    started_at TEXT NOT NULL,
    start_s REAL NOT NULL,        -- monotonic, seconds
    go_s REAL,
    end_s REAL,
    previous TEXT,                -- the cohort that ran before
    conditions TEXT NOT NULL,     -- JSON: load, clocks, temperature, cool-down at the start
    UNIQUE (cohort, number)
) STRICT;
CREATE TABLE attempts (           -- one per trial and cohort run
    id INTEGER PRIMARY KEY,
    cohort_run INTEGER NOT NULL REFERENCES cohort_runs(id),
    trial TEXT NOT NULL REFERENCES trials(key),
    number INTEGER NOT NULL,
    status TEXT NOT NULL,
    identity TEXT,                -- container or process id
    facts TEXT NOT NULL DEFAULT '{}',        -- JSON: image digest and the like
    metrics TEXT NOT NULL DEFAULT '{}',      -- JSON: final metrics; NaN and Infinity as strings
    effective TEXT NOT NULL DEFAULT '{}',    -- JSON: configuration that the trainer truly used
    environment TEXT NOT NULL DEFAULT '{}',  -- JSON: framework versions, device
    cpu_time_s REAL,              -- of the train window, all processes of the trial
    memory_peak_bytes INTEGER,
    exit_code INTEGER,
    error_kind TEXT,
    error TEXT,
    log TEXT,
    log_dropped_bytes INTEGER,
    UNIQUE (trial, number)
) STRICT;
CREATE INDEX attempts_by_cohort_run ON attempts(cohort_run);
CREATE TABLE events (             -- what the worker said, verbatim
    attempt INTEGER NOT NULL REFERENCES attempts(id),
    sequence INTEGER NOT NULL,
    kind TEXT NOT NULL,
    stamp_s REAL NOT NULL,        -- the worker's stamp
    received_s REAL NOT NULL,     -- the host's
    payload TEXT NOT NULL,
    PRIMARY KEY (attempt, sequence)
) STRICT, WITHOUT ROWID;
CREATE TABLE windows (            -- attempt NULL: of the whole cohort; cohort_run NULL: host idle
    id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES sessions(id),
    cohort_run INTEGER REFERENCES cohort_runs(id),
    attempt INTEGER REFERENCES attempts(id),
    kind TEXT NOT NULL,
    number INTEGER NOT NULL,
    start_s REAL NOT NULL,
    end_s REAL NOT NULL
) STRICT;
CREATE INDEX windows_by_cohort_run ON windows(cohort_run);
CREATE TABLE energies (           -- of whole channels in a window, never a share
    window INTEGER NOT NULL REFERENCES windows(id),
    channel TEXT NOT NULL,
    energy_j REAL,                -- NULL: not known, `reason` says why
    resolution_j REAL,
    coverage REAL,
    calibration REAL,
    method TEXT NOT NULL,         -- counter, power, estimate
    samples INTEGER NOT NULL,
    gap_s REAL NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (window, channel)
) STRICT, WITHOUT ROWID;
CREATE TABLE problems (           -- warnings that belong to the record
    session INTEGER NOT NULL REFERENCES sessions(id),
    at TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
"""

ADDED = """
CREATE TABLE IF NOT EXISTS usage_1hz (   -- of one trial, read by the host about once a second
    attempt INTEGER NOT NULL REFERENCES attempts(id),
    stamp_s REAL NOT NULL,               -- monotonic, seconds; counters run from the trial's start
    cpu_time_s REAL,
    memory_bytes INTEGER,
    memory_peak_bytes INTEGER,
    disk_read_bytes INTEGER,
    disk_written_bytes INTEGER,
    network_received_bytes INTEGER,
    network_sent_bytes INTEGER,
    PRIMARY KEY (attempt, stamp_s)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gpu_1hz (     -- of one GPU, whoever used it, while a cohort ran
    cohort_run INTEGER NOT NULL REFERENCES cohort_runs(id),
    gpu TEXT NOT NULL,                   -- UUID
    stamp_s REAL NOT NULL,
    utilization REAL,                    -- share of time with a kernel running, 0 to 1
    memory_utilization REAL,             -- share of time with memory traffic, 0 to 1
    memory_used_bytes INTEGER,
    temperature_c REAL,
    sm_clock_mhz REAL,
    memory_clock_mhz REAL,
    throttle_reasons INTEGER,            -- NVML's bits
    foreign_processes INTEGER,           -- processes on it that are not the cohort's
    foreign_utilization REAL,            -- theirs, 0 to 1; NULL: not told
    PRIMARY KEY (cohort_run, gpu, stamp_s)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS host_1hz (    -- of the whole host while a cohort ran
    cohort_run INTEGER NOT NULL REFERENCES cohort_runs(id),
    stamp_s REAL NOT NULL,
    busy_cpu_time_s REAL,                -- since boot, all processors
    own_cpu_time_s REAL,                 -- greenbench's own share of it
    cpu_throttle_events INTEGER,         -- since boot, as the kernel counts them
    PRIMARY KEY (cohort_run, stamp_s)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cpu_1hz (     -- of the host's processors while a cohort ran
    cohort_run INTEGER NOT NULL REFERENCES cohort_runs(id),
    stamp_s REAL NOT NULL,
    clock_mhz REAL,                      -- the highest of all processors: that of a busy one
    temperature_c REAL,                  -- the hottest sensor in a processor
    PRIMARY KEY (cohort_run, stamp_s)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS usage (       -- of one attempt: what its train window came to
    attempt INTEGER PRIMARY KEY REFERENCES attempts(id),
    samples INTEGER NOT NULL,            -- readings in the train window
    memory_peak_bytes INTEGER,           -- of the whole attempt, as the next six but for the window
    disk_read_bytes INTEGER,
    disk_written_bytes INTEGER,
    network_received_bytes INTEGER,
    network_sent_bytes INTEGER,
    cpu_utilization REAL,                -- CPU seconds a second
    gpu_utilization REAL,                -- mean over the window and the trial's GPUs, 0 to 1
    gpu_memory_utilization REAL,
    gpu_memory_peak_bytes INTEGER,
    gpu_temperature_start_c REAL,
    gpu_temperature_max_c REAL,
    gpu_sm_clock_mhz REAL,               -- mean
    gpu_throttled REAL                   -- share of readings with a throttle reason that slows
) STRICT;
CREATE TABLE IF NOT EXISTS checks (      -- is this attempt's measurement valid?
    attempt INTEGER NOT NULL REFERENCES attempts(id),
    "check" TEXT NOT NULL,
    severity TEXT NOT NULL,              -- ok, warn, fail; a check that can't be made has no row
    found REAL,
    "limit" REAL,
    text TEXT NOT NULL,
    PRIMARY KEY (attempt, "check")
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS starts (      -- of one cohort run: how far apart its members began
    cohort_run INTEGER PRIMARY KEY REFERENCES cohort_runs(id),
    members INTEGER NOT NULL,            -- released by one go; a background is not among them
    first_s REAL NOT NULL,               -- train_begin as the workers stamped it, monotonic
    last_s REAL NOT NULL,
    spread_s REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS background_runs (  -- of one attempt at a background trial
    attempt INTEGER NOT NULL REFERENCES attempts(id),
    number INTEGER NOT NULL,             -- from 1; the last number less one: restarts
    identity TEXT,                       -- container or process id
    started_s REAL NOT NULL,             -- monotonic, as all times here
    ready_s REAL,
    train_start_s REAL,                  -- NULL: it never trained
    train_end_s REAL,                    -- NULL: it was training when it ended
    end_s REAL NOT NULL,
    outcome TEXT NOT NULL,               -- completed, failed, ended (with the foreground)
    error_kind TEXT,
    error TEXT,
    PRIMARY KEY (attempt, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shares (      -- a channel's energy split over its users: modelled
    window INTEGER NOT NULL REFERENCES windows(id),
    channel TEXT NOT NULL,
    kind TEXT NOT NULL,                  -- idle, trial, own (greenbench), other, unattributed
    trial TEXT NOT NULL,                 -- key, or empty
    energy_j REAL NOT NULL,              -- the rows of a channel add up exactly to its energy
    uncertainty_j REAL NOT NULL,
    basis TEXT NOT NULL,                 -- what it rests on, in words
    PRIMARY KEY (window, channel, kind, trial)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS divergences ( -- completed attempts whose training came to nothing
    attempt INTEGER PRIMARY KEY REFERENCES attempts(id),
    kind TEXT NOT NULL,                  -- not_finite, loss_above_start, at_chance
    metric TEXT NOT NULL,                -- what told it
    found REAL,                          -- NULL: not finite
    "limit" REAL,                        -- what it would have had to pass; NULL for not_finite
    text TEXT NOT NULL
) STRICT;
"""
"""Tables that came after version 1: made where they are missing, when a result set is written."""


def statements(script: str) -> list[str]:
    """The statements of a script of this module, one by one (a transaction can hold them all)."""
    return [part for part in script.split(";\n") if part.strip()]

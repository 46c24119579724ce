"""How a trial's container is locked down: everything that the engine is asked to forbid."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any, Final

from greenbench.api import Launch, Limits
from greenbench.executors.engine import Engine
from greenbench.executors.environment import worker_environment
from greenbench.executors.gpu_access import GpuGrant

if TYPE_CHECKING:
    from docker.types import Mount, Ulimit

NOBODY_ID: Final = 65534
RUN_FOLDER: Final = "/run/greenbench"
SCRATCH_FOLDER: Final = "/scratch"
DATA_FOLDER: Final = "/data"
TMP_MB: Final = 64
OPEN_FILES: Final = 8_192
USER_PROCESSES: Final = 32_768
"""RLIMIT_NPROC counts all of user 65534 on the host, so it must leave room for a cohort; what
bounds one trial is `pids_limit`. It is set explicitly because some engines inherit a tiny one."""

LOG_BYTES: Final = 65_536
MIB: Final = 1024 * 1024
NETWORK: Final = "bridge"
"""The engine's own network, for the models that the suite lets out."""


def create_container(engine: Engine, launch: Launch, image: str, gpus: GpuGrant) -> str:
    """Creates the trial's container, not yet started; returns its id."""
    arguments = ["--socket", f"{RUN_FOLDER}/worker.sock", "--scratch", SCRATCH_FOLDER]
    if launch.data is not None:
        arguments += ["--data", DATA_FOLDER]
    created = engine.client.create_container(
        image,
        name=_name(launch),
        entrypoint=["python", "-P", "-m", "greenbench.worker"],
        command=arguments,
        user=f"{NOBODY_ID}:{NOBODY_ID}",
        working_dir=SCRATCH_FOLDER,
        environment={**worker_environment(launch.limits, SCRATCH_FOLDER), **gpus.environment},
        labels=dict(launch.labels),
        healthcheck={"test": ["NONE"]},  # nothing may run beside the training
        host_config=_host_config(engine, launch, gpus),
    )
    return str(created["Id"])


def _host_config(engine: Engine, launch: Launch, gpus: GpuGrant) -> dict[str, Any]:
    from docker.types import LogConfig

    limits = launch.limits
    config: dict[str, Any] = engine.client.create_host_config(
        network_mode=NETWORK if launch.model.name in limits.network else "none",
        read_only=True,
        privileged=False,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        ipc_mode="private",
        pids_limit=limits.pids,
        mem_limit=limits.memory_mb * MIB,
        memswap_limit=limits.memory_mb * MIB,  # the sum of memory and swap: no swap
        cpuset_cpus=",".join(str(cpu) for cpu in launch.cpus) or None,
        nano_cpus=None if launch.cpu_quota is None else round(launch.cpu_quota * 1e9),
        shm_size=limits.shm_mb * MIB,
        tmpfs={
            SCRATCH_FOLDER: _tmpfs_options(limits.scratch_mb, engine),
            "/tmp": _tmpfs_options(TMP_MB, engine),  # noqa: S108 (inside the container)
        },
        mounts=[*_mounts(launch), *gpus.mounts],
        ulimits=ulimits(limits),
        # The worker takes the output itself; what reaches the engine is a crash before that.
        # A file capped by the engine keeps it without a reader of ours, and costs nothing unused.
        log_config=LogConfig(
            type=LogConfig.types.JSON,
            config={"max-size": str(LOG_BYTES), "max-file": "1"},
        ),
        device_requests=list(gpus.device_requests),
        devices=list(gpus.devices),
    )
    return config


def _mounts(launch: Launch) -> list[Mount]:
    from docker.types import Mount

    wanted = [(RUN_FOLDER, launch.directory)]
    if launch.data is not None:
        wanted.append((DATA_FOLDER, launch.data))
    return [
        Mount(target=target, source=str(source.resolve()), type="bind", read_only=True)
        for target, source in wanted
    ]


def ulimits(limits: Limits) -> list[Ulimit]:
    """Limits of each process, all set here: some engines would hand down ones of their own that a
    container may not even set (Podman's number of processes)."""
    from docker.types import Ulimit

    file_bytes = max(limits.scratch_mb, limits.shm_mb) * MIB
    sizes = {"nofile": OPEN_FILES, "nproc": USER_PROCESSES, "core": 0, "fsize": file_bytes}
    return [Ulimit(name=name, soft=size, hard=size) for name, size in sizes.items()]


def _tmpfs_options(size_mb: int, engine: Engine) -> str:
    # The owner, not the mode, gives access: where the folder exists, runc restores its mode.
    # Podman refuses an owner; nobody but the trial's user is in the container.
    owner = "mode=1777" if engine.podman else f"uid={NOBODY_ID},gid={NOBODY_ID},mode=0700"
    return f"rw,noexec,nosuid,nodev,{owner},size={size_mb}m"


def _name(launch: Launch) -> str:
    """Readable and unique: `greenbench-digits-mlp-3f9c…`."""
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", launch.trial.model)[:40]
    return f"greenbench-{readable}-{uuid.uuid4().hex[:12]}"

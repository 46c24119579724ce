"""Whether the GPUs that a suite asks for are there and free: known before the first trial."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from greenbench.errors import ExecutorError
from greenbench.executors.gpus import GpuRequest, gpu_request
from greenbench.host.gpu import Gpus, GpuState

LIST_REMEDY: Final = "Correct limits.gpus in the suite; `nvidia-smi -L` lists GPUs and instances."
SHARE_REMEDY: Final = (
    "or measure beside them with --share-host (trials in which they use the GPU are left out of "
    "the statistics)"
)


@dataclass(frozen=True, slots=True)
class GpuName:
    """One GPU, or one MIG instance of it, under all its names; `gpu` is the whole one's UUID."""

    names: tuple[str, ...]
    gpu: str


def check_gpus(gpus: Gpus | None, wanted: Sequence[str], *, share: bool = False) -> list[str]:
    """Raises if a GPU of `wanted` (`Limits.gpus`) isn't there, or is used by somebody else.

    Where NVML tells nothing there is nothing to check here; the executor tries. With `share`, and
    for programs that only draw, foreign use is returned in words instead.
    """
    request = gpu_request(wanted)
    if gpus is None or not request:
        return []
    uuids = asked_for(gpus, request)
    computing, drawing = [], []
    for state in gpus.states():
        if state.uuid not in uuids:
            continue
        found = [*_users(gpus, state)]
        computing += [text for text, computes in found if computes]
        drawing += [text for text, computes in found if not computes]
    if computing and not share:
        free = [index for index, uuid in enumerate(gpus.handles) if uuid not in _busy(gpus)]
        elsewhere = (
            f"ask for another GPU (free: {', '.join(map(str, free))}) with limits.gpus, "
            if free
            else ""
        )
        raise ExecutorError(
            "a GPU that the suite asks for is in use:\n  " + "\n  ".join(computing),
            f"End those programs, {elsewhere}{SHARE_REMEDY}.",
        )
    return [*computing, *drawing]


def occupied(gpus: Gpus | None, wanted: Sequence[str]) -> dict[str, str]:
    """Who is on GPUs that the suite does not ask for (`wanted`: `Limits.gpus`), by UUID, in words."""
    if gpus is None:
        return {}
    asked = asked_for(gpus, gpu_request(wanted))
    found = {s.uuid: [text for text, _ in _users(gpus, s)] for s in gpus.states()}
    return {uuid: "; ".join(who) for uuid, who in found.items() if who and uuid not in asked}


def asked_for(gpus: Gpus, request: GpuRequest) -> set[str]:
    """UUIDs of the whole GPUs that a request touches; raises for one that isn't there."""
    if request.all:
        return set(gpus.handles)
    if request.count > len(gpus.handles):
        raise ExecutorError(
            f"the suite asks for {request.count} GPUs, and this host has {len(gpus.handles)}",
            LIST_REMEDY,
        )
    known = {name: each.gpu for each in gpu_names(gpus) for name in each.names}
    wanted = request.ids or [str(index) for index in range(request.count)]
    missing = [name for name in wanted if name not in known]
    if missing:
        listed = "\n  ".join(" = ".join(each.names) for each in gpu_names(gpus))
        raise ExecutorError(
            f"the suite asks for GPU {', '.join(missing)}, which this host has not; it has\n"
            f"  {listed}",
            LIST_REMEDY,
        )
    return {known[name] for name in wanted}


def gpu_names(gpus: Gpus) -> Iterator[GpuName]:
    """Every GPU by index and UUID, then its MIG instances as `gpu:instance` and by UUID."""
    for index, (uuid, handle) in enumerate(gpus.handles.items()):
        yield GpuName((str(index), uuid), uuid)
        for number, instance in _instances(gpus, handle):
            yield GpuName((f"{index}:{number}", instance), uuid)


def _instances(gpus: Gpus, handle: Any) -> Iterator[tuple[int, str]]:
    nvml = gpus.nvml
    for number in range(_told(nvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0):
        instance = _told(nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, number)
        uuid = None if instance is None else _told(nvml.nvmlDeviceGetUUID, instance)
        if uuid is not None:
            yield number, str(uuid)


def _users(gpus: Gpus, state: GpuState) -> Iterator[tuple[str, bool]]:
    """Who is on a GPU, in words, and whether it computes."""
    handle = gpus.handles[state.uuid]
    running = _told(gpus.nvml.nvmlDeviceGetComputeRunningProcesses, handle) or ()
    computing = {process.pid for process in running}
    index = list(gpus.handles).index(state.uuid)
    for process in state.processes or ():
        if process.pid == os.getpid():
            continue
        memory = f", {process.memory_bytes / 1e9:.1f} GB" if process.memory_bytes else ""
        where = f"GPU {index} ({gpus.names[state.uuid]}, {state.uuid})"
        text = f"{where}: process {process.pid}{_command(process.pid)}{memory}"
        yield text, process.pid in computing


def _busy(gpus: Gpus) -> set[str]:
    return {state.uuid for state in gpus.states() if state.processes}


def _command(pid: int) -> str:
    """The program's name and what it was told, as far as it fits: its folder tells nobody much."""
    import psutil

    try:
        words = psutil.Process(pid).cmdline()
    except psutil.Error:
        return ""
    if not words:
        return ""
    shown = " ".join([Path(words[0]).name, *words[1:]])[:80]
    return f" ({shown})"


def _told(call: Any, *arguments: Any) -> Any:
    """The call's result; None if NVML refuses."""
    from pynvml import NVMLError

    try:
        return call(*arguments)
    except NVMLError:
        return None

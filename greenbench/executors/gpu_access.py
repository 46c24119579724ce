"""The ways in which a container gets NVIDIA GPUs, and which of them works on this engine.

A device request is what `docker run --gpus` sends; it takes NVIDIA's container toolkit. CDI devices
are described by files that the toolkit or the driver's packages write. Without either, the device
nodes and the driver's libraries are handed in one by one, as the toolkit would do.
"""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from greenbench.errors import ExecutorError
from greenbench.executors.gpus import GpuRequest

if TYPE_CHECKING:
    from docker.types import DeviceRequest, Mount

CDI_KIND: Final = "nvidia.com/gpu"
CDI_DRIVER: Final = "cdi"
LIBRARY_FOLDER: Final = "/usr/local/nvidia/lib64"
LIBRARIES: Final = (
    "libcuda.so.1",
    "libnvidia-ml.so.1",
    "libnvidia-ptxjitcompiler.so.1",
    "libnvidia-nvvm.so.4",
    "libnvidia-gpucomp.so",
    "libcudadebugger.so.1",
)
"""What the toolkit hands in for computing (its capabilities `compute` and `utility`); a driver has
those of its age."""
CONTROL_NODES: Final = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset")
NEEDED_NODES: Final = ("nvidiactl", "nvidia-uvm")
ARCHITECTURES: Final = {"x86_64": "x86-64", "aarch64": "AArch64"}

HOOK: Final = "nvidia-container-runtime-hook"
"""The toolkit's program that an engine needs for a device request; it looks for it by itself."""
TOOLKIT_REMEDY: Final = (
    "sudo apt-get install -y nvidia-container-toolkit && sudo nvidia-ctk runtime configure "
    "--runtime=docker && sudo systemctl restart docker (the package is in NVIDIA's repository: "
    "https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html)"
)

TRY_CUDA: Final = """
import ctypes
cuda = ctypes.CDLL("libcuda.so.1")
code, count = cuda.cuInit(0), ctypes.c_int()
code = code or cuda.cuDeviceGetCount(ctypes.byref(count))
if code or not count.value:
    raise SystemExit(f"CUDA answers {code} and sees {count.value} GPUs")
"""
"""Tried in a container that ends at once: the driver answers and sees a GPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuGrant:
    """What a container is given so that it has its GPUs; nothing for one without."""

    device_requests: Sequence[DeviceRequest] = ()
    devices: Sequence[str] = ()
    mounts: Sequence[Mount] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GpuWay:
    """One way to get GPUs into a container; `name` is what is said and recorded."""

    name: str
    grant: Callable[[GpuRequest], GpuGrant]
    """Raises an ExecutorError for a request that this way can't serve."""


def _linker_cache() -> str:
    """What the dynamic linker knows, a library a line."""
    program = shutil.which("ldconfig", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if program is None:
        return ""
    return subprocess.run([program, "-p"], capture_output=True, text=True, check=False).stdout


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverFiles:
    """Where the driver's files are on this host; other places for tests."""

    dev: Path = Path("/dev")
    proc: Path = Path("/proc/driver/nvidia/gpus")
    libraries: Callable[[], str] = _linker_cache


def ways(info: Mapping[str, Any], driver: DriverFiles | None = None) -> Iterator[GpuWay]:
    """The ways that this engine (`info` is its own account of itself) and this host may offer, the
    usual one first."""
    yield GpuWay("device request", _requested)
    if cdi_offered(info):
        yield GpuWay("CDI device", _by_cdi)
    files = driver or DriverFiles()
    if all((files.dev / name).exists() for name in NEEDED_NODES):
        yield GpuWay("device nodes and libraries of the host", files_grant(files))


def cdi_offered(info: Mapping[str, Any]) -> bool:
    """Whether the engine has found CDI devices of NVIDIA, or would on the start of a container.

    Engines since 28.2 list them; since 25 they name the folders with their descriptions.
    """
    found = [str(device.get("ID", "")) for device in info.get("DiscoveredDevices") or ()]
    if any(name.startswith(f"{CDI_KIND}=") for name in found):
        return True
    folders = [Path(folder) for folder in info.get("CDISpecDirs") or ()]
    files = [path for folder in folders if folder.is_dir() for path in folder.iterdir()]
    return any(
        CDI_KIND in path.read_text(encoding="utf-8", errors="replace")
        for path in files
        if path.suffix in {".json", ".yaml", ".yml"} and path.is_file()
    )


def toolkit_offered(info: Mapping[str, Any]) -> bool:
    """Whether NVIDIA's container toolkit is there for the engine whose account of itself is `info`:
    as a runtime, as CDI devices, or as the program that it looks for on this host."""
    runtimes = info.get("Runtimes") or {}
    return "nvidia" in runtimes or cdi_offered(info) or shutil.which(HOOK) is not None


def _requested(request: GpuRequest) -> GpuGrant:
    from docker.types import DeviceRequest

    if request.ids:
        wanted = DeviceRequest(device_ids=list(request.ids), capabilities=[["gpu"]])
    else:
        wanted = DeviceRequest(count=-1 if request.all else request.count, capabilities=[["gpu"]])
    return GpuGrant(device_requests=[wanted])


def _by_cdi(request: GpuRequest) -> GpuGrant:
    from docker.types import DeviceRequest

    names = ("all",) if request.all else request.ids or map(str, range(request.count))
    ids = [f"{CDI_KIND}={name}" for name in names]
    return GpuGrant(device_requests=[DeviceRequest(driver=CDI_DRIVER, device_ids=ids)])


def files_grant(files: DriverFiles) -> Callable[[GpuRequest], GpuGrant]:
    """Grants by the device nodes and libraries in `files`."""

    def grant(request: GpuRequest) -> GpuGrant:
        from docker.types import Mount

        nodes = [
            *_control_nodes(files),
            *(files.dev / f"nvidia{n}" for n in _minors(request, files)),
        ]
        found = _libraries(files)
        return GpuGrant(
            devices=[f"{node}:/dev/{node.name}:rw" for node in nodes],
            mounts=[
                Mount(f"{LIBRARY_FOLDER}/{name}", str(path), type="bind", read_only=True)
                for name, path in found.items()
            ],
            environment={"LD_LIBRARY_PATH": LIBRARY_FOLDER},
        )

    return grant


def _control_nodes(files: DriverFiles) -> list[Path]:
    return [files.dev / name for name in CONTROL_NODES if (files.dev / name).exists()]


def _minors(request: GpuRequest, files: DriverFiles) -> list[int]:
    """The numbers N of `/dev/nvidiaN` for a request. The driver counts them in the order of its
    GPUs' addresses on the bus, as NVML's indices."""
    gpus = _gpus(files)
    if any(name.startswith("MIG-") or ":" in name for name in request.ids):
        raise ExecutorError(
            "a MIG instance can't be handed in by device nodes alone",
            "Install NVIDIA's container toolkit, or ask for a whole GPU.",
        )
    if request.all:
        return [minor for _, minor in gpus]
    wanted = request.ids or tuple(map(str, range(request.count)))
    by_name = {str(index): minor for index, (_, minor) in enumerate(gpus)}
    by_name |= dict(gpus)
    missing = [name for name in wanted if name not in by_name]
    if missing:
        raise ExecutorError(
            f"the driver has no GPU {', '.join(missing)}; it has {', '.join(by_name) or 'none'}",
            "Correct limits.gpus in the suite; `nvidia-smi -L` lists the GPUs.",
        )
    return [by_name[name] for name in wanted]


def _gpus(files: DriverFiles) -> list[tuple[str, int]]:
    """UUID and device number of each GPU, from what the kernel driver says of itself."""
    found = []
    for path in sorted(files.proc.glob("*/information")):
        text = path.read_text(encoding="utf-8", errors="replace")
        uuid = re.search(r"^GPU UUID:\s*(\S+)", text, re.MULTILINE)
        minor = re.search(r"^Device Minor:\s*(\d+)", text, re.MULTILINE)
        if uuid and minor:
            found.append((uuid[1], int(minor[1])))
    return found


def _libraries(files: DriverFiles) -> dict[str, Path]:
    """The driver's libraries by the name that programs load, for this machine's architecture."""
    wanted = ARCHITECTURES.get(platform.machine(), platform.machine())
    found: dict[str, Path] = {}
    for line in files.libraries().splitlines():
        match = re.match(r"\s*(\S+) \(([^)]*)\) => (\S+)", line)
        if match and wanted in match[2] and match[1].startswith(LIBRARIES):
            found.setdefault(match[1], Path(match[3]).resolve())
    if "libcuda.so.1" not in found:
        raise ExecutorError(
            "the host's driver has no libcuda.so.1 that the linker knows",
            "Install the driver's compute libraries (Debian: `libcuda1`), and run `ldconfig`.",
        )
    return found

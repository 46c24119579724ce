"""The device that a trial runs on: chosen, limited, waited for and described."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING

import torch

from greenbench.errors import ExecutorError

if TYPE_CHECKING:
    from greenbench.api import Conditions, Value


def device_for(conditions: Conditions) -> torch.device:
    """The device asked for, with its threads limited; never a CPU in place of a GPU."""
    torch.set_num_threads(conditions.threads)
    if torch.get_num_interop_threads() != 1:  # can be set once a process
        torch.set_num_interop_threads(1)
    if conditions.device == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise ExecutorError(
            f"the trial asks for a GPU, but PyTorch {torch.__version__} sees none",
            "Install a PyTorch built for CUDA and a driver, and let the executor pass the GPU on; "
            "or ask for no GPU in the suite."
            if torch.version.cuda is None
            else "Check that nvidia-smi lists the GPU where the training runs.",
        )
    device = torch.device("cuda", 0)
    torch.zeros(1, device=device)  # the context, here rather than in a window
    return device


def synchronize(device: torch.device) -> None:
    """Returns when all that was submitted is done. CPU operations are done when they return."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def description(parameter: torch.Tensor) -> dict[str, Value]:
    """What a record should say, read from the framework and from a trained parameter."""
    on_gpu = parameter.device.type == "cuda"
    return {
        "framework": "torch",
        "torch": str(torch.__version__),
        "numpy": version("numpy"),
        "scikit-learn": version("scikit-learn"),
        "python": platform.python_version(),
        "device": "gpu" if on_gpu else "cpu",
        "device_name": (
            str(torch.cuda.get_device_name(parameter.device)) if on_gpu else platform.machine()
        ),
        "cuda": str(torch.version.cuda or ""),
        "dtype": str(parameter.dtype).removeprefix("torch."),
        "threads": int(torch.get_num_threads()),
        "interop_threads": int(torch.get_num_interop_threads()),
        "deterministic_algorithms": bool(torch.are_deterministic_algorithms_enabled()),
        "cudnn_benchmark": bool(torch.backends.cudnn.benchmark),
        "cudnn_tf32": bool(torch.backends.cudnn.allow_tf32),
    }

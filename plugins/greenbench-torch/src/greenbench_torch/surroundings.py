"""Settles the process before PyTorch is imported: where it may write, what it may use."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from greenbench.api import Conditions

FOLDERS = {
    "HOME": ".",
    "TMPDIR": ".",
    "XDG_CACHE_HOME": "cache",
    "XDG_CONFIG_HOME": "config",
    "MPLCONFIGDIR": "matplotlib",
    "SCIKIT_LEARN_DATA": "scikit-learn",
    "TORCH_HOME": "torch",
    "TORCHINDUCTOR_CACHE_DIR": "inductor",
    "TRITON_CACHE_DIR": "triton",
    "CUDA_CACHE_PATH": "cuda",
}
"""Where libraries would write beside the scratch folder, and the place below it instead."""

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def settle(conditions: Conditions) -> None:
    """One trial is one process, so its environment may be changed for good."""
    for name, folder in FOLDERS.items():
        os.environ[name] = str(conditions.scratch / folder)
    tempfile.tempdir = None  # asked again, of TMPDIR
    for name in THREADS:
        os.environ[name] = str(conditions.threads)
    # Deterministic matrix products in CUDA need it before the context is there.
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"

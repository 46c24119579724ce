"""Settles the process before TensorFlow is imported: where it may write, what it may use."""

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
    "KERAS_HOME": "keras",
    "CUDA_CACHE_PATH": "cuda",
}
"""Where libraries would write beside the scratch folder, and the place below it instead.
An own KERAS_HOME also keeps a user's keras.json (dtype, axis order) out of a measurement."""

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def settle(conditions: Conditions) -> None:
    """One trial is one process, so its environment may be changed for good."""
    for name, folder in FOLDERS.items():
        os.environ[name] = str(conditions.scratch / folder)
    tempfile.tempdir = None  # asked again, of TMPDIR
    for name in THREADS:
        os.environ[name] = str(conditions.threads)
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors, not the build's advice

"""The few environment variables that a worker gets, whoever starts it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from greenbench.api import Limits

THREAD_VARIABLES: Final = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
"""What thread pools read when they are created, before a framework's own setting reaches them."""


def worker_environment(limits: Limits, scratch: str) -> Mapping[str, str]:
    """Variables of every worker: where it may write, how many threads, no chance in hashing."""
    return {
        "HOME": scratch,
        "TMPDIR": scratch,
        "LC_ALL": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        **dict.fromkeys(THREAD_VARIABLES, str(limits.threads)),
    }

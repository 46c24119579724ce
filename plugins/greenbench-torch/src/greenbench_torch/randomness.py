"""Every source of randomness: seeded, captured and put back."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch


def seed_everything(seed: int) -> None:
    """Python, numpy and PyTorch (CPU and GPUs) start from the seed."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 (the global state is what libraries draw from)
    torch.manual_seed(seed)


def be_deterministic() -> None:
    """Operations that repeat to the bit; one that can't raises an error."""
    torch.use_deterministic_algorithms(True)
    debugging: Any = torch.utils.deterministic
    debugging.fill_uninitialized_memory = False  # finds bugs, and costs energy
    torch.backends.cudnn.benchmark = False


@dataclass(frozen=True, slots=True)
class RandomState:
    """Where all generators stand."""

    python: Any
    numpy: Any
    cpu: torch.Tensor
    gpu: torch.Tensor | None

    @classmethod
    def now(cls, place: torch.device) -> RandomState:
        """Captures it, with the GPU's where that is the place."""
        gpu = torch.cuda.get_rng_state(place) if place.type == "cuda" else None
        numpy_state = np.random.get_state()  # noqa: NPY002 (as above)
        return cls(random.getstate(), numpy_state, torch.get_rng_state(), gpu)

    def restore(self) -> None:
        """Puts it back."""
        random.setstate(self.python)
        np.random.set_state(self.numpy)  # noqa: NPY002 (as above)
        torch.set_rng_state(self.cpu)
        if self.gpu is not None:
            torch.cuda.set_rng_state(self.gpu)

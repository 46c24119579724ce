"""Every source of randomness: seeded, captured and put back."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf


def seed_everything(seed: int) -> None:
    """Python, numpy and TensorFlow start from the seed; Keras draws its layers' seeds of them."""
    keras.utils.set_random_seed(seed % 2**32)


@dataclass(frozen=True, slots=True)
class RandomState:
    """Where the generators outside of the layers stand; those in them are Keras variables."""

    python: Any
    numpy: Any

    @classmethod
    def now(cls) -> RandomState:
        """Captures it."""
        return cls(random.getstate(), np.random.get_state())  # noqa: NPY002 (libraries draw of it)

    def restore(self, seed: int) -> None:
        """Puts it back; TensorFlow's own starts from the seed, as before the first draw."""
        random.setstate(self.python)
        np.random.set_state(self.numpy)  # noqa: NPY002 (as above)
        tf.random.set_seed(seed % 2**32)

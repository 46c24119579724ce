"""The device that a trial runs on: chosen, limited, waited for and described."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING

import keras
import tensorflow as tf
from tensorflow.python.framework.config import is_op_determinism_enabled  # has no public name

from greenbench.errors import ExecutorError

if TYPE_CHECKING:
    from greenbench.api import Conditions, Value


def settle(conditions: Conditions) -> None:
    """Limits threads and devices to what was asked for; never a CPU in place of a GPU."""
    tf.config.threading.set_intra_op_parallelism_threads(conditions.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    if conditions.device == "cpu":
        tf.config.set_visible_devices([], "GPU")
        return
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        raise ExecutorError(
            f"the trial asks for a GPU, but TensorFlow {tf.__version__} sees none",
            "Check that nvidia-smi lists the GPU where the training runs."
            if tf.test.is_built_with_cuda()
            else "Install tensorflow[and-cuda] instead of tensorflow-cpu and a driver, and let the "
            "executor pass the GPU on; or ask for no GPU in the suite.",
        )
    tf.config.set_visible_devices(gpus[:1], "GPU")
    tf.config.experimental.set_memory_growth(gpus[0], True)  # leaves room for a neighbour


def synchronize() -> None:
    """Returns when all that was submitted is done. CPU operations are done when they return."""
    if tf.config.get_visible_devices("GPU"):
        tf.test.experimental.sync_devices()


def description(parameter: keras.Variable) -> dict[str, Value]:
    """What a record should say, read from the framework and from a trained parameter."""
    on_gpu = "GPU" in str(parameter.value.device)
    return {
        "framework": "tensorflow",
        "tensorflow": str(tf.__version__),
        "keras": str(keras.__version__),
        "numpy": version("numpy"),
        "scikit-learn": version("scikit-learn"),
        "python": platform.python_version(),
        "device": "gpu" if on_gpu else "cpu",
        "device_name": _gpu_name() if on_gpu else platform.machine(),
        "cuda": str(tf.sysconfig.get_build_info().get("cuda_version", "")),
        "dtype": str(parameter.dtype),
        "threads": int(tf.config.threading.get_intra_op_parallelism_threads()),
        "interop_threads": int(tf.config.threading.get_inter_op_parallelism_threads()),
        "op_determinism": bool(is_op_determinism_enabled()),
        "tf32": bool(tf.config.experimental.tensor_float_32_execution_enabled()),
    }


def _gpu_name() -> str:
    details = tf.config.experimental.get_device_details(tf.config.get_visible_devices("GPU")[0])
    return str(details.get("device_name", ""))

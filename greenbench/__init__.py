"""greenbench: what a hyperparameter change costs or saves in energy, and whether the model still performs."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`greenbench.open_results`, loaded when it is first asked for: the import itself stays light."""
    if name in {"Results", "open_results"}:
        return getattr(import_module("greenbench.results"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

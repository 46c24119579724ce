"""Offers the built-in executors through the same hook as anyone's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from greenbench.executors.docker import DockerExecutor
from greenbench.executors.process import ProcessExecutor
from greenbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from greenbench.api import Executor


@hookimpl
def greenbench_executors() -> Iterable[Executor]:
    """The container executor and the one that needs nothing installed."""
    yield DockerExecutor()
    yield ProcessExecutor()

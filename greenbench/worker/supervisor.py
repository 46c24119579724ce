"""Keeps watch over the training process: drains and caps its output, reports how it ended.

The supervisor forks before anything heavy is imported. It sleeps in `poll` while the model
trains; it costs CPU time only when the model prints.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import socket
import sys
import traceback
from pathlib import Path

from greenbench import protocol

HEAD_BYTES = 131_072
TAIL_BYTES = 131_072
"""The first and the last part of a model's output are kept; what is between is counted."""

DRAIN_BYTES = 1_048_576
PR_SET_PDEATHSIG = 1
"""prctl(2): the signal a process gets when its parent dies."""
PR_SET_DUMPABLE = 4
"""prctl(2): 0 keeps processes of the same user out of `/proc/PID` and ptrace."""


class Output:
    """What a model printed, in bounded memory: its head, its tail, and how much is missing."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self.total_bytes = 0

    def add(self, data: bytes) -> None:
        """Takes output as it comes."""
        self.total_bytes += len(data)
        room = HEAD_BYTES - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        self._tail += data
        if len(self._tail) > 2 * TAIL_BYTES:
            del self._tail[:-TAIL_BYTES]

    @property
    def dropped_bytes(self) -> int:
        """How many bytes were cut between head and tail."""
        return max(0, self.total_bytes - HEAD_BYTES - TAIL_BYTES)

    def kept(self) -> bytes:
        """Head and tail, with a line that says where and how much was cut."""
        tail = bytes(self._tail[-TAIL_BYTES:])
        if not self.dropped_bytes:
            return bytes(self._head) + tail
        cut = f"\n[greenbench: {self.dropped_bytes} bytes of output were cut here]\n"
        return bytes(self._head) + cut.encode() + tail


def supervise(path: Path, scratch: Path, data: Path | None) -> int:
    """Runs one trial in a child process; returns the exit code for the executor."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(path))
    except OSError as error:
        sys.stderr.write(f"greenbench.worker: can't reach {path}: {error}\n")
        return 1
    output_read, output_write = os.pipe()
    wake_read, wake_write = os.pipe()
    os.set_blocking(output_read, False)
    os.set_blocking(wake_read, False)
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    child = os.fork()
    if child == 0:
        signal.set_wakeup_fd(-1)
        for descriptor in (output_read, wake_read, wake_write):
            os.close(descriptor)
        _become_child(connection, output_write, scratch, data)
    os.close(output_write)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the child may send it to process 1
    _shut_away()
    output = Output()
    status = _watch(child, connection, output_read, wake_read, output)
    _report(connection, output, status)
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 1
    return code if code < protocol.FROM_OUTSIDE else 1


def _shut_away() -> None:
    """Lets go of the executor's pipes and closes the supervisor to its own child, so that
    training code can't write to the engine's log through `/proc/1/fd`."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
    _prctl(PR_SET_DUMPABLE, 0)


def _prctl(option: int, value: int) -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value)


def _become_child(connection: socket.socket, output: int, scratch: Path, data: Path | None) -> None:
    """Redirects output into the pipe, trains, and never returns."""
    code = 1
    try:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        os.close(null)
        from greenbench.worker.training import run

        code = run(connection, scratch, data)
    except BaseException:  # noqa: BLE001 (the last word of a child process goes to its log)
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _watch(child: int, connection: socket.socket, pipe: int, wake: int, output: Output) -> int:
    """Drains output until the child has ended; ends the child when the host is gone."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    poll.register(wake, select.POLLIN)
    poll.register(connection, select.POLLRDHUP)
    while True:
        for descriptor, happened in poll.poll():
            if descriptor == pipe and not _drain(pipe, output):
                poll.unregister(pipe)
            elif descriptor == wake:
                with contextlib.suppress(BlockingIOError):
                    os.read(wake, 4096)
            elif descriptor == connection.fileno() and happened:
                os.kill(child, signal.SIGKILL)
                poll.unregister(connection)
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            _drain(pipe, output)
            return status


def _drain(pipe: int, output: Output) -> bool:
    """Takes what is there, at most one buffer's worth of rounds; False at the end of the pipe."""
    for _ in range(64):
        try:
            data = os.read(pipe, DRAIN_BYTES)
        except BlockingIOError:
            return True
        if not data:
            return False
        output.add(data)
    return True


def _report(connection: socket.socket, output: Output, status: int) -> None:
    """The log and the exit status, after the training process is gone."""
    kept = output.kept()
    ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
    with contextlib.suppress(OSError):
        for start in range(0, len(kept), protocol.LOG_PART_BYTES):
            part = kept[start : start + protocol.LOG_PART_BYTES].decode("utf-8", "replace")
            connection.sendall(protocol.encode("log", {"text": part}))
        connection.sendall(
            protocol.encode(
                "exit",
                {"code": code, "signal": ended_by, "dropped_bytes": output.dropped_bytes},
            )
        )
    connection.close()

"""A socket in front of the real engine that keeps what is asked of it, as it goes over the wire."""

import json
import re
import socket
import threading
from contextlib import contextmanager, suppress

CREATE = re.compile(
    rb"POST /v[\d.]+/containers/create[^ ]* HTTP/1\.1\r\n(.*?)\r\n\r\n", re.DOTALL | re.IGNORECASE
)


class Recording:
    """What clients sent, by connection."""

    def __init__(self):
        self.sent = []

    def created(self):
        """The bodies of all requests to create a container, in order."""
        bodies = []
        for sent in self.sent:
            for head in CREATE.finditer(bytes(sent)):
                size = re.search(rb"content-length: (\d+)", head[1], re.IGNORECASE)
                bodies.append(json.loads(bytes(sent)[head.end() : head.end() + int(size[1])]))
        return bodies


@contextmanager
def recording_engine(path, engine_path):
    """Listens at `path` and passes everything on to the engine at `engine_path`, and back."""
    recording, server = Recording(), socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def copy(source, target, kept):
        while data := source.recv(65_536):
            if kept is not None:
                kept.extend(data)
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)

    def serve():
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(str(engine_path))
            recording.sent.append(bytearray())
            for arguments in ((client, engine, recording.sent[-1]), (engine, client, None)):
                threading.Thread(target=quietly, args=(copy, *arguments), daemon=True).start()

    def quietly(action, *arguments):
        with suppress(OSError):
            action(*arguments)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield recording
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()

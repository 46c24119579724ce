"""Why there is no engine, in words, each with its remedy."""

import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from greenbench.errors import ExecutorError
from greenbench.executors.docker import DockerExecutor
from greenbench.executors.engine import Endpoint, find_endpoint


def availability(url):
    return DockerExecutor(Endpoint(url, "the test")).availability()


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="gb-") as path:  # a socket's path has to be short
        yield Path(path)


def listening(path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()
    return server


def test_no_socket_at_all(folder):
    found = availability(f"unix://{folder}/docker.sock")
    assert not found.usable
    assert found.detail.startswith(f"no Docker Engine here: {folder}/docker.sock does not exist")
    assert "docs.docker.com/engine/install" in found.remedy
    assert "--executor process" in found.remedy


def test_a_socket_that_nobody_listens_on(folder):
    listening(folder / "docker.sock").close()
    found = availability(f"unix://{folder}/docker.sock")
    assert "is down: nothing listens" in found.detail
    assert "sudo systemctl start docker" in found.remedy


@pytest.mark.skipif(os.getuid() != 0, reason="dropping privileges takes root")
def test_a_socket_without_permission(folder):
    folder.chmod(0o755)
    with listening(folder / "docker.sock"):
        (folder / "docker.sock").chmod(0o600)
        pid = os.fork()
        if pid == 0:
            os.setgroups([])
            os.setuid(65534)
            found = availability(f"unix://{folder}/docker.sock")
            told = "no permission" in found.detail and "usermod -aG docker $USER" in found.remedy
            os._exit(0 if told else 1)
        assert os.waitpid(pid, 0)[1] == 0


def test_a_remote_engine_is_refused_because_the_meters_are_here():
    for url in ("tcp://10.0.0.5:2375", "ssh://user@host"):
        found = availability(url)
        assert "is not on this host" in found.detail
        assert "the meters read the power of this machine" in found.detail
        assert "for many machines, on each of them" in found.remedy
        assert "unset DOCKER_HOST" in found.remedy


def test_the_command_refuses_a_remote_engine_before_anything_else(greenbench, tmp_path):
    path = tmp_path / "suite.toml"
    path.write_text(
        'name = "far"\nseed = 1\nblocks = 1\n[[study]]\nmodel = "trouble"\n'
        '[[study.mutate]]\noperator = "epochs"\nvalues = [3]\n'
    )
    far = {"DOCKER_HOST": "tcp://10.0.0.5:2375"}
    done = greenbench("suite", "run", path, "--executor", "docker", env=far)
    assert done.returncode == 5
    assert "is not on this host: trials would run there" in done.stderr
    assert "Run greenbench on the machine of that engine" in done.stderr


def test_an_engine_that_answers_nonsense_is_told_as_refusing(folder):
    server = listening(folder / "docker.sock")

    def answer():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                if connection.recv(4096):
                    connection.sendall(
                        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 22\r\n\r\n"
                        b'{"message":"forbidden"}'[:22]
                    )

    threading.Thread(target=answer, daemon=True).start()
    found = availability(f"unix://{folder}/docker.sock")
    server.close()
    assert "refuses" in found.detail
    assert "docker info" in found.remedy


@pytest.mark.docker
def test_an_engine_that_answers_is_named(docker_engine):
    found = DockerExecutor().availability()
    assert found.usable
    assert docker_engine.version in found.detail


@pytest.mark.docker
def test_a_forwarded_socket_is_known_by_its_kernel(docker_engine, monkeypatch):
    from greenbench.executors import engine

    here = os.uname()
    other = os.uname_result((here.sysname, here.nodename, "1.2.3-elsewhere", *here[3:]))
    monkeypatch.setattr(engine.os, "uname", lambda: other)
    found = DockerExecutor().availability()
    assert not found.usable
    assert "runs on another kernel" in found.detail


def test_the_endpoint_is_what_the_docker_command_would_take(folder):
    configuration = {"DOCKER_CONFIG": str(folder)}
    assert find_endpoint(configuration).url == "unix:///var/run/docker.sock"
    digest = hashlib.sha256(b"lab").hexdigest()
    meta = folder / "contexts" / "meta" / digest / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Name": "lab", "Endpoints": {"docker": {"Host": "unix:///lab"}}}))
    (folder / "config.json").write_text(json.dumps({"currentContext": "lab"}))
    assert find_endpoint(configuration) == Endpoint("unix:///lab", "context 'lab'")
    assert find_endpoint({**configuration, "DOCKER_CONTEXT": "default"}).source == "the default"
    chosen = {**configuration, "DOCKER_HOST": "unix:///other"}
    assert find_endpoint(chosen) == Endpoint("unix:///other", "DOCKER_HOST")
    with pytest.raises(ExecutorError, match="context 'gone' can't be read"):
        find_endpoint({**configuration, "DOCKER_CONTEXT": "gone"})


def test_collecting_the_executors_imports_nothing_heavy():
    code = (
        "import sys; from greenbench.executors.plugin import greenbench_executors as g; "
        "print([e.name for e in g()], sorted({'docker', 'psutil', 'requests'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['docker', 'process'] []"

"""What every test shares: the engine, the frameworks, the command line; and what to do without.

A test marked `docker`, `browser`, `torch` or `tensorflow` is skipped where that is missing, with
a loud reason at the end. GREENBENCH_REQUIRE_DOCKER=1, GREENBENCH_REQUIRE_BROWSER=1 and
GREENBENCH_REQUIRE_FRAMEWORKS=1 (set in CI) turn these skips into failures.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from importlib.util import find_spec

import pytest

from greenbench.errors import ExecutorError

FRAMEWORKS = ("torch", "tensorflow")
REQUIRE_DOCKER = "GREENBENCH_REQUIRE_DOCKER"
REQUIRE_FRAMEWORKS = "GREENBENCH_REQUIRE_FRAMEWORKS"
REQUIRE_BROWSER = "GREENBENCH_REQUIRE_BROWSER"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
NO_DOCKER = "GREENBENCH_NO_DOCKER"
"""A reason not to use an engine that answers: `scripts/test` found no way to a base image."""
COMMAND_LIMIT_S = 600

# Suites of two runs of the tests have no business with each other: a lock a session.
_HOST_LOCK = tempfile.TemporaryDirectory(prefix="gb-lock-")
os.environ["GREENBENCH_HOST_LOCK"] = f"{_HOST_LOCK.name}/host.lock"


@cache
def _engine():
    from greenbench.executors.engine import connect, find_endpoint

    if reason := os.environ.get(NO_DOCKER):
        return None, reason
    try:
        return connect(find_endpoint()), ""
    except ExecutorError as error:
        return None, error.message


def _no_browser():
    """Why no Chromium can be driven; empty if one can."""
    if not any(map(shutil.which, CHROMIUM)):
        return f"no browser: none of {', '.join(CHROMIUM)} is installed"
    if not shutil.which("chromedriver"):
        return "no browser: chromedriver is not installed"
    return "" if find_spec("selenium") else f"no browser: no selenium in {sys.prefix}"


def _missing(item):
    """What an item needs that is not here: the reason, and the variable that demands it."""
    if item.get_closest_marker("docker") and _engine()[0] is None:
        return f"no Docker Engine: {_engine()[1]}", REQUIRE_DOCKER
    if item.get_closest_marker("browser") and (reason := _no_browser()):
        return reason, REQUIRE_BROWSER
    for framework in FRAMEWORKS:
        if item.get_closest_marker(framework) and find_spec(framework) is None:
            return f"{framework} is not installed in {sys.prefix}", REQUIRE_FRAMEWORKS
    return "", ""


def pytest_runtest_setup(item):
    reason, variable = _missing(item)
    if reason and os.environ.get(variable) == "1":
        pytest.fail(f"{reason}; {variable}=1 demands it", pytrace=False)
    if reason:
        pytest.skip(reason)


def pytest_terminal_summary(terminalreporter):
    skipped = terminalreporter.stats.get("skipped", [])
    unread = [r for r in skipped if "no recorded data" in str(r.longrepr)]
    if unread:
        terminalreporter.write_sep("!", f"{len(unread)} tests on recorded runs did NOT run")
        terminalreporter.write_line(
            "Their files are no part of the project; .ci/run names them where they lie beside it:"
            " GREENBENCH_PAPER_RUNS, GREENBENCH_LAB_RUNS."
        )
    unmet = [r for r in skipped if "no Docker Engine" in str(r.longrepr)]
    if unmet:
        terminalreporter.write_sep("!", f"{len(unmet)} tests of the docker executor did NOT run")
        terminalreporter.write_line(str(unmet[0].longrepr[2]))
        terminalreporter.write_line("`scripts/test --install-docker` installs an engine for them.")
    unmet = [r for r in skipped if "no browser" in str(r.longrepr)]
    if unmet:
        terminalreporter.write_sep("!", f"{len(unmet)} tests of the page did NOT run")
        terminalreporter.write_line(str(unmet[0].longrepr[2]))
        terminalreporter.write_line("`scripts/test --install-docker` installs Chromium for them.")


@pytest.fixture(scope="session")
def docker_engine():
    """The engine of this host, as greenbench connects to it (mark the test `docker`)."""
    engine, reason = _engine()
    if engine is None:
        pytest.skip(f"no Docker Engine: {reason}")
    return engine


@pytest.fixture
def greenbench(tmp_path):
    """Runs the command line in a process of its own: `greenbench("suite", "plan", path)`."""

    def run(*arguments, cwd=tmp_path, env=None, timeout=COMMAND_LIMIT_S):
        return subprocess.run(
            [sys.executable, "-c", "from greenbench.cli import main; main()", *map(str, arguments)],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run

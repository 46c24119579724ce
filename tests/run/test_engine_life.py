"""The engine is killed, comes back, loses images and its socket: what was measured stays, the rest
is tried again."""

from __future__ import annotations

import os
import re
import sqlite3

import docker
import pytest
from own_engine import CAN_START, OwnEngine

from greenbench.api import HOLDER_LABEL
from greenbench.store import Store

from .conftest import each_once, kinds, measured, start, statuses, wait_for
from .test_resume import containers, running

pytestmark = pytest.mark.docker
RETRY = "[retry]\ntimes = {times}\nwait_s = {wait_s}\n"


def with_retry(path, times=2, wait_s=90):
    """The suite, with a budget of its own."""
    text = path.read_text()
    path.write_text(text.replace("[limits]", RETRY.format(times=times, wait_s=wait_s) + "[limits]"))
    return path


def attempts(path) -> list[tuple]:
    """Status, kind and text of every attempt, in order."""
    connection = sqlite3.connect(path.parent / "out" / "results.sqlite")
    rows = connection.execute(
        "SELECT a.status, a.error_kind, a.error FROM attempts a ORDER BY a.id"
    ).fetchall()
    connection.close()
    return rows


def problems(path) -> str:
    connection = sqlite3.connect(path.parent / "out" / "results.sqlite")
    rows = connection.execute("SELECT text FROM problems").fetchall()
    connection.close()
    return "\n".join(text for (text,) in rows)


@pytest.fixture(scope="module")
def own_engine(plain_images):
    if not CAN_START:
        pytest.skip("needs root and dockerd: it starts an engine of its own")
    engine = OwnEngine()
    try:
        engine.start()
        for image in plain_images:
            engine.load(image)
        yield engine
    finally:
        engine.end()


@pytest.fixture(scope="module")
def plain_images(docker_engine):
    """The tags that the model `trouble` trains in, built on the shared engine."""
    from greenbench.executors.images import ImageBuilder
    from greenbench.plugins import load_plugins

    base = os.environ.get("GREENBENCH_TEST_BASE")
    builder = ImageBuilder(docker_engine, print, base=base)
    framework = builder.ensure_framework("plain")
    return [framework.tag, builder.ensure(load_plugins().models["trouble"]).tag]


def test_a_killed_member_costs_its_cohort_one_try(suite, docker_engine) -> None:
    path = with_retry(
        suite(epoch_s=0.4, timeout_s=100, scenarios='[{kind = "homogeneous", copies = 2}]')
    )
    run = start(path, "--executor", "docker")
    wait_for(lambda: running(path))
    before = measured(path)
    ours = [c for c in containers(docker_engine) if c["Labels"]["greenbench.suite"] == "trouble"]
    docker_engine.client.kill(ours[0]["Id"])
    output, _ = run.communicate(timeout=200)
    assert run.returncode == 0, output
    each_once(path)
    assert kinds(before) >= {"train", "metrics", "samples"}
    assert before <= measured(path)
    found = attempts(path)
    assert [kind for _, kind, _ in found if kind] in (
        ["killed", "interrupted"],
        ["interrupted", "killed"],
    )
    assert "tried again (2 left)" in problems(path)
    assert of_result_set(docker_engine.client, path) == []


def removed(client, image) -> bool:
    try:
        client.remove_image(image, force=True)
    except docker.errors.APIError:
        return False
    return True


def of_result_set(client, path) -> list[dict]:
    store = Store.open(path.parent / "out", read_only=True)
    label = f"{HOLDER_LABEL}={store.facts()['result_set']}"
    store.close()
    return client.containers(all=True, filters={"label": label})


def test_when_the_budget_is_used_up_the_suite_goes_on(suite, docker_engine) -> None:
    path = with_retry(suite(epoch_s=0.5, timeout_s=100), times=0)
    run = start(path, "--executor", "docker")
    wait_for(lambda: running(path))
    client = docker_engine.client
    killed = of_result_set(client, path)[0]["Id"]
    client.kill(killed)

    def next_one() -> str | None:
        others = [c["Id"] for c in of_result_set(client, path) if c["Id"] != killed]
        return others[0] if others and running(path) else None

    client.remove_container(wait_for(next_one), force=True)
    output, _ = run.communicate(timeout=120)
    assert run.returncode == 3, output
    found = list(statuses(path).values())
    assert found.count("interrupted") == 2
    assert found.count("completed") == len(found) - 2
    assert "killed from outside" in output
    assert "removed from outside" in output
    assert "its budget is used up" in problems(path)
    again = start(path, "--executor", "docker")
    output, _ = again.communicate(timeout=120)
    assert again.returncode == 0, output
    each_once(path)


def test_an_engine_killed_and_restarted_in_the_middle(suite, own_engine, monkeypatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", own_engine.url)
    path = with_retry(
        suite(epoch_s=0.6, timeout_s=100, scenarios='[{kind = "homogeneous", copies = 2}]')
    )
    run = start(path, "--executor", "docker")
    wait_for(lambda: running(path))
    before = measured(path)
    own_engine.kill()
    own_engine.start()  # which ends what the one before had started
    output, _ = run.communicate(timeout=250)
    assert run.returncode == 0, output
    assert "Traceback" not in output
    each_once(path)
    assert kinds(before) >= {"train", "metrics", "samples"}
    assert before <= measured(path)
    assert own_engine.client().containers(all=True) == []


def test_a_socket_that_vanishes_is_waited_for(suite, own_engine, monkeypatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", own_engine.url)
    path = with_retry(suite(epoch_s=0.3, timeout_s=100))
    hidden = own_engine.socket.with_name("hidden.sock")
    run = start(path, "--executor", "docker")
    wait_for(lambda: running(path))
    before = measured(path)
    own_engine.socket.rename(hidden)
    wait_for(lambda: any(kind == "start" for _, kind, _ in attempts(path)))
    hidden.rename(own_engine.socket)
    output, _ = run.communicate(timeout=200)
    assert run.returncode == 0, output
    each_once(path)
    assert kinds(before) >= {"train", "metrics", "samples"}
    assert before <= measured(path)
    assert ("interrupted", "start") in {(status, kind) for status, kind, _ in attempts(path)}
    assert own_engine.client().containers(all=True) == []  # the one it could not remove as well


def test_an_engine_that_stays_away_ends_the_run_with_all_that_was_measured(
    suite, own_engine, monkeypatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", own_engine.url)
    path = with_retry(suite(epoch_s=0.3, timeout_s=100), wait_s=1.5)
    run = start(path, "--executor", "docker")
    wait_for(lambda: running(path))
    own_engine.kill()
    output, _ = run.communicate(timeout=120)
    own_engine.start()
    assert run.returncode == 5, output
    assert re.search(r"gave up after waiting 1.5 s: the Docker Engine is down", output), output
    assert "Traceback" not in output
    found = list(statuses(path).values())
    assert "completed" in found  # what trains when its engine dies trains on, and is measured
    assert "interrupted" in found
    before = measured(path)
    assert kinds(before) >= {"train", "metrics", "samples"}
    again = start(path, "--executor", "docker")
    output, _ = again.communicate(timeout=200)
    assert again.returncode == 0, output
    each_once(path)
    assert before <= measured(path)
    assert own_engine.client().containers(all=True) == []


def test_an_image_removed_under_our_feet_is_made_again(
    suite, own_engine, plain_images, monkeypatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", own_engine.url)
    path = with_retry(suite(epoch_s=0.3, timeout_s=100))
    path.write_text(path.read_text().replace("idle_between_s = 0.1", "idle_between_s = 1.0"))
    run = start(path, "--executor", "docker")
    wait_for(lambda: running(path))
    before = measured(path)
    client = own_engine.client()
    image = client.inspect_image(plain_images[1])["Id"]
    wait_for(lambda: removed(client, image))  # when no container uses it
    output, _ = run.communicate(timeout=200)
    assert run.returncode == 0, output
    each_once(path)
    assert kinds(before) >= {"train", "metrics", "samples"}
    assert before <= measured(path)
    assert ("interrupted", "start") in {(status, kind) for status, kind, _ in attempts(path)}
    assert "made again: " in problems(path)

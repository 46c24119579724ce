"""Plugins that bring their own image, and images whose worker is not this greenbench's."""

import subprocess
from dataclasses import replace

import pytest

from greenbench.api import Limits
from greenbench.errors import ExecutorError, PluginError
from greenbench.executors.build import inspect_image
from greenbench.executors.docker import DockerExecutor
from greenbench.executors.images import ImageBuilder
from greenbench.executors.inventory import list_images, unneeded
from greenbench.plugins import _model_problem

pytestmark = pytest.mark.docker


@pytest.fixture
def said():
    return []


@pytest.fixture
def builder(docker_engine, plain_image, said):
    yield ImageBuilder(docker_engine, said.append)
    ours = ("greenbench/own-greenbench-own:", "greenbench/plain-plugins:")
    for image in list_images(docker_engine):
        if image.tag.startswith(ours) and "greenbench-own" in image.tag + image.distribution:
            docker_engine.client.remove_image(image.tag, force=True)


@pytest.fixture
def own(probe, plain_image, tmp_path, monkeypatch, write_distribution):
    """A model whose plugin carries a Dockerfile and a file that it copies."""
    folder = write_distribution(
        tmp_path / "own", "greenbench-own",
        {
            "greenbench_own/__init__.py": "",
            "greenbench_own/docker/Dockerfile": f"FROM {plain_image.tag}\nCOPY more /more\n",
            "greenbench_own/docker/more/note.txt": "one\n",
        },
        metadata="Requires-Dist: greenbench\nRequires-Dist: greenbench-probe\n",
    )  # fmt: skip
    info = tmp_path / "installed" / "greenbench_probe-1.0.dist-info"
    (info / "direct_url.json").write_text('{"url": "file:///probe", "dir_info": {}}')
    monkeypatch.syspath_prepend(folder)
    model = replace(probe.value, dockerfile="greenbench_own:docker/Dockerfile")
    return replace(probe, value=model, distribution="greenbench-own"), folder / "greenbench_own"


def printed(image, *command):
    done = subprocess.run(
        ["docker", "run", "--rm", "--network=none", image, *command],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout


def test_a_plugins_dockerfile_takes_the_place_of_the_frameworks(builder, own, said, talk):
    model, folder = own
    executor = DockerExecutor()
    (told,) = executor.prepare([model], Limits(), said.append).values()
    first = executor._images[model.name]
    assert told == str(first)
    assert printed(first.tag, "cat", "/more/note.txt") == "one\n"
    talk(executor, model).until("result")
    (environment,) = executor.environments()
    assert {"greenbench", "pluggy", "greenbench-own", "greenbench-probe"} <= set(
        environment.packages
    )
    below = builder.tags(model)[0]
    assert below.startswith("greenbench/own-greenbench-own:")
    assert not {below, first.tag} & {i.tag for i in unneeded(builder.engine, [model])}
    said.clear()
    assert builder.ensure(model) == first
    assert said == []
    (folder / "docker" / "more" / "note.txt").write_text("two\n")
    second = builder.ensure(model)
    assert printed(second.tag, "cat", "/more/note.txt") == "two\n"


def test_what_a_plugins_dockerfile_leaves_behind_when_it_fails_is_removed(builder, own):
    model, folder = own
    path = folder / "docker" / "Dockerfile"
    label = "LABEL greenbench.test.own=left\nRUN touch /layer\nRUN false\n"
    path.write_text(path.read_text() + label)
    with pytest.raises(ExecutorError, match="returned a non-zero code: 1"):
        builder.ensure(model)
    filters = {"label": "greenbench.test.own=left"}
    assert builder.engine.client.images(all=True, quiet=True, filters=filters) == []
    assert builder.engine.client.containers(all=True, quiet=True, filters=filters) == []
    path.unlink()
    with pytest.raises(PluginError, match="'greenbench_own:docker/Dockerfile', but there is none"):
        builder.ensure(model)


def test_an_image_by_reference_takes_the_place_of_the_frameworks(
    builder, probe, plain_image, docker_engine, said, talk
):
    docker_engine.client.tag(plain_image.id, "greenbench-test-lab", "1")
    try:
        model = replace(probe, value=replace(probe.value, image="greenbench-test-lab:1"))
        image = builder.ensure(model)
        assert any(line.endswith("on greenbench-test-lab:1") for line in said)
        assert image.tag != builder.tags(probe)[1]
        executor = DockerExecutor()
        executor.prepare([model], Limits(), said.append)
        talk(executor, model).until("result")
    finally:
        docker_engine.client.remove_image("greenbench-test-lab:1")
    gone = replace(probe, value=replace(probe.value, image="localhost:1/no/such:1"))
    with pytest.raises(ExecutorError, match="localhost:1/no/such:1 is not on this engine and"):
        builder.ensure(gone)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"image": "a", "dockerfile": "b:Dockerfile"}, "both an image and a Dockerfile"),
        ({"dockerfile": "docker/Dockerfile"}, "names its Dockerfile as"),
        ({"dockerfile": "package:../Dockerfile"}, "names its Dockerfile as"),
        ({"dockerfile": "package:/etc/Dockerfile"}, "names its Dockerfile as"),
        ({"dockerfile": "package:"}, "names its Dockerfile as"),
        ({"dockerfile": "a.b:docker/gpu.Dockerfile"}, None),
        ({"image": "registry.lab/torch@sha256:00"}, None),
    ],
)
def test_a_model_says_in_one_way_what_it_brings(probe, changes, problem):
    found = _model_problem(replace(probe.value, **changes))
    assert found is None if problem is None else problem in found


def test_nothing_in_a_suite_can_name_an_image_or_a_dockerfile(greenbench, tmp_path):
    path = tmp_path / "suite.toml"
    suite = (
        'name = "own"\n[[study]]\nmodel = "trouble"\n{}\n[[study.mutate]]\noperator = "epochs"\n'
    )
    for line in ('dockerfile = "Dockerfile"', 'image = "mine:1"'):
        path.write_text(suite.format(line))
        told = greenbench("suite", "plan", path)
        assert told.returncode == 2
        assert "found an unknown key" in told.stderr


def test_an_image_with_another_worker_is_refused_before_the_first_trial(builder, probe):
    image = builder.ensure(probe)
    older = (
        "sed -i 's/^VERSION: Final = .*/VERSION: Final = 0/' /opt/plugins/greenbench/protocol.py"
    )
    _replace(image.tag, f"RUN {older}")
    with pytest.raises(ExecutorError, match="speaks protocol 0, this greenbench speaks") as caught:
        DockerExecutor().prepare([probe], Limits(), print)
    assert "greenbench images build" in caught.value.remedy
    _replace(image.tag, "RUN rm -r /opt/plugins/greenbench")
    with pytest.raises(ExecutorError, match="speaks protocol none that is known"):
        DockerExecutor().prepare([probe], Limits(), print)
    _replace(image.tag, "ENV PATH=/nowhere")
    with pytest.raises(ExecutorError, match=r"can't be looked into: .*python.*not found"):
        DockerExecutor().prepare([probe], Limits(), print)
    assert inspect_image(builder.engine, image.tag) is not None


def _replace(tag, line):
    subprocess.run(
        ["docker", "build", "--tag", tag, "-"],
        input=f"FROM {tag}\n{line}\n".encode(), check=True, capture_output=True,
    )  # fmt: skip

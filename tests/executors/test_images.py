"""Images on a real engine: built once, found again, rebuilt in layers, nothing left on failure."""

import shutil
import subprocess
import uuid
from dataclasses import replace

import pytest

from greenbench.errors import ExecutorError
from greenbench.executors import dockerfiles
from greenbench.executors.build import BUILD_LABEL, Recipe, build
from greenbench.executors.images import ImageBuilder, build_images
from greenbench.executors.inventory import list_images
from greenbench.executors.wheels import make_wheel

pytestmark = pytest.mark.docker


@pytest.fixture
def said():
    return []


@pytest.fixture
def builder(docker_engine, plain_image, said):
    made = ImageBuilder(docker_engine, said.append)
    yield made
    for image in list_images(docker_engine):
        if image.distribution.startswith(("greenbench-probe", "needy")):
            docker_engine.client.remove_image(image.id, force=True)


@pytest.fixture
def left(docker_engine):
    """A label, and whatever carries it on the engine: images, untagged layers, containers."""
    label = f"greenbench.test={uuid.uuid4().hex}"

    def look():
        client, filters = docker_engine.client, {"label": label}
        return client.images(all=True, quiet=True, filters=filters) + client.containers(
            all=True, quiet=True, filters=filters
        )

    return label, look


@pytest.fixture
def tiny(docker_engine, plain_image, tmp_path, monkeypatch):
    """A framework whose images are made in a moment, from a base of its own."""
    start = "ARG BASE=greenbench-test-base:one\nFROM ${BASE}\nARG BUILD_ID\n"
    plugins = "ARG FRAMEWORK_IMAGE\nFROM ${FRAMEWORK_IMAGE}\nARG BUILD_ID\n"
    label = f"LABEL {BUILD_LABEL}=${{BUILD_ID}}\n"
    paths = {"tiny": tmp_path / "tiny", "plugins": tmp_path / "plugins"}
    paths["tiny"].write_text(start + label)
    paths["plugins"].write_text(plugins + label)
    monkeypatch.setattr(dockerfiles, "_known", lambda: paths)
    for tag in ("one", "two"):
        docker_engine.client.tag(plain_image.id, "greenbench-test-base", tag)
    yield
    for tag in ("one", "two"):
        docker_engine.client.remove_image(f"greenbench-test-base:{tag}")
    for image in list_images(docker_engine):
        if image.framework == "tiny":
            docker_engine.client.remove_image(image.id, force=True)


def test_an_unchanged_image_is_never_rebuilt(builder, probe, said, tmp_path):
    new = f"UNIQUE = {uuid.uuid4().hex!r}\n"
    (tmp_path / "installed" / "greenbench_probe" / "__init__.py").write_text(new)
    first = builder.ensure(probe)
    assert any("pip install" in line for line in said)
    said.clear()
    assert builder.ensure(probe) == first
    assert said == []


def test_a_changed_line_of_the_plugin_rebuilds_its_layer_alone(builder, probe, said, tmp_path):
    first = builder.ensure(probe)
    said.clear()
    (tmp_path / "installed" / "greenbench_probe" / "__init__.py").write_text(
        f"CHANGED = {uuid.uuid4().hex!r}\n"
    )
    second = builder.ensure(probe)
    assert second.tag != first.tag
    assert [line for line in said if line.startswith("building ")] == [
        f"building {second.tag}: greenbench-probe 1.0 on {builder.ensure_framework('plain').tag}"
    ]


def test_what_was_built_from_another_base_is_found_without_naming_it(
    docker_engine, plain_image, builder
):
    assert builder.ensure_framework("plain") == plain_image


def test_another_base_rebuilds_framework_and_layer_and_replaces_them(
    docker_engine, builder, probe, tiny
):
    probe = replace(probe, value=replace(probe.value, framework="tiny"))
    first = builder.ensure(probe)
    framework = builder.ensure_framework("tiny")
    other = replace(builder, base="greenbench-test-base:two")
    second = other.ensure(probe)
    assert second.tag == first.tag
    assert second.id != first.id
    assert builder.ensure(probe) == other.ensure(probe) == second
    there = docker_engine.client.images(all=True, quiet=True)
    assert {first.id, framework.id}.isdisjoint(there)


def test_a_failed_build_shows_its_last_lines_and_leaves_nothing(docker_engine, plain_image, left):
    label, look = left
    text = (
        f"FROM {plain_image.tag} AS build\nARG BUILD_ID\nLABEL {BUILD_LABEL}=${{BUILD_ID}} {label}\n"
        "RUN touch /layer\nRUN for i in $(seq 50); do echo line $i; done; echo no wheel here; false\n"
        f"FROM {plain_image.tag}\nCOPY --from=build /layer /layer\n"
    )
    seen = []
    with pytest.raises(ExecutorError) as caught:
        build(
            docker_engine,
            Recipe(tag="greenbench-test:no", dockerfile=text, folders={}),
            lambda line: seen.append(look()),
        )
    assert any(seen), "the build went through layers and containers that carry the label"
    assert "returned a non-zero code: 1" in caught.value.message
    assert "    line 50\n    no wheel here" in caught.value.message
    assert "line 29\n" not in caught.value.message
    assert "--wheelhouse" in caught.value.remedy
    assert look() == []


def test_a_build_that_is_interrupted_leaves_nothing(docker_engine, plain_image, left):
    label, look = left
    text = (
        f"FROM {plain_image.tag}\nARG BUILD_ID\nLABEL {BUILD_LABEL}=${{BUILD_ID}} {label}\n"
        "RUN touch /layer\nRUN echo under way; sleep 600\n"
    )
    recipe = Recipe(tag="greenbench-test:no", dockerfile=text, folders={}, offline=True)

    def interrupt(line):
        if line == "under way":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(docker_engine, recipe, interrupt)
    assert look() == []


def test_a_base_that_is_nowhere_names_the_way_without_a_registry(builder):
    with pytest.raises(ExecutorError, match="can't be pulled") as caught:
        replace(builder, base="localhost:1/no/such:base").ensure_framework("plain")
    assert "greenbench images build --base IMAGE --wheelhouse DIR" in caught.value.remedy


def test_a_framework_without_an_image_names_those_there_are(builder):
    with pytest.raises(ExecutorError, match="framework 'jax'; known: plain, tensorflow, torch"):
        builder.ensure_framework("jax")


def test_a_demand_beyond_the_framework_comes_from_the_wheelhouse(
    builder, probe, said, tmp_path, monkeypatch, write_distribution
):
    wheelhouse = tmp_path / "wheelhouse"
    wheelhouse.mkdir()
    with pytest.raises(ExecutorError, match="has no wheels"):
        replace(builder, wheelhouse=wheelhouse)._wheelhouse()
    extra = write_distribution(tmp_path / "extra", "gb-extra", {"gb_extra.py": "ANSWER = 42\n"})
    monkeypatch.syspath_prepend(extra)
    make_wheel("gb-extra", wheelhouse)
    needy = write_distribution(
        tmp_path / "needy", "needy", {"needy.py": ""},
        metadata='Requires-Dist: greenbench\nRequires-Dist: gb-extra>=1 ; extra == "plain"\n',
    )  # fmt: skip
    monkeypatch.syspath_prepend(needy)
    model = replace(probe, distribution="needy")
    image = replace(builder, wheelhouse=wheelhouse).ensure(model)
    code = "import gb_extra, greenbench, os; print(gb_extra.ANSWER, os.path.exists('/wheelhouse'))"
    assert _printed(image.tag, code) == "42 False"
    (wheelhouse / "gb_extra-1.0-py3-none-any.whl").rename(wheelhouse / "other-1.0-py3-none-any.whl")
    builder.engine.client.remove_image(image.tag)
    shutil.rmtree(extra)
    with pytest.raises(ExecutorError, match="No matching distribution found for gb-extra"):
        replace(builder, wheelhouse=wheelhouse).ensure(model)


def test_with_a_wheelhouse_no_step_of_a_build_has_a_network(builder, probe, said, tiny, tmp_path):
    for name in ("tiny", "plugins"):
        path = tmp_path / name
        path.write_text(path.read_text() + "RUN echo interfaces: $(ls /sys/class/net)\n")
    probe = replace(probe, value=replace(probe.value, framework="tiny"))
    builder.ensure(probe)
    seen = [line for line in said if line.startswith("interfaces: ")]
    assert len(seen) == 2
    assert "interfaces: lo" not in seen
    for image in list_images(builder.engine):
        if image.framework == "tiny":
            builder.engine.client.remove_image(image.id, force=True)
    said.clear()
    replace(builder, wheelhouse=_wheelhouse_of_nothing(tmp_path / "wheelhouse")).ensure(probe)
    seen = [line for line in said if line.startswith("interfaces: ")]
    assert seen == ["interfaces: lo"] * 2


def test_what_no_index_has_is_taken_as_it_is_installed_here(
    builder, probe, said, tmp_path, monkeypatch, write_distribution
):
    builder = replace(builder, wheelhouse=_wheelhouse_of_nothing(tmp_path / "wheelhouse"))
    shared = write_distribution(tmp_path / "shared", "gb-shared", {"gb_shared.py": "ANSWER = 42\n"})
    monkeypatch.syspath_prepend(shared)
    needy = write_distribution(
        tmp_path / "needy", "needy", {"needy.py": ""}, metadata="Requires-Dist: gb-shared>=1\n"
    )
    monkeypatch.syspath_prepend(needy)
    model = replace(probe, distribution="needy")
    image = builder.ensure(model)
    assert "gb-shared is to be had nowhere: taken as it is installed here" in said
    assert _printed(image.tag, "import gb_shared; print(gb_shared.ANSWER)") == "42"
    said.clear()
    assert builder.ensure(model) == image
    assert said == []
    (shared / "gb_shared.py").write_text("ANSWER = 43\n")
    again = builder.ensure(model)
    assert again != image
    assert _printed(again.tag, "import gb_shared; print(gb_shared.ANSWER)") == "43"


def test_a_dependency_from_a_local_folder_goes_into_the_layer(
    builder, probe, said, tmp_path, monkeypatch, write_distribution, write_editable
):
    """As plugins/greenbench-data is installed for development: editable, src layout, unnamed."""
    write_editable("gb-local", {"gb_local/__init__.py": "ANSWER = 7\n", "gb_local/set.json": "{}"})
    needy = write_distribution(
        tmp_path / "needy", "needy", {"needy.py": ""},
        metadata="Requires-Dist: greenbench\nRequires-Dist: gb-local>=1\n",
    )  # fmt: skip
    monkeypatch.syspath_prepend(needy)
    image = builder.ensure(replace(probe, distribution="needy"))
    assert not any("once more" in line or "nowhere" in line for line in said)
    assert _printed(image.tag, "import gb_local; print(gb_local.ANSWER)") == "7"


def _wheelhouse_of_nothing(folder):
    folder.mkdir()
    make_wheel("pluggy", folder)
    return folder


def _printed(image, code):
    done = subprocess.run(
        ["docker", "run", "--rm", "--network=none", image, "python", "-c", code],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def test_build_images_builds_a_named_framework_that_no_model_needs(docker_engine, plain_image):
    assert build_images(docker_engine, [], print, framework="plain") == [plain_image]
    assert build_images(docker_engine, [], print) == []


def test_the_list_tells_what_an_image_is_for(docker_engine, builder, probe):
    image = builder.ensure(probe)
    listed = {found.tag: found for found in list_images(docker_engine)}
    assert listed[image.tag].distribution == "greenbench-probe 1.0"
    assert (listed[image.tag].kind, listed[image.tag].framework) == ("plugins", "plain")
    assert listed[image.tag].size_bytes > 1_000_000


@pytest.mark.parametrize("framework", ["plain", "torch", "tensorflow"])
def test_every_dockerfile_starts_from_a_base_that_can_be_replaced(framework):
    text = dockerfiles.dockerfile(framework)
    assert dockerfiles.default_base(text).startswith("python:3.")
    assert f"LABEL {BUILD_LABEL}=${{BUILD_ID}}" in text

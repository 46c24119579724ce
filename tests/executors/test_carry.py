"""Images carried from one engine to another, and removed when nothing needs them."""

import gzip
import json
import os
import resource
import subprocess
import tarfile

import pytest
from own_engine import CAN_START, own_engine

from greenbench.errors import ExecutorError
from greenbench.executors.archive import check_archive, export_images
from greenbench.executors.build import inspect_image
from greenbench.executors.images import ImageBuilder
from greenbench.executors.inventory import list_images, remove_images, unneeded

pytestmark = pytest.mark.docker


def silent(*_):
    pass


@pytest.fixture
def layer(docker_engine, plain_image, probe):
    return ImageBuilder(docker_engine, silent).ensure(probe)


@pytest.fixture
def archive(docker_engine, plain_image, layer, tmp_path):
    path = tmp_path / "images.tar"
    export_images(docker_engine, [plain_image.tag, layer.tag], path, silent)
    return path


@pytest.mark.skipif(not CAN_START, reason="an engine of one's own takes root and dockerd")
def test_images_are_carried_to_an_engine_that_has_none_and_pruned_there(
    docker_engine, plain_image, layer, archive, greenbench
):
    with own_engine() as url:
        there = {"DOCKER_HOST": url}
        told = greenbench("images", "import", archive, env=there)
        assert told.returncode == 0, told.stderr
        assert told.stdout.splitlines() == [str(plain_image), str(layer)]
        packed = archive.with_name("images.tar.gz")
        packed.write_bytes(gzip.compress(archive.read_bytes(), compresslevel=1))
        told = greenbench("images", "import", packed, env=there)
        assert told.returncode == 0, told.stderr
        assert told.stdout.splitlines() == [str(plain_image), str(layer)]
        packed.write_bytes(packed.read_bytes()[:-10_000])
        told = greenbench("images", "import", packed, env=there)
        assert (told.returncode, "damaged or cut off" in told.stderr) == (5, True)
        listed = json.loads(greenbench("images", "list", "--json", env=there).stdout)["images"]
        assert {found["tag"]: found["id"] for found in listed} == {
            plain_image.tag: plain_image.id, layer.tag: layer.id,
        }  # fmt: skip
        docker = ["docker", "--host", url]
        for tag in ("mine:1", "greenbench/mine:2"):  # not ours, whatever it is called
            subprocess.run([*docker, "build", "--tag", tag, "-"], check=True, capture_output=True,
                           input=f"FROM {plain_image.tag}\nLABEL x={tag}".encode())  # fmt: skip
        shown = greenbench("images", "prune", env=there).stdout
        assert f"would remove {layer.tag} (greenbench-probe 1.0)" in shown
        assert plain_image.tag not in shown, "an installed plugin stands on it"
        assert "prune --yes" in shown
        removed = greenbench("images", "prune", "--yes", env=there).stdout
        assert removed.splitlines() == [f"removed {layer.tag}"]
        assert "nothing to remove" in greenbench("images", "prune", env=there).stdout
        left = subprocess.run([*docker, "images", "--format", "{{.Repository}}:{{.Tag}}"],
                              check=True, capture_output=True, text=True).stdout  # fmt: skip
        assert set(left.split()) == {plain_image.tag, "mine:1", "greenbench/mine:2"}


def test_what_is_not_whole_is_refused_before_the_engine_gets_it(archive, tmp_path, greenbench):
    whole = archive.read_bytes()
    assert len(check_archive(archive, silent).archive.images) == 2
    with tarfile.open(archive) as tar:
        layers = [member for member in tar if member.size > 1_000_000]
        last = [member for member in tar if member.isfile()][-1]
    inside = bytearray(whole)
    inside[layers[0].offset_data + 500_000] ^= 1
    spoilt = {
        "damaged": bytes(inside),
        "cut in a layer": whole[: layers[0].offset_data + 100],
        "cut between two members": whole[: last.offset],
        "without an end": whole[: last.offset_data + 512 * -(-last.size // 512)],
    }
    path = tmp_path / "spoilt.tar"
    for what, content in spoilt.items():
        path.write_bytes(content)
        with pytest.raises(ExecutorError, match="is damaged or cut off") as caught:
            check_archive(path, silent)
        assert "export it again" in caught.value.remedy, what
    told = greenbench("images", "import", path)
    assert told.returncode == 5
    assert "damaged or cut off" in told.stderr
    for content in (b"", b"no archive", os.urandom(2000)):
        path.write_bytes(content)
        with pytest.raises(ExecutorError, match="was not written by `greenbench images export`"):
            check_archive(path, silent)
    with tarfile.open(path, "w") as tar:
        tar.add(__file__, "manifest.json")
    with pytest.raises(ExecutorError, match="was not written by"):
        check_archive(path, silent)


def test_a_disk_that_is_full_leaves_no_half_archive(docker_engine, plain_image, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(ExecutorError, match=r"images\.tar can't be written") as caught:
            export_images(docker_engine, [plain_image.tag], tmp_path / "images.tar", silent)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "another place" in caught.value.remedy
    assert list(tmp_path.glob("images*")) == []


def test_what_is_not_there_cannot_be_exported(docker_engine, tmp_path):
    with pytest.raises(ExecutorError, match="not on this engine: no/such:image"):
        export_images(docker_engine, ["no/such:image"], tmp_path / "images.tar", silent)


def test_only_our_own_unneeded_images_are_removed_and_what_is_in_use_is_kept(
    docker_engine, plain_image, layer, probe
):
    assert layer.tag not in {image.tag for image in unneeded(docker_engine, [probe])}
    assert plain_image.tag not in {image.tag for image in unneeded(docker_engine, [probe])}
    found = unneeded(docker_engine, [])
    ours = {image.id for image in list_images(docker_engine)}
    assert {image.id for image in found} <= ours
    (mine,) = [image for image in found if image.tag == layer.tag]
    client = docker_engine.client
    container = client.create_container(layer.id, command=["true"])["Id"]
    (kept,) = remove_images(docker_engine, [mine])
    assert "is using its referenced image" in kept.kept_because or "conflict" in kept.kept_because
    client.remove_container(container)
    (removed,) = remove_images(docker_engine, [mine])
    assert removed.kept_because == ""
    assert inspect_image(docker_engine, layer.tag) is None

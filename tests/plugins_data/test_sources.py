"""Published data sets come to this host whole, checked, and without running what they name."""

import http.server
import os
import pickle
import subprocess
import threading
from functools import partial

import pytest
from greenbench_data import catalog

from greenbench import datasets
from greenbench.api import Provided
from greenbench.errors import DataError

np = pytest.importorskip("numpy")


def offered(data_set):
    return Provided(data_set.name, data_set, "greenbench-data", "1.0")


def fetch(data_set, files, *, again=False):
    return datasets.prepare(offered(data_set), files, lambda _: None, again=again)


def leftovers(cache):
    return sorted(path.name for path in cache.iterdir() if path.name != ".lock")


def test_mnist_from_a_folder(cache, published_mnist):
    from greenbench_data import load

    assert fetch(catalog.MNIST, published_mnist) == cache / "mnist"
    data = load.classification("mnist", cache)
    assert data.train.inputs.shape == (60, 28, 28, 1)
    assert data.test.inputs.shape == (20, 28, 28, 1)
    assert data.train.labels.dtype == np.int64
    assert set(np.unique(data.train.labels)) <= set(range(10))
    assert (data.label, data.synthetic, data.total) == ("real: MNIST", False, 60)
    assert load.classification("mnist", cache, 0.5).train.inputs.shape[0] == 30
    manifest = datasets.verify(catalog.MNIST)
    assert manifest.origin == str(published_mnist)
    assert leftovers(cache) == ["mnist"]


def test_mnist_unpacked_gives_the_same_arrays(cache, published_mnist, tmp_path):
    import gzip

    fetch(catalog.MNIST, published_mnist)
    first = datasets.verify(catalog.MNIST).digest
    for path in published_mnist.rglob("*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    fetch(catalog.MNIST, published_mnist, again=True)
    assert datasets.verify(catalog.MNIST).digest == first


def test_cifar10_from_a_folder(cache, published_cifar10):
    from greenbench_data import load

    fetch(catalog.CIFAR10, published_cifar10)
    data = load.classification("cifar10", cache)
    assert data.train.inputs.shape == (40, 32, 32, 3)
    assert data.test.inputs.shape == (8, 32, 32, 3)
    batch = published_cifar10 / "cifar-10-batches-py" / "test_batch"
    raw = pickle.loads(batch.read_bytes(), encoding="bytes")
    red = raw[b"data"][3][:1024].reshape(32, 32)
    assert np.array_equal(data.test.inputs[3, :, :, 0], red)
    assert data.test.labels.tolist() == raw[b"labels"]


class _Evil:
    def __reduce__(self):
        return os.system, ("touch was-run",)


def test_a_pickle_that_names_a_function_is_refused_and_not_run(tmp_path, monkeypatch):
    from greenbench_data.sources.cifar10 import load_pickle

    monkeypatch.chdir(tmp_path)
    for content in (pickle.dumps({b"data": _Evil()}), pickle.dumps([print], protocol=2)):
        with pytest.raises(pickle.UnpicklingError, match="which no array needs"):
            load_pickle(content)
    assert not (tmp_path / "was-run").exists()


def test_market1501_from_a_folder(cache, published_market1501):
    from greenbench_data import load

    fetch(catalog.MARKET1501, published_market1501)
    data = load.reidentification("market1501", cache)
    assert data.train.images.shape == (3, 128, 64, 3)
    assert data.persons == 2
    assert data.train.identities.tolist() == [0, 0, 1]
    assert data.train.cameras.tolist() == [0, 1, 2]
    assert data.query.identities.tolist() == [3, 5]
    assert sorted(data.gallery.identities.tolist()) == [0, 3, 5]  # junk (-1) left out
    assert abs(int(data.train.images[1, 0, 0, 0]) - 40) < 8


def test_a_file_that_is_not_the_published_one_is_named(cache, published_mnist, published_cifar10):
    image = next(published_mnist.rglob("t10k-images*"))
    flip(image, 100)
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte\.gz is not the published file"):
        fetch(catalog.MNIST, published_mnist)
    flip(published_cifar10 / "cifar-10-batches-py" / "data_batch_3", 500)
    with pytest.raises(DataError, match="data_batch_3 is not the published file"):
        fetch(catalog.CIFAR10, published_cifar10)
    assert leftovers(cache) == []


@pytest.mark.parametrize("name", ["mnist", "cifar10", "market1501"])
def test_a_folder_without_the_files_says_both_ways(cache, tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError) as raised:
        fetch(catalog.BY_NAME[name], tmp_path / "empty")
    assert f"greenbench data fetch {name}`" in raised.value.remedy
    assert f"greenbench data fetch {name} --from FOLDER" in raised.value.remedy
    assert leftovers(cache) == []


def test_without_a_network_the_message_says_both_ways(cache, monkeypatch):
    from greenbench_data.sources import mnist

    monkeypatch.setattr(mnist, "MIRROR", "http://127.0.0.1:9/")
    with pytest.raises(DataError, match="can't be downloaded") as raised:
        fetch(catalog.MNIST, None)
    assert "refused" in raised.value.message
    assert "With a network: `greenbench data fetch mnist`" in raised.value.remedy
    assert "--from FOLDER" in raised.value.remedy
    assert leftovers(cache) == []


@pytest.fixture
def mirror(published_mnist, monkeypatch):
    """A server on this host in place of the publisher's."""
    from greenbench_data.sources import mnist

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    folder = published_mnist / "MNIST" / "raw"
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=str(folder))
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(mnist, "MIRROR", f"http://127.0.0.1:{server.server_port}/")
        yield folder
        server.shutdown()


def test_what_is_downloaded_is_what_a_folder_gives(cache, published_mnist, mirror):
    fetch(catalog.MNIST, None)
    downloaded = datasets.verify(catalog.MNIST).digest
    fetch(catalog.MNIST, published_mnist, again=True)
    assert datasets.verify(catalog.MNIST).digest == downloaded


def test_a_mirror_with_other_contents_is_not_believed(cache, mirror):
    flip(next(mirror.glob("train-labels*")), 30)
    with pytest.raises(DataError, match="what came has MD5"):
        fetch(catalog.MNIST, None)
    assert leftovers(cache) == []


def test_verify_names_the_file_with_a_flipped_byte(cache, published_mnist, greenbench):
    fetch(catalog.MNIST, published_mnist)
    assert greenbench("data", "verify", "mnist").returncode == 0
    flip(cache / "mnist" / "train_labels.npy", -1)
    done = greenbench("data", "verify")
    assert done.returncode == 9
    assert str(cache / "mnist" / "train_labels.npy") in done.stderr
    assert "train_images.npy" not in done.stderr
    assert "greenbench data fetch mnist --again" in done.stderr
    assert "Traceback" not in done.stderr
    (cache / "mnist" / "test_labels.npy").unlink()
    assert "test_labels.npy" in greenbench("data", "verify", "mnist").stderr


def test_what_is_there_is_not_prepared_twice(cache, published_mnist):
    said = []
    fetch(catalog.MNIST, published_mnist)
    before = (cache / "mnist" / "train_images.npy").stat().st_mtime_ns
    datasets.prepare(offered(catalog.MNIST), published_mnist, said.append, again=False)
    assert said == ["mnist is prepared already"]
    assert (cache / "mnist" / "train_images.npy").stat().st_mtime_ns == before


@pytest.fixture
def small_disk(cache):
    """A file system of 64 KB in memory where prepared data goes."""
    cache.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(cache)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs root: it mounts a small file system")
    yield cache
    subprocess.run(["umount", str(cache)], check=True)


def test_a_full_disk_keeps_nothing_and_says_what_to_do(small_disk, published_mnist):
    (small_disk / "filler").write_bytes(b"x" * 30_000)
    with pytest.raises(DataError, match="the disk is full; nothing was kept") as raised:
        fetch(catalog.MNIST, published_mnist)
    assert "GREENBENCH_DATA" in raised.value.remedy
    assert leftovers(small_disk) == ["filler"]
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    fetch(catalog.MNIST, published_mnist)
    assert datasets.verify(catalog.MNIST).files


def test_a_full_disk_leaves_what_was_prepared_before(small_disk, published_mnist):
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    fetch(catalog.MNIST, published_mnist)
    before = datasets.verify(catalog.MNIST).digest
    left = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_bsize
    (small_disk / "filler").write_bytes(b"x" * (left - 8192))
    with pytest.raises(DataError, match="the disk is full"):
        fetch(catalog.MNIST, published_mnist, again=True)
    assert datasets.verify(catalog.MNIST).digest == before


def test_list_says_what_is_real_and_what_can_be_used(cache, published_mnist, greenbench):
    import json

    fetch(catalog.MNIST, published_mnist)
    done = greenbench("data", "list", "--json")
    rows = {row["name"]: row for row in json.loads(done.stdout)["data_sets"]}
    assert rows["mnist"]["state"] == "prepared"
    assert rows["cifar10"]["state"] == "not prepared"
    assert rows["digits"]["state"] == "ready"
    assert rows["synthetic-cifar10"]["synthetic"] is True
    assert rows["synthetic-cifar10"]["label"].startswith("synthetic")
    assert greenbench("data", "path", "mnist").stdout.strip() == str(cache / "mnist")
    unknown = greenbench("data", "fetch", "minst")
    assert unknown.returncode == 2
    assert "mnist" in unknown.stderr


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)

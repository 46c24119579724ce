"""Data sets as they are published, made small: real IDX files, pickles of Python 2, JPEG files."""

import gzip
import hashlib
import io
import pickle
from typing import ClassVar

import pytest

COUNTS = {"train": 60, "test": 20}


class Python2Pickler(pickle._Pickler):
    """Writes bytes as Python 2 wrote its strings, as in the published files."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_bytes(self, content):
        self.write(pickle.BINSTRING + len(content).to_bytes(4, "little") + content)
        self.memoize(content)

    dispatch[bytes] = save_bytes


def python2_pickle(value):
    file = io.BytesIO()
    Python2Pickler(file, protocol=2).dump(value)
    return file.getvalue().replace(b"cnumpy._core.multiarray", b"cnumpy.core.multiarray")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("GREENBENCH_DATA", str(folder))
    return folder


@pytest.fixture
def published_mnist(tmp_path, monkeypatch):
    """A folder with four compressed IDX files, which the source takes for the published ones."""
    np = pytest.importorskip("numpy")
    from greenbench_data.sources import mnist

    random = np.random.default_rng(1)
    folder = tmp_path / "published" / "MNIST" / "raw"
    folder.mkdir(parents=True)
    sums = {}
    for array, (name, _) in mnist.FILES.items():
        part, kind = array.split("_")
        shape = (COUNTS[part], 28, 28) if kind == "images" else (COUNTS[part],)
        values = random.integers(0, 256 if kind == "images" else 10, size=shape, dtype=np.uint8)
        header = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes()
        packed = gzip.compress(header + values.tobytes())
        (folder / f"{name}.gz").write_bytes(packed)
        sums[array] = (name, hashlib.md5(packed).hexdigest())
    monkeypatch.setattr(mnist, "FILES", sums)
    monkeypatch.setattr(mnist, "SIZES", COUNTS)
    return tmp_path / "published"


@pytest.fixture
def published_cifar10(tmp_path, monkeypatch):
    """`cifar-10-batches-py` with six pickles in the form of Python 2."""
    np = pytest.importorskip("numpy")
    from greenbench_data.sources import cifar10

    random = np.random.default_rng(1)
    folder = tmp_path / "published" / cifar10.FOLDER
    folder.mkdir(parents=True)
    sums = {}
    for name in cifar10.BATCHES:
        batch = {
            b"data": random.integers(0, 256, size=(8, 3072), dtype=np.uint8),
            b"labels": [int(n) for n in random.integers(0, 10, size=8)],
        }
        content = python2_pickle(batch)
        (folder / name).write_bytes(content)
        sums[name] = hashlib.md5(content).hexdigest()
    monkeypatch.setattr(cifar10, "BATCHES", sums)
    monkeypatch.setattr(cifar10, "BATCH_IMAGES", 8)
    return tmp_path / "published"


@pytest.fixture
def published_market1501(tmp_path, monkeypatch):
    """The three folders with a few photographs each, among them junk and a distractor."""
    image = pytest.importorskip("PIL.Image")
    from greenbench_data.sources import market1501

    root = tmp_path / "published" / "Market-1501-v15.09.15"
    names = {
        "bounding_box_train": (
            "0002_c1s1_000451_03.jpg 0002_c2s1_000776_01.jpg 0007_c3s3_077419_03.jpg"
        ),
        "query": "0003_c1s6_015971_00.jpg 0005_c4s1_000001_00.jpg",
        "bounding_box_test": (
            "0003_c2s1_000001_00.jpg 0005_c6s1_000001_00.jpg 0000_c1s1_000151_01.jpg "
            "-1_c1s1_000401_03.jpg"
        ),
    }
    for folder, files in names.items():
        (root / folder).mkdir(parents=True)
        for place, file in enumerate(files.split()):
            image.new("RGB", (64, 128), (40 * place, 100, 200)).save(root / folder / file)
        (root / folder / "Thumbs.db").write_bytes(b"as in the published archive")
    monkeypatch.setattr(market1501, "PERSONS", {"train": 2, "query": 2})
    return tmp_path / "published"

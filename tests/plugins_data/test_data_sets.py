"""The arrays that trainers get: shapes, types, labels, splits that never overlap or change."""

import subprocess
import sys

import pytest
from greenbench_data import catalog

from greenbench.errors import DataError

np = pytest.importorskip("numpy")
pytest.importorskip("sklearn")

FORMS = {
    "digits": (8, 8, 1),
    "digits-28x28": (28, 28, 1),
    "synthetic-cifar10": (32, 32, 3),
    "stdlib-functions": (512,),
}


@pytest.fixture(scope="module")
def tasks():
    from greenbench_data import load

    return {name: load.classification(name) for name in FORMS}


@pytest.fixture(scope="module")
def persons():
    from greenbench_data import load

    return load.reidentification("synthetic-market1501")


def test_describing_and_naming_imports_no_numpy():
    code = "import sys, greenbench_data.catalog; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_every_described_data_set_has_a_loader_and_the_other_way_round():
    from greenbench_data import load

    loaders = {**load.CLASSIFICATION, **load.REIDENTIFICATION, **load.TEXT}
    assert set(loaders) == set(catalog.BY_NAME)


@pytest.mark.parametrize("name", FORMS)
def test_there_are_as_many_test_items_as_it_says(tasks, name):
    described, found = catalog.BY_NAME[name].test_items, len(tasks[name].test)
    assert described == found or (name == "stdlib-functions" and found / 2 < described < found)


def test_there_are_as_many_queries_as_it_says(persons):
    assert catalog.SYNTHETIC_MARKET1501.test_items == len(persons.query)


@pytest.mark.parametrize("name", FORMS)
def test_form_labels_and_split_of_a_classification(tasks, name):
    data = tasks[name]
    described = catalog.BY_NAME[name]
    assert (data.name, data.synthetic) == (name, described.synthetic)
    assert data.label.startswith(described.label)
    assert data.synthetic == data.label.startswith("synthetic")
    for part in (data.train, data.validation, data.test):
        assert part.inputs.shape == (len(part), *FORMS[name])
        assert (part.inputs.dtype, part.labels.dtype) == (np.uint8, np.int64)
        assert set(np.unique(part.labels)) == set(range(data.classes))
    assert len(data.train) == data.total
    assert data.train.inputs.max() <= data.brightest
    if name != "stdlib-functions":  # modules repeat a function now and then
        seen = {image.tobytes() for image in data.train.inputs}
        assert seen.isdisjoint(image.tobytes() for image in data.test.inputs)


def test_a_share_is_a_prefix_of_the_training_part_and_leaves_the_test_alone(tasks):
    from greenbench_data import load

    for name, whole in tasks.items():
        part = load.classification(name, share=0.1)
        assert len(part.train) == round(whole.total * 0.1)
        assert np.array_equal(part.train.inputs, whole.train.inputs[: len(part.train)])
        assert np.array_equal(part.test.inputs, whole.test.inputs)
        assert part.total == whole.total


@pytest.mark.parametrize("share", [0.0, -0.1, 1.01, float("nan")])
def test_a_share_that_is_none_is_refused(share):
    from greenbench_data.parts import kept

    with pytest.raises(ValueError, match="share"):
        kept(10, share)


def test_the_digits_are_scikit_learns(tasks):
    from sklearn.datasets import load_digits

    data = tasks["digits"]
    parts = [data.train, data.validation, data.test]
    assert [len(part) for part in parts] == [1100, 197, 500]
    assert all(0.09 <= np.mean(p.labels == digit) <= 0.112 for p in parts for digit in range(10))
    ours = np.concatenate([part.inputs for part in parts]).reshape(1797, -1)
    assert sorted(map(bytes, ours)) == sorted(map(bytes, load_digits().data.astype(np.uint8)))


def test_the_scaled_digits_are_the_same_images_with_mnists_margin(tasks):
    small, large = tasks["digits"], tasks["digits-28x28"]
    assert np.array_equal(small.test.labels, large.test.labels)
    images = large.test.inputs[..., 0]
    assert not images[:, :4].any()
    assert not images[:, -4:].any()
    assert not images[:, :, :4].any()
    assert not images[:, :, -4:].any()
    means = small.test.inputs.mean(axis=(1, 2, 3)) * 255 / 16
    assert images[:, 4:-4, 4:-4].mean(axis=(1, 2)) == pytest.approx(means, rel=0.08)
    assert images.max() == 255


def test_persons_of_the_test_are_others_and_every_query_has_a_match_in_another_camera(persons):
    assert persons.synthetic
    assert persons.train.images.shape == (768, 128, 64, 3)
    assert persons.train.images.dtype == np.uint8
    assert set(persons.train.identities) == set(range(persons.persons))
    gallery = persons.gallery
    assert (gallery.identities == 0).sum() == 96
    for person, camera in zip(persons.query.identities, persons.query.cameras, strict=True):
        assert ((gallery.identities == person) & (gallery.cameras != camera)).any()
        assert person > 0


def test_text_is_the_standard_library_and_shares_no_module_with_the_functions():
    from greenbench_data import load, stdlib

    tokens = load.text("stdlib-text")
    whole = tokens.train.tobytes()
    assert len(whole) > 3_000_000
    assert whole.count(b"def __init__(self") > 300
    assert b"class ArgumentParser" not in whole
    assert tokens.train.max() < tokens.vocabulary
    assert len(tokens.test) == len(tokens.validation) == 131_072
    assert tokens.test[:4096].tobytes() not in whole
    assert "argparse" in stdlib.MODULES
    for name in ("mnist", "cifar10"):
        with pytest.raises(DataError, match="not prepared") as raised:
            load.classification(name)
        assert f"fetch {name}" in raised.value.remedy
        assert "--from" in raised.value.remedy

"""What a seed decides about the data: it is that seed's and that epoch's alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

np = pytest.importorskip("numpy")

SEEDS = st.integers(0, 2**63 - 1)


@given(SEEDS, st.integers(1, 50), st.integers(1, 300), st.integers(1, 320), st.booleans())
def test_batches_show_every_item_once_in_the_epochs_order(seed, epoch, count, size, drop):
    from greenbench_data import order

    batches = order.Batches(items=count, size=size, drop_last=drop)
    drawn = [*batches.of(seed=seed, epoch=epoch)]
    assert len(drawn) == batches.steps
    seen = np.concatenate(drawn)
    expected = order.order_of(count, seed, epoch)
    assert np.array_equal(seen, expected[: len(seen)])
    left_out = count - len(seen)
    assert left_out == (count % size if drop and count >= size else 0)
    assert all(len(batch) == size for batch in drawn[:-1])
    assert sorted(expected) == list(range(count))


@given(SEEDS, st.integers(2, 300), st.integers(2, 320), st.booleans())
def test_batch_normalisation_is_never_given_a_batch_of_one(seed, count, size, drop):
    from greenbench_data import order

    batches = order.Batches(items=count, size=size, drop_last=drop, normalised=True)
    drawn = [*batches.of(seed=seed, epoch=1)]
    assert min(map(len, drawn)) > 1
    assert len(drawn) == batches.steps
    plain = [*order.Batches(items=count, size=size, drop_last=drop).of(seed=seed, epoch=1)]
    expected = [batch for batch in plain if len(batch) > 1]
    assert all(np.array_equal(*pair) for pair in zip(drawn, expected, strict=True))


@pytest.mark.parametrize(("items", "size"), [(1, 8), (30, 1)])
def test_items_that_only_come_alone_are_refused_for_batch_normalisation(items, size):
    from greenbench_data import order

    with pytest.raises(ValueError, match="at least two items"):
        order.Batches(items=items, size=size, normalised=True)


def test_orders_differ_by_seed_and_by_epoch_and_repeat():
    from greenbench_data.order import order_of

    assert np.array_equal(order_of(100, 7, 1), order_of(100, 7, 1))
    assert not np.array_equal(order_of(100, 7, 1), order_of(100, 7, 2))
    assert not np.array_equal(order_of(100, 7, 1), order_of(100, 8, 1))


@given(SEEDS, st.integers(0, 20))
def test_crops_stay_within_the_padding(seed, padding):
    from greenbench_data import order

    drawn = order.crops(50, padding, seed=seed, epoch=1)
    for corners in (drawn.rows, drawn.columns):
        assert 0 <= corners.min() <= corners.max() <= 2 * padding
    assert drawn.flipped.dtype == bool


@given(SEEDS, st.lists(st.integers(0, 4), min_size=2, max_size=60))
def test_pairs_are_of_one_class_every_other_time_and_never_of_one_item(seed, labels):
    from greenbench_data import order

    labels = np.array([*labels, 0, 0, 1, 1])
    drawn = order.pairs(labels, 41, seed=seed, epoch=3)
    assert np.array_equal(drawn.same, (np.arange(41) % 2 == 0).astype(np.float32))
    assert np.array_equal(labels[drawn.first] == labels[drawn.second], drawn.same == 1)
    assert not (drawn.first == drawn.second).any()


def test_pairs_of_one_class_are_refused():
    from greenbench_data import order

    with pytest.raises(ValueError, match="two classes"):
        order.pairs(np.zeros(10, np.int64), 4, seed=1, epoch=1)


@given(SEEDS)
def test_a_wrong_label_is_another_class(seed):
    from greenbench_data import order

    labels = np.arange(200) % 10
    wrong = order.wrong_labels(labels, 10, seed=seed)
    assert not (wrong == labels).any()
    assert set(wrong) <= set(range(10))

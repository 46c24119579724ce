"""The published models train: they learn, repeat to the bit, and say what they truly did."""

import math
from dataclasses import replace

import pytest
from greenbench_torch import catalog
from tiny_models import TINY

from greenbench.api import Share
from greenbench.proof import differences, divergence

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")
pytest.importorskip("sklearn")
pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("quick_data")]

PUBLISHED = [model for model in catalog.MODELS if model.name.split("-")[0] != "digits"]
ALL = pytest.mark.parametrize("model", PUBLISHED, ids=lambda m: m.name)


@ALL
def test_it_repeats_to_the_bit_and_preparing_changes_none(start, model):
    tiny = TINY[model.name]
    first = start(model, seed=7, **tiny).finish()
    bare = start(model, seed=7, prepare=False, **tiny).finish()
    other = start(model, seed=8, **tiny).finish()
    assert first.bits() == bare.bits()
    assert first.progress.windows == bare.progress.windows
    assert first.metrics == bare.metrics
    assert first.bits() != other.bits()
    assert set(first.metrics) >= {metric.name for metric in model.metrics}
    assert differences(first.requested, first.trainer.effective()) == []
    assert all(math.isfinite(v) for *_, said in first.progress.windows for v in said.values())


def test_two_threads_repeat_to_the_bit_too(start):
    """Wide enough that the work is split between them."""
    model = catalog.BY_NAME["cifar10-resnet20"]
    sizes = {**TINY[model.name], "epochs": 1, "width": 8, "batch_size": 30}
    first, again = (start(model, seed=7, threads=2, **sizes).finish() for _ in range(2))
    assert first.trainer.environment()["threads"] == 2
    assert first.bits() == again.bits()
    assert first.metrics == again.metrics


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (catalog.BY_NAME["mnist-cnn"], "gamma"),
        (catalog.BY_NAME["mnist-siamese"], "gamma"),
        (catalog.BY_NAME["cifar10-resnet20"], "decay_factor"),
        (catalog.BY_NAME["market1501-hrnet18"], "decay_factor"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_the_schedules_factor_changes_the_rate_and_the_result(start, model, name):
    tiny = {**TINY[model.name], "epochs": 3}
    first = start(model, prepare=False, **tiny).finish()
    other = start(model, prepare=False, **{**tiny, name: 0.5}).finish()
    default = first.requested[name]
    rates = [
        run.trainer.training.optimizer.param_groups[-1]["lr"] / run.requested["learning_rate"]
        for run in (first, other)
    ]
    powers = {"mnist-cnn": 3, "mnist-siamese": 3, "cifar10-resnet20": 2, "market1501-hrnet18": 1}
    assert rates == pytest.approx([default ** powers[model.name], 0.5 ** powers[model.name]])
    assert first.bits() != other.bits()


@pytest.mark.parametrize(
    "model",
    [catalog.BY_NAME["mnist-cnn"], catalog.BY_NAME["cifar10-resnet20"]],
    ids=lambda m: m.name,
)
def test_a_value_changed_behind_the_trainers_back_is_told(start, model):
    run = start(model, **TINY[model.name])
    run.trainer.training.optimizer.param_groups[0]["lr"] = 0.123
    run.trainer.training.schedule.step = lambda: None
    run.finish()
    effective = run.trainer.effective()
    assert effective["learning_rate"] == 0.123
    name = "gamma" if "gamma" in effective else "decay_factor"
    assert math.isnan(effective[name])


def test_what_was_used_is_counted(start):
    run = start(catalog.BY_NAME["stdlib-transformer-lm"], **TINY["stdlib-transformer-lm"]).finish()
    effective, training = run.trainer.effective(), run.trainer.training
    used = effective["data_share"]
    assert used.count == len(training.training)
    assert used.total == (len(training.task.train) - 1) // 32
    steps = -(-used.count // run.requested["batch_size"])
    assert effective["steps"] == steps
    assert effective["warmup_share"] == Share(count=round(steps / 10), total=steps)


def test_the_order_of_the_images_is_the_shared_one(start):
    from greenbench_data import load, order

    run = start(catalog.BY_NAME["mnist-cnn"], seed=9, **TINY["mnist-cnn"])
    seen, outcome = [], run.trainer.training.outcome
    run.trainer.training.outcome = lambda batch: seen.append(batch) or outcome(batch)
    run.finish()
    count = len(load.classification("digits-28x28", share=TINY["mnist-cnn"]["data_share"]).train)
    drawn = [place for epoch in (1, 2) for place in order.order_of(count, 9, epoch)]
    assert torch.cat(seen).tolist() == drawn


def test_windows_and_mirrors_are_cut_where_the_draw_says():
    from greenbench_data import order
    from greenbench_torch.forms.pictures import Pictures, Views

    images = np.random.default_rng(1).integers(0, 256, (6, 5, 4, 3), dtype=np.uint8)
    crops = order.crops(6, 2, seed=3, epoch=1)
    pictures = Pictures(images, torch.device("cpu"))
    chosen = torch.tensor([4, 0, 3])
    shown = (
        pictures.cropped(chosen, Views(crops, 2, torch.device("cpu"))).permute(0, 2, 3, 1).numpy()
        * 255
    )
    for place, item in enumerate(chosen.tolist()):
        framed = np.pad(images[item], ((2, 2), (2, 2), (0, 0)))
        row, column = crops.rows[item], crops.columns[item]
        expected = framed[row : row + 5, column : column + 4]
        if crops.flipped[item]:
            expected = expected[:, ::-1]
        assert np.allclose(shown[place], expected, atol=1e-3)


BASELINES = {
    "mnist-cnn": ({"epochs": 2, "width": 16}, "accuracy", 0.112, 0.6),
    "mnist-forward-forward": (
        {"epochs": 120, "width": 300, "learning_rate": 0.1},
        "accuracy",
        0.112,
        0.4,
    ),
    "mnist-siamese": ({"epochs": 4, "width": 8}, "accuracy", 0.5, 0.7),
    "cifar10-resnet20": (
        {"epochs": 3, "width": 8, "data_share": 0.2, "batch_size": 32, "learning_rate": 0.1},
        "accuracy",
        0.112,
        0.4,
    ),
    "stdlib-transformer-lm": (
        {"data_share": 0.04, "width": 64, "layers": 2, "context": 64, "learning_rate": 0.003},
        "bits_per_byte",
        4.9,
        4.5,
    ),
    "stdlib-classifier-finetuning": (
        {
            "epochs": 2,
            "pretrain_share": 0.02,
            "pretrain_learning_rate": 0.003,
            "context": 64,
            "width": 64,
            "layers": 1,
            "learning_rate": 0.003,
            "batch_size": 16,
        },
        "accuracy",
        0.197,
        0.26,
    ),
}
"""What is trained, the metric, what guessing gives (the commonest class; for text: each byte by
its frequency), and what has to be reached. Fuller runs: benchmarks/models."""


@pytest.mark.parametrize("name", BASELINES)
def test_it_beats_guessing_within_seconds(start, name):
    (model,) = (m for m in PUBLISHED if m.name == name)
    changes, metric, guess, reached = BASELINES[name]
    base = {"data": TINY[name]["data"], "data_share": 1.0} if "data" in TINY[name] else {}
    run = start(model, **{**base, "epochs": 1, **changes}).finish()
    better = run.metrics[metric] > reached if reached > guess else run.metrics[metric] < reached
    assert better, run.metrics
    losses = [said["loss"] for kind, _, said in run.progress.windows if kind == "epoch"]
    assert losses[-1] < losses[0] or len(losses) == 1


@pytest.fixture
def known_persons(monkeypatch):
    """Eight generated persons: 96 photographs to learn from, 16 queries and 32 in the gallery are
    others of the same persons, which a few steps can learn to tell apart."""
    from greenbench_data import figures, load

    monkeypatch.setattr(figures, "TRAIN_PERSONS", 8)
    monkeypatch.setattr(figures, "PHOTOS_A_CAMERA", 3)
    whole = figures.load(1.0)

    def part(start, end):
        kept = (whole.train.images, whole.train.identities, whole.train.cameras)
        return type(whole.train)(*(values[start:end] for values in kept))

    task = replace(whole, train=part(0, 96), query=part(96, 112), gallery=part(112, 144), total=96)
    monkeypatch.setattr(load, "REIDENTIFICATION", {"synthetic-market1501": lambda *_: task})
    return task


def divergence_of(model, run):
    by_kind = {}
    for kind, _, said in run.progress.windows:
        by_kind.setdefault(kind, []).append(said)
    epochs, (test,) = by_kind["epoch"], by_kind["test"]
    return divergence(model, run.metrics, epochs[0], epochs[-1], test)


PERSONS = {"width": 2, "blocks": 1, "image_width": 32, "backbone_rate": 1.0, "dropout": 0.0}


def test_hrnet_finds_persons_again_better_than_guessing_and_than_before(start, known_persons):
    """Mean average precision, where a random order gives 0.20."""
    model = catalog.BY_NAME["market1501-hrnet18"]
    sizes = {**TINY[model.name], **PERSONS, "image_height": 64, "data_share": 1.0}
    run = start(model, **sizes | {"batch_size": 16, "epochs": 5, "learning_rate": 0.03})
    untrained = run.trainer.training.final()["map"]
    run.finish()
    (test,) = (said for kind, _, said in run.progress.windows if kind == "test")
    assert test["items"] == 16
    assert test["chance_map"] == pytest.approx(0.2, abs=0.005)
    assert run.metrics["map"] > max(untrained + 0.05, test["chance_map"] + 0.15)
    assert divergence_of(model, run) is None


def test_a_rate_at_which_a_reidentification_collapses_has_diverged(start):
    model = catalog.BY_NAME["market1501-hrnet18"]
    sizes = {**TINY[model.name], **PERSONS, "learning_rate": 30.0}
    run = start(model, prepare=False, **sizes).finish()
    assert divergence_of(model, run) is not None


def test_an_embedding_that_is_the_same_for_all_is_at_chance(start):
    model = catalog.BY_NAME["market1501-hrnet18"]
    run = start(model, prepare=False, **{**TINY[model.name], **PERSONS})
    final = run.trainer.training.final

    def collapsed():
        with torch.no_grad():
            run.trainer.training.network.embedding[1].weight.zero_()
            run.trainer.training.network.embedding[1].bias.fill_(1.0)
        return final()

    run.trainer.training.final = collapsed
    run.finish()
    found = divergence_of(model, run)
    assert (found.kind, found.metric) == ("at_chance", "rank1")

"""Every bundled model as small as it still goes through everything, and one change of each of its
hyperparameters: what the tests of both frameworks train."""

from dataclasses import replace
from functools import cache

from greenbench.api import Change, Mutation, Scenario, Trial

IMAGES = {"epochs": 2, "data": "digits-28x28", "data_share": 0.06, "batch_size": 32}
TEXT = {"epochs": 1, "width": 8, "layers": 1, "heads": 2, "context": 32}
TINY = {
    "digits-mlp": {"epochs": 1, "batch_size": 550},
    "digits-cnn": {"epochs": 1, "batch_size": 550},
    "mnist-cnn": {**IMAGES, "width": 4},
    "mnist-forward-forward": {"epochs": 2, "data": "digits-28x28", "data_share": 0.1, "width": 20},
    "mnist-siamese": {**IMAGES, "width": 4},
    "cifar10-resnet20": {
        "epochs": 2,
        "data": "synthetic-cifar10",
        "data_share": 0.012,
        "width": 2,
        "batch_size": 40,
    },
    "market1501-hrnet18": {
        "epochs": 2,
        "data": "synthetic-market1501",
        "data_share": 0.016,
        "width": 2,
        "blocks": 1,
        "batch_size": 8,
        "image_height": 32,
        "image_width": 32,
    },
    "stdlib-transformer-lm": {**TEXT, "data_share": 0.001},
    "stdlib-classifier-finetuning": {**TEXT, "data_share": 0.03, "pretrain_share": 0.001},
}
"""Two epochs where a schedule moves the learning rate after the first."""

OTHER = {
    "epochs": lambda value: value + 1,
    "heads": lambda value: value // 2,
    "threshold": lambda value: value + 3,
    "warmup_share": lambda _: 0.6,
    "batch_size": lambda value: value - 3,
    "image_height": lambda value: 2 * value,
    "image_width": lambda value: 2 * value,
}

NO_EFFECT = [
    ("mnist-cnn", {}, "data_share", 0.0601),
    ("mnist-cnn", {"epochs": 1}, "gamma", 0.3),
    ("mnist-cnn", {}, "learning_rate", 1.00000000001),
    ("mnist-forward-forward", {}, "data_share", 0.1001),
    ("mnist-siamese", {}, "data_share", 0.0601),
    ("mnist-siamese", {"epochs": 1}, "gamma", 0.3),
    ("cifar10-resnet20", {}, "data_share", 0.01204),
    ("cifar10-resnet20", {"epochs": 1}, "decay_factor", 0.3),
    ("market1501-hrnet18", {"epochs": 1}, "data_share", 0.0161),
    ("market1501-hrnet18", {"epochs": 1}, "decay_factor", 0.3),
    ("stdlib-transformer-lm", {}, "data_share", 0.0010001),
    ("stdlib-transformer-lm", {}, "warmup_share", 0.1001),
    ("stdlib-classifier-finetuning", {}, "data_share", 0.03001),
    ("stdlib-classifier-finetuning", {}, "pretrain_share", 0.0010001),
    ("stdlib-classifier-finetuning", {}, "warmup_share", 0.1001),
    ("stdlib-classifier-finetuning", {"pretrain_epochs": 0}, "pretrain_share", 0.5),
    ("stdlib-classifier-finetuning", {"pretrain_epochs": 0}, "pretrain_learning_rate", 0.5),
]
"""Changes that round away, or are of what nothing acts on: model, sizes, hyperparameter, value."""

STEPS = {
    "mnist-cnn": 2 * 3,
    "mnist-forward-forward": 2 * 2,
    "mnist-siamese": 2 * 3,
    "cifar10-resnet20": 2 * 2,
    "market1501-hrnet18": 2 * 1,
}
"""Of the tiny configurations, by hand: 78 of 1,297 digits come to three batches of 32, 60 images to
two of 40, 12 photographs to one full one of 8; Forward-Forward takes one of each layer."""

ADADELTA = {"rho": 0.9, "epsilon": 1e-6, "weight_decay": 0.0}
ADAM = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0}
ADAMW = {"beta_1": 0.9, "beta_2": 0.95, "epsilon": 1e-8}
NESTEROV = {"momentum": 0.9, "nesterov": True, "weight_decay": 0.0005}
STEPPED = {"first_learning_rate": 1.0, "last_learning_rate": 0.7}
HELD = {
    "mnist-cnn": {"group1": ADADELTA | STEPPED},
    "mnist-forward-forward": {
        group: ADAM | {"first_learning_rate": 0.03, "last_learning_rate": 0.03}
        for group in ("group1", "group2")
    },
    "mnist-siamese": {"group1": ADADELTA | STEPPED},
    "cifar10-resnet20": {
        "group1": {
            "momentum": 0.9,
            "nesterov": False,
            "weight_decay": 0.0001,
            "first_learning_rate": 0.2,
            "last_learning_rate": 0.02,
        }
    },
    "market1501-hrnet18": {
        "group1": NESTEROV | {"first_learning_rate": 0.005, "last_learning_rate": 0.0005},
        "group2": NESTEROV | {"first_learning_rate": 0.05, "last_learning_rate": 0.005},
    },
    "stdlib-transformer-lm": {
        "group1": ADAMW | {"weight_decay": 0.0},
        "group2": ADAMW | {"weight_decay": 0.1},
    },
    "stdlib-classifier-finetuning": {
        "pretrain_group1": ADAMW | {"weight_decay": 0.0},
        "pretrain_group2": ADAMW | {"weight_decay": 0.1},
        "group1": ADAMW | {"weight_decay": 0.0},
        "group2": ADAMW | {"weight_decay": 0.1},
    },
}
"""What the optimizers of the published trainings hold, group by group, in the tiny configurations:
the published constants, and the rates of the first and the last step by the published schedules."""


def held(name):
    """What a model and its twin have to tell of their optimizers, by name and value."""
    return {
        f"{group}_{setting}": value
        for group, settings in HELD[name].items()
        for setting, value in settings.items()
    }


IN_ORDER = [name for name in HELD if name != "mnist-forward-forward"]
"""Those that see their data in an order; Forward-Forward sees all at once."""


def drawn(name, items, labels, *, seed, epoch):
    """The batches of an epoch as the seed alone decides them: items, or the two of each pair."""
    from greenbench_data import order

    batches = order.Batches(
        items=items,
        size=tiny_size(name),
        drop_last=name == "market1501-hrnet18",
        normalised=name in ("mnist-siamese", "cifar10-resnet20", "market1501-hrnet18"),
    )
    found = list(batches.of(seed=seed, epoch=epoch))
    if name != "mnist-siamese":
        return [batch.tolist() for batch in found]
    pairs = order.pairs(labels, items, seed=seed, epoch=epoch)
    return [[pairs.first[batch].tolist(), pairs.second[batch].tolist()] for batch in found]


def tiny_size(name):
    return TINY[name].get("batch_size", 32)


def tiny(model):
    """The configuration of a model or its twin, whole and small."""
    return {**model.defaults(), **TINY[model.name.removesuffix("-keras")]}


def changed(model, name):
    """Another value of a hyperparameter; None where only one is allowed."""
    declared, value = model.hyperparameter(name), tiny(model)[name]
    if declared.choices:
        return next((choice for choice in declared.choices if choice != value), None)
    if name in OTHER:
        return OTHER[name](value)
    return value * 2 if isinstance(value, int) else (value or 0.5) * 0.7


def pairs(models):
    """Each model with each of its hyperparameters that has another value."""
    for model in models:
        for hyperparameter in model.hyperparameters:
            if changed(model, hyperparameter.name) is not None:
                yield model, hyperparameter.name


def mutant(requested, name, before):
    """The trial that a suite would plan: an original at `before`, changed in one hyperparameter."""
    return Trial(
        key="k",
        study="s",
        model="m",
        arm="a",
        mutation=Mutation("op", (Change(name, before, requested[name]),)),
        hyperparameters=requested,
        seed=1,
        block=1,
        cohort="c",
        scenario=Scenario(),
        threads=1,
    )


def quick_loaders(load):
    """The tables of `greenbench_data.load` for data that are there offline: loaded once, and with
    less to judge by, as most tests ask what a trainer says, not how good it became."""
    found = {}
    for kind in ("CLASSIFICATION", "REIDENTIFICATION", "TEXT"):
        table = dict(getattr(load, kind))
        found[kind] = table | {
            name: quick(loader) for name, loader in table.items() if name not in PREPARED
        }
    return found


PREPARED = {"mnist", "cifar10", "market1501"}


def quick(loader):
    @cache
    def loaded(_folder, *share):
        return with_less_to_judge(loader(None, *share))

    return loaded


def with_less_to_judge(data):
    if hasattr(data, "vocabulary"):
        return replace(data, validation=data.validation[:8192], test=data.test[:16_384])
    if hasattr(data, "gallery"):
        fewer = {part: every_eighth(getattr(data, part)) for part in ("query", "gallery")}
        return replace(data, **fewer)
    if data.name == "synthetic-cifar10":
        fewer = data.test.first(0.3)
        return replace(data, validation=fewer, test=fewer)
    return data


def every_eighth(photos):
    return type(photos)(photos.images[::8], photos.identities[::8], photos.cameras[::8])


def prepare_data(folder):
    """MNIST, CIFAR-10 and Market-1501 as `greenbench data fetch` leaves them, but small noise."""
    import numpy as np

    random = np.random.default_rng(1)
    for name, side, channels in (("mnist", 28, 1), ("cifar10", 32, 3)):
        for part, count in (("train", 5000), ("test", 40)):
            shape = (count, side, side, channels)
            images = random.integers(0, 256, shape, dtype=np.uint8)
            save(folder / name, f"{part}_images", images)
            save(folder / name, f"{part}_labels", np.arange(count, dtype=np.int64) % 10)
    for part, count in (("train", 600), ("query", 8), ("gallery", 24)):
        images = random.integers(0, 256, (count, 128, 64, 3), dtype=np.uint8)
        save(folder / "market1501", f"{part}_images", images)
        save(folder / "market1501", f"{part}_identities", np.arange(count, dtype=np.int64) % 8)
        cameras = np.arange(count, dtype=np.int64) // 8 + (part == "gallery")
        save(folder / "market1501", f"{part}_cameras", cameras)


def save(folder, name, values):
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{name}.npy", values)

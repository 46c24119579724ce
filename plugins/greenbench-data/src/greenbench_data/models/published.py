"""The five models of arXiv 2603.06195, with its defaults; what it leaves open is as the published
code that each goes back to has it."""

from __future__ import annotations

from greenbench.api import Hyperparameter, Metric, Model
from greenbench_data.models.common import (
    LOSS,
    NORMALISED,
    accuracy,
    batch_size,
    data,
    data_share,
    dropout,
    epochs,
    factor,
    learning_rate,
    size,
    weight_decay,
)

MNIST_DATA = "MNIST (data = mnist), or scikit-learn's real digits scaled to its form (digits-28x28)"
A_HUNDREDTH = "one in a hundred"

MNIST_CNN = Model(
    name="mnist-cnn",
    framework="",
    trainer="MnistCnn",
    description="the convolutional network of PyTorch's MNIST example (1.2 M parameters)",
    data=MNIST_DATA,
    hyperparameters=(
        epochs(14),
        learning_rate(1.0),
        factor("gamma", 0.7, "the learning rate's factor after every epoch"),
        batch_size(64, "images"),
        dropout(0.25, where="behind the convolutions"),
        dropout(0.5, "hidden_dropout", "behind the hidden layer"),
        size("width", 32, 256, "channels of the first convolution; the second has twice as many"),
        data("mnist", "digits-28x28"),
        data_share(),
    ),
    metrics=(accuracy(0.1, 0.0025, "a third of the published errors, 0.8 %"), LOSS),
)

MNIST_FORWARD_FORWARD = Model(
    name="mnist-forward-forward",
    framework="",
    trainer="MnistForwardForward",
    description="the Forward-Forward net of PyTorch's examples, two layers of 500, Adam",
    data=MNIST_DATA,
    hyperparameters=(
        epochs(1000, "steps of each layer, each on all data at once"),
        learning_rate(0.03),
        Hyperparameter(
            name="threshold",
            default=2,
            low=0,
            high=100,
            description="goodness that right images should pass and wrong ones should not",
        ),
        size("width", 500, 4000, "units of a layer", low=2),
        data("mnist", "digits-28x28"),
        data_share(5 / 6),  # the example trains on 50,000 of the 60,000 images
    ),
    metrics=(accuracy(0.1, 0.01, A_HUNDREDTH),),
)

MNIST_SIAMESE = Model(
    name="mnist-siamese",
    framework="",
    trainer="MnistSiamese",
    description="the Siamese network of PyTorch's examples: one ResNet-18 for two images",
    data=f"pairs of {MNIST_DATA}",
    hyperparameters=(
        epochs(14, "times as many pairs as there are training images, new ones each time"),
        learning_rate(1.0),
        factor("gamma", 0.7, "the learning rate's factor after every epoch"),
        batch_size(64, "pairs", NORMALISED),
        size("width", 64, 256, "channels of ResNet-18's first stage"),
        data("mnist", "digits-28x28"),
        data_share(),
    ),
    metrics=(
        accuracy(0.5, 0.0015, "a third of the published errors, 0.43 %"),
        LOSS,
    ),
)

CIFAR10_RESNET20 = Model(
    name="cifar10-resnet20",
    framework="",
    trainer="Cifar10ResNet20",
    description="ResNet-20 for CIFAR-10 as He et al. (2016) have it (0.27 M parameters)",
    data="CIFAR-10 (data = cifar10), or generated images of its form (synthetic-cifar10)",
    hyperparameters=(
        epochs(200),
        learning_rate(0.2),
        weight_decay(0.0001, "L2 term of the gradient"),
        Hyperparameter(name="momentum", default=0.9, low=0.0, high=0.999, description="of SGD"),
        factor("decay_factor", 0.1, "the rate's after half and after three quarters of the epochs"),
        batch_size(128, "images", NORMALISED),
        size("width", 16, 160, "channels of the first stage"),
        data("cifar10", "synthetic-cifar10"),
        data_share(),
    ),
    metrics=(
        accuracy(0.1, 0.01, A_HUNDREDTH),
        LOSS,
    ),
)

MARKET1501_HRNET18 = Model(
    name="market1501-hrnet18",
    framework="",
    trainer="Market1501HRNet18",
    description="person re-identification with HRNet-W18, from scratch (21 M parameters)",
    data="Market-1501 (data = market1501), or generated figures of its form (synthetic-market1501)",
    hyperparameters=(
        epochs(60),
        learning_rate(0.05),
        weight_decay(0.0005, "L2 term of the gradient"),
        factor("decay_factor", 0.1, "the rate's after two thirds of the epochs"),
        Hyperparameter(
            name="backbone_rate",
            default=0.1,
            low=0.0001,
            high=10.0,
            log_scale=True,
            description="the backbone's learning rate as a multiple of the head's",
        ),
        batch_size(32, "photographs", NORMALISED),
        dropout(0.5, where="before the layer of persons"),
        size("width", 18, 64, "channels of the finest branch"),
        size("blocks", 4, 8, "residual blocks of a branch between two exchanges"),
        size("image_height", 256, 1024, "rows that photographs are resized to; 32 | it", low=32),
        size("image_width", 128, 512, "columns that photographs are resized to; 32 | it", low=32),
        data("market1501", "synthetic-market1501"),
        data_share(),
    ),
    metrics=(
        Metric(
            name="rank1",
            direction="maximize",
            margin=0.01,
            of_test_set=True,
            description=(
                "share of queries whose first hit, in another camera, is the same person. Margin: "
                "one in a hundred"
            ),
        ),
        Metric(
            name="rank5",
            direction="maximize",
            of_test_set=True,
            description="share of queries with the same person among the first five hits",
        ),
        Metric(
            name="map",
            direction="maximize",
            description="mean average precision over all queries",
        ),
    ),
)

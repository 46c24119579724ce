"""HRNet-W18-C (Wang et al. 2020, doi 10.1109/TPAMI.2020.2983686) with the head of the published
re-identification baseline: 2048 features, a bottleneck of 512, one score a person."""

from __future__ import annotations

from typing import Any

import keras
from keras import initializers, layers

from greenbench_tensorflow.layers import batch_norm, he_normal, padded, residual_conv

STEM = 64
MODULES = (1, 4, 3)
"""Exchange modules of the stages with two, three and four branches."""
HEAD = (32, 64, 128, 256)
EXPANSION = 4
FEATURES = 2048
BOTTLENECK = 512
STEM_BLOCKS = 4
HEAD_LAYERS = ("bottleneck", "bottleneck_norm", "persons")
FINEST, FIRST_BLOCKS = "finest", "first_block_"
"""Names of layers: those behind the backbone, and those by which the size is read back."""


def network(
    rows: int, columns: int, persons: int, *, width: int, blocks: int, dropout: float
) -> tuple[keras.Model, keras.Model]:
    """The network that learns to tell the training's persons apart, and the part of it whose
    normalised output finds persons again. `width` is that of the finest of the branches, at 1/4,
    1/8, 1/16 and 1/32 of the image's size (W18: 18), `blocks` how many residual blocks each has
    between two exchanges (published: 4)."""
    widths = [width * 2**branch for branch in range(4)]
    image = keras.Input((rows, columns, 3))
    x = _unit(image, STEM, 3, stride=2)
    x = _unit(x, STEM, 3, stride=2)
    for _ in range(STEM_BLOCKS):
        x = _bottleneck(x, STEM)
    branches = [_unit(x, widths[0], 3, name=FINEST), _unit(x, widths[1], 3, stride=2)]
    for stage, modules in enumerate(MODULES):
        if stage:
            branches.append(_unit(branches[-1], widths[stage + 1], 3, stride=2))
        for module in range(modules):
            first = FIRST_BLOCKS if stage == module == 0 else None
            seen = [
                _basic_blocks(branch, blocks, first if place == 0 else None)
                for place, branch in enumerate(branches)
            ]
            branches = _exchanged(seen, widths)
    features = _gathered(branches)
    gamma, small = initializers.RandomNormal(1.0, 0.02), initializers.RandomNormal(0.0, 0.001)
    bottleneck, norm, naming = HEAD_LAYERS
    embedding = layers.Dense(BOTTLENECK, kernel_initializer=he_normal("fan_out"), name=bottleneck)(
        features
    )
    embedding = batch_norm(gamma_initializer=gamma, name=norm)(embedding)
    kept = layers.Dropout(dropout)(embedding)
    scores = layers.Dense(persons, kernel_initializer=small, name=naming)(kept)
    return keras.Model(image, scores, name="hrnet18"), keras.Model(image, embedding)


def head_weights(network: keras.Model) -> list[keras.Variable]:
    """The trainable weights behind the backbone."""
    return [w for name in HEAD_LAYERS for w in network.get_layer(name).trainable_variables]


def size_of(network: keras.Model) -> tuple[int, int]:
    """Width of the finest branch and blocks between two exchanges, as the layers have them."""
    blocks = sum(1 for layer in network.layers if layer.name.startswith(FIRST_BLOCKS))
    return int(network.get_layer(FINEST).filters), blocks


def _unit(
    x: Any, width: int, size: int, *, stride: int = 1, relu: bool = True, name: str | None = None
) -> Any:
    """Convolution, batch normalisation, and ReLU unless not wanted."""
    x = batch_norm()(residual_conv(width, size, stride=stride, name=name)(padded(x, size // 2)))
    return layers.ReLU()(x) if relu else x


def _bottleneck(x: Any, width: int) -> Any:
    wide = width * EXPANSION
    inner = _unit(_unit(x, width, 1), width, 3)
    inner = _unit(inner, wide, 1, relu=False)
    if x.shape[-1] != wide:
        x = _unit(x, wide, 1, relu=False)
    return layers.ReLU()(layers.Add()([inner, x]))


def _basic_blocks(x: Any, blocks: int, name: str | None) -> Any:
    width = x.shape[-1]
    for place in range(blocks):
        inner = _unit(_unit(x, width, 3), width, 3, relu=False)
        x = layers.ReLU()(layers.Add(name=name and f"{name}{place}")([inner, x]))
    return x


def _exchanged(branches: list[Any], widths: list[int]) -> list[Any]:
    """Every branch becomes the sum of all, each brought to its size and width."""
    return [
        layers.ReLU()(
            layers.Add()(
                [_brought(branch, source, target, widths) for source, branch in enumerate(branches)]
            )
        )
        for target in range(len(branches))
    ]


def _brought(x: Any, source: int, target: int, widths: list[int]) -> Any:
    if source > target:
        x = _unit(x, widths[target], 1, relu=False)
        return layers.UpSampling2D(2 ** (source - target), interpolation="nearest")(x)
    for step in range(source, target):
        last = step == target - 1
        x = _unit(x, widths[target] if last else widths[source], 3, stride=2, relu=not last)
    return x


def _gathered(branches: list[Any]) -> Any:
    """The classification head: from fine to coarse, then 2048 features averaged over the image."""
    wide = [_bottleneck(branch, width) for branch, width in zip(branches, HEAD, strict=True)]
    x = wide[0]
    for following in wide[1:]:
        x = _biased(x, following.shape[-1], 3, stride=2)
        x = layers.Add()([x, following])
    return layers.GlobalAveragePooling2D()(_biased(x, FEATURES, 1))


def _biased(x: Any, width: int, size: int, *, stride: int = 1) -> Any:
    """The head's convolutions have biases beside their normalisation, as published."""
    x = residual_conv(width, size, stride=stride, bias_of=x.shape[-1])(padded(x, size // 2))
    return layers.ReLU()(batch_norm()(x))

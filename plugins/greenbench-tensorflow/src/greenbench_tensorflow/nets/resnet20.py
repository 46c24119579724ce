"""ResNet-20 for CIFAR-10 (He et al. 2016, section 4.2): 3 stages of 3 blocks, shortcuts without
parameters (their option A)."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from greenbench_tensorflow.layers import batch_norm, dense, he_normal, padded, residual_conv

STAGES = 3
BLOCKS = 3


def network(side: int, channels: int, classes: int, *, width: int) -> keras.Model:
    """Images to scores; the stages have `width`, twice and four times as many channels. 269,722
    parameters at width 16."""
    image = keras.Input((side, side, channels))
    x = _norm_conv(image, width, relu=True)
    for stage in range(STAGES):
        for block in range(BLOCKS):
            x = _block(x, width * 2**stage, stride=2 if stage and not block else 1)
    x = layers.GlobalAveragePooling2D()(x)
    scores = dense(classes, x.shape[-1], kernel_initializer=he_normal("fan_in"))(x)
    return keras.Model(image, scores, name="resnet20")


def _block(x: Any, width: int, *, stride: int) -> Any:
    inner = _norm_conv(x, width, stride=stride, relu=True)
    inner = _norm_conv(inner, width)
    missing = width - x.shape[-1]
    if missing:  # every other pixel, with zeros for the new channels
        x = keras.ops.pad(
            x[:, ::stride, ::stride, :],
            [(0, 0), (0, 0), (0, 0), (missing // 2, missing - missing // 2)],
        )
    return layers.ReLU()(layers.Add()([inner, x]))


def _norm_conv(x: Any, width: int, *, stride: int = 1, relu: bool = False) -> Any:
    x = batch_norm()(residual_conv(width, 3, stride=stride, mode="fan_in")(padded(x, 1)))
    return layers.ReLU()(x) if relu else x

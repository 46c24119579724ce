"""ResNet-18 (He et al. 2016, table 1) up to its average pool."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from greenbench_tensorflow.layers import batch_norm, padded, residual_conv

STAGES = 4
BLOCKS = 2


def trunk(side: int, channels: int, *, width: int) -> keras.Model:
    """Images to 8·width features (the published width is 64)."""
    image = keras.Input((side, side, channels))
    x = batch_norm()(residual_conv(width, 7, stride=2)(padded(image, 3)))
    x = layers.MaxPooling2D(3, strides=2)(padded(layers.ReLU()(x), 1))  # after a ReLU, 0 is least
    for stage in range(STAGES):
        for block in range(BLOCKS):
            x = _block(x, width * 2**stage, stride=2 if stage and not block else 1)
    return keras.Model(image, layers.GlobalAveragePooling2D()(x), name="resnet18_trunk")


def _block(x: Any, width: int, *, stride: int) -> Any:
    inner = layers.ReLU()(batch_norm()(residual_conv(width, 3, stride=stride)(padded(x, 1))))
    inner = batch_norm()(residual_conv(width, 3)(padded(inner, 1)))
    if stride > 1 or x.shape[-1] != width:
        x = batch_norm()(residual_conv(width, 1, stride=stride)(x))
    return layers.ReLU()(layers.Add()([inner, x]))

"""Images on the device as bytes, and how a network sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    from greenbench_data.parts import Array, Labelled, Part

BRIGHTEST = 255.0


class Pictures:
    """Images (count × rows × columns × channels, uint8) with the constants that normalise them."""

    def __init__(
        self,
        images: Array,
        *,
        brightest: float = BRIGHTEST,
        mean: tuple[float, ...] = (),
        std: tuple[float, ...] = (),
    ) -> None:
        self.rows, self.columns, channels = images.shape[1:]
        self.images = tf.constant(images)
        self.brightest = float(brightest)
        self.mean = tf.constant(mean or (0.0,) * channels, tf.float32)
        self.std = tf.constant(std or (1.0,) * channels, tf.float32)

    @classmethod
    def of(cls, task: Labelled, part: Part) -> Pictures:
        """A part of a classification task."""
        return cls(part.inputs, brightest=task.brightest, mean=task.mean, std=task.std)

    def __len__(self) -> int:
        return int(self.images.shape[0])

    def whole(self, indices: tf.Tensor, size: tuple[int, int] | None = None) -> tf.Tensor:
        """These images (at another size, if one is given), normalised (float32)."""
        return self._normalised(self._sized(indices, size))

    def cropped(
        self,
        indices: tf.Tensor,
        rows: tf.Tensor,
        columns: tf.Tensor,
        flipped: tf.Tensor,
        *,
        padding: int,
        size: tuple[int, int] | None = None,
    ) -> tf.Tensor:
        """These images through their windows: each in a black frame of `padding`, a window of its
        own size at (row, column), mirrored or not."""
        images = self._sized(indices, size)
        height, width = size or (self.rows, self.columns)
        margin = [padding, padding]
        framed = tf.pad(images, [[0, 0], margin, margin, [0, 0]])
        down = rows[:, None] + tf.range(height, dtype=tf.int64)
        across = columns[:, None] + tf.range(width, dtype=tf.int64)
        across = tf.where(flipped[:, None], tf.reverse(across, [1]), across)
        window = tf.gather(framed, down, axis=1, batch_dims=1)
        return self._normalised(tf.gather(window, across, axis=2, batch_dims=1))

    def _sized(self, indices: tf.Tensor, size: tuple[int, int] | None) -> tf.Tensor:
        """Bicubic and smoothed when it shrinks, as published trainings resize."""
        images = tf.cast(tf.gather(self.images, indices), tf.float32)
        if size is None or size == (self.rows, self.columns):
            return images
        sized = tf.image.resize(images, size, method="bicubic", antialias=True)
        return tf.clip_by_value(sized, 0.0, BRIGHTEST)

    def _normalised(self, images: tf.Tensor) -> tf.Tensor:
        return (images / self.brightest - self.mean) / self.std

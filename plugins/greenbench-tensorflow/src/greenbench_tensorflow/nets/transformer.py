"""A decoder-only Transformer as in GPT-2 (Radford et al. 2019): normalisation before each part,
learned positions, output weights shared with the input's. With GPT-2's sizes it has 124,439,808
parameters, as published."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import keras
from keras import initializers, layers, ops

DEVIATION = 0.02
"""Of the weights at the start, as in GPT-2; biases begin at 0."""
PADDING = 0
"""The token behind a text's end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The sizes of a Transformer."""

    vocabulary: int
    context: int
    width: int
    heads: int
    layers: int


class Embedding(layers.Layer):
    """The tokens' vectors plus those of their places."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.tokens = layers.Embedding(shape.vocabulary, shape.width, _normal())
        self.positions = layers.Embedding(shape.context, shape.width, _normal())

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """The two tables."""
        self.tokens.build(input_shape)
        self.positions.build((None, self.shape.context))

    def call(self, tokens: Any) -> Any:
        """`tokens`: batch × context."""
        return self.tokens(tokens) + self.positions(ops.arange(self.shape.context))


class NextScores(layers.Layer):
    """How well each token comes next, by the tokens' own vectors."""

    def __init__(self, embedding: Embedding) -> None:
        super().__init__()
        self.embedding = embedding

    def call(self, x: Any) -> Any:
        """Batch × context × vocabulary."""
        return ops.matmul(x, ops.transpose(self.embedding.tokens.embeddings))


class Attention(layers.Layer):
    """Each place looks at itself and those before it."""

    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        if shape.width % shape.heads:
            raise ValueError(f"a width of {shape.width} can't be shared by {shape.heads} heads")
        self.shape, self.size = shape, shape.width // shape.heads
        self.inwards = layers.Dense(3 * shape.width, kernel_initializer=_normal())
        self.outwards = layers.Dense(shape.width, kernel_initializer=_ending(shape))
        self.dropout = layers.Dropout(dropout)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """The projections' weights."""
        self.inwards.build(input_shape)
        self.outwards.build(input_shape)

    def call(self, x: Any, training: bool | None = None) -> Any:  # noqa: FBT001 (as Keras calls it)
        """Batch × context × width."""
        length, heads = self.shape.context, self.shape.heads
        parts = ops.reshape(self.inwards(x), (-1, length, 3, heads, self.size))
        query, key, value = (ops.transpose(parts[:, :, i], (0, 2, 1, 3)) for i in range(3))
        scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) / math.sqrt(self.size)
        earlier = ops.tril(ops.ones((length, length), dtype="bool"))
        weights = ops.softmax(ops.where(earlier, scores, -math.inf))
        weights = self.dropout(weights, training=training)
        mixed = ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3))
        return self.outwards(ops.reshape(mixed, (-1, length, heads * self.size)))


def language_model(shape: Shape, dropout: float) -> keras.Model:
    """Tokens (batch × context) to the scores of the one after each."""
    tokens = keras.Input((shape.context,), dtype="int32")
    return _reader(tokens, *_trunk(tokens, shape, dropout))


def reader_and_classifier(
    shape: Shape, classes: int, dropout: float
) -> tuple[keras.Model, keras.Model]:
    """Two networks that share all but their last layers: one foretells the next token, one takes
    texts (batch × context, zeros behind their end) to the scores of their classes."""
    tokens = keras.Input((shape.context,), dtype="int32")
    embedding, known = _trunk(tokens, shape, dropout)
    shown = ops.cast(ops.not_equal(tokens, PADDING), "float32")
    total = ops.sum(known * shown[..., None], axis=1)
    mean = total / ops.maximum(ops.sum(shown, axis=1, keepdims=True), 1.0)
    scores = layers.Dense(classes, kernel_initializer=_normal())(mean)
    classifier = keras.Model(tokens, scores, name="text_classifier")
    return _reader(tokens, embedding, known), classifier


def shape_in_effect(network: keras.Model) -> dict[str, int]:
    """The sizes that the layers have."""
    embedding = next(layer for layer in network.layers if isinstance(layer, Embedding))
    attention = [layer for layer in network.layers if isinstance(layer, Attention)]
    context, width = embedding.positions.embeddings.shape
    heads = int(attention[0].inwards.units) // (3 * attention[0].size)
    return {"context": context, "width": width, "heads": heads, "layers": len(attention)}


def _reader(tokens: Any, embedding: Embedding, known: Any) -> keras.Model:
    return keras.Model(tokens, NextScores(embedding)(known), name="language_model")


def _trunk(tokens: Any, shape: Shape, dropout: float) -> tuple[Embedding, Any]:
    embedding = Embedding(shape)
    x = layers.Dropout(dropout)(embedding(tokens))
    for _ in range(shape.layers):
        attended = Attention(shape, dropout)(_norm()(x))
        x = layers.Add()([x, layers.Dropout(dropout)(attended)])
        inner = layers.Dense(4 * shape.width, _gelu, kernel_initializer=_normal())(_norm()(x))
        inner = layers.Dense(shape.width, kernel_initializer=_ending(shape))(inner)
        x = layers.Add()([x, layers.Dropout(dropout)(inner)])
    return embedding, _norm()(x)


def _gelu(x: Any) -> Any:
    return ops.gelu(x, approximate=True)


def _norm() -> layers.LayerNormalization:
    return layers.LayerNormalization(epsilon=1e-5)


def _normal() -> initializers.Initializer:
    return initializers.RandomNormal(0.0, DEVIATION)


def _ending(shape: Shape) -> initializers.Initializer:
    """Of the weights that end a shortcut: smaller, the more of them add up."""
    return initializers.RandomNormal(0.0, DEVIATION / math.sqrt(2 * shape.layers))

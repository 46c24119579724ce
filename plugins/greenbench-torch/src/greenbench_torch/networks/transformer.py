"""A decoder-only Transformer as in GPT-2 (Radford et al. 2019): normalisation before each part,
learned positions, output weights shared with the input's. With GPT-2's sizes (12 layers of width
768, 50,257 tokens, 1,024 positions) it has 124,439,808 parameters, as published."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import nn

DEVIATION: Final = 0.02
"""Of the weights at the start, as in GPT-2; biases begin at 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The sizes of a Transformer."""

    vocabulary: int
    context: int
    width: int
    heads: int
    layers: int


class Attention(nn.Module):
    """Each position looks at itself and those before it."""

    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        if shape.width % shape.heads:
            raise ValueError(f"a width of {shape.width} can't be shared by {shape.heads} heads")
        self.heads = shape.heads
        self.inwards = nn.Linear(shape.width, 3 * shape.width)
        self.outwards = nn.Linear(shape.width, shape.width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Count × length × width. Written out: fused kernels don't repeat to the bit on GPUs."""
        count, length, width = x.shape
        parts = self.inwards(x).view(count, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(-2, -1) / math.sqrt(width // self.heads)
        later = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
        weights = self.dropout(scores.masked_fill(later, -math.inf).softmax(dim=-1))
        mixed = (weights @ value).transpose(1, 2).reshape(count, length, width)
        projected: torch.Tensor = self.outwards(mixed)
        return projected


class Block(nn.Module):
    """Attention, then two layers at each position, both beside a shortcut."""

    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        self.before = nn.LayerNorm(shape.width)
        self.attention = Attention(shape, dropout)
        self.between = nn.LayerNorm(shape.width)
        self.inner = nn.Sequential(
            nn.Linear(shape.width, 4 * shape.width),
            nn.GELU(approximate="tanh"),
            nn.Linear(4 * shape.width, shape.width),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Count × length × width."""
        attended: torch.Tensor = x + self.dropout(self.attention(self.before(x)))
        after: torch.Tensor = attended + self.dropout(self.inner(self.between(attended)))
        return after


class Transformer(nn.Module):
    """Tokens to what each position knows (count × length × width)."""

    def __init__(self, shape: Shape, *, dropout: float) -> None:
        super().__init__()
        self.shape = shape
        self.tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.positions = nn.Embedding(shape.context, shape.width)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.Sequential(*(Block(shape, dropout) for _ in range(shape.layers)))
        self.norm = nn.LayerNorm(shape.width)
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                ends_shortcut = name.endswith(("outwards.weight", "inner.2.weight"))
                scale = 1 / math.sqrt(2 * shape.layers) if ends_shortcut else 1.0
                nn.init.normal_(parameter, std=DEVIATION * scale)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """`tokens`: count × length, no longer than the context."""
        x = self.tokens(tokens) + self.positions.weight[: tokens.shape[1]]
        known: torch.Tensor = self.norm(self.blocks(self.dropout(x)))
        return known

    def next_scores(self, tokens: torch.Tensor) -> torch.Tensor:
        """Scores of the token after each (count × length × vocabulary)."""
        scores: torch.Tensor = self(tokens) @ self.tokens.weight.T
        return scores


class TextClassifier(nn.Module):
    """A Transformer, and a layer on the mean of what the positions of a text know."""

    def __init__(self, trunk: Transformer, classes: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.scores = nn.Linear(trunk.shape.width, classes)
        nn.init.normal_(self.scores.weight, std=DEVIATION)
        nn.init.zeros_(self.scores.bias)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Scores (count × classes) of texts that end where their zeros begin."""
        shown = (tokens != 0).unsqueeze(-1)
        known = self.trunk(tokens) * shown
        mean = known.sum(dim=1) / shown.sum(dim=1).clamp(min=1)
        scores: torch.Tensor = self.scores(mean)
        return scores

"""The network of PyTorch's MNIST example (pytorch/examples, mnist/main.py)."""

from __future__ import annotations

import torch
from torch import nn


class MnistCnn(nn.Module):
    """Two 3×3 convolutions, pooling, a hidden layer of 128; 1,199,882 parameters at width 32."""

    def __init__(
        self, side: int, channels: int, classes: int, *, width: int, dropout: float, hidden: float
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3)
        self.conv2 = nn.Conv2d(width, 2 * width, 3)
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(2 * width * ((side - 4) // 2) ** 2, 128)
        self.hidden_dropout = nn.Dropout(hidden)
        self.scores = nn.Linear(128, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Scores (count × classes) of images (count × channels × side × side)."""
        x = torch.relu(self.conv2(torch.relu(self.conv1(images))))
        x = self.dropout(nn.functional.max_pool2d(x, 2))
        x = self.hidden_dropout(torch.relu(self.dense(torch.flatten(x, 1))))
        scores: torch.Tensor = self.scores(x)
        return scores

"""ResNet-20 for CIFAR-10 (He et al., Deep Residual Learning, arXiv 1512.03385, section 4.2):
shortcuts without parameters (option A), 0.27 M parameters at width 16."""

from __future__ import annotations

import torch
from torch import nn


class Block(nn.Module):
    """Two 3×3 convolutions; where the shape changes, the shortcut takes every other pixel and
    pads the new channels with zeros."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.stride = stride
        self.missing = outputs - inputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Count × outputs × rows × columns."""
        inner = self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x)))))
        shortcut = x[:, :, :: self.stride, :: self.stride]
        before = self.missing // 2
        shortcut = nn.functional.pad(shortcut, (0, 0, 0, 0, before, self.missing - before))
        return torch.relu(inner + shortcut)


class ResNet20(nn.Module):
    """Three stages of three blocks: `width`, twice and four times as many channels."""

    def __init__(self, channels: int, classes: int, *, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        blocks: list[nn.Module] = []
        inputs = width
        for stage in range(3):
            for place in range(3):
                outputs = width * 2**stage
                blocks.append(Block(inputs, outputs, 2 if stage and place == 0 else 1))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.scores = nn.Linear(inputs, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)  # as the paper: He et al. 2015

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Scores (count × classes)."""
        x = self.blocks(torch.relu(self.norm(self.conv(images))))
        scores: torch.Tensor = self.scores(x.mean(dim=(2, 3)))
        return scores

"""ResNet-18 (He et al., Deep Residual Learning, arXiv 1512.03385, table 1), up to its average
pool; with three channels and a layer for 1,000 classes it has 11,689,512 parameters."""

from __future__ import annotations

import torch
from torch import nn


class Block(nn.Module):
    """Two 3×3 convolutions beside a shortcut, which is projected where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            projection = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Count × outputs × rows × columns."""
        inner = self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x)))))
        return torch.relu(inner + self.shortcut(x))


class ResNet18Trunk(nn.Sequential):
    """Images to features (count × 8·width)."""

    def __init__(self, channels: int, *, width: int) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(channels, width, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
        ]
        inputs = width
        for stage in range(4):
            outputs = width * 2**stage
            layers.append(Block(inputs, outputs, 2 if stage else 1))
            layers.append(Block(outputs, outputs, 1))
            inputs = outputs
        super().__init__(*layers, Average())
        self.features = inputs
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


class Average(nn.Module):
    """The mean over rows and columns."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Count × channels."""
        return x.mean(dim=(2, 3))

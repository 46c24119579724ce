"""The Siamese network of PyTorch's examples (pytorch/examples, siamese_network/main.py): one
ResNet-18 sees both images, two layers judge both features. 11,432,897 parameters at width 64."""

from __future__ import annotations

import torch
from torch import nn

from greenbench_torch.networks.resnet18 import ResNet18Trunk


class Siamese(nn.Module):
    """Two images to the logit of their being of one class."""

    def __init__(self, channels: int, *, width: int) -> None:
        super().__init__()
        self.trunk = ResNet18Trunk(channels, width=width)
        self.judge = nn.Sequential(
            nn.Linear(2 * self.trunk.features, 256), nn.ReLU(), nn.Linear(256, 1)
        )
        for module in self.judge:
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.constant_(module.bias, 0.01)

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Logits (count)."""
        both = torch.cat([self.trunk(first), self.trunk(second)], dim=1)
        logits: torch.Tensor = self.judge(both).squeeze(1)
        return logits

"""HRNet with the head of a widely used re-identification baseline (layumi/
Person_reID_baseline_pytorch, `ft_net_hr` and `ClassBlock`): a bottleneck of 512, batch
normalisation, dropout, a class for each person to learn from."""

from __future__ import annotations

from typing import Final

import torch
from torch import nn

from greenbench_torch.networks.hrnet import FEATURES, HRNet

EMBEDDING: Final = 512


class Reidentifier(nn.Module):
    """Learns to name persons; what finds others again is the layer before the names."""

    def __init__(self, persons: int, *, width: int, blocks: int, dropout: float) -> None:
        super().__init__()
        self.backbone = HRNet(width=width, blocks=blocks)
        linear, norm = nn.Linear(FEATURES, EMBEDDING), nn.BatchNorm1d(EMBEDDING)
        self.embedding = nn.Sequential(linear, norm)
        self.dropout = nn.Dropout(dropout)
        self.scores = nn.Linear(EMBEDDING, persons)
        nn.init.kaiming_normal_(linear.weight, mode="fan_out")
        nn.init.zeros_(linear.bias)
        nn.init.normal_(norm.weight, 1.0, 0.02)
        nn.init.normal_(self.scores.weight, std=0.001)
        nn.init.zeros_(self.scores.bias)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Scores (count × persons)."""
        scores: torch.Tensor = self.scores(self.dropout(self.features(images)))
        return scores

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """What persons are compared by (count × 512), not normalised."""
        embedded: torch.Tensor = self.embedding(self.backbone(images))
        return embedded

    def head_parameters(self) -> list[nn.Parameter]:
        """Everything behind the backbone."""
        return [*self.embedding.parameters(), *self.scores.parameters()]

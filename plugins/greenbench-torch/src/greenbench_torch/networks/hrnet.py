"""HRNet-W18-C (Wang et al., Deep High-Resolution Representation Learning, arXiv 1908.07919; the
classification form of HRNet/HRNet-Image-Classification): 21.3 M parameters with 1,000 classes.

Branches of halving resolution and doubling width run side by side and exchange what they see.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

import torch
from torch import nn

FEATURES: Final = 2048
STEM: Final = 64
STEM_BLOCKS: Final = 4
EXPANSION: Final = 4
"""A bottleneck's outputs by its inner width."""
MODULES: Final = (1, 4, 3)
"""Exchanges in the stages of two, three and four branches."""
HEAD: Final = (32, 64, 128, 256)
"""Inner widths of the head's bottlenecks, from the finest branch to the coarsest."""


def unit(
    inputs: int, outputs: int, size: int, stride: int = 1, *, relu: bool = True, bias: bool = False
) -> nn.Sequential:
    """Convolution and batch normalisation, and ReLU unless not wanted."""
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=bias),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, *([nn.ReLU()] if relu else []))


class Residual(nn.Module):
    """Layers beside a shortcut."""

    def __init__(self, inner: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.shortcut = shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """ReLU of their sum."""
        return torch.relu(self.inner(x) + self.shortcut(x))


def bottleneck(inputs: int, inner: int) -> Residual:
    """1×1, 3×3, 1×1 to four times the inner width."""
    outputs = inner * EXPANSION
    layers = nn.Sequential(
        unit(inputs, inner, 1), unit(inner, inner, 3), unit(inner, outputs, 1, relu=False)
    )
    same = inputs == outputs
    return Residual(layers, nn.Identity() if same else unit(inputs, outputs, 1, relu=False))


def basic(width: int) -> Residual:
    """Two 3×3 convolutions."""
    layers = nn.Sequential(unit(width, width, 3), unit(width, width, 3, relu=False))
    return Residual(layers, nn.Identity())


class Upsample(nn.Module):
    """Each pixel repeated; nearest neighbours whose gradient is the same every time."""

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`factor` times as many rows and columns."""
        count, channels, rows, columns = x.shape
        repeated = x[:, :, :, None, :, None].expand(
            count, channels, rows, self.factor, columns, self.factor
        )
        return repeated.reshape(count, channels, rows * self.factor, columns * self.factor)


class Exchange(nn.Module):
    """Blocks in every branch, then each branch becomes the sum of all, brought to its shape."""

    def __init__(self, widths: Sequence[int], blocks: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [nn.Sequential(*(basic(width) for _ in range(blocks))) for width in widths]
        )
        self.gatherings = nn.ModuleList(
            [
                Gathering(_path(widths, source, target) for source in range(len(widths)))
                for target in range(len(widths))
            ]
        )

    def forward(self, branches: list[torch.Tensor]) -> list[torch.Tensor]:
        """As many branches of the same shapes."""
        seen = [blocks(x) for blocks, x in zip(self.branches, branches, strict=True)]
        return [gather(seen) for gather in self.gatherings]


class Gathering(nn.Module):
    """The sum of all branches, each on its path to the shape of one of them."""

    def __init__(self, paths: Iterable[nn.Module]) -> None:
        super().__init__()
        self.paths = nn.ModuleList(paths)

    def forward(self, branches: list[torch.Tensor]) -> torch.Tensor:
        """ReLU of the sum."""
        brought = [path(x) for path, x in zip(self.paths, branches, strict=True)]
        return torch.relu(torch.stack(brought).sum(dim=0))


def _path(widths: Sequence[int], source: int, target: int) -> nn.Module:
    if source == target:
        return nn.Identity()
    if source > target:
        narrow = unit(widths[source], widths[target], 1, relu=False)
        return nn.Sequential(narrow, Upsample(2 ** (source - target)))
    steps = [unit(widths[source], widths[source], 3, 2) for _ in range(target - source - 1)]
    return nn.Sequential(*steps, unit(widths[source], widths[target], 3, 2, relu=False))


class HRNet(nn.Module):
    """Images to features (count × 2,048). `width` is that of the finest branch (W18: 18),
    `blocks` how many residual blocks a branch has between two exchanges (published: 4)."""

    def __init__(self, *, width: int, blocks: int) -> None:
        super().__init__()
        self.width, self.blocks = width, blocks
        widths = [width * 2**branch for branch in range(4)]
        wide = STEM * EXPANSION
        self.stem = nn.Sequential(
            unit(3, STEM, 3, 2),
            unit(STEM, STEM, 3, 2),
            bottleneck(STEM, STEM),
            *(bottleneck(wide, STEM) for _ in range(STEM_BLOCKS - 1)),
        )
        self.first = nn.ModuleList([unit(wide, widths[0], 3), unit(wide, widths[1], 3, 2)])
        self.added = nn.ModuleList(
            [unit(widths[1], widths[2], 3, 2), unit(widths[2], widths[3], 3, 2)]
        )
        self.stages = nn.ModuleList(
            [
                nn.Sequential(*(Exchange(widths[: stage + 2], blocks) for _ in range(modules)))
                for stage, modules in enumerate(MODULES)
            ]
        )
        self.widened = nn.ModuleList(
            [bottleneck(branch, inner) for branch, inner in zip(widths, HEAD, strict=True)]
        )
        outputs = [inner * EXPANSION for inner in HEAD]
        self.gathered = nn.ModuleList(
            [unit(fine, coarse, 3, 2, bias=True) for fine, coarse in pairwise(outputs)]
        )
        self.last = unit(outputs[-1], FEATURES, 1, bias=True)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Features (count × 2,048) of images (count × 3 × rows × columns, multiples of 32)."""
        x = self.stem(images)
        branches = self.stages[0]([path(x) for path in self.first])
        for added, stage in zip(self.added, list(self.stages)[1:], strict=True):
            branches = stage([*branches, added(branches[-1])])
        wide = [layer(x) for layer, x in zip(self.widened, branches, strict=True)]
        x = wide[0]
        for layer, coarser in zip(self.gathered, wide[1:], strict=True):
            x = layer(x) + coarser
        features: torch.Tensor = self.last(x).mean(dim=(2, 3))
        return features

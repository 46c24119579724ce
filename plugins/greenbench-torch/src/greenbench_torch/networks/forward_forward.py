"""The Forward-Forward net of PyTorch's examples (pytorch/examples, mnist_forward_forward/main.py):
each layer learns by itself to be lively for images with their own label drawn in, and calm for
images with a wrong one (Hinton, The Forward-Forward Algorithm, arXiv 2212.13345)."""

from __future__ import annotations

import torch
from torch import nn


class Layer(nn.Module):
    """One layer: the direction of its input counts, not the length."""

    def __init__(self, inputs: int, outputs: int, threshold: float) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.threshold = threshold

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Activities (count × outputs)."""
        return torch.relu(self.linear(x / (x.norm(2, 1, keepdim=True) + 1e-4)))

    def loss(self, right: torch.Tensor, wrong: torch.Tensor) -> torch.Tensor:
        """Pushes the goodness of right inputs above the threshold, that of wrong ones below."""
        above = self.threshold - goodness(self(right))
        below = goodness(self(wrong)) - self.threshold
        return nn.functional.softplus(torch.cat([above, below])).mean()


class ForwardForward(nn.Module):
    """Two layers; 643,000 parameters at width 500."""

    def __init__(self, inputs: int, *, width: int, threshold: float) -> None:
        super().__init__()
        self.first = Layer(inputs, width, threshold)
        self.second = Layer(width, width, threshold)

    @property
    def layers(self) -> tuple[Layer, Layer]:
        """From the images on."""
        return self.first, self.second

    def forward(self, images: torch.Tensor, classes: int) -> torch.Tensor:
        """Goodness (count × classes) of flat images with each label drawn in: the best is it."""
        brightest = images.max()
        found = []
        for label in range(classes):
            labels = torch.full((len(images),), label, device=images.device)
            x = labelled(images, labels, classes, brightest)
            total = torch.zeros(len(images), device=images.device)
            for layer in self.layers:
                x = layer(x)
                total = total + goodness(x)
            found.append(total)
        return torch.stack(found, dim=1)


def goodness(activities: torch.Tensor) -> torch.Tensor:
    """The mean square of a layer's activities (count)."""
    return activities.pow(2).mean(1)


def labelled(
    images: torch.Tensor, labels: torch.Tensor, classes: int, brightest: torch.Tensor
) -> torch.Tensor:
    """Flat images with a label drawn into their first pixels, one bright pixel of `classes`."""
    drawn = nn.functional.one_hot(labels, classes).to(images.dtype) * brightest
    return torch.cat([drawn, images[:, classes:]], dim=1)

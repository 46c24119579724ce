"""Learning the classes of images: `mnist-cnn` and `cifar10-resnet20`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from greenbench_data import load, order
from torch import nn, optim
from torch.optim import lr_scheduler

from greenbench_torch.bookkeeping import Outcome
from greenbench_torch.forms.base import Training, items_used
from greenbench_torch.forms.pictures import Pictures, Views
from greenbench_torch.networks.mnist_cnn import MnistCnn
from greenbench_torch.networks.resnet20 import ResNet20

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from greenbench_data.parts import Part
    from torch.optim.lr_scheduler import LRScheduler

    from greenbench.api import Effective


class ImageTraining(Training):
    """Cross-entropy on classes; every image once an epoch."""

    normalised: ClassVar[bool] = False
    """Whether the network has batch normalisation."""

    def load(self, folder: Path | None) -> None:
        """The three parts."""
        name, share = self.asked.text("data"), self.asked.number("data_share")
        self.task = load.classification(name, folder, share)
        self.training, self.labels = self._part(self.task.train)
        self.portions = order.Batches(
            items=len(self.training),
            size=self.asked.count("batch_size"),
            normalised=self.normalised,
        )
        self.judged = {
            id(part): self._part(part) for part in (self.task.validation, self.task.test)
        }

    def batches(self, epoch: int) -> Iterator[torch.Tensor]:
        """Indices in the epoch's order."""
        for batch in self.portions.of(seed=self.seed, epoch=epoch):
            yield self.on_device(batch)

    def outcome(self, batch: torch.Tensor) -> Outcome:
        """Cross-entropy of whole images."""
        return self._scored(self.training.whole(batch), self.labels[batch])

    def validation(self) -> dict[str, float]:
        """Accuracy and loss on the part that is looked at after every epoch."""
        return self._judged(self.task.validation)

    def final(self) -> dict[str, float]:
        """Accuracy and loss on what was held out."""
        return self._judged(self.task.test)

    def judged_by(self) -> Mapping[str, float]:
        """Images."""
        return {"items": len(self.task.test)}

    def more_effective(self) -> Mapping[str, Effective]:
        """The data."""
        return {
            "data": self.task.name,
            "data_share": items_used(len(self.training), self.task.total),
        }

    def _scored(self, images: torch.Tensor, labels: torch.Tensor) -> Outcome:
        scores = self.network(images)
        return Outcome.of(nn.functional.cross_entropy(scores, labels), scores, labels)

    def _judged(self, part: Part) -> dict[str, float]:
        pictures, labels = self.judged[id(part)]
        return self.judge(len(part), lambda at: self._scored(pictures.whole(at), labels[at]))

    def _part(self, part: Part) -> tuple[Pictures, torch.Tensor]:
        task = self.task
        pictures = Pictures(
            part.inputs, self.device, brightest=task.brightest, mean=task.mean, std=task.std
        )
        return pictures, self.on_device(part.labels)


class MnistCnnTraining(ImageTraining):
    """As PyTorch's MNIST example trains: Adadelta, its rate times γ after each epoch."""

    network: MnistCnn
    schedule: lr_scheduler.StepLR

    def build(self) -> nn.Module:
        """The network of the example."""
        side, channels = self.task.train.inputs.shape[2:]
        return MnistCnn(
            side,
            channels,
            self.task.classes,
            width=self.asked.count("width"),
            dropout=self.asked.number("dropout"),
            hidden=self.asked.number("hidden_dropout"),
        )

    def optimization(self) -> tuple[optim.Optimizer, LRScheduler]:
        """Adadelta at PyTorch's ρ and ε."""
        optimizer = optim.Adadelta(self.network.parameters(), lr=self.asked.number("learning_rate"))
        return optimizer, lr_scheduler.StepLR(optimizer, 1, self.asked.number("gamma"))

    def more_effective(self) -> Mapping[str, Effective]:
        """The schedule, the layers, the data."""
        return {
            "gamma": self.turned(self.schedule.gamma, self.schedule.step_size),
            "dropout": self.network.dropout.p,
            "hidden_dropout": self.network.hidden_dropout.p,
            "width": self.network.conv1.out_channels,
            **super().more_effective(),
        }


class Cifar10ResNet20Training(ImageTraining):
    """As He et al. (2016) train: SGD, a tenth of the rate after half and after three quarters,
    images shifted by up to 4 pixels and mirrored."""

    normalised = True
    padding = 4
    network: ResNet20
    schedule: lr_scheduler.MultiStepLR

    def build(self) -> nn.Module:
        """ResNet-20."""
        channels = self.task.train.inputs.shape[-1]
        return ResNet20(channels, self.task.classes, width=self.asked.count("width"))

    def optimization(self) -> tuple[optim.Optimizer, LRScheduler]:
        """SGD whose weight decay is part of the gradient."""
        optimizer = optim.SGD(
            self.network.parameters(),
            lr=self.asked.number("learning_rate"),
            momentum=self.asked.number("momentum"),
            weight_decay=self.asked.number("weight_decay"),
        )
        epochs = self.asked.count("epochs")
        milestones = [math.ceil(epochs / 2), math.ceil(epochs * 3 / 4)]
        factor = self.asked.number("decay_factor")
        return optimizer, lr_scheduler.MultiStepLR(optimizer, milestones, factor)

    def batches(self, epoch: int) -> Iterator[Any]:
        """Indices in the epoch's order; the windows of this epoch are drawn with them."""
        crops = order.crops(len(self.training), self.padding, seed=self.seed, epoch=epoch)
        self.views = Views(crops, self.padding, self.device)
        yield from super().batches(epoch)

    def outcome(self, batch: torch.Tensor) -> Outcome:
        """Cross-entropy of shifted and mirrored images."""
        images = self.training.cropped(batch, self.views)
        return self._scored(images, self.labels[batch])

    def more_effective(self) -> Mapping[str, Effective]:
        """The optimizer's group, the schedule, the layers, the data."""
        return {
            "momentum": self.in_groups("momentum"),
            "weight_decay": self.in_groups("weight_decay"),
            "decay_factor": self.turned(self.schedule.gamma, min(self.schedule.milestones)),
            "width": self.network.conv.out_channels,
            **super().more_effective(),
        }

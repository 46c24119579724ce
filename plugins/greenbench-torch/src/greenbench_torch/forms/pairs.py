"""`mnist-siamese`: whether two images are of one class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from greenbench_data import load, order
from torch import nn, optim
from torch.optim import lr_scheduler

from greenbench_torch.bookkeeping import Outcome
from greenbench_torch.forms.base import Training, items_used
from greenbench_torch.forms.pictures import Pictures
from greenbench_torch.networks.siamese import Siamese

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from greenbench_data.order import Pairs
    from greenbench_data.parts import Part
    from torch.optim.lr_scheduler import LRScheduler

    from greenbench.api import Effective

TEST_SEED = 0
"""Never a trial's seed: every trial is judged by the same pairs."""


class SiameseTraining(Training):
    """As PyTorch's Siamese example trains: as many new pairs an epoch as there are images, half
    of them of one class; Adadelta, its rate times γ after each epoch."""

    network: Siamese
    schedule: lr_scheduler.StepLR

    def load(self, folder: Path | None) -> None:
        """Images to draw pairs of, and the pairs to be judged by."""
        name, share = self.asked.text("data"), self.asked.number("data_share")
        self.task = load.classification(name, folder, share)
        self.training = self._pictures(self.task.train)
        self.portions = order.Batches(
            items=len(self.training), size=self.asked.count("batch_size"), normalised=True
        )
        self.judged = {
            id(part): (self._pictures(part), self._pairs_to_judge(part))
            for part in (self.task.validation, self.task.test)
        }

    def build(self) -> nn.Module:
        """One trunk for both images."""
        return Siamese(self.task.train.inputs.shape[-1], width=self.asked.count("width"))

    def optimization(self) -> tuple[optim.Optimizer, LRScheduler]:
        """Adadelta at PyTorch's ρ and ε."""
        optimizer = optim.Adadelta(self.network.parameters(), lr=self.asked.number("learning_rate"))
        return optimizer, lr_scheduler.StepLR(optimizer, 1, self.asked.number("gamma"))

    def batches(self, epoch: int) -> Iterator[Any]:
        """First image, second image, whether they are of one class."""
        labels = self.task.train.labels
        pairs = order.pairs(labels, len(labels), seed=self.seed, epoch=epoch)
        for batch in self.portions.of(seed=self.seed, epoch=epoch):
            yield tuple(map(self.on_device, (p[batch] for p in _columns(pairs))))

    def size_of(self, batch: Any) -> int:
        """Pairs."""
        return len(batch[0])

    def outcome(self, batch: Any) -> Outcome:
        """Binary cross-entropy."""
        return self._scored(self.training, *batch)

    def validation(self) -> dict[str, float]:
        """Accuracy and loss on pairs of the part that is looked at after every epoch."""
        return self._judged(self.task.validation)

    def final(self) -> dict[str, float]:
        """Accuracy and loss on pairs of held-out images."""
        return self._judged(self.task.test)

    def judged_by(self) -> Mapping[str, float]:
        """Pairs, as many as images."""
        return {"items": len(self.task.test)}

    def more_effective(self) -> Mapping[str, Effective]:
        """The schedule, the layers, the data."""
        first = self.network.trunk[0]
        assert isinstance(first, nn.Conv2d)
        return {
            "gamma": self.turned(self.schedule.gamma, self.schedule.step_size),
            "width": first.out_channels,
            "data": self.task.name,
            "data_share": items_used(len(self.training), self.task.total),
        }

    def _scored(
        self, pictures: Pictures, first: torch.Tensor, second: torch.Tensor, same: torch.Tensor
    ) -> Outcome:
        logits = self.network(pictures.whole(first), pictures.whole(second))
        loss = nn.functional.binary_cross_entropy_with_logits(logits, same)
        return Outcome(loss, len(same), ((logits > 0) == (same > 0.5)).sum())

    def _judged(self, part: Part) -> dict[str, float]:
        pictures, columns = self.judged[id(part)]
        return self.judge(len(part), lambda at: self._scored(pictures, *(c[at] for c in columns)))

    def _pairs_to_judge(self, part: Part) -> list[torch.Tensor]:
        pairs = order.pairs(part.labels, len(part), seed=TEST_SEED, epoch=0)
        return [self.on_device(column) for column in _columns(pairs)]

    def _pictures(self, part: Part) -> Pictures:
        task = self.task
        return Pictures(
            part.inputs, self.device, brightest=task.brightest, mean=task.mean, std=task.std
        )


def _columns(pairs: Pairs) -> tuple[Any, Any, Any]:
    return pairs.first, pairs.second, pairs.same

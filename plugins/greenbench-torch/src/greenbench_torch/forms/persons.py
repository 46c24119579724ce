"""`market1501-hrnet18`: learning persons, to find other persons again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from greenbench_data import load, market1501, order, ranking
from torch import nn, optim
from torch.optim import lr_scheduler

from greenbench_torch.bookkeeping import Outcome
from greenbench_torch.forms.base import Training, items_used
from greenbench_torch.forms.pictures import Pictures, Views
from greenbench_torch.networks.reidentifier import Reidentifier

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from greenbench_data.parts import Photos
    from torch.optim.lr_scheduler import LRScheduler

    from greenbench.api import Effective

FEATURE_BATCH = 128
MOMENTUM = 0.9


class PersonTraining(Training):
    """As layumi's baseline trains: SGD with Nesterov's momentum, the backbone at a tenth of the
    rate, a tenth of both after two thirds of the epochs. (The baseline starts from ImageNet's
    weights; here everything starts from the seed.) Judged by Market-1501's single-query protocol.
    """

    network: Reidentifier
    schedule: lr_scheduler.StepLR

    def load(self, folder: Path | None) -> None:
        """Photographs to learn from, queries and gallery."""
        name, share = self.asked.text("data"), self.asked.number("data_share")
        self.task = load.reidentification(name, folder, share)
        self.size = (self.asked.count("image_height"), self.asked.count("image_width"))
        self.padding = market1501.padding(self.size[0])
        self.training, self.query, self.gallery = (
            Pictures(part.images, self.device, mean=self.task.mean, std=self.task.std)
            for part in (self.task.train, self.task.query, self.task.gallery)
        )
        self.portions = order.Batches(
            items=len(self.training),
            size=self.asked.count("batch_size"),
            drop_last=True,
            normalised=True,
        )
        self.identities = self.on_device(self.task.train.identities)

    def build(self) -> nn.Module:
        """HRNet and its head."""
        return Reidentifier(
            self.task.persons,
            width=self.asked.count("width"),
            blocks=self.asked.count("blocks"),
            dropout=self.asked.number("dropout"),
        )

    def optimization(self) -> tuple[optim.Optimizer, LRScheduler]:
        """Two groups: the backbone, and the head at the full rate."""
        rate, head = self.asked.number("learning_rate"), self.network.head_parameters()
        optimizer = optim.SGD(
            [
                {
                    "params": list(self.network.backbone.parameters()),
                    "lr": rate * self.asked.number("backbone_rate"),
                },
                {"params": head, "lr": rate},
            ],
            momentum=MOMENTUM,
            nesterov=True,
            weight_decay=self.asked.number("weight_decay"),
        )
        turn = max(1, self.asked.count("epochs") * 2 // 3)
        factor = self.asked.number("decay_factor")
        return optimizer, lr_scheduler.StepLR(optimizer, turn, factor)

    def batches(self, epoch: int) -> Iterator[torch.Tensor]:
        """Full batches alone, as the baseline has them."""
        crops = order.crops(len(self.training), self.padding, seed=self.seed, epoch=epoch)
        self.views = Views(crops, self.padding, self.device)
        for batch in self.portions.of(seed=self.seed, epoch=epoch):
            yield self.on_device(batch)

    def outcome(self, batch: torch.Tensor) -> Outcome:
        """Cross-entropy on persons, of shifted and mirrored photographs."""
        images = self.training.cropped(batch, self.views, self.size)
        self.shown = tuple(images.shape[-2:])
        scores, labels = self.network(images), self.identities[batch]
        return Outcome.of(nn.functional.cross_entropy(scores, labels), scores, labels)

    def rehearse(self) -> None:
        """A step, and the features of a full batch and of the last one."""
        self.learn([next(iter(self.batches(1)))])
        for pictures in (self.query, self.gallery):
            for at in (0, len(pictures) // FEATURE_BATCH * FEATURE_BATCH):
                self._features(pictures, range(at, min(at + FEATURE_BATCH, len(pictures))))

    def final(self) -> dict[str, float]:
        """Rank-1, rank-5 and mean average precision."""
        query, gallery = (self._all_features(part) for part in (self.query, self.gallery))
        return ranking.judged(
            query,
            gallery,
            query_of=_who_and_where(self.task.query),
            gallery_of=_who_and_where(self.task.gallery),
        )

    def judged_by(self) -> Mapping[str, float]:
        """Queries, and what a gallery in random order gives."""
        query, gallery = (_who_and_where(part) for part in (self.task.query, self.task.gallery))
        return ranking.guessing(query, gallery)

    def more_effective(self) -> Mapping[str, Effective]:
        """The optimizer's groups, the schedule, the layers, the images' size, the data."""
        backbone, head = self.schedule.base_lrs
        return {
            "weight_decay": self.in_groups("weight_decay"),
            "decay_factor": self.turned(self.schedule.gamma, self.schedule.step_size),
            "backbone_rate": float(backbone) / float(head),
            "dropout": self.dropout_in_effect(),
            "width": self.network.backbone.width,
            "blocks": self.network.backbone.blocks,
            "image_height": self.shown[0],
            "image_width": self.shown[1],
            "data": self.task.name,
            "data_share": items_used(len(self.training), self.task.total),
        }

    def _all_features(self, pictures: Pictures) -> Any:
        found = [
            self._features(pictures, range(at, min(at + FEATURE_BATCH, len(pictures))))
            for at in range(0, len(pictures), FEATURE_BATCH)
        ]
        return torch.cat(found).cpu().numpy()

    def _features(self, pictures: Pictures, which: range) -> torch.Tensor:
        """Of the photographs and of their mirror images together, as the baseline does; length 1."""
        self.network.eval()
        with torch.inference_mode():
            at = torch.arange(which.start, which.stop, device=self.device)
            images = pictures.resized(at, *self.size)
            both = self.network.features(images) + self.network.features(images.flip(3))
            return nn.functional.normalize(both, dim=1)


def _who_and_where(part: Photos) -> tuple[Any, Any]:
    return part.identities, part.cameras

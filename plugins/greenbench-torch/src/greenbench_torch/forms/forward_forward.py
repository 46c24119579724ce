"""`mnist-forward-forward`: layer after layer, each on the whole training data at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from greenbench_data import load, order
from torch import nn, optim
from torch.optim import lr_scheduler

from greenbench_torch.bookkeeping import Outcome, Seen, only
from greenbench_torch.forms.base import Training, items_used
from greenbench_torch.forms.pictures import Pictures
from greenbench_torch.networks.forward_forward import ForwardForward, Layer, labelled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from greenbench_data.parts import Part
    from torch.optim.lr_scheduler import LRScheduler

    from greenbench.api import Effective, Progress


class ForwardForwardTraining(Training):
    """As PyTorch's Forward-Forward example trains: Adam for each layer; the first layer for all
    epochs, then the second on what the first has become. An epoch is one step of one layer on all
    data, so the windows count to layers × epochs."""

    network: ForwardForward

    def load(self, folder: Path | None) -> None:
        """Flat images; those with their own label drawn in, and those with a wrong one."""
        name, share = self.asked.text("data"), self.asked.number("data_share")
        self.task = load.classification(name, folder, share)
        train, classes = self.task.train, self.task.classes
        images, brightest = self._flat(train)
        wrong = order.wrong_labels(train.labels, classes, seed=self.seed)
        self.right, self.wrong = (
            labelled(images, self.on_device(labels), classes, brightest)
            for labels in (train.labels, wrong)
        )
        self.held_out, _ = self._flat(self.task.test)
        self.labels = self.on_device(self.task.test.labels)

    def build(self) -> nn.Module:
        """Two layers."""
        return ForwardForward(
            self.right.shape[1],
            width=self.asked.count("width"),
            threshold=self.asked.count("threshold"),
        )

    def optimization(self) -> tuple[optim.Optimizer, LRScheduler]:
        """Adam for the first layer; each layer has one of its own, without a schedule."""
        rate = self.asked.number("learning_rate")
        self.optimizers = [optim.Adam(layer.parameters(), lr=rate) for layer in self.network.layers]
        self.layers_seen = self._nothing_seen()
        return self.optimizers[0], lr_scheduler.ConstantLR(self.optimizers[0], 1.0, 0)

    def planned_steps(self) -> int:
        """One an epoch, of each layer."""
        return len(self.network.layers) * self.asked.count("epochs")

    def stateful(self) -> list[Any]:
        """The network and every layer's optimizer."""
        return [self.network, *self.optimizers, self.schedule]

    def rehearse(self) -> None:
        """A step of each layer, and the test."""
        right, wrong = self.right, self.wrong
        for layer, optimizer, seen in self._layers():
            self._learn_layer(layer, optimizer, seen, right, wrong)
            right, wrong = self._passed_on(layer, right, wrong)
        self.final()
        self.layers_seen = self._nothing_seen()

    def train(self, progress: Progress) -> None:
        """All epochs of the first layer, then all of the second."""
        right, wrong = self.right, self.wrong
        for place, (layer, optimizer, seen) in enumerate(self._layers()):
            for number in range(1, self.asked.count("epochs") + 1):
                with progress.epoch(place * self.asked.count("epochs") + number) as window:
                    loss = self._learn_layer(layer, optimizer, seen, right, wrong)
                    seen.epochs += 1
                    if place == 0 and number == 1:
                        window.report(first_loss=float(loss.item()))
                    window.report(loss=float(loss.item()))
            right, wrong = self._passed_on(layer, right, wrong)

    def batches(self, epoch: int) -> Iterable[Any]:  # noqa: ARG002 (the same in each)
        """There is one batch: everything."""
        return [(self.right, self.wrong)]

    def outcome(self, batch: Any) -> Outcome:
        """Of the first layer; the others learn from what it makes of the batch."""
        right, wrong = batch
        nothing = torch.zeros((), dtype=torch.int64, device=self.device)
        return Outcome(self.network.layers[0].loss(right, wrong), len(right), nothing)

    def final(self) -> dict[str, float]:
        """The share of held-out images whose liveliest label is their own."""
        self.network.eval()
        correct = 0
        with torch.inference_mode():
            guesses = self.network(self.held_out, self.task.classes).argmax(dim=1)
            correct = int((guesses == self.labels).sum().item())
        return {"accuracy": correct / len(self.labels)}

    def judged_by(self) -> Mapping[str, float]:
        """Images."""
        return {"items": len(self.task.test)}

    def effective(self) -> Mapping[str, Effective]:
        """Read from the layers and their optimizers, and from what the loop counted."""
        groups: dict[str, Effective] = {}
        for place, (_, optimizer, seen) in enumerate(self._layers(), 1):
            groups |= seen.groups_in_effect(optimizer, first=place)
        used = self.layers_seen
        return {
            "steps": sum(seen.steps for seen in used),
            "planned_steps": self.planned,
            "epochs": only(seen.epochs for seen in used),
            "learning_rate": only(rate for seen in used for rate in seen.rates),
            **groups,
            "threshold": only(layer.threshold for layer in self.network.layers),
            "width": int(only(layer.linear.out_features for layer in self.network.layers)),
            "data": self.task.name,
            "data_share": items_used(len(self.right), self.task.total),
        }

    def more_effective(self) -> Mapping[str, Effective]:
        """Nothing: `effective` says all."""
        return {}

    def _nothing_seen(self) -> list[Seen]:
        return [Seen() for _ in self.optimizers]

    def _layers(self) -> list[tuple[Layer, optim.Optimizer, Seen]]:
        return list(zip(self.network.layers, self.optimizers, self.layers_seen, strict=True))

    def _learn_layer(
        self,
        layer: Layer,
        optimizer: optim.Optimizer,
        seen: Seen,
        right: torch.Tensor,
        wrong: torch.Tensor,
    ) -> torch.Tensor:
        self.network.train()
        loss = layer.loss(right, wrong)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        seen.step(len(right), optimizer)
        optimizer.step()
        return loss.detach()

    def _passed_on(
        self, layer: Layer, right: torch.Tensor, wrong: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.no_grad():
            return layer(right), layer(wrong)

    def _flat(self, part: Part) -> tuple[torch.Tensor, torch.Tensor]:
        task = self.task
        pictures = Pictures(
            part.inputs, self.device, brightest=task.brightest, mean=task.mean, std=task.std
        )
        everything = torch.arange(len(part), device=self.device)
        flat = pictures.whole(everything).flatten(1)
        return flat, flat.max()

"""Images on the device as bytes, and how a network sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from greenbench_data.order import Crops
    from greenbench_data.parts import Array


class Views:
    """How an epoch shows each image: in a black frame of `padding`, through a window of the
    image's own size, mirrored or not. On the device, so that no step waits for the host."""

    def __init__(self, crops: Crops, padding: int, place: torch.device) -> None:
        self.padding = padding
        self.rows, self.columns, self.flipped = (
            torch.from_numpy(drawn).to(place)
            for drawn in (crops.rows, crops.columns, crops.flipped)
        )

    def of(self, images: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
        """The images (those of `indices`) as they are shown."""
        count, channels, rows, columns = images.shape
        framed = nn.functional.pad(images, (self.padding,) * 4)
        place = images.device
        down = self.rows[indices, None] + torch.arange(rows, device=place)
        across = torch.arange(columns, device=place).expand(count, columns)
        across = torch.where(self.flipped[indices, None], across.flip(1), across)
        across = self.columns[indices, None] + across
        item = torch.arange(count, device=place)[:, None, None, None]
        channel = torch.arange(channels, device=place)[None, :, None, None]
        return framed[item, channel, down[:, None, :, None], across[:, None, None, :]]


class Pictures:
    """Images (count × channels × rows × columns, uint8) with the constants that normalise them."""

    def __init__(
        self,
        images: Array,
        place: torch.device,
        *,
        brightest: int = 255,
        mean: tuple[float, ...] = (),
        std: tuple[float, ...] = (),
    ) -> None:
        channels = images.shape[-1]
        first = np.array(images.transpose(0, 3, 1, 2), order="C")  # no step reads a mapped file
        self.images = torch.from_numpy(first).to(place)
        self.brightest = float(brightest)
        self.mean = torch.tensor(mean or (0.0,) * channels, device=place).view(1, -1, 1, 1)
        self.std = torch.tensor(std or (1.0,) * channels, device=place).view(1, -1, 1, 1)

    def __len__(self) -> int:
        return len(self.images)

    def whole(self, indices: torch.Tensor) -> torch.Tensor:
        """These images, normalised (float32)."""
        return self._normalised(self.images[indices].float())

    def resized(self, indices: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
        """These images at another size, normalised."""
        return self._normalised(_resized(self.images[indices].float(), rows, columns))

    def cropped(
        self, indices: torch.Tensor, views: Views, size: tuple[int, int] | None = None
    ) -> torch.Tensor:
        """These images (at another size, if one is given), each through its view of the epoch."""
        images = self.images[indices].float()
        if size is not None:
            images = _resized(images, *size)
        return self._normalised(views.of(images, indices))

    def _normalised(self, images: torch.Tensor) -> torch.Tensor:
        return (images / self.brightest - self.mean) / self.std


def _resized(images: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """Bicubic and smoothed when it shrinks, as published trainings resize (no gradient flows)."""
    if images.shape[-2:] == (rows, columns):
        return images
    sized: torch.Tensor = nn.functional.interpolate(
        images, (rows, columns), mode="bicubic", align_corners=False, antialias=True
    )
    return sized.clamp(0, 255)

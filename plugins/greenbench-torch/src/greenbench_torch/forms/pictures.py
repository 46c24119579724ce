"""Images on the device as bytes, and how a network sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from greenbench_data.order import Crops
    from greenbench_data.parts import Array


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
        first = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
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
        self, indices: torch.Tensor, crops: Crops, padding: int, size: tuple[int, int] | None = None
    ) -> torch.Tensor:
        """These images (at another size, if one is given) through the epoch's windows: the image
        in a black frame of `padding`, a window of its own size, mirrored or not."""
        images = self.images[indices].float()
        if size is not None:
            images = _resized(images, *size)
        chosen = indices.cpu().numpy()
        return self._normalised(_windows(images, crops, chosen, padding))

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


def _windows(images: torch.Tensor, crops: Crops, chosen: Array, padding: int) -> torch.Tensor:
    count, channels, rows, columns = images.shape
    framed = nn.functional.pad(images, (padding, padding, padding, padding))
    down = crops.rows[chosen, None] + np.arange(rows)
    across = crops.columns[chosen, None] + np.arange(columns)
    across = np.where(crops.flipped[chosen, None], across[:, ::-1], across)
    place = images.device
    item = torch.arange(count, device=place)[:, None, None, None]
    channel = torch.arange(channels, device=place)[None, :, None, None]
    row = torch.from_numpy(down).to(place)[:, None, :, None]
    column = torch.from_numpy(across).to(place)[:, None, None, :]
    return framed[item, channel, row, column]

"""What each frame looks like beside its neighbours and beside the whole stack, scale by scale, as frames go by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.filters import Levels, Map, grey_levels, noise_level, split_levels
from mmlib.fusing.detail import MOST, NOISE_SHARE
from mmlib.fusing.layers import Maps
from mmlib.nets.stack_constants import AROUND, AS_MUCH, REAL, ROUNDING
from mmlib.pictures import Frame


@dataclass(frozen=True)
class Seen:
    """One frame, taken apart.

    Attributes:
        details: levels of detail of the luma, fine first.
        coarse: what each level leaves over, on its own grid.
        roots: for each level, the root of its local energy with noise added.
        strong: for each level, the logarithm of its local energy over the noise, over 4.
        wide: for each level, the same of the energy all around.
    """

    details: Levels
    coarse: Levels
    roots: list[Map]
    strong: list[Map]
    wide: list[Map]


class Survey:
    """The first look at a stack: what all frames have together. It keeps none of them."""

    def __init__(self, levels: int) -> None:
        """Start with no frame.

        Args:
            levels: scales of detail.
        """
        self.levels = levels
        self.count = 0
        self.total: Map = np.zeros((1, 1), np.float32)
        self.noises: list[float] = []
        self.highest: list[Map] = []
        self.widest: list[Map] = []
        self.usual: list[Map] = []

    def see(self, frame: Frame) -> None:
        """Add one frame."""
        grey = grey_levels(frame)
        self.noises.append(noise_level(grey) ** 2)
        details = split_levels(grey, self.levels)[:-1]
        energies = [near(cv2.multiply(detail, detail)) for detail in details]
        wide = [around(energy) for energy in energies]
        logs = []
        for level, energy in enumerate(energies):
            scaled = energy * np.float32(1 / (NOISE_SHARE[level] * ROUNDING))
            logs.append(cv2.log(np.maximum(scaled, 1, out=scaled)))
        if not self.count:
            self.total, self.highest, self.widest, self.usual = grey, energies, wide, logs
        else:
            cv2.add(self.total, grey, dst=self.total)
            for level in range(len(details)):
                cv2.max(self.highest[level], energies[level], dst=self.highest[level])
                cv2.max(self.widest[level], wide[level], dst=self.widest[level])
                cv2.add(self.usual[level], logs[level], dst=self.usual[level])
        self.count += 1


class Together:
    """What is known of a whole stack once every frame has been seen."""

    def __init__(self, survey: Survey) -> None:
        """Close a survey.

        Args:
            survey: of all frames.
        """
        noise = float(np.quantile(survey.noises, 0.25)) + ROUNDING
        self.levels = survey.levels
        self.alone = [np.float32(share * noise) for share in NOISE_SHARE[: survey.levels]]
        parts = take_apart(np.multiply(survey.total, np.float32(1 / survey.count)), self.levels, self.alone)
        self.mean = parts
        self.highest = [_logarithm(energy, alone) for energy, alone in zip(survey.highest, self.alone, strict=True)]
        self.widest = [_logarithm(energy, alone) for energy, alone in zip(survey.widest, self.alone, strict=True)]
        self.less = [
            np.clip(4 * (widest - highest) + np.float32(AS_MUCH), 0, 1) * np.clip(4 * widest - np.float32(REAL), 0, 1)
            for widest, highest in zip(self.widest, self.highest, strict=True)
        ]
        self.usual = []
        for level, (total, alone) in enumerate(zip(survey.usual, self.alone, strict=True)):
            less = np.log(alone / (NOISE_SHARE[level] * ROUNDING))
            mean = np.maximum(total * np.float32(1 / survey.count) - np.float32(less), 0)
            self.usual.append(mean * np.float32(0.25))

    def take_apart(self, frame: Frame) -> Seen:
        """Take a frame apart.

        Args:
            frame: (H, W) or (H, W, 3).

        Returns:
            Its levels and their strength.
        """
        return take_apart(grey_levels(frame), self.levels, self.alone)

    def likeness(self, one: Seen, other: Seen) -> list[Map]:
        """Correlate the detail of two frames, place by place.

        Args:
            one: a frame.
            other: another.

        Returns:
            For each level (h, w), -1 to 1; near 0 where there is noise alone.
        """
        return [
            near(cv2.multiply(a, b)) / cv2.multiply(root_a, root_b)
            for a, b, root_a, root_b in zip(one.details, other.details, one.roots, other.roots, strict=True)
        ]

    def look(self, frame: Seen, before: Seen, after: Seen, with_before: list[Map], with_after: list[Map]) -> list[Maps]:
        """Describe a frame; `mmlib.nets.stack_looks.look` says how, and does the same for training.

        Args:
            frame: the frame.
            before: its neighbour.
            after: its other neighbour.
            with_before: their likeness, from `likeness`.
            with_after: the same for the other.

        Returns:
            For each level, fine first, (13, h, w).
        """
        with_mean, around = self.likeness(frame, self.mean), self.likeness(before, after)
        looks = []
        for level in range(self.levels):
            strong, highest = frame.strong[level], self.highest[level]
            told = np.empty((13, *strong.shape), np.float32)
            told[0] = strong
            np.subtract(strong, highest, out=told[1])
            np.subtract(strong, self.usual[level], out=told[2])
            told[3] = with_mean[level]
            cv2.addWeighted(with_before[level], 0.5, with_after[level], 0.5, 0, dst=told[4])
            cv2.absdiff(with_before[level], with_after[level], dst=told[5])
            told[6] = around[level]
            np.minimum(before.strong[level], after.strong[level], out=told[7])
            np.maximum(before.strong[level], after.strong[level], out=told[8])
            told[7:9] -= strong
            np.subtract(self.mean.strong[level], highest, out=told[9])
            brighter = np.subtract(frame.coarse[level], self.mean.coarse[level])
            np.abs(brighter, out=told[10])
            told[10] *= np.float32(0.5)
            told[10] += 1
            cv2.log(told[10], dst=told[10])
            np.copysign(told[10], brighter, out=told[10])
            told[10] *= np.float32(1 / 3)
            np.subtract(frame.wide[level], self.widest[level], out=told[11])
            told[12] = self.less[level]
            looks.append(told)
        return looks


def take_apart(grey: Map, levels: int, alone: list[Any]) -> Seen:
    """Take a grey picture apart.

    Args:
        grey: (H, W) float32 in grey levels.
        levels: how many.
        alone: for each level, the variance of noise alone.

    Returns:
        Its levels and their strength.
    """
    details: Levels = []
    coarse: Levels = []
    for _ in range(levels):
        half = cv2.pyrDown(grey)
        detail = cv2.pyrUp(half, dstsize=grey.shape[1::-1])
        cv2.subtract(grey, detail, dst=detail)
        details.append(detail)
        coarse.append(half)
        grey = half
    energies = [near(cv2.multiply(detail, detail)) for detail in details]
    roots = [np.sqrt(np.maximum(energy + one, 0)) for energy, one in zip(energies, alone, strict=True)]
    strong = [_logarithm(energy, one) for energy, one in zip(energies, alone, strict=True)]
    wide = [_logarithm(around(energy), one) for energy, one in zip(energies, alone, strict=True)]
    return Seen(details, coarse, roots, strong, wide)


def near(products: Map) -> Map:
    """Average over a small neighbourhood, on a grid of half the size.

    Args:
        products: (h, w) float32.

    Returns:
        (h/2, w/2), rounded up.
    """
    half = cv2.pyrDown(products)
    return np.asarray(cv2.blur(half, (3, 3), dst=half))


def around(energy: Map) -> Map:
    """Average over a wide neighbourhood.

    Args:
        energy: (h, w) float32.

    Returns:
        The same shape.
    """
    once = cv2.blur(energy, (AROUND, AROUND), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.blur(once, (AROUND, AROUND), dst=once, borderType=cv2.BORDER_REPLICATE))


def _logarithm(energy: Map, alone: Any) -> Map:
    over: NDArray[np.float32] = np.clip(energy * np.float32(1 / alone), 1, MOST)
    return np.asarray(cv2.log(over, dst=over) * np.float32(0.25))

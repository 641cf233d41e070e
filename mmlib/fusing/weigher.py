"""The net that weighs frames, as it is used: its weights are read once and answer with arrays."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from mmlib.filters import Map
from mmlib.fusing.layers import Maps, convolve, enlarge, halve, mix
from mmlib.nets.stack_constants import FEATURES, MOST, NEARLY
from mmlib.zoo import card, weights_path

TOGETHER = 8
"""So many maps are made at once: large pictures ask for much memory."""


class Weigher:
    """The same numbers as `mmlib.nets.stack_weights.StackWeights`, whose layers it has."""

    def __init__(
        self,
        layers: dict[str, NDArray[np.float32]],
        *,
        levels: int,
        context: int,
        guard: float,
        guard_coarse: float,
        softer: float,
        around: float,
    ) -> None:
        """Take the layers of a net.

        Args:
            layers: its tensors by their names.
            levels: how many scales it has kernels for.
            context: how many convolutions it has at the coarsest scale.
            guard: how much more the strength of fine detail counts than the net says.
            guard_coarse: the same for the coarsest detail, and twice that for the rest.
            softer: to which power the weights of the depth are taken.
            around: how much a frame counts that is sharp around a place where no frame shows as much.
        """
        self.layers = layers
        self.levels = levels
        self.context = context
        self.guard, self.guard_coarse = np.float32(guard), np.float32(guard_coarse)
        self.softer, self.around = np.float32(softer), np.float32(around)

    def __call__(self, looks: list[Maps]) -> tuple[Map, Map, Map]:
        """Weigh one frame.

        Args:
            looks: for each level, fine first, (13, h, w).

        Returns:
            On the grid of the first look, each (h, w): the logarithms of the weight of the finest detail, of the weight
            of all else, and of how likely the frame is the one in focus.
        """
        found: list[Maps] = []
        for level, known in enumerate(looks):
            told = known[:FEATURES]
            if level:
                told = np.concatenate([told, halve(found[-1])])
            found.append(convolve(told, *self._layer(f"down.{level}")))
        deep = found[-1]
        for number in range(self.context):
            deep = deep + convolve(deep, *self._layer(f"deep.{number}"))
        for level in range(len(looks) - 1, 0, -1):
            deep = np.concatenate(list(self._up(level, found[level], deep)))
        weight, bias = self._flat("head")
        width = len(deep)
        all_three = mix(looks[0][:FEATURES], weight[:, width:], bias)
        heard = 0
        for some in self._up(0, found[0], deep):  # never all maps of the finest level at once
            all_three += mix(some, weight[:, heard : heard + len(some)])
            heard += len(some)
        fine, clear, depth = np.clip(all_three, -MOST, MOST, out=all_three)
        clear += self.around * clear_of_rims(looks)
        return fine + self.guard * looks[0][1], clear, depth * self.softer

    def spread(self, fine: Map, clear: Map, looks: list[Maps]) -> list[Map]:
        """Give each level of detail its weights.

        Args:
            fine: (h, w) of the finest detail.
            clear: (h, w) of all else.
            looks: what the net was told, fine first.

        Returns:
            A map for each level, fine first, and one for the rest; each half as large as the one before, but the first
            two.
        """
        weights = [fine]
        for _ in looks[1:]:
            weights.append(clear)
            clear = halve(clear[None])[0]
        strength = self.guard_coarse * looks[-1][1]
        if len(weights) > 1:
            height, width = weights[-1].shape
            weights[-1] = weights[-1] + enlarge(strength[None], (height, width))[0]
        return [*weights, clear + 2 * strength]

    def _up(self, level: int, found: Maps, deep: Maps) -> Iterator[Maps]:
        """Join what a level found with what comes from below, a few maps at a time.

        What comes from below is mixed first and enlarged then, which is the same and less work.
        """
        weight, bias = self._flat(f"up.{level}")
        size = (found.shape[1], found.shape[2])
        below = mix(deep, weight[:, len(found) :])
        for first in range(0, len(weight), TOGETHER):
            few = slice(first, first + TOGETHER)
            joined = mix(found, weight[few, : len(found)], bias[few])
            joined += below[few] if below.shape[1:] == size else enlarge(below[few], size)
            yield np.maximum(joined, 0, out=joined)

    def _layer(self, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self.layers[f"{name}.weight"], self.layers[f"{name}.bias"]

    def _flat(self, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        weight, bias = self._layer(name)
        return weight[:, :, 0, 0], bias


def clear_of_rims(looks: list[Maps]) -> Map:
    """Say which frames are sharp around each place, where it shows less than what lies around.

    Args:
        looks: what the net was told, fine first.

    Returns:
        (h, w) on the grid of the first, 0 for the sharpest frame and where as much shows here; never below -MOST.
    """
    total = np.zeros_like(looks[0][0])
    for told in looks:
        part = np.minimum(4 * told[11] + np.float32(NEARLY), 0)
        part *= told[12]
        total += part if part.shape == total.shape else enlarge(part[None], (total.shape[0], total.shape[1]))[0]
    return np.asarray(np.maximum(total, -MOST, out=total), np.float32)


@cache
def load_weigher(name: str) -> Weigher:
    """Read a net that weighs frames.

    Args:
        name: as `mmlib.zoo.cards` has it.

    Returns:
        The net.

    Raises:
        InputError: if its weights are missing or damaged.
    """
    from safetensors.numpy import load_file

    layers = {key: np.asarray(value, np.float32) for key, value in load_file(weights_path(name)).items()}
    config = card(name).config
    number = {name: float(config[name]) for name in ("levels", "context", "guard", "guard_coarse", "softer", "around")}
    return Weigher(
        layers, levels=int(number["levels"]), context=int(number["context"]), guard=number["guard"],
        guard_coarse=number["guard_coarse"], softer=number["softer"], around=number["around"],
    )  # fmt: skip

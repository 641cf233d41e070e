"""The net that weighs frames, as it is used: its weights are read once and answer with arrays."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from mmlib.fusing.layers import Maps, convolve, enlarge, halve, mix
from mmlib.zoo import card, weights_path

FINE = 2
"""So many levels are fine detail, for which there is a guard of its own."""

MOST = 24.0
"""Logarithms of weights stay within this of 0."""


class Weigher:
    """The same numbers as `mmlib.nets.stack_weights.StackWeights`, whose layers it has."""

    def __init__(
        self, layers: dict[str, NDArray[np.float32]], levels: int, guards: tuple[float, float] = (0.0, 0.0)
    ) -> None:
        """Take the layers of a net.

        Args:
            layers: its tensors by their names.
            levels: how many scales it has kernels for.
            guards: how much more the strength of detail counts than the net says, for fine levels and for coarse ones.
        """
        self.layers = layers
        self.levels = levels
        self.fine, self.coarse = map(np.float32, guards)

    def __call__(self, looks: list[Maps]) -> tuple[list[Maps], Maps, Maps]:
        """Weigh one frame.

        Args:
            looks: for each level, fine first, (11, h, w).

        Returns:
            The logarithm of the weight of each level (h, w); that of the rest; that of the depth.
        """
        found: list[Maps] = []
        for level, told in enumerate(looks):
            if level:
                told = np.concatenate([told, halve(found[-1])])
            found.append(convolve(told, *self._layer(f"down.{level}")))
        deep = convolve(found[-1], *self._layer("deep"))
        weights: list[Maps] = []
        rest = depth = deep[0]
        last = len(looks) - 1
        for level in range(last, -1, -1):
            if level < last:
                deep = enlarge(deep, (found[level].shape[1], found[level].shape[2]))
            deep = mix([found[level], deep], *self._flat(f"up.{level}"))
            np.maximum(deep, 0, out=deep)
            if level == last:
                rest = mix([deep, looks[level]], *self._flat("rest"))[0]
            weight, depth = mix([deep, looks[level]], *self._flat(f"head.{level}"))
            np.clip(weight, -MOST, MOST, out=weight)
            weight += (self.fine if level < FINE else self.coarse) * looks[level][1]
            weights.append(weight)
        rest = np.clip(rest, -MOST, MOST) + self.coarse * looks[last][1]
        return weights[::-1], rest, np.clip(depth, -MOST, MOST)

    def _layer(self, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self.layers[f"{name}.weight"], self.layers[f"{name}.bias"]

    def _flat(self, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        weight, bias = self._layer(name)
        return weight[:, :, 0, 0], bias


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
    return Weigher(layers, int(config["levels"]), (float(config["guard"]), float(config["guard_coarse"])))

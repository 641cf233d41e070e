"""The net of the learned judge in plain NumPy: no torch is loaded to judge focus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.focusing.features import FEATURES
from mmlib.zoo import card, weights_path

HEADS = {"sharp": 1, "best": 1, "visible": 1, "artefact": 1, "blank": 1, "defocus": 3, "level": 10}
"""What the net says of a plane, and in how many numbers; the same as `mmlib.nets.focus_profile.HEADS`."""

Values = NDArray[np.float32]


@dataclass(frozen=True)
class Weights:
    """The net.

    Attributes:
        tensors: by their names in the file.
        dilations: of its blocks, in planes.
    """

    tensors: Mapping[str, Values]
    dilations: tuple[int, ...]

    def judge(self, found: Values) -> dict[str, Values]:
        """Judge cells; the same as `mmlib.nets.focus_profile.FocusProfile`, without torch.

        Args:
            found: (K, N, `FEATURES`).

        Returns:
            For each of `HEADS` (K, N, n).
        """
        tensors = self.tensors
        x = np.maximum(found @ tensors["enter.weight"].T + tensors["enter.bias"], 0)
        for number, dilation in enumerate(self.dilations):
            name = f"blocks.{number}."
            whole = np.concatenate([x.mean(axis=0), x.max(axis=0)], axis=1) @ tensors[f"{name}whole.weight"].T
            seen = _along_z(x, tensors[f"{name}near.weight"], dilation)
            seen += tensors[f"{name}near.bias"] + tensors[f"{name}whole.bias"] + whole
            x = x + np.maximum(seen, 0) @ tensors[f"{name}mix.weight"].T + tensors[f"{name}mix.bias"]
        out = x @ tensors["leave.weight"].T + tensors["leave.bias"]
        ends = np.cumsum(list(HEADS.values()))[:-1]
        said = dict(zip(HEADS, np.split(out, ends, axis=2), strict=True))
        low, middle, high = np.split(said["defocus"], 3, axis=2)
        said["defocus"] = np.concatenate([middle - np.logaddexp(0, low), middle, middle + np.logaddexp(0, high)], 2)
        return said


def _along_z(x: Values, kernel: Values, dilation: int) -> Values:
    """Convolve (K, N, c) along its planes with a kernel (c, c, 3); beyond the stack there is nothing."""
    out = x @ kernel[:, :, 1].T
    if dilation < len(x):
        out[dilation:] += x[:-dilation] @ kernel[:, :, 0].T
        out[:-dilation] += x[dilation:] @ kernel[:, :, 2].T
    return np.asarray(out)


def load_weights(name: str) -> Weights:
    """Load the net of a card, after its checksum has been found right.

    Args:
        name: of the card.

    Returns:
        The net.

    Raises:
        InputError: if the weights are missing, damaged or of another net.
    """
    dilations = tuple(int(n) for n in card(name).config.get("dilations", ()))
    return read_weights(weights_path(name), dilations)


@cache
def read_weights(file: Path, dilations: tuple[int, ...]) -> Weights:
    """Read the net from its file, once.

    Args:
        file: safetensors.
        dilations: of its blocks.

    Returns:
        The net.

    Raises:
        InputError: if the file holds another net.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = {name: np.asarray(value, dtype=np.float32) for name, value in load_file(file).items()}
        fits = tensors["enter.weight"].shape[1] == FEATURES and tensors["leave.weight"].shape[0] == sum(HEADS.values())
        fits &= (
            f"blocks.{len(dilations) - 1}.mix.bias" in tensors and f"blocks.{len(dilations)}.mix.bias" not in tensors
        )
    except (SafetensorError, KeyError, IndexError) as error:
        raise InputError(f"the weights in {file.name} do not fit the learned judge of focus: {error}") from None
    if not fits:
        raise InputError(f"the weights in {file.name} are of another version of the judge; take the repository's own")
    return Weights(tensors, dilations)

"""The paper's trained nets: SRCNN, U-Net and the two DeblurGANs, each on pictures of any size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmlib import zoo
from mmlib.deblurring.method import Method, Restored, Scene
from mmlib.inference import tiled
from mmlib.pictures import Picture
from mmlib.progress import Progress


@dataclass(frozen=True)
class PaperNet:
    """One of the nets, called like a method.

    Attributes:
        model: what the zoo calls it.
        halo: how far it looks, px, as far as can be told in the picture.
        multiple: rows and columns must be a multiple of this.
        tile: edge of a piece with its halo, px.
        normalised: whether it normalises over the whole picture, and takes what it finds there as a second input.
    """

    model: str
    halo: int
    multiple: int = 1
    tile: int = 256
    normalised: bool = False

    def __call__(self, picture: Picture, scene: Scene, progress: Progress) -> Restored:
        """Restore a frame.

        Args:
            picture: (H, W, 3), 0..1.
            scene: its field: pieces with nothing in it are left out.
            progress: told how far it is.

        Returns:
            The frame.

        Raises:
            InputError: if the weights are missing or damaged.
        """
        context = zoo.engine(self.model, part="gather") if self.normalised else None
        sharp = tiled(
            zoo.engine(self.model), picture, tile=self.tile, halo=self.halo, multiple=self.multiple, smallest=32,
            context=context, field=scene.field, progress=progress, stage="deblurring",
        )  # fmt: skip
        return Restored(np.asarray(sharp), parameters={"model": self.model, "sha256": zoo.card(self.model).sha256[:12]})


def _method(net: PaperNet) -> Method:
    return Method(net, colour=True, model=net.model)


SRCNN = _method(PaperNet("deblur-srcnn", halo=8))
UNET = _method(PaperNet("deblur-unet", halo=48, multiple=8, tile=512))
SDEBLURGAN = _method(PaperNet("deblur-sdeblurgan", halo=24, multiple=4, tile=384, normalised=True))
UDEBLURGAN = _method(PaperNet("deblur-udeblurgan", halo=24, multiple=4, tile=384, normalised=True))

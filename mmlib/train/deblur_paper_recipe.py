"""The numbers of a training of one of the paper's deblurring nets, each with a word of why."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class DeblurPaperRecipe:
    """Everything that decides what comes out.

    Attributes:
        net: ``"srcnn"``, ``"unet"``, ``"sdeblurgan"`` or ``"udeblurgan"``.
        residual: SRCNN and U-Net give the change of the picture and begin at none: a net that has to learn first how
            to copy a picture loses more than blur does.
        relative: the error counts in nepers, so that a faint error counts in a clean picture, not its square.
        pairs: how many pairs of frames there are in all, drawn once; 0 draws new ones without end.
        steps: of the optimiser, as many as a GPU is given; a CPU stops when its time is over.
        size: rows and columns of a crop on a CPU.
        gpu_size: on a GPU.
        batch: crops in a step on a CPU.
        gpu_batch: on a GPU.
        rate: of Adam, for generator and critic alike.
        betas: of Adam.
        falls: whether the rate falls along half a cosine.
        clean: share of crops that are shown as a steady hand sees them, to be left alone.
        last: standard deviation of the generator's last layer at the beginning; a small one begins near the identity.
        adversarial: weight of pleasing the critic.
        content: weight of the mean square difference of features.
        structure: weight of the structural term: 1 - SSIM in the pre-training, -log((1 + SSIM) / 2) afterwards.
        pixel: weight of the mean square difference of pixels in the pre-training.
        faithful: weight of the error of pixels, in nepers, beside critic and content: none in the paper, but features
            alone leave colours free.
        penalty: of the critic's gradient where its norm is not 1.
        critic_steps: of the critic for each of the generator.
        pretraining: share of the steps, or of the time, in which the generator only learns to give crops of 64 px back,
            mirrored and turned.
        validate_every: steps.
        checks: crops of the validation.
        seed: of weights and scenes.
    """

    net: str
    residual: bool = True
    relative: bool = True
    pairs: int = 0
    steps: int = 30_000
    size: int = 64
    gpu_size: int = 128
    batch: int = 8
    gpu_batch: int = 32
    rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    falls: bool = True
    clean: float = 0.05
    last: float = 0.02
    adversarial: float = 0.0
    content: float = 0.0
    structure: float = 0.0
    pixel: float = 0.0
    faithful: float = 0.0
    penalty: float = 10.0
    critic_steps: int = 1
    pretraining: float = 0.0
    validate_every: int = 50
    checks: int = 32
    seed: int = 21

    @property
    def adversary(self) -> bool:
        """Whether a critic takes part."""
        return self.net in ("sdeblurgan", "udeblurgan")


PAPER_PAIRS, PAPER_SIZE = 192, 256
"""Pairs of frames, and their rows and columns after resizing, in the paper."""


def _as_printed(net: str, epochs: int, batch: int, rate: float, betas: tuple[float, float]) -> DeblurPaperRecipe:
    """Give the paper's recipe of a net; its batch is not printed, that of the systems it builds on is taken."""
    return DeblurPaperRecipe(
        net, residual=False, relative=False, pairs=PAPER_PAIRS, steps=epochs * PAPER_PAIRS // batch, size=128,
        gpu_size=PAPER_SIZE, batch=batch, gpu_batch=batch, rate=rate, betas=betas, falls=False, clean=0.0,
        adversarial=1.0, content=100.0, structure=10.0 if net == "udeblurgan" else 0.0, pixel=100.0, critic_steps=5,
        pretraining=0.2 if net == "udeblurgan" else 0.0,
    )  # fmt: skip


PRINTED = {
    "srcnn": _as_printed("srcnn", 450, 8, 1e-3, (0.9, 0.999)),
    "unet": _as_printed("unet", 450, 8, 1e-3, (0.9, 0.999)),
    "sdeblurgan": _as_printed("sdeblurgan", 200, 1, 1e-4, (0.5, 0.999)),
    "udeblurgan": _as_printed("udeblurgan", 200, 1, 1e-4, (0.5, 0.999)),
}
"""The paper's own: 192 pairs of 256 px, 450 or 200 epochs, fixed rates, the picture itself from SRCNN and U-Net."""

_GAN = DeblurPaperRecipe(
    "sdeblurgan", steps=40_000, batch=3, gpu_batch=16, rate=1e-4, betas=(0.5, 0.999), last=0.0005, adversarial=0.003,
    content=100.0, pixel=100.0, faithful=1.0,
)  # fmt: skip

OURS = {
    "srcnn": DeblurPaperRecipe("srcnn", rate=2e-3, batch=16, gpu_batch=64),
    "unet": DeblurPaperRecipe("unet", rate=1e-3, batch=4, gpu_batch=32, validate_every=25, checks=16),
    "sdeblurgan": _GAN,
    "udeblurgan": replace(_GAN, net="udeblurgan", structure=10.0, pretraining=0.1),
}
"""The same nets on pictures drawn anew, in the time that there is; the critic is faint, for it learns slowly."""

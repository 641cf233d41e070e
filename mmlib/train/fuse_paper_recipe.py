"""The numbers of a training of one of the paper's fusion nets, each with a word of why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FusePaperRecipe:
    """Everything that decides what comes out.

    Attributes:
        net: ``"ifcnn"``, ``"cnn"`` or ``"gan"``.
        width: maps of the first layers: fewer than in the papers, so that a CPU can use and train them.
        truth: of a pair: ``"ifcnn"``, what IFCNN makes of it, as in the paper; ``"simulator"``, the scene in focus
            where either frame is in focus, and the nearer frame without noise elsewhere: no fusion can show more.
        pixel: weight of the mean absolute difference from the truth.
        masked: take that difference from the frames under their masks, where these see detail (uL1), not the truth.
        features: ``"vgg"`` or ``"discriminator"``: whose features the perceptual loss compares.
        perceptual: its weight.
        adversarial: weight of looking true to the discriminator.
        gradients: weight of the difference of slopes from the truth; sharp edges are what fusion is for.
        steps: of the optimiser, as many as a GPU is given; a CPU stops when its time is over.
        batch: pairs or stacks in a step on a CPU.
        gpu_batch: on a GPU.
        size: rows and columns of a crop on a CPU.
        gpu_size: on a GPU.
        planes: frames of a stack that is drawn; pairs are chosen among them.
        rate: of Adam at its highest; the rates of the papers belong to days of training.
        discriminator_rate: the same, for the discriminator: slower, so that it does not win at once.
        betas: of Adam.
        warm: the rate climbs along this share.
        discriminator_base: maps of its first layer.
        alone: share of the training before the discriminator has a say: first the colours must be right.
        start: recipe whose weights a CPU starts with, where they are there: its minutes are too few for a generator.
        validate_every: steps.
        checks: batches of the validation.
        seed: of weights and scenes.
    """

    net: str
    width: int
    truth: str = "simulator"
    pixel: float = 1.0
    masked: bool = False
    features: str = "vgg"
    perceptual: float = 0.0
    adversarial: float = 0.0
    gradients: float = 0.0
    steps: int = 20000
    batch: int = 6
    gpu_batch: int = 48
    size: int = 64
    gpu_size: int = 128
    planes: tuple[int, int] = (2, 5)
    rate: float = 1e-3
    discriminator_rate: float = 2.5e-4
    betas: tuple[float, float] = (0.9, 0.999)
    warm: float = 0.05
    discriminator_base: int = 16
    alone: float = 0.0
    start: str = ""
    validate_every: int = 100
    checks: int = 6
    seed: int = 11

"""Table 2's scores: frames of a moving scan, deblurred or left alone, against what a steady hand would have seen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmlib import zoo
from mmlib.deblurring import METHODS, deblur, deblur_stack
from mmlib.experiments.tables.laying import INNER, MOST_DB, move
from mmlib.experiments.tables.scans import Scan
from mmlib.metrics.detail import detail_snr
from mmlib.metrics.reference import psnr, ssim
from mmlib.pictures import Picture, as_picture
from mmlib.stacks import ZStack

ROOMS = (
    "deblurring/__init__.py", "deblurring/method.py", "inference", "metrics/reference.py", "metrics/pooled.py",
    "metrics/detail.py", "experiments/tables/deblur_scores.py", "experiments/tables/laying.py",
)  # fmt: skip
"""Code that every score hangs on."""
CLASSICAL = ("deblurring/smear.py", "filters.py", "optics.py")
OWN = {
    "none": (),
    "wiener": ("deblurring/wiener.py", *CLASSICAL),
    "richardson_lucy": ("deblurring/richardson_lucy.py", *CLASSICAL),
    "srcnn": ("deblurring/paper_nets.py", "nets/srcnn.py"),
    "unet": ("deblurring/paper_nets.py", "nets/unet.py"),
    "sdeblurgan": ("deblurring/paper_nets.py", "nets/deblurgan.py"),
    "udeblurgan": ("deblurring/paper_nets.py", "nets/deblurgan.py"),
    "best": ("deblurring/best.py", "nets/restorer.py"),
    "refocus": (
        "deblurring/refocus.py", "deblurring/best.py", "nets/refocuser.py", "nets/restorer.py", "registration",
    ),
}  # fmt: skip
"""Code of a method alone; what is not listed hangs on all of both rooms."""
NOTHING = "none"


def deblurrers() -> list[str]:
    """List what can run: doing nothing first, then every method whose weights are there."""
    cards = zoo.cards()
    ready = [name for name, method in METHODS.items() if not method.model or method.model in cards]
    return [NOTHING, *(name for name in ready if name != NOTHING)]


def rooms_of(name: str) -> tuple[str, ...]:
    """Name the code that the scores of a method hang on."""
    return (*ROOMS, *OWN.get(name, ("deblurring", "nets", *CLASSICAL)))


def weights_of(name: str) -> str:
    """Name the weights of a method, so that scores of others do not count; empty where it has none."""
    model = METHODS[name].model
    return zoo.card(model).sha256 if model else ""


def score_deblurring(scan: Scan, name: str) -> dict[str, float]:
    """Compare frames of a scan with their still twins and with everything in focus, within the eyepiece's disc.

    Args:
        scan: of the benchmark set.
        name: one of `deblurrers`.

    Returns:
        The means over the frames that have a twin: ``psnr`` in dB, ``ssim`` in hundredths; ``nearer`` and ``likelier``,
        the percentage of frames whose PSNR and whose SSIM rose; ``focused``, the PSNR in dB against what a still camera
        records where each place is in focus, and ``sharper``, the percentage of frames that came nearer to it;
        ``kept``, the PSNR in dB of a twin that was deblurred, against itself; and ``psnr+`` to ``sharper+`` where the
        method saw each frame with its neighbours.
    """
    field = None if scan.field.all() else scan.field
    twins = {frame: as_picture(still) for frame, still in scan.still().items()}
    outcome = scan.notes["speeds"][str(scan.speed)]["parameters"]["outcome"]

    def pair(frame: int, picture: Picture) -> tuple[float, float, float]:
        down, right = outcome["shift_px"][frame]
        there = move(picture, (-right, -down))[INNER]
        inside = None if field is None else np.ascontiguousarray(field[INNER])
        seen = min(psnr(np.clip(there, 0, 1), scan.in_focus[INNER], field=inside), MOST_DB)
        return (*_pair(picture, twins[frame], field), seen)

    before = {frame: pair(frame, scan.stack.picture(frame)) for frame in twins}

    def summed(after: dict[int, tuple[float, float, float]], mark: str = "") -> dict[str, float]:
        ends = np.array([after[frame] for frame in twins])
        rose = 100 * (ends > np.array([before[frame] for frame in twins])).mean(axis=0)
        means = ends.mean(axis=0)
        return {
            f"psnr{mark}": float(means[0]),
            f"ssim{mark}": float(means[1]),
            f"nearer{mark}": float(rose[0]),
            f"likelier{mark}": float(rose[1]),
            f"focused{mark}": float(means[2]),
            f"sharper{mark}": float(rose[2]),
        }

    def alone(picture: Picture) -> Picture:
        return deblur(picture, method=name, speed=scan.speed, field=scan.field, pixel_um=scan.stack.pixel_um).picture

    found = summed({frame: pair(frame, alone(scan.stack.picture(frame))) for frame in twins})
    middle = sorted(twins)[len(twins) // 2]
    found["kept"] = _pair(alone(twins[middle]), twins[middle], field)[0]
    if METHODS[name].neighbours:
        seen = deblur_stack(scan.stack, method=name, speed=scan.speed, field=scan.field, frames=set(twins))
        found |= summed({one.frame: pair(one.frame, one.picture) for one in seen}, "+")
    return found


def score_real(stack: ZStack, name: str) -> dict[str, float]:
    """Compare the planes beside focus with the plane in focus, after deblurring.

    Args:
        stack: an odd number of planes, the middle one in focus.
        name: one of `deblurrers`.

    Returns:
        ``psnr`` and ``detail``, the signal-to-noise ratio of fine detail, both in dB, each plane alone; ``psnr+`` and
        ``detail+`` where the method saw them with their neighbours, one of which is the plane in focus.
    """
    middle = len(stack) // 2
    sharp = stack.picture(middle)
    beside = (middle - 1, middle + 1)

    def summed(pictures: list[Picture], mark: str = "") -> dict[str, float]:
        return {
            f"psnr{mark}": float(np.mean([min(psnr(picture, sharp), MOST_DB) for picture in pictures])),
            f"detail{mark}": float(np.mean([min(detail_snr(picture, sharp), MOST_DB) for picture in pictures])),
        }

    found = summed([deblur(stack[i], method=name, pixel_um=stack.pixel_um).picture for i in beside])
    if METHODS[name].neighbours:
        found |= summed([one.picture for one in deblur_stack(stack, method=name, frames=beside)], "+")
    return found


def _pair(picture: Picture, sharp: Picture, field: NDArray[Any] | None) -> tuple[float, float]:
    """PSNR in dB and SSIM in hundredths."""
    return min(psnr(picture, sharp, field=field), MOST_DB), 100 * ssim(picture, sharp, field=field)

"""Table 3's scores: every fusion method, the sharpest single frame and the truth itself."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmlib import zoo
from mmlib.errors import InputError
from mmlib.experiments.recipes import SPEEDS
from mmlib.experiments.tables.fusion_limits import ALIKE, NEAREST, most_alike, truly_nearest
from mmlib.experiments.tables.laying import INNER, MOST_DB, laid_on, move
from mmlib.experiments.tables.scans import Scan
from mmlib.focusing import focus
from mmlib.fusing import METHODS, WEIGHTS, fuse
from mmlib.metrics import blind
from mmlib.metrics.detail import depth_error, detail_snr
from mmlib.metrics.halos import beside_thick
from mmlib.metrics.reference import psnr, ssim
from mmlib.pictures import Picture
from mmlib.stacks import ZStack

ROOMS = (
    "inference", "field.py", "filters.py", "registration", "focusing", "fusing", "nets", "metrics/natural_scenes.py",
    "metrics/patch_nets.py", "metrics/reference.py", "metrics/pooled.py", "metrics/detail.py", "metrics/halos.py",
    "experiments/tables/fusion_scores.py", "experiments/tables/fusion_limits.py", "experiments/tables/laying.py",
)  # fmt: skip
SHARPEST = "sharpest frame"
TRUTH = "the truth"
BY_TRUTH = (NEAREST, ALIKE, TRUTH)
"""What no method can make: rows to hold the others against."""
THICK_DOF = 4.0
"""What lies so many depths of field above its surroundings is thick."""
LEAST_BESIDE = 0.005
"""Halos are looked for where so much of the picture is empty beside something thick."""
COUNTS = (3, 5, 10, 20)
"""Frames of the slow scan, evenly spread, that are fused for the gain over the best of them."""
MOST_SPARE = 1.2
"""A scan may have a sixth fewer frames than asked for: most slow scans have 16 to 20."""


def fusions() -> list[str]:
    """List what there is: every fusion method whose weights are there, the sharpest frame, and what the truth makes."""
    known = zoo.cards()
    there = [name for name in METHODS if name not in WEIGHTS or WEIGHTS[name] in known]
    return [*there, SHARPEST, *BY_TRUTH]


def version_of(name: str) -> str:
    """Name the weights of a method, so that a score is not kept longer than they are; empty where it has none."""
    return zoo.card(WEIGHTS[name]).sha256 if name in WEIGHTS else ""


def score_fusion(scan: Scan, name: str, *, cnniqa: Path | None = None) -> dict[str, float]:
    """Fuse a scan and compare it with its truth.

    Picture and depth are first moved by the shift that fits the truth best: where the reference frame of an alignment
    lay is no fault of a fusion. A margin of 8 px is left out.

    Args:
        scan: of the benchmark set.
        name: one of `fusions`.
        cnniqa: the weights of CNNIQA, if there are any.

    Returns:
        ``psnr`` (dB), ``ssim`` (hundredths), ``detail`` (dB) against the truth, ``focused`` and ``focused_detail`` (dB)
        against the picture in focus, ``rims`` (dB, against the truth where that is empty beside something thick),
        ``depth`` (mean error in depths of field), ``planes`` (the same in planes), ``brisque``, ``cnniqa``, ``gain3``
        and so on (dB over the best of 3 frames, on the slow scan); what cannot be said is left out.
    """
    depth: NDArray[np.float32] | None = None
    focused: Picture | None = None  # held against the picture in focus, where that is another one
    if name == TRUTH:
        picture = scan.truth
    elif name == NEAREST:
        picture = truly_nearest(scan)
    elif name == ALIKE:
        picture, focused = (most_alike(scan.stack, wanted, scan.field) for wanted in (scan.truth, scan.in_focus))
    elif name == SHARPEST:
        picture = scan.stack.picture(focus(scan.stack).best_frame)
    else:
        fused = fuse(scan.stack, method=name)
        picture, depth = fused.picture, fused.depth
    scores = _blind(picture, None if scan.field.all() else scan.field, cnniqa)
    if name == TRUTH:
        return scores
    moved, truth, inside, shift = laid_on(picture, scan.truth, scan.field)
    scores["psnr"] = min(psnr(moved, truth, field=inside), MOST_DB)
    scores["ssim"] = 100 * ssim(moved, truth, field=inside)
    scores["detail"] = min(detail_snr(moved, truth, field=inside), MOST_DB)
    beside = beside_thick(scan.truth, scan.depth_um, THICK_DOF * scan.depth_of_field_um)[INNER]
    beside = beside if inside is None else beside & inside
    if beside.mean() >= LEAST_BESIDE:
        scores["rims"] = min(psnr(moved, truth, field=beside), MOST_DB)
    moved, seen, inside, _ = laid_on(picture if focused is None else focused, scan.in_focus, scan.field)
    scores["focused"] = min(psnr(moved, seen, field=inside), MOST_DB)
    scores["focused_detail"] = min(detail_snr(moved, seen, field=inside), MOST_DB)
    if depth is not None:
        away_um = depth_error(move(depth, shift)[INNER], scan.depth_um[INNER], field=inside)
        scores["depth"] = away_um / scan.depth_of_field_um
        scores["planes"] = away_um / pitch_um(scan.stack)
    if name != NEAREST and scan.speed == SPEEDS[0]:
        scores |= {f"gain{count}": gain(scan, name, count) for count in COUNTS if count <= MOST_SPARE * len(scan.stack)}
    return scores


def pitch_um(stack: ZStack) -> float:
    """Give the distance from plane to plane, um where z is known, else 1."""
    heights = np.sort(np.asarray(stack.z_um if stack.z_um is not None else range(len(stack)), np.float64))
    return max(float(np.median(np.diff(heights))), 1e-6) if len(heights) > 1 else 1.0


def gain(scan: Scan, name: str, count: int) -> float:
    """Say by how much the fusion of a few frames comes nearer to the truth than the best of them.

    Args:
        scan: of the benchmark set.
        name: one of `fusions`, but neither the truth nor what needs it.
        count: so many frames, evenly spread; a frame more or less where the scan has fewer.

    Returns:
        dB of PSNR; the frame that is best by the truth is known to no method.
    """
    stack = scan.stack.select(sorted(set(np.linspace(0, len(scan.stack) - 1, count).round().astype(int).tolist())))
    if name == ALIKE:
        picture = most_alike(stack, scan.truth, scan.field)
    else:
        picture = stack.picture(focus(stack).best_frame) if name == SHARPEST else fuse(stack, method=name).picture
    best = max(_against_truth(scan, stack.picture(number)) for number in range(len(stack)))
    return _against_truth(scan, picture) - best


def _against_truth(scan: Scan, picture: Picture) -> float:
    moved, truth, inside, _ = laid_on(picture, scan.truth, scan.field)
    return min(psnr(moved, truth, field=inside), MOST_DB)


def score_real(stack: ZStack, reference: Picture, name: str) -> float:
    """Give the detail SNR of a fusion of a real stack against a reference picture made by other software.

    Args:
        stack: without the reference.
        reference: all in focus, as that software found it: a guide, not optical truth.
        name: one of `fusions`, but neither the truth nor what needs it.

    Returns:
        dB.
    """
    lone = name == SHARPEST
    picture = stack.picture(focus(stack).best_frame) if lone else fuse(stack, method=name, align="off").picture
    return min(detail_snr(picture, reference), MOST_DB)


def _blind(picture: Picture, field: NDArray[np.bool_] | None, cnniqa: Path | None) -> dict[str, float]:
    """Measure without a reference; a measure that has no value here is left out."""
    scores = {}
    with contextlib.suppress(InputError):
        scores["brisque"] = blind.brisque(picture, field=field)
    if cnniqa is not None:
        scores["cnniqa"] = blind.cnniqa(picture, weights=cnniqa, field=field)
    return scores

"""Table 3's scores: every fusion method, the sharpest single frame and the truth itself."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.experiments.tables.scans import Scan
from mmlib.focusing import focus
from mmlib.fusing import METHODS, fuse
from mmlib.metrics import blind
from mmlib.metrics.detail import depth_error, detail_snr
from mmlib.metrics.reference import psnr, ssim
from mmlib.pictures import Picture, to_grey
from mmlib.stacks import ZStack

ROOMS = (
    "field.py", "filters.py", "registration", "focusing", "fusing", "nets", "metrics/natural_scenes.py",
    "metrics/patch_nets.py", "metrics/reference.py", "metrics/pooled.py", "metrics/detail.py",
    "experiments/tables/fusion_scores.py",
)  # fmt: skip
SHARPEST = "sharpest frame"
TRUTH = "the truth"
ORACLE = "nearest frame by true depth"
"""What picks, for each pixel, the frame that is truly nearest to focus: no choice of frames can be more right."""
MARGIN_PX = 8
MOST_DB = 99.0
"""What a picture equal to its reference counts: a mean cannot hold an infinite number."""


def fusions() -> list[str]:
    """List what there is: every fusion method, the sharpest single frame, and two for comparison."""
    return [*METHODS, SHARPEST, ORACLE, TRUTH]


def score_fusion(scan: Scan, name: str, *, cnniqa: Path | None = None) -> dict[str, float]:
    """Fuse a scan and compare it with its truth.

    Picture and depth are first moved by the shift that fits the truth best: where the reference frame of an alignment
    lay is no fault of a fusion. A margin of 8 px is left out.

    Args:
        scan: of the benchmark set.
        name: one of `fusions`.
        cnniqa: the weights of CNNIQA, if there are any.

    Returns:
        ``psnr`` (dB), ``ssim`` (hundredths), ``detail`` (dB), ``depth`` (mean error in depths of field), ``brisque``,
        ``cnniqa``;
        what cannot be said is left out.
    """
    depth: NDArray[np.float32] | None = None
    if name == TRUTH:
        picture = scan.truth
    elif name == ORACLE:
        picture = truly_nearest(scan)
    elif name == SHARPEST:
        picture = scan.stack.picture(focus(scan.stack).best_frame)
    else:
        fused = fuse(scan.stack, method=name)
        picture, depth = fused.picture, fused.depth
    scores = _blind(picture, None if scan.field.all() else scan.field, cnniqa)
    if name == TRUTH:
        return scores
    shift = best_shift(picture, scan.truth, scan.field)
    inner = np.s_[MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX]
    field = np.ascontiguousarray(scan.field[inner])
    moved = np.clip(_moved(picture, shift), 0, 1)[inner]
    truth = scan.truth[inner]
    inside = None if field.all() else field
    scores["psnr"] = min(psnr(moved, truth, field=inside), MOST_DB)
    scores["ssim"] = 100 * ssim(moved, truth, field=inside)
    scores["detail"] = min(detail_snr(moved, truth, field=inside), MOST_DB)
    if depth is not None:
        true_depth = scan.depth_um[inner]
        scores["depth"] = depth_error(_moved(depth, shift)[inner], true_depth, field=inside) / scan.depth_of_field_um
    return scores


def truly_nearest(scan: Scan) -> Picture:
    """Take each pixel from the frame that is nearest to focus there by the truth.

    Args:
        scan: of the benchmark set.

    Returns:
        (H, W, 3).
    """
    picture = scan.stack.picture(0).copy()
    nearest = np.abs(scan.defocus_dof(0))
    for frame in range(1, len(scan.stack)):
        away = np.abs(scan.defocus_dof(frame))
        nearer = away < nearest
        picture[nearer] = scan.stack.picture(frame)[nearer]
        nearest = np.minimum(nearest, away)
    return picture


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


def best_shift(picture: Picture, truth: Picture, field: NDArray[np.bool_]) -> tuple[float, float]:
    """Find how far a picture must be moved right and down to lie on the truth; none where that is not sure.

    Args:
        picture: (H, W, 3).
        truth: (H, W, 3).
        field: (H, W).

    Returns:
        (right, down) in pixels, never more than 4.
    """
    inside = cv2.GaussianBlur(cv2.erode(field.astype(np.float32), np.ones((15, 15))), (0, 0), 3)
    parts = []
    for one in (picture, truth):
        grey = to_grey(one)
        band = cv2.GaussianBlur(grey, (0, 0), 1) - cv2.GaussianBlur(grey, (0, 0), 6)
        parts.append(band.astype(np.float32) * inside)
    window = cv2.createHanningWindow(parts[0].shape[::-1], cv2.CV_32F)
    (right, down), _ = cv2.phaseCorrelate(parts[0], parts[1], window)
    return (right, down) if max(abs(right), abs(down)) <= 4 else (0.0, 0.0)


def _moved(picture: NDArray[Any], shift: tuple[float, float]) -> NDArray[np.float32]:
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float64)
    flags = cv2.INTER_CUBIC if max(map(abs, shift)) > 0.05 else cv2.INTER_NEAREST
    size = picture.shape[1], picture.shape[0]
    return np.asarray(cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _blind(picture: Picture, field: NDArray[np.bool_] | None, cnniqa: Path | None) -> dict[str, float]:
    """Measure without a reference; a measure that has no value here is left out."""
    scores = {}
    with contextlib.suppress(InputError):
        scores["brisque"] = blind.brisque(picture, field=field)
    if cnniqa is not None:
        scores["cnniqa"] = blind.cnniqa(picture, weights=cnniqa, field=field)
    return scores

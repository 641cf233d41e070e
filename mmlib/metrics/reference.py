"""Measures against a true picture: PSNR, SSIM, MS-SSIM, VIF, GMSD and HaarPSI.

White is 1: uint8 counts as 0..255 and uint16 as 0..65535 of it; `data_range` says where white is when a camera fills
only a part of its type (4095 / 65535 for 12 bits kept in uint16). Without a field piq does the work. With one, a pixel
outside has no say at all: PSNR averages over the pixels of the field, and the others pool their maps over those windows
that lie wholly in it (agreeing with piq where the field is everything).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.metrics import pooled
from mmlib.metrics.pairs import check_pair
from mmlib.pictures import Picture

if TYPE_CHECKING:
    import torch

Array = NDArray[Any]


def psnr(picture: Array, reference: Array, *, field: Array | None = None, data_range: float = 1.0) -> float:
    """Give the peak signal-to-noise ratio over the pixels of the field, all colours together.

    Args:
        picture: (H, W) or (H, W, 3): uint8, uint16 or float in 0..1.
        reference: the truth, same size and colours.
        field: (H, W) bool, True where the pictures count; None counts everything.
        data_range: white, as a share of the type's full range.

    Returns:
        dB, infinite where the pictures are equal; higher is better.

    Raises:
        InputError: if the pictures do not fit together.

    Source: 10 log10(white^2 / mean squared error).
    """
    one, two, mask = check_pair(picture, reference, field, data_range=data_range, measure="PSNR")
    difference = one.astype(np.float64) - two
    error = float(np.mean((difference if mask is None else difference[mask]) ** 2))
    return 10 * math.log10(1 / error) if error > 0 else math.inf


def ssim(picture: Array, reference: Array, *, field: Array | None = None, data_range: float = 1.0) -> float:
    """Give the structural similarity at full resolution, the mean of the colours.

    Args:
        picture: (H, W) or (H, W, 3), at least 11 px: uint8, uint16 or float in 0..1.
        reference: the truth, same size and colours.
        field: (H, W) bool; with one, the mean over the 11 x 11 windows that lie wholly in it.
        data_range: white, as a share of the type's full range.

    Returns:
        -1..1, 1 for equal pictures; higher is better.

    Raises:
        InputError: if the pictures do not fit together, or no window fits into the field.

    Source: Wang et al. 2004, doi:10.1109/TIP.2003.819861; Gaussian window 11 x 11, sigma 1.5, K 0.01 and 0.03.
    """
    one, two, mask = check_pair(picture, reference, field, data_range=data_range, least=11, measure="SSIM")
    if mask is not None:
        return pooled.ssim(one, two, mask)
    import piq

    return float(piq.ssim(_batch(one), _batch(two), data_range=1.0, downsample=False))


def ms_ssim(picture: Array, reference: Array, *, field: Array | None = None, data_range: float = 1.0) -> float:
    """Give the structural similarity over five scales, the mean of the colours.

    Args:
        picture: (H, W) or (H, W, 3), at least 161 px: uint8, uint16 or float in 0..1.
        reference: the truth, same size and colours.
        field: (H, W) bool; with one, each scale is averaged over the windows that lie wholly in it.
        data_range: white, as a share of the type's full range.

    Returns:
        0..1, 1 for equal pictures; higher is better.

    Raises:
        InputError: if the pictures do not fit together, or no window of a scale fits into the field.

    Source: Wang, Simoncelli & Bovik 2003, doi:10.1109/ACSSC.2003.1292216; weights of its section 3.2.
    """
    one, two, mask = check_pair(picture, reference, field, data_range=data_range, least=161, measure="MS-SSIM")
    if mask is not None:
        return pooled.ms_ssim(one, two, mask)
    import piq

    return float(piq.multi_scale_ssim(_batch(one), _batch(two), data_range=1.0))


def vif(picture: Array, reference: Array, *, field: Array | None = None, data_range: float = 1.0) -> float:
    """Give the share of the information in the reference that can still be seen, from the luma.

    Args:
        picture: (H, W) or (H, W, 3), at least 41 px: uint8, uint16 or float in 0..1.
        reference: the truth, same size and colours; not constant.
        field: (H, W) bool; with one, the sums run over the windows that lie wholly in it.
        data_range: white, as a share of the type's full range.

    Returns:
        0 upwards, 1 for equal pictures, above 1 where contrast was added; higher is better.

    Raises:
        InputError: if the pictures do not fit together, the reference is constant, or no window fits into the field.

    Source: Sheikh & Bovik 2006, doi:10.1109/TIP.2005.859378, pixel domain; noise variance 2 on 0..255.
    """
    one, two, mask = check_pair(picture, reference, field, data_range=data_range, least=41, measure="VIF")
    if _constant(two, mask):
        raise InputError("the reference is constant, so it holds no information for VIF; PSNR can compare it")
    if mask is not None:
        return pooled.vif(one, two, mask)
    import piq

    return float(piq.vif_p(_batch(one), _batch(two), data_range=1.0))


def gmsd(picture: Array, reference: Array, *, field: Array | None = None, data_range: float = 1.0) -> float:
    """Give the deviation of the gradient-magnitude similarity, from the luma at half size.

    Args:
        picture: (H, W) or (H, W, 3), at least 6 px: uint8, uint16 or float in 0..1.
        reference: the truth, same size and colours.
        field: (H, W) bool; with one, the deviation over the windows that lie wholly in it.
        data_range: white, as a share of the type's full range.

    Returns:
        0 upwards, 0 for equal pictures; lower is better.

    Raises:
        InputError: if the pictures do not fit together, or no window fits into the field.

    Source: Xue et al. 2014, doi:10.1109/TIP.2013.2293423; Prewitt gradients, constant 170 on 0..255.
    """
    one, two, mask = check_pair(picture, reference, field, data_range=data_range, least=6, measure="GMSD")
    if mask is not None:
        return pooled.gmsd(one, two, mask)
    import piq

    return float(piq.gmsd(_batch(one), _batch(two), data_range=1.0))


def haarpsi(picture: Array, reference: Array, *, field: Array | None = None, data_range: float = 1.0) -> float:
    """Give the similarity of Haar wavelet coefficients, weighted where there is coarse structure.

    Args:
        picture: (H, W) or (H, W, 3), at least 16 px: uint8, uint16 or float in 0..1.
        reference: the truth, same size and colours.
        field: (H, W) bool; with one, the mean over the windows that lie wholly in it.
        data_range: white, as a share of the type's full range.

    Returns:
        0..1, 1 for equal pictures; higher is better.

    Raises:
        InputError: if the pictures do not fit together, both are constant, or no window fits into the field.

    Source: Reisenhofer et al. 2018, doi:10.1016/j.image.2017.11.001; C 30, alpha 4.2, half size.
    """
    one, two, mask = check_pair(picture, reference, field, data_range=data_range, least=16, measure="HaarPSI")
    if _constant(one, mask) and _constant(two, mask):
        raise InputError("both pictures are constant, so HaarPSI has no structure to compare; PSNR can compare them")
    if np.array_equal(one, two):
        return 1.0
    if mask is not None:
        return pooled.haarpsi(one, two, mask)
    import piq

    return float(piq.haarpsi(_batch(one), _batch(two), data_range=1.0))


def _batch(picture: Picture) -> torch.Tensor:
    """Give (1, C, H, W); a rounding error above 1 is cut off, which piq would refuse."""
    import torch

    planes = picture[None] if picture.ndim == 2 else picture.transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(planes.clip(0, 1)))[None]


def _constant(picture: Picture, mask: NDArray[np.bool_] | None) -> bool:
    inside = picture if mask is None else picture[mask]
    axes = (0, 1) if mask is None else 0
    return not bool(np.ptp(inside, axis=axes).any())

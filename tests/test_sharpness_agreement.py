"""Every focus measure equals its formula, written again with SciPy, scikit-image, PyWavelets or plain loops."""

import numpy as np
import pytest
import pywt
from scipy import fft, ndimage
from skimage.measure import shannon_entropy
from skimage.util import view_as_blocks, view_as_windows

from mmlib.sharpness import MEASURES, frame_sharpness

EDGE = 12  # beyond the reach of every kernel, so that how borders are continued does not matter
KNOWN = {}


def formula(name):
    def keep(function):
        KNOWN[name] = function
        return function

    return keep


def inside(array):
    return array[EDGE:-EDGE, EDGE:-EDGE]


def mean(array):
    return float(np.mean(inside(array)))


def moved(grey, down, right):
    return np.roll(grey, (-down, -right), (0, 1))


def sobels(grey):
    return ndimage.sobel(grey, 1), ndimage.sobel(grey, 0)


@formula("brenner")
def _(g):
    return mean((moved(g, 0, 2) - g) ** 2 + (moved(g, 2, 0) - g) ** 2)


@formula("absolute_gradient")
def _(g):
    return mean(abs(moved(g, 0, 1) - g) + abs(moved(g, 1, 0) - g))


@formula("squared_gradient")
def _(g):
    return mean((moved(g, 0, 1) - g) ** 2 + (moved(g, 1, 0) - g) ** 2)


@formula("spatial_frequency")
def _(g):
    return np.hypot(np.sqrt(mean((moved(g, 0, 1) - g) ** 2)), np.sqrt(mean((moved(g, 1, 0) - g) ** 2)))


@formula("tenengrad")
def _(g):
    gx, gy = sobels(g)
    return mean(gx**2 + gy**2)


@formula("tenengrad_variance")
def _(g):
    return float(np.var(inside(np.hypot(*sobels(g)))))


@formula("gaussian_derivative")
def _(g):
    gx, gy = (ndimage.gaussian_filter(g, 1.0, order=order, truncate=4) for order in ((0, 1), (1, 0)))
    return mean(gx**2 + gy**2)


@formula("steerable")
def _(g):
    gx, gy = (ndimage.gaussian_filter(g, 1.0, order=order, truncate=4) for order in ((0, 1), (1, 0)))
    turns = np.deg2rad(np.arange(0, 360, 45))
    return mean(np.max([np.cos(t) * gx + np.sin(t) * gy for t in turns], axis=0))


@formula("contrast")
def _(g):
    around = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    return mean(sum(abs(g - moved(g, i, j)) for i, j in around))


@formula("laplacian")
def _(g):
    return float(np.var(inside(ndimage.laplace(g))))


@formula("laplacian_energy")
def _(g):
    return mean(ndimage.laplace(g) ** 2)


@formula("modified_laplacian")
def _(g):
    kernel = np.array([-1.0, 2.0, -1.0])
    return mean(abs(ndimage.correlate1d(g, kernel, 0)) + abs(ndimage.correlate1d(g, kernel, 1)))


@formula("diagonal_laplacian")
def _(g):
    straight = KNOWN["modified_laplacian"](g)
    falling, rising = np.diag([-1.0, 2.0, -1.0]), np.fliplr(np.diag([-1.0, 2.0, -1.0]))
    return straight + mean(abs(ndimage.correlate(g, falling)) + abs(ndimage.correlate(g, rising))) / np.sqrt(2)


@formula("curvature")
def _(g):
    y, x = np.mgrid[-1:2, -1:2]
    design = np.column_stack([x.ravel(), y.ravel(), x.ravel() ** 2, y.ravel() ** 2])
    patches = view_as_windows(g, (3, 3))
    lifted = patches - patches[:, :, 1:2, 1:2]
    answers = np.linalg.lstsq(design, lifted.reshape(-1, 9).T, rcond=None)[0]
    sizes = np.zeros_like(g)
    sizes[1:-1, 1:-1] = np.abs(answers).sum(0).reshape(patches.shape[:2])
    return mean(sizes)


@formula("variance")
def _(g):
    return float(np.var(inside(g)))


@formula("normalised_variance")
def _(g):
    return float(np.var(inside(g)) / np.mean(inside(g)))


@formula("local_variance")
def _(g):
    return float(np.var(inside(ndimage.generic_filter(g, np.var, 9))))


@formula("vollath4")
def _(g):
    here, near, far = (inside(moved(g, 0, k)).ravel() for k in (0, 1, 2))
    return np.cov(here, near, bias=True)[0, 1] - np.cov(here, far, bias=True)[0, 1]


@formula("vollath5")
def _(g):
    here, near = (inside(moved(g, 0, k)).ravel() for k in (0, 1))
    return np.cov(here, near, bias=True)[0, 1]


@formula("helmli")
def _(g):
    local = ndimage.uniform_filter(g, 9)
    return mean(np.where(local >= g, local / g, g / local))


@formula("entropy")
def _(g):
    return shannon_entropy(np.round(inside(g) * 255).astype(int))


@formula("range")
def _(g):
    return float(np.ptp(inside(g)))


@formula("thresholded_content")
def _(g):
    part = inside(g)
    return sum(v for v in part.ravel() if v >= part.mean()) / part.size


@formula("thresholded_count")
def _(g):
    part = inside(g)
    return sum(1 for v in part.ravel() if v <= 0.9 * part.mean()) / part.size


@formula("thresholded_power")
def _(g):
    part = inside(g)
    return sum(v * v for v in part.ravel() if v >= part.mean()) / part.size


def details(g):
    low, rest = pywt.swt2(g, "db6", level=1)[0]
    return low, rest


@formula("wavelet_sum")
def _(g):
    return sum(float(np.mean(np.abs(band))) for band in details(g)[1])


@formula("wavelet_variance")
def _(g):
    return sum(float(np.var(np.abs(band))) for band in details(g)[1])


@formula("wavelet_ratio")
def _(g):
    low, rest = details(g)
    return sum(float(np.sum(band**2)) for band in rest) / float(np.sum(low**2))


@formula("dct_ratio")
def _(g):
    blocks = view_as_blocks(np.ascontiguousarray(inside(g)), (8, 8)).reshape(-1, 8, 8)
    spectra = np.array([fft.dctn(block, norm="ortho") ** 2 for block in blocks])
    constant = spectra[:, 0, 0].sum()
    return (spectra.sum() - constant) / constant


@formula("spectral_ring")
def _(g):
    blocks = view_as_blocks(np.ascontiguousarray(inside(g)), (64, 64)).reshape(-1, 64, 64)
    window = np.outer(np.hanning(66)[1:-1], np.hanning(66)[1:-1])
    frequency = np.fft.fftfreq(64)
    radius = np.sqrt(frequency[:, None] ** 2 + frequency[None] ** 2)
    ring = (radius >= 0.125) & (radius < 0.375)
    power = [np.abs(np.fft.fft2((block - block.mean()) * window)) ** 2 for block in blocks]
    return float(np.mean([p[ring].sum() for p in power]) / (window**2).sum() / 64**2)


@pytest.mark.parametrize("name", sorted(MEASURES))
def test_a_measure_equals_its_formula(name):
    generator = np.random.default_rng(11)
    edge = 128 + 2 * EDGE
    grey = 0.5 + 0.1 * ndimage.gaussian_filter(generator.normal(size=(edge, edge)), 1.0, mode="wrap") / 0.28
    grey = np.clip(grey, 0.02, 0.98).astype(np.float32)
    field = np.zeros(grey.shape, bool)
    field[EDGE:-EDGE, EDGE:-EDGE] = True
    expected = KNOWN[name](grey.astype(np.float64))
    if name.startswith("wavelet"):  # PyWavelets continues periodically: tile, and compare over one whole period
        tiled = np.pad(grey, 24, mode="wrap")
        field = np.pad(np.ones(grey.shape, bool), 24)
        assert frame_sharpness(tiled, name, field) == pytest.approx(expected, rel=1e-4)
        return
    assert frame_sharpness(grey, name, field) == pytest.approx(expected, rel=1e-4)

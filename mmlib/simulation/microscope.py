"""From a specimen to pictures at any height: partially coherent light through slices, lens and focus."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import next_fast_len

from mmlib.errors import InputError
from mmlib.optics import WAVELENGTHS_UM, Condenser, Objective, axial_frequency, frequencies, pupil
from mmlib.simulation.cone import fill_cone, spread_per_um
from mmlib.simulation.edges import pad_to_wrap
from mmlib.simulation.specimen import Specimen

CHUNK_BYTES = {"cpu": 48 * 2**20, "cuda": 2**30}
"""Memory for the waves of the planes that are computed together; a CPU likes what is near its cache."""


@dataclass(frozen=True)
class Microscope:
    """An objective and a condenser, in three colours.

    Attributes:
        objective: the lens.
        condenser: the light.
        wavelengths_um: one wavelength for R, G and B, in micrometres.
    """

    objective: Objective = field(default_factory=Objective)
    condenser: Condenser = field(default_factory=Condenser)
    wavelengths_um: tuple[float, float, float] = WAVELENGTHS_UM

    def __post_init__(self) -> None:
        """Refuse what is no light."""
        if len(self.wavelengths_um) != 3 or not all(0 < w < math.inf for w in self.wavelengths_um):
            raise InputError(
                f"a microscope needs three positive wavelengths, for R, G and B; got {self.wavelengths_um}"
            )


@dataclass(frozen=True)
class Waves:
    """The light that has left a specimen and fits through the objective: any plane can be had from it.

    Attributes:
        spectra: (S, 3, by, bx) complex spectrum for each direction of the condenser and colour, pupil included,
            refocused to `z_um`; only the frequencies inside the pupil.
        turns: (3, by, bx) cycles per micrometre of refocusing.
        ramps: (by, 1) and (1, bx) frequencies in cycles per pixel, which move a picture.
        clear: (3,) light that reaches an empty slide, summed over the directions.
        shift_um: (3,) how much higher each colour focuses.
        z_um: the height where the light left.
        relief_um: (H, W) height of the surface, from which defocus is counted.
        spread: how fast the share of the cone that one direction stands for widens, in pixels per micrometre.
        grid: rows and columns of the padded grid.
        margin: rows and columns of padding on each side, which the pictures leave out.
        size: rows and columns of a picture.
    """

    spectra: torch.Tensor
    turns: torch.Tensor
    ramps: tuple[torch.Tensor, torch.Tensor]
    clear: torch.Tensor
    shift_um: torch.Tensor
    z_um: float
    relief_um: torch.Tensor
    spread: float
    grid: tuple[int, int]
    margin: tuple[int, int]
    size: tuple[int, int]

    def pictures(self, z_um: Sequence[float], shift_px: Sequence[Sequence[float]] = ()) -> Iterator[torch.Tensor]:
        """Focus on planes, a few at a time.

        Args:
            z_um: heights of the planes in micrometres, any number in any order.
            shift_px: how far down and right each picture is moved, in pixels; not at all if left out.

        Yields:
            (3, H, W) intensity for each plane in turn, float32 or float64 as asked for; 1 where the slide is clear.

        Raises:
            InputError: if a height is not finite, or there is not one shift for each.
        """
        if not all(math.isfinite(z) for z in z_um) or len(shift_px) not in (0, len(z_um)):
            raise InputError(
                f"planes need finite heights, and a shift each or none; got {list(z_um)} and {len(shift_px)} shifts"
            )
        room = CHUNK_BYTES.get(self.turns.device.type, CHUNK_BYTES["cuda"])
        together = max(1, room // (self.grid[0] * self.grid[1] * 3 * self.spectra.element_size() * 2))
        for start in range(0, len(z_um), together):
            stop = start + together
            heights = [float(z) for z in z_um[start:stop]]
            for z, light in zip(heights, self._focus(heights, [list(s) for s in shift_px[start:stop]]), strict=True):
                yield fill_cone(light, self.spread * (z - self.relief_um).abs()) if self.spread else light

    def stack(self, z_um: Sequence[float], shift_px: Sequence[Sequence[float]] = ()) -> torch.Tensor:
        """Focus on planes, at least one, and keep them all: (K, 3, H, W); see `pictures`."""
        if not len(z_um):
            raise InputError("a stack needs at least one plane; no height was given")
        return torch.stack(list(self.pictures(z_um, shift_px)))

    def _focus(self, z_um: list[float], shift_px: list[list[float]]) -> torch.Tensor:
        by, bx = self.turns.shape[-2:]
        real = self.turns.dtype
        away = torch.tensor(z_um, dtype=torch.float64).sub(self.z_um).to(self.turns)
        away = away[:, None] + self.shift_um  # (K, 3)
        phase = self.turns * away[:, :, None, None]  # (K, 3, by, bx)
        if shift_px:
            down, right = torch.tensor(shift_px, dtype=torch.float64).to(self.turns).T[:, :, None, None]
            phase = phase - (self.ramps[0] * down + self.ramps[1] * right)[:, None]
        phase = phase * (2 * math.pi)
        refocus = torch.polar(torch.ones((), dtype=real, device=phase.device).expand_as(phase), phase)
        waves = torch.zeros(*phase.shape[:2], *self.grid, dtype=self.spectra.dtype, device=phase.device)
        image = torch.empty_like(waves)  # written again for each direction: fresh memory costs more than arithmetic
        parts = torch.view_as_real(image)
        light = torch.zeros(*phase.shape[:2], *self.grid, dtype=real, device=phase.device)
        for spectrum in self.spectra:
            # the box sits in the corner, not the middle: that turns phases, never the intensity
            torch.mul(spectrum, refocus, out=waves[..., :by, :bx])
            torch.fft.ifft2(waves, out=image)
            light.addcmul_(parts[..., 0], parts[..., 0]).addcmul_(parts[..., 1], parts[..., 1])
        (top, left), (height, width) = self.margin, self.size
        return light[..., top : top + height, left : left + width] / self.clear[:, None, None]


def illuminate(
    specimen: Specimen, microscope: Microscope, *, reach_um: float = 10.0, dtype: torch.dtype = torch.float32
) -> Waves:
    """Send light through a specimen, from every direction of the condenser.

    Each direction is a plane wave that passes the slices from the lowest up; between two slices it travels as light
    does, so overlapping and thick things shade and bend it. What the objective does not take in is left out.

    Args:
        specimen: what lies on the slide; its device is where the work is done.
        microscope: the objective and the condenser.
        reach_um: the largest defocus that pictures will ask for: the border is padded for it.
        dtype: torch.float32, or torch.float64 for a reference.

    Returns:
        The waves that leave, from which any plane can be had.

    Raises:
        InputError: if the slices do not ascend, or a number is not finite.

    Source: Abbe's method, Hopkins 1953, doi:10.1098/rspa.1953.0071; multislice, Cowley and Moodie 1957,
        doi:10.1107/S0365110X57002194.
    """
    heights = [float(z) for z in specimen.z_um.tolist()]
    if not all(math.isfinite(z) for z in (*heights, reach_um)):
        raise InputError(f"heights and reach must be finite micrometres; got {heights} and {reach_um}")
    if heights != sorted(heights):
        raise InputError("the slices of a specimen must ascend in z_um; sort them")
    objective, device = microscope.objective, specimen.density.device
    size = (specimen.density.shape[-2], specimen.density.shape[-1])
    margin, grid = _padding(size, specimen.pixel_um, objective, microscope.condenser, reach_um)
    density = pad_to_wrap(specimen.density.to(dtype), margin, grid)  # (L, 3, h, w)
    path_um = pad_to_wrap(specimen.path_um.to(dtype), margin, grid)  # (L, h, w)

    fy, fx = frequencies(*grid, specimen.pixel_um)
    lenses = [_lens(fy, fx, objective, wavelength) for wavelength in microscope.wavelengths_um]
    rows, columns = _box(fy, lenses), _box(fx, lenses)
    turns = torch.stack([_tensor(lens.turns, dtype, device) for lens in lenses])  # (3, h, w)
    window = torch.stack([_tensor(lens.window, dtype, device) for lens in lenses])[:, rows][..., columns]

    slices = torch.stack([_transmission(density[:, c], path_um, w) for c, w in enumerate(microscope.wavelengths_um)], 1)
    gaps_um = [round(high - low, 4) for low, high in pairwise(heights)]
    travels = {gap: _travel(turns, gap) for gap in set(gaps_um)}  # most specimens have one gap between all slices
    entering = torch.fft.fft2(slices[0])  # (3, h, w)
    spectra, clear = [], np.zeros(3)
    leaving, inside = torch.empty_like(entering), torch.empty_like(entering)
    for direction in microscope.condenser.directions():
        for colour, wavelength in enumerate(microscope.wavelengths_um):
            bins = _bins(direction, objective, wavelength, grid, specimen.pixel_um)
            _tilt(leaving[colour], entering[colour], bins)
            clear[colour] += abs(lenses[colour].window[bins[0] % grid[0], bins[1] % grid[1]]) ** 2
        for gap, piece in zip(gaps_um, slices[1:], strict=True):
            torch.fft.ifft2(leaving.mul_(travels[gap]), out=inside)
            torch.fft.fft2(inside.mul_(piece), out=leaving)
        spectra.append(leaving[:, rows][..., columns] * window)
    shift = torch.tensor([objective.focus_shift_um(w) for w in microscope.wavelengths_um], dtype=dtype, device=device)
    ramps = (
        _tensor(fy, dtype, device)[rows] * specimen.pixel_um,
        _tensor(fx, dtype, device)[:, columns] * specimen.pixel_um,
    )
    return Waves(
        spectra=torch.stack(spectra),
        turns=turns[:, rows][..., columns],
        ramps=ramps,
        clear=_tensor(np.where(clear > 1e-6, clear, len(spectra)), dtype, device),  # dark field has no clear light
        shift_um=shift,
        z_um=heights[-1],
        relief_um=specimen.relief_um.to(dtype),
        spread=spread_per_um(objective, microscope.condenser) / specimen.pixel_um,
        grid=grid,
        margin=margin,
        size=size,
    )


def all_in_focus(specimen: Specimen, microscope: Microscope, *, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Give the picture that no camera can take: every slice in focus, absorbing only, through the same pupil.

    Args:
        specimen: what lies on the slide.
        microscope: the objective and the condenser.
        dtype: torch.float32, or torch.float64 for a reference.

    Returns:
        (3, H, W) intensity, 1 where the slide is clear.
    """
    flat = Specimen(
        density=specimen.density.sum(0, keepdim=True),
        path_um=torch.zeros_like(specimen.path_um[:1]),
        z_um=torch.zeros_like(specimen.z_um[:1]),
        relief_um=torch.zeros_like(specimen.relief_um),
        pixel_um=specimen.pixel_um,
    )
    waves = illuminate(flat, microscope, reach_um=0.0, dtype=dtype)
    # each colour in its own focus
    return next(replace(waves, shift_um=torch.zeros_like(waves.shift_um)).pictures([0.0]))


@dataclass(frozen=True)
class _Lens:
    """One colour's objective on the whole grid: what passes, and how fast focus turns its phase."""

    window: NDArray[np.complex128]
    turns: NDArray[np.float64]


def _lens(fy: NDArray[np.float64], fx: NDArray[np.float64], objective: Objective, wavelength_um: float) -> _Lens:
    turns = axial_frequency(fy**2 + fx**2, wavelength_um, objective.medium_index)
    return _Lens(pupil(fy, fx, objective, wavelength_um), turns)


def _box(frequency: NDArray[np.float64], lenses: list[_Lens]) -> torch.Tensor:
    """Choose the rows (or columns) that any colour's pupil touches, from the most negative up."""
    passed = np.max([np.abs(lens.window) for lens in lenses], axis=0) > 0
    along = passed.any(axis=1 if frequency.shape[1] == 1 else 0)
    order = np.argsort(frequency.ravel())
    return torch.from_numpy(order[along[order]])


def _padding(
    size: tuple[int, int], pixel_um: float, objective: Objective, condenser: Condenser, reach_um: float
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Choose a border as wide as light strays at the largest defocus, on a grid that Fourier transforms like."""
    sine = min(objective.numerical_aperture * (1 + condenser.coherence) / 2 / objective.medium_index, 0.9)
    stray = abs(reach_um) * sine / math.sqrt(1 - sine**2) + 2 * max(WAVELENGTHS_UM) / objective.numerical_aperture
    padded = [n + 2 * min(math.ceil(stray / pixel_um), max(n // 2, 8)) for n in size]
    grid = [4 * next_fast_len(-(-n // 4), real=True) for n in padded]  # factors 2, 3 and 5 only
    return ((grid[0] - size[0]) // 2, (grid[1] - size[1]) // 2), (grid[0], grid[1])


def _bins(
    direction: NDArray[np.float64], objective: Objective, wavelength_um: float, grid: tuple[int, int], pixel_um: float
) -> tuple[int, int]:
    """Give the whole frequency steps (y, x) nearest to a direction: a tilted wave that closes on the grid."""
    tilt = direction * objective.numerical_aperture / wavelength_um * pixel_um
    return round(float(tilt[1]) * grid[0]), round(float(tilt[0]) * grid[1])


def _tilt(tilted: torch.Tensor, spectrum: torch.Tensor, bins: tuple[int, int]) -> None:
    """Write a spectrum moved by whole steps, around the corners, into memory that is there."""
    height, width = spectrum.shape
    down, right = bins[0] % height, bins[1] % width
    for to_row, from_row in (
        (slice(down, None), slice(0, height - down)),
        (slice(0, down), slice(height - down, None)),
    ):
        for to, start in ((slice(right, None), slice(0, width - right)), (slice(0, right), slice(width - right, None))):
            tilted[to_row, to] = spectrum[from_row, start]


def _transmission(density: torch.Tensor, path_um: torch.Tensor, wavelength_um: float) -> torch.Tensor:
    return torch.polar(torch.exp(-density / 2), path_um * (2 * math.pi / wavelength_um))


def _travel(turns: torch.Tensor, distance_um: float) -> torch.Tensor:
    phase = turns * (2 * math.pi * distance_um)
    return torch.polar(torch.ones_like(phase), phase)


def _tensor(
    array: NDArray[np.complex128] | NDArray[np.float64], dtype: torch.dtype, device: torch.device
) -> torch.Tensor:
    complex_ = torch.complex64 if dtype == torch.float32 else torch.complex128
    return torch.from_numpy(array).to(device=device, dtype=complex_ if np.iscomplexobj(array) else dtype)

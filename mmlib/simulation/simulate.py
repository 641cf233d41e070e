"""Simulate a scan: specimen, light, knob, camera, one after the other."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mmlib.errors import InputError, unknown
from mmlib.optics import Condenser, Objective, critical_pixel_um, depth_of_field_um
from mmlib.progress import Progress, part, report, silent
from mmlib.simulation.artefacts import Cover, Dirt, Eyepiece, draw_cover
from mmlib.simulation.camera import Camera, bin_pixels, to_frame
from mmlib.simulation.microscope import Microscope, Waves, all_in_focus, illuminate
from mmlib.simulation.scan import Scan, plan_scan
from mmlib.simulation.simulated import Simulated
from mmlib.simulation.specimen import Specimen
from mmlib.stacks import from_array

COARSEST = 1.3
"""A grid of the light may be this much coarser than the critical pixel before a camera pixel is split."""

LARGEST = 2**24
"""Pixels of the finest grid of light that is worth waiting for: a larger one asks for tens of gigabytes."""


def simulate(
    specimen: Specimen | str,
    *,
    seed: int = 0,
    planes: int | None = None,
    speed: int = 1,
    height: int = 720,
    width: int = 960,
    pixel_um: float | None = None,
    objective: Objective | None = None,
    condenser: Condenser | None = None,
    camera: Camera | None = None,
    eyepiece: Eyepiece | None = None,
    dirt: Dirt | None = None,
    shake: float = 1.0,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> Simulated:
    """Scan a specimen through focus with a mobile microscope, and keep the truth.

    Args:
        specimen: the name of a family, or a specimen, whose own size then counts.
        seed: equal seeds give equal stacks, bit for bit, on the same machine.
        planes: frames that a slow scan takes; 16 to 40 to suit the depth if None.
        speed: 1 (slow) to 4 (fast): fewer and more smeared frames.
        height: rows of a frame.
        width: columns of a frame.
        pixel_um: edge of a camera pixel in the specimen, micrometres; the family's own if None.
        objective: the lens; one that suits the family or the pixel if None.
        condenser: the light; coherence ratio 0.6 if None.
        camera: the camera; a good phone's if None.
        eyepiece: the disc on black; None fills the frame.
        dirt: dust, hairs, drops and condensate; none if None.
        shake: multiplies drift, vibration and flicker; 0 for a steady hand.
        device: where the light is computed.
        progress: told how far it is.

    Returns:
        The stack and its truth.

    Raises:
        InputError: if the family is unknown, a size is not positive or too large, there are no planes, the speed is
            not 1 to 4, the specimen holds what is no absorption, or the device is not there.
    """
    if planes is not None and (planes < 1 or planes != int(planes)):
        raise InputError(f"a stack needs a whole number of planes, at least one plane; got {planes}")
    if min(height, width) < 1 or (height, width) != (int(height), int(width)):
        raise InputError(f"height and width must be whole numbers, at least 1 pixel; got {height} x {width}")
    if not 0 <= shake < math.inf:
        raise InputError(f"shake multiplies what shakes: it must be a finite number from 0 up; got {shake}")
    if not -(2**63) <= seed < 2**63:
        raise InputError(f"a seed must be a whole number of 64 bits; got {seed}")
    height, width, device = int(height), int(width), _place(device)
    progress(0.0, "specimen")
    camera, dirt = camera or Camera(), dirt or Dirt()
    generator = torch.Generator().manual_seed(int(seed))
    condenser = condenser or Condenser()
    if isinstance(specimen, str):
        specimen, pixel_um, objective = _draw(
            specimen, height, width, pixel_um, objective, condenser, generator, device
        )
    else:
        specimen = _moved(specimen, device)
        pixel_um = specimen.pixel_um if pixel_um is None else pixel_um
        objective = objective or Objective(round(min(0.54 / (3.2 * specimen.pixel_um), 0.9), 3))
    split = max(1, round(pixel_um / specimen.pixel_um))
    height, width = specimen.relief_um.shape[0] // split, specimen.relief_um.shape[1] // split
    if min(height, width) < 1:
        raise InputError(f"a camera pixel of {pixel_um} um is larger than the specimen; choose a smaller one")
    pixel_um = specimen.pixel_um * split
    microscope = Microscope(objective, condenser)
    sharp_um = depth_of_field_um(objective, pixel_um=pixel_um)

    low_um, high_um = _range(specimen, sharp_um)
    count = int(planes) if planes is not None else min(40, max(16, math.ceil((high_um - low_um) / (0.75 * sharp_um))))
    scan = plan_scan(low_um, high_um, planes=count, speed=speed, generator=generator, shake=shake)
    cover = draw_cover(height, width, eyepiece=eyepiece, dirt=dirt, generator=generator, device=device)
    noise = torch.Generator(device).manual_seed(int(torch.randint(0, 2**62, (1,), generator=generator)))

    progress(0.05, "light")
    slices_um = specimen.z_um.tolist()
    reach_um = max(high_um - slices_um[0], slices_um[-1] - low_um)
    waves = illuminate(specimen, microscope, reach_um=min(reach_um, 12 * sharp_um))
    sharp = bin_pixels(all_in_focus(specimen, microscope), split)
    truth = camera.ideal(sharp * cover.shade).permute(1, 2, 0).contiguous().cpu().numpy()

    frames, still = _film(scan, waves, split, cover, camera, noise, part(progress, 0.2, 1.0))
    parameters: dict[str, Any] = {
        "specimen": specimen.family, "seed": int(seed), "planes": count, "speed": speed,
        "height": height, "width": width, "pixel_um": pixel_um,
        "objective": asdict(objective), "condenser": asdict(condenser), "camera": asdict(camera),
        "eyepiece": None if eyepiece is None else asdict(eyepiece), "dirt": asdict(dirt), "shake": shake,
    }  # fmt: skip
    parameters["outcome"] = {
        "specimen_seed": specimen.seed, "z_um": scan.z_um.tolist(), "depth_of_field_um": sharp_um,
        "smear_um": scan.smear_um, "readout_um": scan.readout_um, "shift_px": scan.shift_px.tolist(),
        "gain": scan.gain.tolist(), "slices_um": slices_um,
    }  # fmt: skip
    known: dict[str, Any] = {"z_um": tuple(scan.z_um.tolist()), "pixel_um": pixel_um, "speed": speed}
    return Simulated(
        stack=from_array(frames, source=specimen.family, times_s=scan.times_s, **known),
        static=from_array(still, source=f"{specimen.family}, held still", **known),
        truth=truth,
        depth_um=bin_pixels(specimen.relief_um.float(), split).cpu().numpy(),
        depth_of_field_um=sharp_um,
        row_offset_um=scan.row_offset_um(height).astype(np.float32),
        masks={"field": cover.inside, **cover.masks},
        shift_px=scan.shift_px,
        parameters=parameters,
    )


def repeat(parameters: dict[str, Any], *, progress: Progress = silent) -> Simulated:
    """Make a simulated stack of a family again.

    Args:
        parameters: those of a `Simulated`, perhaps read from JSON.
        progress: told how far it is.

    Returns:
        The same stack, bit for bit on the same machine.

    Raises:
        InputError: if something is missing, or the specimen was not of a family.
    """
    kinds = {"objective": Objective, "condenser": Condenser, "camera": Camera, "eyepiece": Eyepiece, "dirt": Dirt}
    try:
        given = {name: value for name, value in parameters.items() if name != "outcome"}
        for name, kind in kinds.items():
            if given[name] is not None:
                lists = {key: tuple(v) if isinstance(v, list) else v for key, v in given[name].items()}
                given[name] = kind(**lists)
        return simulate(given.pop("specimen"), progress=progress, **given)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"these are not the parameters of a simulated stack: {error}") from None


def _draw(
    name: str,
    height: int,
    width: int,
    pixel_um: float | None,
    objective: Objective | None,
    condenser: Condenser,
    generator: torch.Generator,
    device: torch.device,
) -> tuple[Specimen, float, Objective]:
    """Draw a specimen of a family on a grid as fine as its light asks for."""
    from mmlib.simulation.families import FAMILIES, build

    if name not in FAMILIES:
        raise unknown("specimen", name, FAMILIES)
    family = FAMILIES[name]
    pixel_um = family.pixel_um if pixel_um is None else pixel_um
    if not (math.isfinite(pixel_um) and pixel_um > 0):
        raise InputError(f"pixel_um must be positive; got {pixel_um}")
    objective = objective or Objective(family.na, axial_chromatic_um=0.3 * depth_of_field_um(Objective(family.na)))
    split = max(1, math.ceil(pixel_um / (COARSEST * critical_pixel_um(objective, condenser.coherence))))
    if height * width * split**2 > LARGEST:
        raise InputError(
            f"{height} x {width} pixels of {pixel_um:g} um need light on a grid of {height * split} x {width * split}, "
            f"more than {LARGEST / 1e6:.0f} million; choose a smaller frame, a finer pixel or a lower aperture"
        )
    made = build(
        name,
        height=height * split,
        width=width * split,
        pixel_um=pixel_um / split,
        generator=generator,
        device=device,
    )
    return made, pixel_um, objective


def _place(device: torch.device | str) -> torch.device:
    """Raise unless there is such a device."""
    try:
        place = torch.device(device)
        torch.empty(1, device=place)
    except (RuntimeError, AssertionError):
        raise InputError(f"there is no device {device} here; use cpu") from None
    return place


def _moved(specimen: Specimen, device: torch.device) -> Specimen:
    if not isinstance(specimen, Specimen):
        raise InputError(f"simulate takes the name of a family or a Specimen; got {type(specimen).__name__}")
    if not bool((specimen.density >= 0).all()) or not bool(torch.isfinite(specimen.density).all()):
        raise InputError("the density of a specimen must be finite and 0 or more: it absorbs, it does not shine")
    if not bool(torch.isfinite(specimen.path_um).all() & torch.isfinite(specimen.relief_um).all()):
        raise InputError("path_um and relief_um of a specimen must be finite; replace NaN and infinity first")
    parts = ("density", "path_um", "z_um", "relief_um")
    moved = {name: getattr(specimen, name).to(device) for name in parts}
    return Specimen(**moved, pixel_um=specimen.pixel_um, family=specimen.family, seed=specimen.seed)


def _range(specimen: Specimen, sharp_um: float) -> tuple[float, float]:
    """Scan from below the lowest part of the surface to above the highest, with two depths of field to spare."""
    low, high = float(specimen.relief_um.min()), float(specimen.relief_um.max())
    return low - 2 * sharp_um, high + 2 * sharp_um


def _film(
    scan: Scan, waves: Waves, split: int, cover: Cover, camera: Camera, noise: torch.Generator, progress: Progress
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Let the film run: light comes moment by moment, each frame is taken when it has all of its light.

    Returns:
        (K, H, W, 3) frames as the scan gives them, and as many without motion, flicker and noise.
    """
    height, width = cover.shade.shape[-2:]
    count = len(scan.z_um)
    shares = [scan.shares(frame, height) for frame in range(count)]  # K x (M, H)
    frames, still = np.empty((2, count, height, width, 3), np.uint8)
    waiting = [int((share.max(axis=1) > 0).sum()) for share in shares]  # moments that a frame still lacks
    light: dict[int, torch.Tensor] = {}
    shift_px = [(float(down), float(right)) for down, right in scan.shift_px]

    wanted: dict[tuple[float, float, float], tuple[list[int], list[int]]] = {}
    for moment, (z, (down, right)) in enumerate(zip(scan.moments_um, scan.moment_shift_px, strict=True)):
        if any(share[moment].max() > 0 for share in shares):
            wanted.setdefault((float(z), float(down), float(right)), ([], []))[0].append(moment)
    for frame, z in enumerate(scan.z_um):
        wanted.setdefault((float(z), *shift_px[frame]), ([], []))[1].append(frame)
    order = sorted(wanted)
    pictures = waves.pictures([key[0] for key in order], [[split * key[1], split * key[2]] for key in order])
    for key, fine in report(zip(order, pictures, strict=True), len(order), "scan", progress):
        picture = bin_pixels(fine, split)
        moments, held = wanted[key]
        for frame in held:
            still[frame] = to_frame(camera.take(cover.over(picture, shift_px[frame]), generator=None))
        for moment in moments:
            for frame in range(count):
                if shares[frame][moment].max() > 0:
                    rows = torch.from_numpy(shares[frame][moment]).to(picture)[:, None]
                    light[frame] = light[frame] + rows * picture if frame in light else rows * picture
                    waiting[frame] -= 1
                    if waiting[frame] == 0:
                        seen = cover.over(light.pop(frame), shift_px[frame])
                        shown = camera.take(seen, gain=float(scan.gain[frame]), generator=noise)
                        frames[frame] = to_frame(shown, camera.jpeg_quality)
    return frames, still

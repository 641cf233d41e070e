"""Time the simulated microscope: sixteen planes of 256 x 256, a scene to train on, a whole scan, and its precision.

Run: python benchmarks/simulate.py [--device cpu] [--threads 1]
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np
import torch

from mmlib.optics import Condenser, Objective, depth_of_field_um
from mmlib.simulation import Microscope, illuminate, simulate
from mmlib.simulation.batch import Ranges, draw_batches
from mmlib.simulation.families import build


def timed(work: Callable[[], object], device: str, repeats: int = 3) -> tuple[float, float]:
    """Give the best wall and CPU time of a few runs, in seconds, after one to warm up."""
    best = (np.inf, np.inf)
    for run in range(repeats + 1):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        if device != "cpu":
            torch.cuda.synchronize()
        if run:
            best = min(best, (time.perf_counter() - wall, time.process_time() - cpu))
    return best


def peak_mb() -> float:
    """Give the most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--device", default="cpu")
    words.add_argument("--threads", type=int, default=1)
    chosen = words.parse_args()
    torch.set_num_threads(chosen.threads)

    luck = torch.Generator().manual_seed(1)
    specimen = build("blood_smear", height=256, width=256, generator=luck, device=chosen.device)
    objective = Objective(0.65)
    microscope = Microscope(objective, Condenser(0.6, 10))
    reach_um = 6 * depth_of_field_um(objective)
    planes = np.linspace(-reach_um, reach_um, 16).tolist()

    before = peak_mb()
    wall, cpu = timed(lambda: illuminate(specimen, microscope, reach_um=reach_um).stack(planes), chosen.device)
    print(
        f"16 planes of 256 x 256, 10 directions, {len(specimen.z_um)} slices: {wall:.3f} s, {cpu:.3f} cpu-s, "
        f"{peak_mb() - before:.0f} MB above the {before:.0f} MB of the libraries"
    )
    single = illuminate(specimen, microscope, reach_um=reach_um).stack(planes)
    double = illuminate(specimen, microscope, reach_um=reach_um, dtype=torch.float64).stack(planes)
    print(f"single against double precision: largest difference {float((single - double).abs().max()):.1e}")
    scenes = draw_batches(
        luck, batch=1, size=256, device=chosen.device, ranges=Ranges(planes=(16, 16), coarse=(0.3, 1.3))
    )
    wall, cpu = timed(lambda: [next(scenes) for _ in range(4)], chosen.device, repeats=1)
    print(f"a random scene of 16 such planes with camera and truth, mean of 4: {wall / 4:.3f} s, {cpu / 4:.3f} cpu-s")
    wall, cpu = timed(lambda: simulate("onion_skin", planes=24, device=chosen.device), chosen.device, repeats=1)
    print(f"a scan of 24 planes of 720 x 960 with truth and still frames: {wall:.1f} s, {cpu:.1f} cpu-s")
    print(f"peak memory of all this: {peak_mb():.0f} MB")


if __name__ == "__main__":
    main()

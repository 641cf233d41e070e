"""Time every focus measure beside the usual snippet, or find the sharpest planes of real stacks with every method.

    python benchmarks/focus.py                      frames per cpu-second, 1280 x 720 RGB, one thread, with conversion
    python benchmarks/focus.py --real FOLDER -o OUT OUT/<method>/<case>.csv for every case (planes z0.png, z1.png, ...)

A case with three planes is taken to be sharpest in the middle one, and its share of right cells is printed beside the
time; cases with a reference picture are scored from the CSV files.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from mmlib.focusing import METHODS, focus
from mmlib.sharpness import MEASURES, frame_sharpness
from mmlib.stacks import ZStack, from_array

CELL, STRIDE = 84, 42
LEAST_S = 0.25
JUDGES = ("best", "bands", "tenengrad", "laplacian")


def texture(height: int = 720, width: int = 1280) -> np.ndarray:
    noise = np.random.default_rng(7).normal(size=(height, width, 3))
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.2)
    return np.clip(128 + 60 * smooth / smooth.std(), 0, 255).astype(np.uint8)


def frames_per_cpu_second(work: Callable[[], object]) -> float:
    work()
    best = np.inf
    for _ in range(3):
        runs, start = 0, time.process_time()
        while time.process_time() - start < LEAST_S / 3:
            work()
            runs += 1
        best = min(best, (time.process_time() - start) / runs)
    return 1 / best


def speed() -> None:
    cv2.setNumThreads(1)
    frame = texture()
    usual = frames_per_cpu_second(lambda: cv2.Laplacian(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())
    print(f"{'usual snippet (cv2.Laplacian(CV_64F).var())':46}{usual:8.0f} frames per cpu-second")
    for name, measure in MEASURES.items():
        rate = frames_per_cpu_second(lambda name=name: frame_sharpness(frame, name))
        print(f"{name:22}{measure.title:24}{rate:8.0f}  {rate / usual:5.1f} x")
    print()
    frames = np.stack([cv2.GaussianBlur(texture(720, 960), (0, 0), 0.3 + abs(k - 5)) for k in range(10)])
    stack, field = from_array(frames), np.ones(frames.shape[1:3], dtype=bool)
    for name in JUDGES:
        each_ms = 1000 / (len(stack) * frames_per_cpu_second(lambda name=name: focus(stack, method=name, field=field)))
        print(f"{'focus, ' + name + ', 960 x 720, ten frames':46}{each_ms:8.1f} cpu-ms a frame")


def read_case(folder: Path) -> ZStack:
    paths = sorted(folder.glob("z*.png"), key=lambda path: int(path.stem[1:]))
    planes = [cv2.imread(str(path), cv2.IMREAD_COLOR) for path in paths]
    return from_array(np.stack([cv2.cvtColor(plane, cv2.COLOR_BGR2RGB) for plane in planes]), source=folder.name)


def real(folder: Path, out: Path, methods: list[str]) -> None:
    cases = [read_case(case) for case in sorted(folder.iterdir()) if case.is_dir()]
    for method in methods:
        (out / method).mkdir(parents=True, exist_ok=True)
        start, middle, judged = time.process_time(), 0, 0
        for stack in cases:
            found = focus(stack, method=method, cell=CELL, stride=STRIDE)
            found.write_csv(out / method / f"{stack.source}.csv")
            known = np.isfinite(found.best_plane)
            judged += int(known.sum())
            middle += int((np.round(found.best_plane[known]) == 1).sum()) if len(stack) == 3 else 0
        share = f"  middle plane {middle / max(judged, 1):.3f}" if all(len(stack) == 3 for stack in cases) else ""
        print(f"{method:22}{judged:6} cells judged{share}  {time.process_time() - start:6.1f} cpu-s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, help="a folder of cases")
    parser.add_argument("-o", "--out", type=Path, default=Path("focus-scores"), help="where the CSV files go")
    parser.add_argument("--method", action="append", choices=METHODS, help="only this one; may be repeated")
    given = parser.parse_args()
    if given.real is None:
        speed()
    else:
        real(given.real, given.out, given.method or list(METHODS))


if __name__ == "__main__":
    main()

"""Deblurring side by side: every method of mmlib whose weights are there, and OpenCV's non-local means.

    python benchmarks/deblur.py [--size 720 960] [--methods best wiener] [--turns 2]

Each runs in a process of its own on one core, on a frame of a fast simulated scan: processor seconds of a frame after
the first, peak memory of the process less that of one that only loads the frame, seconds from start to first frame,
and the PSNR against the same plane held still, before and after.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

CHILD = """
import json, os, resource, sys, time
import cv2, numpy as np
method, file, turns = sys.argv[1], sys.argv[2], int(sys.argv[3])
cv2.setNumThreads(1)
kept = np.load(file)
frames, still, field = kept["frames"], kept["still"], kept["field"]
started = time.perf_counter()
if method == "reading":
    work = lambda: frames[1]
elif method == "opencv_nlm":
    work = lambda: cv2.fastNlMeansDenoisingColored(frames[1], None, 2, 2, 5, 15)
else:
    from mmlib.deblurring import deblur, deblur_stack
    from mmlib.stacks import from_array
    name, _, more = method.partition("+")
    if more:
        stack = from_array(frames)
        work = lambda: [one.picture for one in deblur_stack(stack, method=name, field=field, frames={1})][0]
    else:
        work = lambda: deblur(frames[1], method=name, field=field).picture
made = work()
first = time.perf_counter() - started
spent = time.process_time()
for _ in range(turns):
    made = work()
spent = (time.process_time() - spent) / turns
made = made / np.float32(255) if made.dtype == np.uint8 else made
error = (made - still / np.float32(255))[field]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
if os.path.exists("/proc/self/status"):  # there the number above may be that of the process that started this one
    peak = int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1024
print(json.dumps({
    "cpu_s": spent, "first_s": first, "mb": peak,
    "psnr": float(-10 * np.log10((error ** 2).mean())),
}))
"""


def make_frames(file, height, width):
    """Write three frames of a fast scan, and the middle one held still."""
    from mmlib.simulation import simulate

    made = simulate("diatoms", height=height, width=width, planes=16, seed=24, speed=4)
    middle = len(made.stack) // 2
    frames = np.stack([made.stack[i] for i in range(middle - 1, middle + 2)])
    np.savez(file, frames=frames, still=made.static[middle], field=made.masks["field"])


def measure(method, file, turns):
    """Run one method in a process of its own."""
    one_core = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    run = subprocess.run(
        [sys.executable, "-c", CHILD, method, str(file), str(turns)],
        env={**os.environ, **one_core}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if run.returncode:
        return None
    return json.loads(run.stdout.splitlines()[-1])


def main():
    """Print a row for each method."""
    from mmlib.deblurring import METHODS

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", nargs=2, type=int, default=(720, 960), metavar=("ROWS", "COLUMNS"))
    parser.add_argument("--methods", nargs="*", default=[name for name in METHODS if name != "none"])
    parser.add_argument("--turns", type=int, default=2)
    given = parser.parse_args()
    names = ["reading", "opencv_nlm", *given.methods]
    names += [f"{name}+neighbours" for name in given.methods if METHODS[name].neighbours]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "frames.npz"
        make_frames(file, *given.size)
        print(f"{given.size[0]} x {given.size[1]}, one core")
        print(f"{'method':24}{'cpu s':>9}{'first, s':>10}{'MB more':>9}{'PSNR, dB':>10}{'gain':>7}")
        least = None
        for name in names:
            found = measure(name, file, given.turns)
            if found is None:
                print(f"{name:24}cannot run here: its weights are missing, or see its error in `mmlib deblur`")
                continue
            least = least or found
            print(
                f"{name:24}{found['cpu_s']:9.3f}{found['first_s']:10.2f}{found['mb'] - least['mb']:9.0f}"
                f"{found['psnr']:10.2f}{found['psnr'] - least['psnr']:7.2f}"
            )


if __name__ == "__main__":
    main()

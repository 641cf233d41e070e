"""Fusion side by side: mmlib, plain OpenCV, PyWavelets, enfuse and focusweave, each in a process of its own.

    python benchmarks/fuse.py [--frames 10 40] [--side 1024] [--scenes hard easy] [--slow] [--only NAME ...]
                              [--focusweave PATH]

The stacks are made here: a relief of fine texture seen through a focus sweep. The hard one has objects in front of
others, blank places, brightness that jitters and noise of 5 grey levels; the easy one has none of it and flatters
methods that take the largest coefficient. Peers that are not installed are skipped with a word.
"""

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from mmlib.fusing import WEIGHTS
from mmlib.zoo import cards

CHILD = """
import glob, sys
import cv2, numpy as np
method, folder, out, align = sys.argv[1:5]
files = sorted(glob.glob(folder + "/*.png"))
cv2.setNumThreads(1)
def argmax(files):
    best = picture = None
    for file in files:
        frame = cv2.imread(file)
        grey = cv2.GaussianBlur(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), (5, 5), 0)
        energy = cv2.blur(cv2.convertScaleAbs(cv2.Laplacian(grey, cv2.CV_16S, ksize=5)), (9, 9))
        if best is None:
            best, picture = energy, frame
        mask = cv2.compare(energy, best, cv2.CMP_GT)
        cv2.copyTo(frame, mask, picture)
        cv2.max(energy, best, dst=best)
    return picture
def pywavelets(files):
    import pywt
    best = None
    for file in files:
        frame = cv2.imread(file).astype(np.float32)
        trees = [pywt.wavedec2(frame[..., c], "db4", level=4) for c in range(3)]
        if best is None:
            best = trees
            continue
        for c in range(3):
            best[c][0] = best[c][0] + trees[c][0]
            for level in range(1, 5):
                best[c][level] = tuple(np.where(abs(new) > abs(old), new, old)
                                       for new, old in zip(trees[c][level], best[c][level]))
    for c in range(3):
        best[c][0] = best[c][0] / len(files)
    return np.clip(np.stack([pywt.waverec2(tree, "db4") for tree in best], -1), 0, 255).round().astype(np.uint8)
if method == "reading":
    for file in files:
        picture = cv2.imread(file)
elif method == "argmax":
    picture = argmax(files)
elif method == "pywavelets":
    picture = pywavelets(files)
else:
    from mmlib.fusing import fuse
    from mmlib.stacks import ZStack
    class Frames:
        def __len__(self):
            return len(files)
        def __getitem__(self, i):
            return cv2.imread(files[i], cv2.IMREAD_COLOR_RGB)
        def __iter__(self):
            return (self[i] for i in range(len(files)))
    frames = Frames()
    shape = tuple(map(int, sys.argv[5].split(",")))
    stack = ZStack(frames=frames, shape=shape, dtype=np.dtype(np.uint8), source=folder)
    fused = fuse(stack, method=method, align=align)
    picture = cv2.cvtColor((fused.picture * 255).round().astype(np.uint8), cv2.COLOR_RGB2BGR)
if method != "reading":
    cv2.imwrite(out, picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])
"""


def texture(random, side):
    grey = sum(
        weight * cv2.GaussianBlur(random.normal(size=(side, side)).astype(np.float32), (0, 0), sigma) * sigma
        for weight, sigma in ((30, 0.8), (40, 2), (50, 6), (60, 20))
    )
    tint = random.uniform(0.6, 1.1, 3).astype(np.float32)
    return np.clip((130 + 2 * grey)[..., None] * tint, 0, 255)


def smooth(random, side, cells):
    field = random.normal(size=(cells, cells)).astype(np.float32)
    return cv2.resize(field, (side, side), interpolation=cv2.INTER_CUBIC)


def make_stack(folder, count, side, hard, seed=1):
    """Write a stack of PNG files; give what is true: the scene with everything in focus."""
    random = np.random.default_rng(seed)
    ground, above = texture(random, side), texture(random, side)
    relief = smooth(random, side, 6)
    relief = (relief - relief.min()) / np.ptp(relief) * (count - 1) * (0.75 if hard else 1)
    if hard:
        blank = cv2.GaussianBlur((smooth(random, side, 7) > 0.9).astype(np.float32), (0, 0), 4)[..., None]
        ground = ground * (1 - blank) + np.float32([210, 200, 205]) * blank
    cover = (smooth(random, side, 12) > (1.2 if hard else 99)).astype(np.float32)
    cover = cv2.GaussianBlur(cover, (0, 0), 0.7)
    height = (count - 1) * 0.9
    sigmas = np.concatenate([[0.0], np.linspace(0.3, 6, 20)])
    blurred = [ground] + [cv2.GaussianBlur(ground, (0, 0), s) for s in sigmas[1:]]
    truth = ground * (1 - cover[..., None]) + above * cover[..., None]
    for k in range(count):
        place = np.interp(np.abs(relief - k) * 6 / count, sigmas, np.arange(len(sigmas))).astype(np.float32)
        below = np.minimum(place.astype(int), len(sigmas) - 2)
        seen = np.empty_like(ground)
        for step in np.unique(below):
            where = below == step
            share = (place - step)[where][:, None]
            seen[where] = blurred[step][where] * (1 - share) + blurred[step + 1][where] * share
        if hard:
            sigma = max(0.01, abs(height - k) * 6 / count)
            veil = cv2.GaussianBlur(cover, (0, 0), sigma)[..., None]
            seen = seen * (1 - veil) + cv2.GaussianBlur(above * cover[..., None], (0, 0), sigma)
            seen *= 1 + random.normal() * 0.01
        noise = random.standard_normal(seen.shape, dtype=np.float32) * (5 if hard else 1)
        cv2.imwrite(str(folder / f"{k:03d}.png"), np.clip(seen + noise, 0, 255).round().astype(np.uint8))
    return truth


OURS = ("mean", "pyramid", "wavelet", "focusall", "ifcnn", "learned", "best")
SLOW = ("cnn", "sfuse", "sfusegan", "ufusegan", "ufusegan_truth")


def ready(method):
    """Say whether a method has the weights that it needs."""
    return WEIGHTS.get(method) in (None, *cards())


def commands(side, focusweave, slow=False):
    """Name every contestant and what starts it; None where it, or its weights, are not installed."""
    here, shape = [sys.executable, "-c", CHILD], f"{side},{side},3"

    def ours(method, align):
        return lambda folder, out: [*here, method, folder, out, align, shape]

    def files(folder):
        return sorted(str(file) for file in Path(folder).glob("*.png"))

    table = {name: ours(name, "off") for name in ("reading", "argmax")}
    table["pywavelets"] = ours("pywavelets", "off") if importlib.util.find_spec("pywt") else None
    for method in (*OURS, *(SLOW if slow else ())):
        if method not in SLOW:
            table[f"mmlib {method}"] = ours(method, "auto") if ready(method) else None
        table[f"mmlib {method}, align off"] = ours(method, "off") if ready(method) else None
    for method in ("pyramid", "wavelet"):
        table[f"mmlib fuse {method}, command"] = lambda folder, out, method=method: [
            sys.executable,
            "-m",
            "mmlib",
            "fuse",
            folder,
            "--method",
            method,
            "-o",
            out,
        ]
    hard_mask = ["--exposure-weight=0", "--saturation-weight=0", "--contrast-weight=1", "--hard-mask"]
    enfuse = shutil.which("enfuse")
    table["enfuse"] = (lambda folder, out: [enfuse, *hard_mask, "-o", out, *files(folder)]) if enfuse else None
    weave = shutil.which(focusweave)
    table["focusweave"] = (lambda folder, out: [weave, folder, "--no-align", "--output", out]) if weave else None
    return table


LAUNCHER = """
import json, os, subprocess, sys, time
started = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
words = process.stderr.read().decode(errors="replace").strip()
_, status, used = os.wait4(process.pid, 0)
code = os.waitstatus_to_exitcode(status)
wall = time.perf_counter() - started
print(json.dumps([code, words[-300:], used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024]))
"""
"""A small process between this one and the contestant: a child's peak memory counts from that of its parent."""


def run(command, out):
    """Run a command; give cpu seconds, wall seconds, peak MB and the picture it wrote."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MMLIB_CACHE": str(out.parent / "cache"),
    }
    launch = [sys.executable, "-S", "-c", LAUNCHER, *command]
    told = subprocess.run(launch, check=True, capture_output=True, text=True, env=environment).stdout
    code, words, cpu, wall, peak = json.loads(told)
    if code != 0:
        raise RuntimeError(words.splitlines()[-1] if words else f"exit {code}")
    return cpu, wall, peak, cv2.imread(str(out)) if out.exists() else None


def psnr(picture, truth):
    edge = np.s_[8:-8, 8:-8]
    away = np.mean((picture[edge].astype(np.float32) - truth[edge]) ** 2)
    return 10 * np.log10(255**2 / away)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, nargs="+", default=[10, 40])
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--scenes", nargs="+", choices=["hard", "easy"], default=["hard", "easy"])
    parser.add_argument("--focusweave", default="focusweave", help="the program, where it is not on the path")
    parser.add_argument("--slow", action="store_true", help="the nets that fold frames pair by pair, too")
    parser.add_argument("--only", nargs="+", default=[""], help="contestants whose names hold one of these words")
    given = parser.parse_args()
    for scene in given.scenes:
        for count in given.frames:
            with tempfile.TemporaryDirectory() as home:
                folder = Path(home) / "stack"
                folder.mkdir()
                truth = make_stack(folder, count, given.side, scene == "hard")
                frames = [psnr(cv2.imread(str(file)), truth) for file in folder.glob("*.png")]
                print(f"\n{scene}, {count} frames of {given.side}x{given.side}; best frame {max(frames):.1f} dB")
                print(f"{'':28}{'cpu s':>8}{'x reading':>11}{'wall s':>8}{'peak MB':>9}{'PSNR dB':>9}")
                reading = None
                for name, start in commands(given.side, given.focusweave, given.slow).items():
                    if name != "reading" and not any(word in name for word in given.only):
                        continue
                    out = Path(home) / "out.png"
                    out.unlink(missing_ok=True)
                    if start is None:
                        print(f"{name:28} not installed")
                        continue
                    try:
                        cpu, wall, peak, picture = run(start(str(folder), str(out)), out)
                    except RuntimeError as trouble:
                        print(f"{name:28} failed: {trouble}")
                        continue
                    reading = reading or cpu
                    quality = "" if picture is None else f"{psnr(picture, truth):9.1f}"
                    print(f"{name:28}{cpu:8.2f}{cpu / reading:11.2f}{wall:8.2f}{peak:9.0f}{quality}", flush=True)


if __name__ == "__main__":
    main()

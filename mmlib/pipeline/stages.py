"""The whole way from a stack to a sharp picture, as named stages; each can be called, looked at and tested alone."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib import io
from mmlib.errors import InputError
from mmlib.field import find_field
from mmlib.focusing import FocusReport, focus, worth_fusing
from mmlib.fusing import Fused, fuse
from mmlib.fusing.strangers import left_out_words
from mmlib.measuring import measure
from mmlib.metrics import Measurement
from mmlib.pictures import Picture, to_uint8, to_uint16
from mmlib.pipeline.means import Mean, focus_means, fusion_means
from mmlib.pipeline.plan import OFF, Plan
from mmlib.pipeline.sources import open_frames
from mmlib.pipeline.writing import write_curve, write_depth, write_fused
from mmlib.progress import Progress, part, silent
from mmlib.specimens import truth_of
from mmlib.stacks import ZStack, from_array

FEWEST = 2
"""Selection never leaves fewer frames than these, if there are so many."""
COMPARED = ("psnr", "ssim", "cnniqa", "cnniqa_plus", "brisque", "tenengrad", "laplacian", "vollath4")
"""Measures that are also taken of the sharpest single frame, for comparison."""


@dataclasses.dataclass
class Bench:
    """What lies on the bench: the stack and everything found so far; each stage adds to it.

    Attributes:
        name: the source, as the user named it.
        plan: what was asked for.
        folder: where results go.
        stack: the frames that the next stage works on.
        restored: the same deblurred, where they were.
        whole: the frames as they were opened.
        numbers: which of `whole` the frames of `stack` are.
        field: (H, W) True where the specimen is seen; None for the whole frame.
        report: what the focus judge found, in `whole`.
        fused: the sharp picture.
        truth: the same all in focus, where it is known.
        means: numbers that are means over cells or frames, with their intervals.
        measurements: of the sharp picture.
        single: of the sharpest single frame, by those of them that one picture can have.
        said: stage -> what it did, one sentence.
        seconds: stage -> how long it took.
    """

    name: str
    plan: Plan
    folder: Path
    stack: ZStack
    whole: ZStack
    numbers: list[int]
    restored: ZStack | None = None
    field: NDArray[np.bool_] | None = None
    report: FocusReport | None = None
    fused: Fused | None = None
    truth: Picture | None = None
    means: list[Mean] = dataclasses.field(default_factory=list)
    measurements: list[Measurement] = dataclasses.field(default_factory=list)
    single: list[Measurement] = dataclasses.field(default_factory=list)
    said: dict[str, str] = dataclasses.field(default_factory=dict)
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)


Stage = Callable[[Bench, Progress], str]
"""Does its part, writes its files, and says in one sentence what it did."""


def lay_out(source: str, plan: Plan, folder: Path, *, progress: Progress = silent) -> Bench:
    """Open a source and put it on the bench.

    Args:
        source: a path, the name of a built-in specimen, or a name in the data folder.
        plan: what to do with it.
        folder: an existing folder for the results.
        progress: told while a video is decoded.

    Returns:
        The bench, nothing done yet.

    Raises:
        InputError: if the source cannot be opened.
    """
    data = None if plan.data is None else Path(plan.data)
    stack = open_frames(source, frames=plan.frames, speed=plan.speed, data=data, progress=progress)
    return Bench(source, plan, folder, stack, stack, list(range(len(stack))))


def find_disc(bench: Bench, progress: Progress = silent) -> str:
    """Find the bright disc of the eyepiece: field.png."""
    if bench.plan.field == OFF:
        return "switched off: the whole frame counts"
    found = find_field(bench.stack)
    io.write_picture(bench.folder / "field.png", found.astype(np.uint8) * 255)
    if found.all():
        return "there is no disc: the whole frame counts"
    bench.field = found
    return f"the bright disc fills {found.mean():.0%} of the frame"


def judge_focus(bench: Bench, progress: Progress = silent) -> str:
    """Judge every cell of every frame: cells.csv and curve.csv."""
    if bench.plan.focus == OFF:
        return "switched off"
    cell = min(84, bench.stack.height, bench.stack.width)
    report = focus(bench.stack, method=bench.plan.focus, cell=cell, stride=cell, field=bench.field, progress=progress)
    report.write_csv(bench.folder / "cells.csv")
    write_curve(report, bench.stack, bench.folder / "curve.csv")
    bench.report = report
    bench.means += focus_means(report)
    if len(bench.means) < 2:
        return f"frame {report.best_frame} is sharpest over all; no cell has detail to judge"
    sharp = bench.means[0]
    return f"frame {report.best_frame} is sharpest over all; {sharp.title}: {sharp.words()}, of {sharp.over}"


def select_frames(bench: Bench, progress: Progress = silent) -> str:
    """Leave out the frames that add nothing to fusing: keep.csv, where a verdict on each frame stands."""
    if bench.plan.select == OFF or bench.report is None:
        return "switched off: all frames are kept"
    advice = bench.report.keep
    lines = ["frame,verdict,reason", *(f'{a.frame},{a.verdict},"{a.reason}"' for a in advice)]
    (bench.folder / "keep.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    sharp = sum(a.verdict == "sharp" for a in advice)
    if sharp < min(FEWEST, len(bench.stack)):
        return f"only {sharp} of {len(advice)} frames are sharp anywhere, so all are kept"
    kept = worth_fusing([(a.frame, a.verdict) for a in advice])
    if len(kept) == len(advice):
        return "every frame is sharp somewhere or lies beside one that is: all are kept"
    bench.numbers = kept
    bench.stack = bench.whole.select(kept)
    reasons = [a.verdict for a in advice if a.frame not in kept]
    told = ", ".join(f"{reasons.count(word)} {word}" for word in sorted(set(reasons)))
    return f"{len(kept)} of {len(advice)} frames are kept; left out: {told}"


def take_out_blur(bench: Bench, progress: Progress = silent) -> str:
    """Restore what a fast scan smeared; the restored frames wait on disk, not in memory."""
    speed = bench.plan.speed or bench.stack.speed
    method = bench.plan.deblur
    if method == "auto":
        if speed is None or speed < 2:
            return "not needed: " + ("the speed of the scan is not known" if speed is None else "the scan was slow")
        method = "best"
    if method == OFF:
        return "switched off"
    from mmlib.deblurring import deblur_stack

    stack, started = bench.stack, time.perf_counter()
    as_before = to_uint8 if stack.dtype == np.uint8 else to_uint16
    found = deblur_stack(stack, method=method, speed=speed, progress=progress)
    restored = io.spool(bench.folder / "restored.npy", (as_before(frame.picture) for frame in found))
    known = {name: getattr(stack, name) for name in ("z_um", "pixel_um", "times_s", "bit_depth", "speed", "warnings")}
    identity = f"{stack.content_hash[:20]}deblur{method}"
    bench.restored = dataclasses.replace(from_array(restored, source=stack.source, **known), identify=lambda: identity)
    return f"{len(stack)} frames restored by {method} in {time.perf_counter() - started:.1f} s"


def melt(bench: Bench, progress: Progress = silent) -> str:
    """Align and fuse: fused.png, fused.tif, depth.tif, index.tif; then the restored frames are let go."""
    fused = fuse(
        bench.stack, method=bench.plan.fuse, align=bench.plan.align, field=bench.field, restored=bench.restored,
        progress=progress,
    )  # fmt: skip
    bench.fused = fused
    bench.means += fusion_means(fused, bench.field)
    made_of = bench.restored or bench.stack
    write_fused(fused, made_of, bench.folder / "fused.png")
    write_fused(fused, made_of, bench.folder / "fused.tif")
    write_depth(fused, bench.stack, bench.folder / "depth.tif")
    io.write_picture(bench.folder / "index.tif", np.asarray(bench.numbers, np.uint16)[fused.index])
    io.write_picture(bench.folder / "best_frame.png", to_uint8(sharpest_frame(bench)))
    io.write_picture(bench.folder / "depth.png", depth_picture(fused.depth))
    (bench.folder / "restored.npy").unlink(missing_ok=True)
    left_out = left_out_words((bench.numbers[number] for number in fused.parameters["left_out"]), first=0)
    return "; ".join([f"{len(bench.stack)} frames fused by {fused.method}", fused.alignment.reason, *left_out])


def weigh_up(bench: Bench, progress: Progress = silent) -> str:
    """Measure the sharp picture, against the truth where there is one: measures.json."""
    if bench.plan.measure == OFF or bench.fused is None:
        return "switched off"
    data = None if bench.plan.data is None else Path(bench.plan.data)
    try:
        truth = truth_of(bench.name, data=data)
    except InputError:
        truth = None
    bench.truth = None if truth is None or truth.picture.shape != bench.fused.picture.shape else truth.picture
    bench.measurements = measure(bench.fused.picture, reference=bench.truth, field=bench.field)
    wanted = [found.name for found in bench.measurements if found.name in COMPARED and found.value is not None]
    bench.single = measure(sharpest_frame(bench), reference=bench.truth, field=bench.field, only=wanted)
    rows = [found.to_dict() for found in bench.measurements]
    (bench.folder / "measures.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    known = sum(found.value is not None for found in bench.measurements)
    return f"{known} measures{'' if bench.truth is None else ', against the truth too'}"


STAGES: dict[str, Stage] = {
    "field": find_disc,
    "focus": judge_focus,
    "select": select_frames,
    "deblur": take_out_blur,
    "fuse": melt,
    "measure": weigh_up,
}
"""Every stage by name, in order."""
SHARES = {"field": 0.02, "focus": 0.25, "select": 0.01, "deblur": 0.3, "fuse": 0.35, "measure": 0.07}
"""About how much of the time each takes, for the progress bar."""


def go_through(bench: Bench, *, progress: Progress = silent) -> Bench:
    """Do every stage in turn and note what each said and how long it took.

    Args:
        bench: as `lay_out` gives it.
        progress: told how far it is; may raise `Cancelled`.

    Returns:
        The same bench.

    Raises:
        InputError: if a stage cannot do what was asked.
    """
    done = 0.0
    for name, stage in STAGES.items():
        started = time.perf_counter()
        progress(done, name)
        bench.said[name] = stage(bench, part(progress, done, done + SHARES[name]))
        bench.seconds[name] = time.perf_counter() - started
        done += SHARES[name]
    return bench


def depth_picture(depth: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colour a depth map from low (dark blue) to high (yellow).

    Args:
        depth: (H, W); NaN where nothing is known.

    Returns:
        (H, W, 3) uint8, grey where nothing is known.
    """
    known = np.isfinite(depth)
    if not known.any():
        return np.full((*depth.shape, 3), 128, np.uint8)
    low, high = np.percentile(depth[known], [0.5, 99.5])
    level = np.clip((np.nan_to_num(depth) - low) / max(high - low, 1e-9), 0, 1)
    colours = cv2.applyColorMap((level * 255).astype(np.uint8), cv2.COLORMAP_VIRIDIS)
    coloured: NDArray[np.uint8] = colours[:, :, ::-1].astype(np.uint8)
    coloured[~known] = 128
    return coloured


def sharpest_frame(bench: Bench) -> Picture:
    """Give the frame that is sharpest over all, or the middle one where nobody judged."""
    return bench.whole.picture(bench.report.best_frame if bench.report else len(bench.whole) // 2)

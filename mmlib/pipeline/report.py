"""One HTML file that tells all about a run: pictures, curve, numbers, choices, nets, versions; it needs no network."""

from __future__ import annotations

import base64
import json
import math
import platform
import shlex
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmlib import zoo
from mmlib.errors import InputError
from mmlib.focusing import FocusReport
from mmlib.metrics.intervals import Interval
from mmlib.pictures import to_uint8
from mmlib.pipeline.means import frame_sharpness
from mmlib.pipeline.sources import depth_unit
from mmlib.pipeline.stages import Bench, depth_picture, sharpest_frame
from mmlib.version import __version__

WIDEST_PX = 1600
"""Pictures in the report are no wider; the files beside it are whole."""
CURVES = {
    "chance": "cells that are likely in focus, % of those with detail",
    "logarithm": "sharpness, % of the sharpest frame's",
}
"""What the curve of each kind of judge counts."""
PACKAGES = ("numpy", "opencv-python-headless", "scipy", "PyWavelets", "torch")


def write_report(bench: Bench, path: Path) -> None:
    """Write the report of a run.

    Args:
        bench: after all stages.
        path: where to, ending in .html.
    """
    from jinja2 import Environment, PackageLoader, select_autoescape

    shelf = Environment(
        loader=PackageLoader("mmlib.pipeline", "template"), autoescape=select_autoescape(["j2", "html"])
    )
    path.write_text(shelf.get_template("report.html.j2").render(_told(bench)), encoding="utf-8")


def _told(bench: Bench) -> dict[str, Any]:
    whole, plan = bench.whole, bench.plan.to_dict()
    heights = "" if whole.z_um is None else f"z from {min(whole.z_um):.4g} to {max(whole.z_um):.4g} µm"
    return {
        "name": Path(bench.name).name or bench.name,
        "frames": len(whole),
        "width": whole.width,
        "height": whole.height,
        "bits": whole.bit_depth,
        "heights": heights,
        "pixel_um": whole.pixel_um,
        "speed": bench.plan.speed or whole.speed,
        "warnings": whole.warnings,
        "software": f"mmlib {__version__}",
        "pictures": _pictures(bench),
        "stages": [
            {"name": name, "choice": plan.get(name, ""), "said": said, "seconds": bench.seconds.get(name, 0.0)}
            for name, said in bench.said.items()
        ],
        "curve": None if bench.report is None else _curve(bench.report, set(bench.numbers), whole.z_um),
        "verdicts": [] if bench.report is None else _verdicts(bench.report),
        "means": [
            {**one.to_dict(), "value": _number(one.interval.estimate), "interval": _span(one.interval)}
            for one in bench.means
        ],
        "measures": _measures(bench),
        "nets": _nets(bench),
        "command": command(bench),
        "parameters": json.dumps(_parameters(bench), indent=1, default=str),
    }


def command(bench: Bench) -> str:
    """Give the command line that does the same again."""
    words = ["mmlib", "run", bench.name, "-o", "results"]
    for name, value in bench.plan.to_dict().items():
        if value is not None and value != type(bench.plan).__dataclass_fields__[name].default:
            words += [f"--{name}", str(value)]
    return shlex.join(words)


def _pictures(bench: Bench) -> list[dict[str, str]]:
    pictures = []
    if bench.fused is not None:
        pictures.append(_shown(to_uint8(bench.fused.picture), "Fused", f"sharp parts of {len(bench.stack)} frames"))
    single = f"frame {bench.report.best_frame}" if bench.report is not None else "the middle frame"
    pictures.append(_shown(to_uint8(sharpest_frame(bench)), "Sharpest single frame", single))
    if bench.fused is not None:
        unit = {"um": "µm", "frame": "frames"}[depth_unit(bench.stack)]
        known = bench.fused.depth[np.isfinite(bench.fused.depth)]
        span = f"{known.min():.3g} (dark blue) to {known.max():.3g} {unit} (yellow)" if known.size else "not known"
        pictures.append(_shown(depth_picture(bench.fused.depth), "Depth", span, "png"))
    return pictures


def _shown(picture: NDArray[np.uint8], title: str, words: str, kind: str = "jpeg") -> dict[str, str]:
    share = WIDEST_PX / picture.shape[1]
    if share < 1:
        picture = np.asarray(cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), np.uint8)
    bgr = picture if picture.ndim == 2 else np.ascontiguousarray(picture[:, :, ::-1])
    _, packed = cv2.imencode(f".{kind}", bgr, [cv2.IMWRITE_JPEG_QUALITY, 92] if kind == "jpeg" else [])
    return {"kind": kind, "data": base64.b64encode(packed.tobytes()).decode(), "title": title, "words": words}


def _curve(report: FocusReport, kept: set[int], z_um: tuple[float, ...] | None) -> dict[str, Any] | None:
    values = np.asarray(report.curve, float)
    if len(values) < 2 or not (values > 0).all():
        return None
    logs = np.log(values)
    across = max(float(np.ptp(logs)), 1e-9)
    x = 50 + 570 * np.arange(len(values)) / (len(values) - 1)

    def drawn(sharpness: Any) -> NDArray[np.float64]:
        heights = 180 - 160 * (np.log(np.maximum(sharpness, 1e-12)) - logs.min()) / across
        return np.asarray(np.clip(heights, 5, 190))

    y = drawn(values)
    spread = frame_sharpness(report)
    edges = [] if spread is None else [[one.low for one in spread], [one.high for one in spread]]
    places = ["" if z_um is None else f", z {z_um[i]:.4g} µm" for i in range(len(values))]
    return {
        "line": _points(x, y),
        "band": "" if not edges else " ".join([_points(x, drawn(edges[1])), _points(x[::-1], drawn(edges[0])[::-1])]),
        "dots": [
            {"x": f"{a:.1f}", "y": f"{b:.1f}", "kept": i in kept, "words": f"frame {i}{places[i]}"}
            for i, (a, b) in enumerate(zip(x, y, strict=True))
        ],
        "first": f"frame 0{places[0]}",
        "last": f"frame {len(values) - 1}{places[-1]}",
        "words": f"frame {report.best_frame} is the sharpest",
        "unit": CURVES[report.each_is],
    }


def _points(x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))


def _verdicts(report: FocusReport) -> list[dict[str, Any]]:
    """Say of every frame how sharp it is, with the interval over the cells, and whether it was kept."""
    spread = frame_sharpness(report)
    most = 1.0 if report.each_is == "chance" else max(float(np.max(report.curve)), 1e-12)
    rows = []
    for advice in report.keep:
        row = {"frame": advice.frame, "verdict": advice.verdict, "reason": advice.reason, "value": "", "interval": ""}
        row["value"] = _number(100 * float(report.curve[advice.frame]) / most)
        if spread is not None:
            row["interval"] = _span(spread[advice.frame], 100 / most)
        rows.append(row)
    return rows


def _span(interval: Interval, times: float = 1.0) -> str:
    return f"{times * interval.low:.3g} to {times * interval.high:.3g}"


def _measures(bench: Bench) -> list[dict[str, str]]:
    single = {found.name: found.value for found in bench.single}
    rows = []
    for found in bench.measurements:
        row = found.to_dict()
        if found.value is None:
            continue
        better = "" if row["direction"] == "none" else row["direction"]
        rows.append(
            {
                **row,
                "direction": better,
                "value": _number(found.value),
                "single": _number(single.get(found.name)),
            }
        )
    return rows


def _number(value: float | None) -> str:
    return "" if value is None else "no limit" if math.isinf(value) else f"{value:.4g}"


def _nets(bench: Bench) -> list[dict[str, Any]]:
    """Cards of the nets behind the methods that ran."""
    try:
        cards = zoo.cards()
    except InputError:
        return []
    focus = [] if bench.report is None else [f"focus-{bench.report.method}"]
    fused = [] if bench.fused is None else [f"fuse-{bench.fused.method}", f"fuse-{bench.plan.fuse}"]
    deblurred = [f"deblur-{bench.plan.deblur}", "deblur-best"] if "restored" in bench.said.get("deblur", "") else []
    measured = [found.name for found in bench.measurements if found.value is not None]
    return [cards[name].to_dict() for name in dict.fromkeys([*focus, *deblurred, *fused, *measured]) if name in cards]


def _parameters(bench: Bench) -> dict[str, Any]:
    return {
        "content": bench.whole.content_hash,
        "plan": bench.plan.to_dict(),
        "frames": bench.numbers,
        "fusion": {} if bench.fused is None else bench.fused.parameters,
        "versions": {"mmlib": __version__, "python": platform.python_version()} | {p: version(p) for p in PACKAGES},
    }

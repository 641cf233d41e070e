"""The numbers of a result: against the truth where it is known, against the frames it was fused from, and alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmlib import io
from mmlib.errors import InputError
from mmlib.measuring import measure
from mmlib.pictures import Picture, as_picture, to_grey
from mmlib.pipeline.sources import open_frames
from mmlib.progress import Progress, silent
from mmlib.specimens import truth_of

AGAINST_TRUTH = ("psnr", "ssim", "detail_snr")
OF_FRAMES = ("q_abf",)
OF_REGION = ("psnr", "ssim", "tenengrad")
ALONE = ("tenengrad", "brisque", "cnniqa", "cnniqa_plus")


def measure_source(source: str, folder: Path, *, progress: Progress = silent, **choices: Any) -> dict[str, Any]:
    """Measure a picture that was made from a stack.

    Args:
        source: what it was made from; see `open_frames`.
        folder: not written to.
        progress: told how far it is; may raise `Cancelled`.
        **choices: picture (its file), plane (of a stack that was made), fused (whether the frames count as its
            sources), region (x, y, width and height in px: measures only that, by the few measures that a small part
            allows), and frames, speed, data as in `open_frames`.

    Returns:
        ``{"measures": [...]}``, each as `mmlib.metrics.Measurement.to_dict` gives it.

    Raises:
        InputError: if the picture or the source cannot be read, or the region lies outside.
    """
    del folder
    region = choices.pop("region", None)
    file, plane = Path(choices.pop("picture")), choices.pop("plane", None)
    fused = choices.pop("fused", False)
    read = io.read_picture(file) if plane is None else io.open_stack(file)[int(plane)]
    picture = as_picture(read)
    truth = _truth_like(picture, source, choices.get("data"))
    if region is not None:
        part, like = _cut(picture, region), None if truth is None else _cut(truth, region)
        names = [name for name in OF_REGION if like is not None or name not in AGAINST_TRUTH]
        answers = measure(part, reference=like, field=None, only=names)
        return {"measures": [one.to_dict() for one in answers]}
    sources = open_frames(source, **choices) if fused else None
    fits = sources is not None and sources.shape == picture.shape
    names = [*(AGAINST_TRUTH if truth is not None else ()), *(OF_FRAMES if fits else ()), *ALONE]
    found = []
    for done, name in enumerate(names):
        progress(done / len(names), "measuring")
        found += measure(picture, reference=truth, sources=sources if fits else None, only=[name])
    progress(1.0, "done")
    return {"measures": [one.to_dict() for one in found]}


def _truth_like(picture: Picture, source: str, data: Path | None) -> Picture | None:
    """Give the truth of a source in the colours of a picture; None where there is none of its size."""
    known = truth_of(source, data=data)
    if known is None or known.picture.shape[:2] != picture.shape[:2]:
        return None
    if known.picture.ndim != picture.ndim:
        return to_grey(known.picture) if picture.ndim == 2 else None
    return known.picture


def _cut(picture: Picture, region: Sequence[int]) -> Picture:
    """Cut a region out of a picture; what lies outside the picture is left out."""
    x, y, width, height = region
    part = picture[max(y, 0) : max(y + height, 0), max(x, 0) : max(x + width, 0)]
    if part.size == 0:
        raise InputError("the region lies outside the picture; draw it again")
    return part

"""The frames of a video, decoded in order, upright, each with its time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import Interpolation

from mmlib.errors import InputError
from mmlib.io.limits import Limits
from mmlib.io.reasons import reading
from mmlib.io.turning import UPRIGHT, matrix_orientation, turn
from mmlib.pictures import Frame
from mmlib.progress import Progress, silent

EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
"""How colours are converted: libav's quick way makes every picture a level or more darker than it is."""


@dataclass
class VideoReader:
    """One pass over a video: iterate it once, then read what it found.

    Attributes:
        path: the file.
        container: the kind that its bytes say, one of `mmlib.io.sniff.VIDEOS`.
        limits: what is too large.
        times_s: time of each frame since the first, in seconds; empty where a frame has none.
        bit_depth: bits of a sample.
        remarks: what was odd, each to follow the name of the file.
        comment: the comment kept in the file.
    """

    path: Path
    container: str
    limits: Limits
    progress: Progress = silent
    times_s: list[float] = field(default_factory=list)
    bit_depth: int = 8
    remarks: list[str] = field(default_factory=list)
    comment: str = ""

    def __iter__(self) -> Iterator[Frame]:
        """Decode every frame in order.

        Yields:
            (H, W) or (H, W, 3), uint8 or uint16, all of one shape and type.

        Raises:
            InputError: if nothing can be decoded, or the video is larger than the limits.
        """
        with self._open() as opened:
            yield from self._decode(opened)

    def _open(self) -> Any:
        with reading(self.path):
            try:
                return av.open(
                    str(self.path),
                    format=self.container,
                    options={"protocol_whitelist": "file"},
                    metadata_errors="replace",
                )
            except (FileNotFoundError, PermissionError):
                raise
            except (av.error.FFmpegError, OSError):
                raise InputError(
                    f"{self.path} is no whole video, its beginning or its index is missing; copy it again"
                ) from None

    def _decode(self, opened: Any) -> Iterator[Frame]:
        if not len(opened.streams):
            raise InputError(f"{self.path} is no whole video, only its beginning is there; copy it again")
        if not opened.streams.video:
            raise InputError(f"{self.path} has no pictures, only sound or data; choose another video")
        stream = opened.streams.video[0]
        self.comment = opened.metadata.get("comment", "")
        declared = int(stream.frames or 0)
        source = str(self.path)
        try:
            height, width = int(stream.codec_context.height), int(stream.codec_context.width)
            stream.thread_type = "AUTO"
        except AttributeError:
            raise InputError(f"{source} is compressed by a codec that is not known here; save it as H.264") from None
        if height and width:
            self.limits.check_frame(height, width, source)
            self.limits.check_bytes(height * width * 3 * declared, None, source)
        self.limits.check_count(declared, source)
        expected = declared or _guess(stream, opened) or 100
        shape: tuple[int, ...] | None = None
        decoded, damaged, odd, size = 0, 0, 0, 0
        moments: list[float | None] = []
        for frame in self._frames(opened, stream):
            if frame is None or frame.is_corrupt:
                damaged += 1
                continue
            self.limits.check_frame(frame.height, frame.width, source)
            picture = self._upright(frame)
            if shape is None:
                shape = picture.shape
            if picture.shape != shape:
                odd += 1
                continue
            decoded += 1
            size += picture.nbytes
            self.limits.check_count(decoded, source)
            self.limits.check_bytes(size, None, source)
            moments.append(None if frame.time is None else float(frame.time))
            self.progress(min(decoded / expected, 1.0), "reading")
            yield picture
        if not decoded:
            raise InputError(f"{source} has no frame that can be decoded; copy it again or save it as H.264")
        if damaged:
            self.remarks.append(f"is damaged or cut short: {damaged} pieces could not be decoded and were left out")
        if odd:
            self.remarks.append(f"changes its size: {odd} frames unlike the first were left out")
        if declared and declared != decoded + odd:
            self.remarks.append(f"says it has {declared} frames; {decoded + odd} could be decoded")
        elif not declared and self._ends_early(opened, stream, moments):
            self.remarks.append(f"is cut short: {decoded} frames could be decoded, up to {moments[-1]:.2f} s")
        known = [moment for moment in moments if moment is not None]
        if len(known) == len(moments) and (len(known) == 1 or known[-1] > known[0]):
            self.times_s = [moment - known[0] for moment in known]

    def _ends_early(self, opened: Any, stream: Any, moments: list[float | None]) -> bool:
        """Say whether the last frame comes well before the end that the file announces."""
        last, first = moments[-1], moments[0]
        if len(opened.streams) > 1 or not opened.duration or last is None or first is None:
            return False
        step = (last - first) / max(len(moments) - 1, 1)
        return bool(last - first + 2.5 * step < 0.97 * opened.duration / 1e6)

    def _frames(self, opened: Any, stream: Any) -> Iterator[Any]:
        """Give each decoded frame, and None for each piece that could not be.

        Beside a damaged piece several threads lose good frames, now these, now those: one thread then begins anew.
        """
        given = 0
        for frame in _pieces(opened, stream):
            if frame is None:
                break
            given += 1
            yield frame
        else:
            return
        with self._open() as again:
            stream = again.streams.video[0]
            stream.thread_type = "NONE"
            for frame in _pieces(again, stream):
                if frame is not None and given:
                    given -= 1
                    continue
                yield frame

    def _upright(self, frame: Any) -> Frame:
        """Give the pixels of a frame, turned as the video says."""
        deep = max((component.bits for component in frame.format.components), default=8) > 8
        if deep:
            self.bit_depth = max(component.bits for component in frame.format.components)
        grey = len(frame.format.components) == 1 and not frame.format.has_palette and not frame.format.is_rgb
        wanted = ("gray16le" if deep else "gray") if grey else ("rgb48le" if deep else "rgb24")
        pixels: Frame = frame.to_ndarray(format=wanted, interpolation=EXACT)
        matrix = next((bytes(data) for data in frame.side_data if "DISPLAYMATRIX" in str(data.type)), b"")
        orientation = matrix_orientation(matrix) if matrix else UPRIGHT
        if orientation is None:
            sentence = "is to be shown turned by no quarter turn; its frames are left as they are"
            if sentence not in self.remarks:
                self.remarks.append(sentence)
            orientation = UPRIGHT
        return np.ascontiguousarray(turn(pixels, orientation))


def _pieces(opened: Any, stream: Any) -> Iterator[Any]:
    """Give each frame that a stream decodes to, and None for each piece that could not be decoded."""
    packets = opened.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except (av.error.FFmpegError, OSError):
            yield None
            return
        if packet.is_corrupt:  # the last of a video that was cut short: several threads would leave it out unsaid
            yield None
            continue
        try:
            frames = packet.decode()
        except (av.error.FFmpegError, OSError):
            yield None
            continue
        yield from frames


def _guess(stream: Any, opened: Any) -> int:
    """Guess the number of frames from the length and the rate, for the progress alone."""
    if opened.duration and stream.average_rate:
        return int(opened.duration / 1e6 * float(stream.average_rate))
    return 0

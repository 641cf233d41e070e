"""A stack as a video that sweeps through focus."""

from __future__ import annotations

from fractions import Fraction
from typing import IO

import av
import numpy as np

from mmlib.errors import InputError
from mmlib.io.video import EXACT
from mmlib.pictures import Frame, to_uint8
from mmlib.progress import Progress, report
from mmlib.stacks import ZStack


def write_sweep(
    file: IO[bytes], stack: ZStack, words: str, frame_rate_hz: float, progress: Progress, quality: int = 16
) -> None:
    """Write a stack as an mp4 that plays everywhere: H.264, 8 bit, BT.709.

    Args:
        file: an open file that can seek.
        stack: what to write, frame by frame.
        words: the comment to keep inside.
        frame_rate_hz: frames a second.
        progress: told as frames are written; may raise to stop.
        quality: constant rate factor, 0 (best) to 51; at 16 hardly seen to differ, six more take half the bytes.

    Raises:
        InputError: if the rate is not above 0, the quality is not 0 to 51, or the frames cannot be encoded.
        OSError: if the disk refuses.
    """
    if frame_rate_hz <= 0:
        raise InputError(f"frame_rate_hz must be above 0; it is {frame_rate_hz}")
    if not 0 <= quality <= 51:
        raise InputError(f"quality must be 0 (best) to 51; it is {quality}")
    try:
        _encode(file, stack, words, frame_rate_hz, progress, quality)
    except av.error.FFmpegError as error:  # closing the container hides what the disk said
        refused = error.__context__
        if isinstance(refused, OSError):
            raise refused from None
        raise InputError(
            f"a sweep of {stack.width} x {stack.height} pixels cannot be written ({error.strerror})"
        ) from None


def _encode(file: IO[bytes], stack: ZStack, words: str, frame_rate_hz: float, progress: Progress, quality: int) -> None:
    with av.open(file, "w", format="mp4", options={"movflags": "faststart"}) as container:
        container.metadata["comment"] = words
        stream = container.add_stream("libx264", rate=Fraction(frame_rate_hz).limit_denominator(1000))
        stream.options = {"crf": str(quality), "preset": "medium"}
        stream.pix_fmt = "yuv420p"
        stream.height, stream.width = stack.height + stack.height % 2, stack.width + stack.width % 2
        stream.codec_context.colorspace = 1  # BT.709, as browsers take it
        stream.codec_context.color_range = 1
        for frame in report(stack, len(stack), "writing", progress):
            picture = av.VideoFrame.from_ndarray(_even(to_uint8(frame)), format="rgb24" if stack.colour else "gray")
            picture = picture.reformat(
                format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG", interpolation=EXACT
            )
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def _even(frame: Frame) -> Frame:
    """Repeat the last row and column where H.264 needs an even number of them."""
    odd = [(0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)][: frame.ndim]
    return np.ascontiguousarray(np.pad(frame, odd, mode="edge"))

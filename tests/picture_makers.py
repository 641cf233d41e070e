"""Small real files for the tests of reading and writing."""

import struct
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH = 48, 64


def noise(shape: tuple[int, ...], dtype: str = "uint8", seed: int = 0) -> NDArray:
    """Levels over the whole range of the type."""
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def texture(rng: np.random.Generator, count: int = 1, sigma: float = 0.0) -> NDArray[np.float32]:
    """Give random crops, smoothed: (count, 84, 84) in 0..1."""
    made = rng.random((count, 84, 84)).astype(np.float32)
    return made if not sigma else np.stack([cv2.GaussianBlur(one, (0, 0), sigma) for one in made])


def coded(index: int, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    """A frame that says its own number (0..63) in six black or white bars, below a red corner at the upper left."""
    frame = np.full((height, width, 3), 128, np.uint8)
    frame[: height // 3, : width // 4] = (255, 0, 0)
    for bit in range(6):
        left = bit * width // 6
        frame[height // 2 :, left : left + width // 6] = 255 if index >> bit & 1 else 0
    return frame


def code_of(frame: NDArray) -> int:
    """Read the number that `coded` drew; any size that was not turned."""
    scale = 255 if frame.dtype == np.uint8 else 65535
    height, width = frame.shape[:2]
    grey = frame.reshape(height, width, -1).mean(axis=2)[height * 3 // 4]
    return sum(1 << bit for bit in range(6) if grey[bit * width // 6 + width // 12] > scale / 2)


def codes(stack: Iterable[NDArray]) -> list[int]:
    """Read the number in each frame of a stack."""
    return [code_of(frame) for frame in stack]


def red_corner(frame: NDArray) -> tuple[str, str]:
    """Say in which corner the red of `coded` is."""
    red = (frame[..., 0].astype(int) - frame[..., 1]) > 100
    y, x = np.argwhere(red).mean(axis=0)
    return ("top" if y < frame.shape[0] / 2 else "bottom", "left" if x < frame.shape[1] / 2 else "right")


def save_video(
    path: Path,
    count: int = 12,
    *,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    times: list[int] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a video of coded frames; times are in milliseconds."""
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixels
        step = Fraction(1, 1000) if times else Fraction(1, 25)
        if times:
            stream.time_base = stream.codec_context.time_base = step
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(coded(index), format="rgb24")
            frame.pts = times[index] if times else index
            frame.time_base = step
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def save_folder(path: Path, count: int = 5, *, ending: str = ".png") -> Path:
    """Write a folder of coded frames, z0 .. zN: not in the order of the alphabet once there are eleven."""
    path.mkdir()
    for index in range(count):
        cv2.imwrite(str(path / f"z{index}{ending}"), coded(index)[..., ::-1])
    return path


def patch_matrix(video: Path, matrix: tuple[int, int, int, int], out: Path) -> Path:
    """Give an mp4 a display matrix (a, b, c, d) in its track header."""
    content = video.read_bytes()
    place = content.index(b"tkhd") + 44
    a, b, c, d = (value << 16 for value in matrix)
    out.write_bytes(content[:place] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + content[place + 36 :])
    return out


def patch_count(video: Path, says: int, out: Path) -> Path:
    """Make the sample table of an mp4 announce another number of frames in its time table."""
    content = bytearray(video.read_bytes())
    place = content.index(b"stts") + 12  # after version and number of runs: the count of the first run
    struct.pack_into(">I", content, place, says)
    out.write_bytes(content)
    return out

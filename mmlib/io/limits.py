"""How much a file may hold: checked on headers, before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass

from mmlib.errors import InputError

_SMALL_BYTES = 64 * 1024 * 1024
"""Below this a file can do no harm, however well it was compressed."""


@dataclass(frozen=True)
class Limits:
    """The largest source that is opened.

    Attributes:
        pixels: of one frame.
        frames: of one stack.
        bytes: of all frames of a stack, decoded.
        ratio: decoded bytes for each stored byte, for what is larger than 64 MiB decoded; not asked of videos.
    """

    pixels: int = 200_000_000
    frames: int = 10_000
    bytes: int = 64 * 1024**3
    ratio: float = 500.0

    def check_frame(self, height: int, width: int, source: str) -> None:
        """Raise if a frame has too many pixels or none.

        Args:
            height: rows.
            width: columns.
            source: what to call it in the error.

        Raises:
            InputError: if it has.
        """
        if height < 1 or width < 1:
            raise InputError(f"{source} has no pixels ({width} x {height}); save it again")
        if height * width > self.pixels:
            raise InputError(
                f"{source} is {width} x {height} pixels; frames of up to {self.pixels:,} pixels are read; "
                "crop or shrink it"
            )

    def check_count(self, count: int, source: str) -> None:
        """Raise if a stack has too many frames.

        Args:
            count: how many it has.
            source: what to call it in the error.

        Raises:
            InputError: if they are too many.
        """
        if count > self.frames:
            raise InputError(
                f"{source} has {count:,} frames; up to {self.frames:,} are read; leave some out or raise the limit"
            )

    def check_bytes(self, decoded: int, stored: int | None, source: str) -> None:
        """Raise if the decoded frames are too large, or far too large for the file they came in.

        Args:
            decoded: bytes of all frames.
            stored: bytes of the file, or None where no ratio is too high.
            source: what to call it in the error.

        Raises:
            InputError: if they are.
        """
        if decoded > self.bytes:
            raise InputError(
                f"{source} decodes to {decoded / 1e9:.1f} GB; up to {self.bytes / 1e9:.1f} GB are read; "
                "leave frames out or shrink them"
            )
        if stored is not None and decoded > _SMALL_BYTES and decoded > self.ratio * max(stored, 1):
            raise InputError(
                f"{source} would unpack {stored:,} bytes to {decoded:,}, more than {self.ratio:.0f} times its size, "
                "as only a decompression bomb does; it was not opened"
            )

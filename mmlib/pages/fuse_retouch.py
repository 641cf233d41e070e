"""The fused picture retouched by hand: places that are taken from one frame, as many as wanted, each undone at will."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from mmlib.errors import InputError
from mmlib.pages.attempts import Attempt, Batch
from mmlib.pages.fuse_choices import FuseChoices, Fusion, asked
from mmlib.stacks import parse_frames


class Retouching:
    """Has places retouched by a job, always from the picture as it was fused.

    Attributes:
        base: the picture as it was fused, or None.
    """

    def __init__(self, batch: Batch, show: Callable[[Fusion], None], complain: Callable[[str], None]) -> None:
        """Set it up.

        Args:
            batch: how jobs are handed in.
            show: given the picture whenever there is another.
            complain: given one sentence when a place cannot be retouched.
        """
        self.base: Fusion | None = None
        self._batch = batch
        self._show = show
        self._complain = complain

    def begin(self, base: Fusion | None) -> None:
        """Start from another picture.

        Args:
            base: as it was fused; None for nothing.
        """
        self._batch.cancel()
        self.base = base

    def with_place(self, choices: FuseChoices, frame: int, count: int) -> str:
        """Add the chosen region, taken from one frame.

        Args:
            choices: of the page.
            frame: its number in the whole stack.
            count: how many frames the whole stack has.

        Returns:
            All places as text.

        Raises:
            InputError: if nothing is fused, no region is chosen, or the frame was not fused.
        """
        if self.base is None or choices.region is None:
            raise InputError("fuse, then draw the region that is to be taken from one frame")
        fused = parse_frames(self.base.made_with.frames or ":", count)
        if frame not in fused:
            raise InputError(f"frame {frame + 1} was not fused, so nobody knows where it lies; step to one that was")
        place = ",".join(map(str, (*choices.region, fused.index(frame))))
        return ";".join(filter(None, (choices.patches, place)))

    def places(self, result: Fusion | None) -> int:
        """Say how many places of a picture are taken from one frame."""
        return 0 if result is None or result is self.base else len(result.made_with.patches.split(";"))

    def apply(self, patches: str) -> None:
        """Show the picture with these places retouched; without any it is as it was fused.

        Args:
            patches: the places.
        """
        base = self.base
        if base is None:
            return
        self._batch.cancel()
        if not patches:
            self._show(base)
            return

        def heard(attempt: Attempt) -> None:
            if attempt.phase == "failed":
                self._complain(attempt.sentence)
            elif attempt.done and attempt.folder is not None:
                self._show(Fusion(replace(base.made_with, patches=patches), attempt.folder, base.summary))

        wanted = {"made": str(base.folder), "patches": patches, **asked(base.made_with)}
        self._batch.start("retouch", base.made_with.source, {"retouch": wanted}, heard, self._complain)

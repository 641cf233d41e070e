"""The part of the Focus page that says which frames to keep, and gives everything away as files and as code."""

from __future__ import annotations

from mmlib.pages import focus_words as say
from mmlib.pages.copies import Copies
from mmlib.pages.downloads import Downloads, Offer
from mmlib.pages.focus_lists import FrameList
from mmlib.pages.focus_recipes import as_command, as_python
from mmlib.pages.focus_state import FocusState
from mmlib.pages.layout import button, html, panel, row, seen

FILES = {"frames.ome.tif": "Kept frames, OME-TIFF", "frames.zip": "Kept frames, zip of PNG"}


class KeptFrames:
    """The list of frames with its buttons, and what can be downloaded and copied.

    Attributes:
        frames: the list.
        panels: what to lay out.
    """

    def __init__(self, state: FocusState) -> None:
        self.state = state
        self.frames = FrameList(state.keep)
        self.count = html()
        self.all, self.advised, self.write = button("Keep all"), button("As advised"), button("Make the files")
        self.writing = html()
        self.downloads, self.copies = Downloads(), Copies()
        self.panels = [
            panel("Frames to keep", self.count, self.frames, row(self.all, self.advised), self.write, self.writing),
            panel("Download", self.downloads),
            panel("The same again", self.copies),
        ]
        self.all.on_click(lambda _: state.keep(range(len(state.stack or ())), True))
        self.advised.on_click(lambda _: state.keep_as_advised())
        self.write.on_click(lambda _: state.write_frames())

    def show(self) -> None:
        """Draw all of it."""
        state, answer, stack, kept = self.state, self.state.answer, self.state.stack, self.state.frames
        if answer is None or stack is None:
            self.frames.rows, self.count.value = [], say.NO_ANSWER
        else:
            by_hand = {*state.choices.kept, *state.choices.dropped}
            self.frames.rows = [
                {
                    "frame": told["frame"],
                    "z": "" if stack.z_um is None else say.micrometres(stack.z_um[told["frame"]]),
                    "verdict": told["verdict"],
                    "reason": say.counted_from_one(told["reason"]),
                    "kept": told["frame"] in kept,
                    "by_hand": told["frame"] in by_hand,
                }
                for told in answer.summary["keep"]
            ]
            self.count.value = f"<p><strong>{len(kept)}</strong> of {len(stack)} frames are kept.</p>"
        seen(self.frames, answer is not None)
        self.all.disabled = answer is None
        self.advised.disabled = not (state.choices.kept or state.choices.dropped)
        self._offer(kept)

    def _offer(self, kept: tuple[int, ...]) -> None:
        state, answer, task = self.state, self.state.answer, self.state.selection
        self.write.disabled = not kept or (task is not None and task.busy)
        self.write.description = say.make_files(len(kept))
        self.writing.value = say.writing(task)
        seen(self.writing, bool(self.writing.value))
        offers = []
        if answer is not None:
            offers = [
                Offer("Cells, CSV", "cells.csv", answer.folder / "cells.csv"),
                Offer("Focus curve, CSV", "curve.csv", answer.folder / "curve.csv"),
            ]
        if task is not None and task.state == "done" and task.job is not None:
            sizes = task.job.summary["bytes"]
            offers += [
                Offer(f"{words} ({say.size(sizes[name])})", name, task.job.folder / name)
                for name, words in FILES.items()
            ]
        self.downloads.offer(offers)
        seen(self.panels[1], bool(offers))
        self.copies.offer(
            {
                "Copy link": "",
                "as Python": as_python(state.choices, state.shown, kept),
                "as a command": as_command(state.choices, state.shown),
            }
        )

"""What the Focus page knows: the stack, the methods that judge it, the jobs they run in, and which frames are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from mmlib import jobs
from mmlib.errors import InputError, unknown
from mmlib.focusing import METHODS
from mmlib.pages.background import Runner, at_once
from mmlib.pages.focus_answer import FocusAnswer, Values, read_answer
from mmlib.pages.focus_choices import FocusChoices, changed_by_hand, check
from mmlib.pages.focus_tasks import Task
from mmlib.pages.focus_truth import CellTruth, Confusion, cell_truth, confusion
from mmlib.pages.sources import data_folder, named, read_source
from mmlib.pages.state import PageState
from mmlib.pages.thumbnails import remember
from mmlib.progress import Progress
from mmlib.specimens import Truth, truth_of
from mmlib.stacks import ZStack

Key = tuple[str, int]
"""A method and the edge of its cells."""


def here(action: Callable[[], None]) -> None:
    """Do something on the spot."""
    action()


class FocusState(PageState[FocusChoices]):
    """The Focus page without its looks.

    Attributes:
        stack: what is judged, or None.
        opening: what is being done to open one, or empty.
        share: how much of that is done, 0..1.
        tasks: the jobs of the chosen methods.
        answers: what came of those that are done.
    """

    def __init__(
        self,
        choices: FocusChoices | None = None,
        *,
        run: Runner = at_once,
        aside: Runner = at_once,
        deliver: Callable[[Callable[[], None]], None] = here,
    ) -> None:
        super().__init__(choices or FocusChoices())
        self.stack: ZStack | None = None
        self.opening = ""
        self.share = 0.0
        self.tasks: dict[Key, Task] = {}
        self.answers: dict[Key, FocusAnswer] = {}
        self._selection: tuple[tuple[int, ...], Task] | None = None
        self._truth: Truth | None = None
        self._true_cells: dict[int, CellTruth] = {}
        self._run, self._aside, self._deliver = run, aside, deliver

    # opening

    def open(self, source: str, *, speed: int | None = None) -> None:
        """Take a stack and have it judged; the old one stays if that fails.

        Args:
            source: see `mmlib.pages.sources.read_source`.
            speed: scan speed 1..4 of a built-in specimen.
        """
        self.complain("")
        source = named(source)
        if not source:
            return

        def read(tell: Progress) -> tuple[ZStack, Truth | None]:
            stack = read_source(source, speed=speed, progress=tell)
            remember(source, stack)
            return stack, truth_of(source, data=data_folder())

        def opened(found: tuple[ZStack, Truth | None]) -> None:
            self._opening("", 1.0)
            self.cancel()
            self.stack, self._truth = found
            self.tasks, self.answers, self._true_cells, self._selection = {}, {}, {}, None
            new = (source, speed) != (self.choices.source, self.choices.speed)
            kept = FocusChoices() if new else self.choices
            self.change(
                source=source, speed=speed, plane=kept.plane, spot=kept.spot, kept=kept.kept, dropped=kept.dropped,
                camera=kept.camera,
            )  # fmt: skip
            self.forget()
            self.tell("stack", "tasks", "answers", "selection")
            self.judge()

        def failed(sentence: str) -> None:
            self._opening("", 0.0)
            self.complain(sentence)

        self._opening("opening", 0.0)
        self._run(read, opened, failed, lambda share, stage: self._opening(stage or "opening", share))

    def _opening(self, stage: str, share: float) -> None:
        self.opening, self.share = stage, share
        self.tell("opening")

    # judging

    def judge(self, *, again: bool = False) -> None:
        """Have every chosen method judge the stack, outside this process; equal work done before is there at once.

        Args:
            again: also those that failed or were cancelled.
        """
        if self.stack is None:
            return
        for key in self._keys():
            task = self.tasks.get(key)
            if key not in self.answers and (task is None or (again and not task.busy)):
                self._start(key)
        self.tell("tasks")

    def cancel(self) -> None:
        """Stop every job; the page is free at once, the workers stop at their next frame."""
        for task in self.tasks.values():
            task.cancel()
        if self._selection is not None:
            self._selection[1].cancel()
        self.tell("tasks", "selection")

    def _start(self, key: Key) -> None:
        method, cell = key
        stack, choices, truth = self.stack, self.choices, self._truth

        def read(job: jobs.Job) -> tuple[FocusAnswer, CellTruth | None]:
            answer = read_answer(job.folder, job.summary)
            known = self._true_cells.get(cell)
            if known is None and truth is not None and stack is not None and stack.z_um is not None:
                known = cell_truth(answer, stack, truth)
            return answer, known

        def done(job: jobs.Job) -> None:
            self._aside(lambda _: read(job), take, task.fail, lambda share, stage: None)

        def take(found: tuple[FocusAnswer, CellTruth | None]) -> None:
            if self.tasks.get(key) is not task:
                return
            self.answers[key], known = found
            if known is not None:
                self._true_cells[cell] = known
            task.finish()
            if self.choices.plane is None and self.shown == method:
                self.drift(plane=int(found[0].summary["best_frame"]))
            self.tell("answers", "selection")

        task = self.tasks[key] = Task(changed=lambda: self.tell("tasks"), done=done, deliver=self._deliver)
        task.submit(
            self._aside, "focus", choices.source, method=method, cell=cell, stride=cell, speed=choices.speed,
            data=str(data_folder()),
        )  # fmt: skip

    @property
    def working(self) -> bool:
        """Whether a chosen method is at work."""
        return any(self.tasks[key].busy for key in self._keys() if key in self.tasks)

    @property
    def lacking(self) -> bool:
        """Whether a chosen method has no answer and is not at work on one."""
        return any(key not in self.answers and not (key in self.tasks and self.tasks[key].busy) for key in self._keys())

    def _keys(self) -> list[Key]:
        return [(method, self.choices.cell) for method in self.choices.methods]

    # what is chosen

    @property
    def shown(self) -> str:
        """The method whose grid is shown: the chosen one, else the first that did not fail."""
        methods = self.choices.methods
        if self.choices.shown in methods:
            return self.choices.shown
        here = [(name, self.tasks.get((name, self.choices.cell))) for name in methods]
        failed = {name for name, task in here if task is not None and task.state == "failed"}
        return next((name for name in methods if name not in failed), methods[0])

    @property
    def answer(self) -> FocusAnswer | None:
        """What the shown method found, once it is there."""
        return self.answers.get((self.shown, self.choices.cell))

    def found(self) -> dict[str, FocusAnswer]:
        """Give what the chosen methods found so far, in their order."""
        return {method: self.answers[method, cell] for method, cell in self._keys() if (method, cell) in self.answers}

    def choose_methods(self, names: tuple[str, ...]) -> None:
        """Have these methods judge the stack, side by side.

        Args:
            names: of `mmlib.focusing.METHODS`, at least one.
        """
        wrong = [name for name in names if name not in METHODS]
        if wrong or not names:
            self.complain(unknown("focus method", wrong[0], METHODS) if wrong else "one method has to stay")
            return
        self.complain("")
        for key, task in list(self.tasks.items()):
            if key[0] not in names and key not in self.answers:
                task.cancel()
                del self.tasks[key]
        self.change(methods=tuple(dict.fromkeys(names)))
        self.tell("answers")
        self.judge()

    def choose(self, **values: Any) -> None:
        """Choose the shown method, the edge of cells, the threshold or the layer; refuse a wrong choice.

        Args:
            **values: fields of `FocusChoices`.
        """
        try:
            check(values, self.choices.methods)
        except InputError as error:
            self.complain(error)
            return
        self.complain("")
        if values.get("cell", self.choices.cell) != self.choices.cell:
            values["spot"] = None
        self.change(**values)
        self.judge()

    def undo(self) -> None:
        """Go back to what was chosen before for this stack."""
        super().undo()
        self.tell("answers")
        self.judge()

    # planes and cells

    @property
    def plane(self) -> int:
        """The frame that is shown: the chosen one, else the middle."""
        count = 0 if self.stack is None else len(self.stack)
        return count // 2 if self.choices.plane is None else min(max(self.choices.plane, 0), max(count - 1, 0))

    def show_plane(self, plane: int) -> None:
        """Step to a frame; stepping is not worth an undo."""
        if self.stack is not None:
            self.drift(plane=min(max(plane, 0), len(self.stack) - 1))

    def choose_spot(self, cell: int) -> None:
        """Choose a cell, counted row by row; -1 lets go of it."""
        self.drift(spot=cell if cell >= 0 else None)

    def place(self, cell: int | None) -> tuple[int, int] | None:
        """Give row and column of a cell, or None where there is no such cell."""
        if self.answer is None or cell is None or not 0 <= cell < self.answer.level[0].size:
            return None
        row, column = divmod(cell, self.answer.shape[1])
        return row, column

    def profiles(self, cell: int) -> dict[str, Values]:
        """Give the z-profile of a cell by every method that is done, and by the truth where there is one.

        Args:
            cell: counted row by row.

        Returns:
            Name -> (K,) values, larger = sharper, NaN where a method has none; that of the truth is minus the
            distance in depths of field. Empty where no method has anything to judge.
        """
        place = self.place(cell)
        if place is None:
            return {}
        told = {name: answer.score[:, place[0], place[1]] for name, answer in self.found().items()}
        if not any(np.isfinite(values).any() for values in told.values()):
            return {}
        truth = self.truth
        if truth is not None:
            told["truth"] = -truth.away_dof[:, place[0], place[1]]
        return told

    # truth

    @property
    def has_truth(self) -> bool:
        """Whether it is known what is in focus in this stack."""
        return self._truth is not None

    @property
    def truth(self) -> CellTruth | None:
        """What is true of the cells, once it is worked out."""
        return self._true_cells.get(self.choices.cell)

    def confusions(self) -> dict[str, Confusion]:
        """Compare every answer with the truth, at the chosen threshold; empty without a truth."""
        truth = self.truth
        if truth is None:
            return {}
        return {name: confusion(answer, truth, self.choices.threshold) for name, answer in self.found().items()}

    # frames to keep

    @property
    def frames(self) -> tuple[int, ...]:
        """The frames to keep: as the shown method advises, changed by hand."""
        if self.stack is None:
            return ()
        advised = set(self.answer.advised) if self.answer is not None else set()
        kept = (advised | set(self.choices.kept)) - set(self.choices.dropped)
        return tuple(sorted(frame for frame in kept if 0 <= frame < len(self.stack)))

    def keep(self, frames: Iterable[int], kept: bool) -> None:
        """Keep or drop frames by hand, whatever the advice.

        Args:
            frames: their numbers.
            kept: whether to keep them.
        """
        advised = set(self.answer.advised) if self.answer is not None else set()
        by_hand = changed_by_hand(self.choices, advised, frames, kept)
        self.change(kept=by_hand[0], dropped=by_hand[1])

    def keep_as_advised(self) -> None:
        """Take back what was changed by hand."""
        self.change(kept=(), dropped=())

    @property
    def selection(self) -> Task | None:
        """The job that writes the kept frames; None where none was begun for just these."""
        return self._selection[1] if self._selection is not None and self._selection[0] == self.frames else None

    def write_frames(self) -> None:
        """Have the kept frames written to files, outside this process."""
        if self.stack is None or not self.frames:
            self.complain("no frame is kept, so there is nothing to write; keep at least one")
            return
        self.complain("")
        if self._selection is not None:
            self._selection[1].cancel()
        told = Task(changed=lambda: self.tell("selection"), done=lambda job: told.finish(), deliver=self._deliver)
        self._selection = self.frames, told
        told.submit(
            self._aside, "select", self.choices.source, frames=",".join(map(str, self.frames)),
            speed=self.choices.speed, data=str(data_folder()),
        )  # fmt: skip
        self.tell("selection")

"""Other methods on the same frames as the one that is kept, and the numbers of them all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mmlib.pages.attempts import Attempt, Batch
from mmlib.pages.background import Runner
from mmlib.pages.fuse_choices import FuseChoices, Fusion, asked, real
from mmlib.pages.numbers import Numbers
from mmlib.pages.region import Box


class Beside:
    """What is shown beside the fused picture.

    Attributes:
        attempts: method -> how far it is.
        numbers: what is measured of each picture, whole and in the chosen region.
    """

    def __init__(
        self,
        tell: Callable[[str], None],
        *,
        run: Runner,
        aside: Runner,
        later: Runner,
        deliver: Callable[[Callable[[], None]], None],
    ) -> None:
        """Set it up.

        Args:
            tell: given ``"beside"``, ``"measures"`` or ``"region"`` when something is new, a sentence after ``"!"``.
            run: how the jobs of other methods are handed in.
            aside: how a region is measured.
            later: how the jobs that measure are handed in.
            deliver: brings news to where the page lives.
        """
        self.attempts: dict[str, Attempt] = {}
        self.numbers = Numbers(tell, aside=aside, later=later, deliver=deliver)
        self._tell = tell
        self._batch = Batch(run, deliver)
        self._made_with: FuseChoices | None = None

    def start(self, choices: FuseChoices) -> None:
        """Fuse the same frames by the other methods.

        Args:
            choices: of the page.
        """
        self.numbers.forget()
        self._made_with = choices
        main = real(choices.method)
        names = [name for name in choices.beside if name != main]
        self.attempts = {name: Attempt(name) for name in names}
        wanted = {name: {"method": name, "align": choices.align, **asked(choices)} for name in names}
        if wanted:
            self._batch.start("fuse", choices.source, wanted, self._heard, lambda words: self._tell(f"!{words}"))

    def cancel(self) -> None:
        """Stop what is under way."""
        self._batch.cancel()
        self.numbers.cancel()
        self.attempts = {name: one for name, one in self.attempts.items() if one.ended}

    def forget(self) -> None:
        """Drop everything."""
        self._batch.cancel()
        self.numbers.forget()
        self.attempts = {}

    def results(self, main: Fusion | None, beside: tuple[str, ...]) -> list[Attempt]:
        """Give what there is to be shown side by side.

        Args:
            main: the fused picture, or None.
            beside: the other methods that are chosen.

        Returns:
            The fused picture first; nothing without it.
        """
        if main is None:
            return []
        first = Attempt(str(main.summary["method"]), "done", 1.0, "", main.folder, main.summary)
        others = [self.attempts[name] for name in beside if name in self.attempts and self.attempts[name].done]
        return [first, *(one for one in others if one.method != first.method)]

    def measure(self, results: list[Attempt], region: Box | None) -> None:
        """Have pictures measured once every method has ended.

        Args:
            results: the pictures.
            region: a region to be measured as well, or None.
        """
        if self._made_with is None or not results or any(not one.ended for one in self.attempts.values()):
            return
        made = self._made_with
        self.numbers.measure(made.source, _files(results), region, fused=True, **asked(made))

    def measure_region(self, results: list[Attempt], region: Box | None) -> None:
        """Have the chosen region of pictures measured.

        Args:
            results: the pictures.
            region: the region; None forgets it.
        """
        if self._made_with is not None:
            self.numbers.measure_region(self._made_with.source, _files(results), region, **asked(self._made_with))

    def _heard(self, attempt: Attempt) -> None:
        self.attempts[attempt.method] = attempt
        self._tell("beside")


def _files(results: list[Attempt]) -> dict[str, Path]:
    return {one.method: one.file("fused.tif") for one in results}

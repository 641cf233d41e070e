"""Where a training stands: tensors as safetensors, the rest as JSON, both replaced whole or not at all."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mmlib.errors import InputError

TENSORS, WORDS = "state.safetensors", "state.json"


@dataclass
class Checkpoint:
    """What happened so far.

    Attributes:
        best: the weights that did best on validation.
        best_score: how well, higher is better.
        best_step: after how many steps that was.
        step: how many have been taken.
        seconds: spent so far.
        losses: of every step.
        scores: (step, score) of every validation.
    """

    best: dict[str, Tensor]
    best_score: float = -2.0
    best_step: int = 0
    step: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)
    scores: list[tuple[int, float]] = field(default_factory=list)

    @classmethod
    def start(cls, net: nn.Module) -> Checkpoint:
        """Begin with a net as it is."""
        return cls(_copy(net))

    def note(self, net: nn.Module, score: float) -> None:
        """Keep a validation, and the weights if they are the best yet."""
        self.scores.append((self.step, score))
        if score > self.best_score:
            self.best, self.best_score, self.best_step = _copy(net), score, self.step

    def save(self, folder: Path, recipe: Any, net: nn.Module, optimiser: torch.optim.Optimizer) -> None:
        """Write everything that going on needs.

        Args:
            folder: where to; made if it is not there.
            recipe: a dataclass; only the same one can go on.
            net: as it is now.
            optimiser: with its moments.
        """
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        tensors = {f"net.{name}": tensor for name, tensor in net.state_dict().items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best.items()}
        for number, moments in optimiser.state_dict()["state"].items():
            tensors |= {f"moments.{number}.{name}": torch.as_tensor(value) for name, value in moments.items()}
        words = {
            "recipe": asdict(recipe),
            "step": self.step,
            "best_score": self.best_score,
            "best_step": self.best_step,
            "seconds": self.seconds,
            "losses": self.losses,
            "scores": self.scores,
        }
        part = folder / f"{TENSORS}.part"
        notes = {"words": json.dumps(words)}  # inside the tensors' file, so that one rename replaces both
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, part, notes)
        part.replace(folder / TENSORS)
        words_part = folder / f"{WORDS}.part"
        words_part.write_text(json.dumps(words, indent=1))
        words_part.replace(folder / WORDS)

    @classmethod
    def load(cls, folder: Path, recipe: Any, net: nn.Module, optimiser: torch.optim.Optimizer) -> Checkpoint | None:
        """Go on from a checkpoint: fill the net and the optimiser.

        Args:
            folder: where it lies.
            recipe: the recipe that is asked for.
            net: to fill.
            optimiser: to fill.

        Returns:
            What happened so far, or None where there is no checkpoint.

        Raises:
            InputError: if it is of another recipe, or damaged.
        """
        from safetensors import SafetensorError, safe_open
        from safetensors.torch import load_file

        file = folder / TENSORS
        if not file.is_file():
            return None
        try:
            with safe_open(file, "pt") as opened:
                words = json.loads((opened.metadata() or {})["words"])
            tensors = load_file(file)
        except (SafetensorError, KeyError, ValueError):
            raise InputError(f"the checkpoint {file} is damaged; remove it to start anew") from None
        if words["recipe"] != json.loads(json.dumps(asdict(recipe))):
            raise InputError(f"the checkpoint in {folder} is of another recipe; leave --resume out to start anew")
        net.load_state_dict(_under("net.", tensors))
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _under("moments.", tensors).items():
            number, _, part = name.partition(".")
            moments.setdefault(int(number), {})[part] = tensor
        optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
        return cls(
            _under("best.", tensors),
            words["best_score"],
            words["best_step"],
            words["step"],
            words["seconds"],
            words["losses"],
            [(int(step), float(score)) for step, score in words["scores"]],
        )


def _copy(net: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}

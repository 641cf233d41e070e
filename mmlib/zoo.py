"""The trained nets: a card for each, and its weights once their checksum has been found right."""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mmlib.errors import InputError, unknown

if TYPE_CHECKING:
    from torch import nn

    from mmlib.inference import Engine

REGISTRY = "registry.toml"


@dataclass(frozen=True)
class Limits:
    """What a net can take.

    Attributes:
        channels: 1 grey or 3 RGB.
        multiple: rows and columns must be a multiple of this many pixels; 1 takes any.
        low: least value.
        high: greatest value.
    """

    channels: int
    multiple: int
    low: float = 0.0
    high: float = 1.0


@dataclass(frozen=True)
class Score:
    """How well a net does.

    Attributes:
        name: of the number, such as ``"SROCC on unseen families"``.
        value: the number.
        low: lower end of its 95 % interval.
        high: upper end.
        command: what prints it.
        better: which direction is better; ``"none"`` where neither is, or the card does not say.
    """

    name: str
    value: float
    low: float
    high: float
    command: str
    better: Literal["higher", "lower", "none"] = "none"

    def direction(self) -> str:
        """Say which direction is better, such as ``"higher is better"``; empty where neither is."""
        return "" if self.better == "none" else f"{self.better} is better"

    def words(self) -> str:
        """Write the number with its interval and direction, such as ``1.143 (0.929 to 1.375), higher is better``."""
        numbers = f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"
        return ", ".join(filter(None, [numbers, self.direction()]))


@dataclass(frozen=True)
class Card:
    """What is known of a trained net.

    Attributes:
        name: what commands call it.
        title: how it is printed.
        task: what it is for, one sentence.
        net: the class of the net, ``"module.Class"`` in `mmlib.nets`.
        config: the sizes of the net, by the names of its config.
        limits: what it can take.
        trained_on: the pictures it learned from, and their targets.
        device: what it was trained on.
        seconds: how long that took.
        date: when it was finished, ``"2026-05-22"``.
        command: what trains it.
        scores: how well it does.
        licence: of the weights.
        file: their file's name.
        sha256: of the file.
        bytes: of the file.
    """

    name: str
    title: str
    task: str
    net: str
    config: Mapping[str, Any]
    limits: Limits
    trained_on: str
    device: str
    seconds: float
    date: str
    command: str
    scores: tuple[Score, ...]
    licence: str
    file: str
    sha256: str
    bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON, a table or a page needs."""
        return asdict(self)

    def rows(self) -> dict[str, Any]:
        """Give what a person reads, a word or a line for each."""
        colours = "grey" if self.limits.channels == 1 else "RGB"
        size = "any size" if self.limits.multiple == 1 else f"sides a multiple of {self.limits.multiple} px"
        return {
            "name": self.name,
            "title": self.title,
            "task": self.task,
            "net": f"{self.net} ({', '.join(f'{key} {value}' for key, value in self.config.items())})",
            "limits": f"{colours}, {self.limits.low:g} to {self.limits.high:g}, {size}",
            "trained_on": self.trained_on,
            "training": f"{self.command}; {self.seconds:.0f} s on {self.device}, {self.date}",
            **{score.name: score.words() for score in self.scores},
            "scored_by": "; ".join(sorted({score.command for score in self.scores})),
            "licence": self.licence,
            "file": f"{self.file}, {self.bytes / 1e6:.2f} MB, sha256 {self.sha256}",
        }


def weights_folder() -> Path:
    """Say where weights are looked for: ``MMLIB_WEIGHTS``, or ``weights/`` of the checkout."""
    told = os.environ.get("MMLIB_WEIGHTS")
    return Path(told).expanduser() if told else Path(__file__).resolve().parents[1] / "weights"


def cards(folder: Path | None = None) -> dict[str, Card]:
    """Give the card of every trained net.

    Args:
        folder: where the registry lies; `weights_folder` if None.

    Returns:
        Cards by their names, in the order of the registry; none where there is no registry.

    Raises:
        InputError: if the registry cannot be read.
    """
    file = (weights_folder() if folder is None else folder) / REGISTRY
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the registry of weights {file} cannot be read: {error}; restore it") from None
    try:
        return dict(_parsed(text))
    except (tomllib.TOMLDecodeError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"the registry of weights {file} is damaged: {error}; restore it") from None


def card(name: str) -> Card:
    """Give the card of a net.

    Args:
        name: as `cards` has it.

    Returns:
        The card.

    Raises:
        InputError: if no net has that name, or the registry cannot be read.
    """
    known = cards()
    if name not in known:
        if not known:
            raise InputError(
                f"there are no trained nets in {weights_folder()}; take the folder weights of the repository and name "
                "it in MMLIB_WEIGHTS"
            )
        raise unknown("model", name, known)
    return known[name]


def weights_path(name: str) -> Path:
    """Give the file of a net's weights, after its checksum has been found right.

    Args:
        name: as `cards` has it.

    Returns:
        The file.

    Raises:
        InputError: if no net has that name, or the file is missing, damaged or another one.
    """
    known = card(name)
    file = weights_folder() / known.file
    try:
        facts = file.stat()
    except OSError:
        raise InputError(
            f"the weights of {known.title} are missing: there is no file {file}; take it from the repository, or train "
            f"it: {known.command}"
        ) from None
    found = _sha256(file, facts.st_size, facts.st_mtime_ns)
    if facts.st_size < known.bytes:
        raise InputError(
            f"{file.name} has {facts.st_size} of {known.bytes} bytes, so it is not whole; take the repository's own"
        )
    if found != known.sha256:
        raise InputError(
            f"{file.name} is damaged or not the file that its card describes (sha256 {found[:12]}..., expected "
            f"{known.sha256[:12]}...); take it from the repository again"
        )
    return file


def load(name: str) -> nn.Module:
    """Load a trained net; torch is imported only now.

    Args:
        name: as `cards` has it.

    Returns:
        The net on the CPU, in float32, ready to judge.

    Raises:
        InputError: if no net has that name, its weights are missing or damaged, or they do not fit the net.
    """
    from importlib import import_module

    from safetensors import SafetensorError
    from safetensors.torch import load_file

    known = card(name)
    file = weights_path(name)
    module, _, kind = known.net.partition(".")
    try:
        home = import_module(f"mmlib.nets.{module}")
        net: nn.Module = getattr(home, kind)(getattr(home, f"{kind}Config")(**known.config))
        net.load_state_dict(load_file(file))
    except (ImportError, AttributeError, TypeError, RuntimeError, SafetensorError) as error:
        words = " ".join(str(error).split())[:200]
        raise InputError(f"the weights in {file.name} do not fit the net {known.net}: {words}") from None
    return net.float().eval().requires_grad_(False)


def engine(name: str, device: str = "auto", part: str = "forward") -> Engine:
    """Give a trained net that is called with numpy arrays, wherever it runs; see `mmlib.inference.Engine`.

    Args:
        name: as `cards` has it.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ...
        part: the method of the net that is called.

    Returns:
        The engine; the same one each time, as long as the weights stay as they are. It starts at its first call.

    Raises:
        InputError: if no net has that name, or its weights are missing or damaged.
    """
    weights_path(name)
    return _engine(name, card(name).sha256, str(weights_folder()), device, part)


@lru_cache(maxsize=32)
def _engine(name: str, sha256: str, folder: str, device: str, part: str) -> Engine:
    """Make an engine once for each file of weights in each folder."""
    from mmlib.inference import Engine

    shape = (1, card(name).limits.channels, 64, 64)
    return Engine(lambda: load(name), key=f"{sha256} {_nets_code()}", inputs=(shape,), device=device, part=part)


@cache
def _nets_code() -> str:
    """Name the version of the nets: a net that was compiled of other code does not count."""
    digest = hashlib.sha256()
    for file in sorted((Path(__file__).parent / "nets").glob("*.py")):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


@lru_cache(maxsize=4)
def _parsed(text: str) -> dict[str, Card]:
    """Read a registry; once, as long as it stays as it is."""
    return {name: _card(name, entry) for name, entry in tomllib.loads(text).items()}


def _card(name: str, entry: dict[str, Any]) -> Card:
    scores = tuple(Score(**score) for score in entry.get("scores", ()))
    config = {key: tuple(value) if isinstance(value, list) else value for key, value in entry["config"].items()}
    return Card(**{**entry, "name": name, "config": config, "limits": Limits(**entry["limits"]), "scores": scores})


@cache
def _sha256(file: Path, size: int, changed_ns: int) -> str:
    """Hash a file; once, as long as it stays as it is."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()

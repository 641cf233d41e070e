"""The last act of a training: the weights, and their card in the registry."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mmlib.zoo import REGISTRY, Card

HEAD = (
    "# One card per trained net; `mmlib models` shows them. Written by `mmlib train`; a file must match its sha256.\n"
)


def write_weights(net: nn.Module, config: Mapping[str, Any], file: Path) -> tuple[str, int]:
    """Write weights in half precision.

    Args:
        net: whose weights.
        config: the sizes of the net, kept beside the tensors.
        file: where to, ``.safetensors``; replaced whole.

    Returns:
        The sha256 of the file and its bytes.
    """
    from safetensors.torch import save_file

    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    tensors = {name: t.detach().cpu().to(torch.float16).contiguous() for name, t in net.state_dict().items()}
    save_file(tensors, part, {name: str(value) for name, value in config.items()})
    part.chmod(0o644)
    content = part.read_bytes()
    part.replace(file)
    return hashlib.sha256(content).hexdigest(), len(content)


def write_card(card: Card, folder: Path) -> None:
    """Put a card into the registry, in the place of the one of the same name.

    Args:
        card: what is known of the net.
        folder: where the registry lies.
    """
    file = folder / REGISTRY
    known = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    entry = asdict(card)
    del entry["name"]
    known[card.name] = entry
    part = file.with_suffix(".part")
    part.write_text(HEAD + "".join(_section(name, known[name]) for name in sorted(known)), encoding="utf-8")
    part.replace(file)


def _section(name: str, entry: Mapping[str, Any]) -> str:
    lines = [f"\n[{name}]"]
    for key, value in entry.items():
        if key != "scores":
            lines.append(f"{key} = {_value(value)}")
    for score in entry.get("scores", ()):
        lines += ["", f"[[{name}.scores]]", *(f"{key} = {_value(value)}" for key, value in score.items())]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    """Write a value of a card as TOML: its words, numbers and lists look as in JSON."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(part)}" for key, part in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)

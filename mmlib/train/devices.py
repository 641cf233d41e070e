"""Where a training runs, and how its card says so."""

from __future__ import annotations

import platform

import torch

from mmlib.errors import InputError


def choose_device(name: str) -> torch.device:
    """Find a device.

    Args:
        name: ``"auto"`` takes a GPU where there is one; ``"cpu"``, ``"cuda"``, ...

    Returns:
        The device.

    Raises:
        InputError: if it is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError):
        raise InputError(f"the device {name!r} is not there; choose auto or cpu") from None
    return device


def device_words(device: torch.device) -> str:
    """Describe a device for a card."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU ({platform.machine()}), threads: {torch.get_num_threads()}"

"""mmlib: which parts of a z-stack are in focus, and one sharp picture of them all, for mobile microscopes.

>>> import mmlib
>>> stack = mmlib.open_stack("onion")              # doctest: +SKIP
>>> fused = mmlib.fuse(stack, method="best")       # doctest: +SKIP
>>> fused.picture.shape, fused.depth.shape         # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mmlib.version import __version__

if TYPE_CHECKING:
    from mmlib.deblurring import deblur
    from mmlib.errors import Cancelled, InputError
    from mmlib.focusing import focus
    from mmlib.fusing import fuse
    from mmlib.measuring import measure
    from mmlib.pipeline import run
    from mmlib.simulation import simulate
    from mmlib.specimens import open_source as open_stack
    from mmlib.stacks import ZStack

_HOMES = {
    "Cancelled": "mmlib.errors",
    "InputError": "mmlib.errors",
    "ZStack": "mmlib.stacks",
    "deblur": "mmlib.deblurring",
    "focus": "mmlib.focusing",
    "fuse": "mmlib.fusing",
    "measure": "mmlib.measuring",
    "open_stack": "mmlib.specimens",
    "run": "mmlib.pipeline",
    "simulate": "mmlib.simulation",
}

__all__ = [
    "Cancelled",
    "InputError",
    "ZStack",
    "__version__",
    "deblur",
    "focus",
    "fuse",
    "measure",
    "open_stack",
    "run",
    "simulate",
]


def __getattr__(name: str) -> Any:
    """Load a name when it is first used, so that `import mmlib` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'mmlib' has no attribute {name!r}")
    inside = "open_source" if name == "open_stack" else name
    return getattr(import_module(_HOMES[name]), inside)


def __dir__() -> list[str]:
    """List the front door."""
    return sorted(__all__)

"""A net that is called with numpy arrays, wherever it runs."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmlib.errors import InputError
from mmlib.inference import kept
from mmlib.inference.compiling import Shape, agree, export, open_session, run_session

if TYPE_CHECKING:
    from torch import nn

Answer = NDArray[np.float32] | tuple[NDArray[np.float32], ...]
FORM = 1
"""Rises when compiled nets of older versions no longer count."""
MOST_THREADS = 4
EXAMPLE: tuple[Shape, ...] = ((1, 3, 64, 64),)


class Engine:
    """A net, called with (N, C, H, W) float32 arrays of any N, H and W that the net takes.

    On a processor the net is compiled for ONNX Runtime at its first call, checked against torch, and kept on disk, so
    that later processes start it without torch. Where ONNX Runtime is missing or cannot, torch runs it. On a graphics
    card torch runs it, in float32.

    Args:
        make: builds the net, on the CPU, in float32, ready to judge; called only where it is needed.
        key: names the net with its weights, such as their sha256: equal keys are taken for equal nets.
        inputs: shapes of example inputs, (N, C, H, W) or (N, C); what the net itself says counts first: its
            ``inputs``, if it has any, map the names of its methods to such shapes.
        part: the method of the net that is called.
        device: ``"auto"`` takes a graphics card where torch sees one; ``"cpu"``, ``"cuda"``, ...
        threads: how many a processor may use; None takes ``OMP_NUM_THREADS``, or as many as there are, up to four.
        compiled: whether ONNX Runtime may be used; without it torch is the reference.
        folder: where compiled nets are kept; `kept.folder` if None.
    """

    def __init__(
        self,
        make: Callable[[], nn.Module],
        *,
        key: str,
        inputs: Sequence[Shape] = EXAMPLE,
        part: str = "forward",
        device: str = "auto",
        threads: int | None = None,
        compiled: bool = True,
        folder: Path | None = None,
    ) -> None:
        self._make, self._inputs, self._part = make, inputs, part
        self._name = hashlib.sha256(repr((FORM, key, part, tuple(inputs))).encode()).hexdigest()[:32]
        self._asked, self._device = device, ""
        self._threads = count_threads() if threads is None else max(1, threads)
        self._compiled, self._folder = compiled, folder
        self._session: Any = None
        self._net: Any = None
        self._started, self._lock = False, threading.Lock()

    @property
    def device(self) -> str:
        """Where it runs: ``"cpu"``, ``"cuda"``, ..."""
        self._start()
        return self._device

    @property
    def runs_on(self) -> str:
        """What runs it: ``"onnxruntime"`` or ``"torch"``."""
        self._start()
        return "torch" if self._session is None else "onnxruntime"

    def __call__(self, *inputs: NDArray[Any]) -> Answer:
        """Run the net.

        Args:
            *inputs: one array an input of the net, usually one of (N, C, H, W).

        Returns:
            float32, one array or a tuple, as the net gives them.

        Raises:
            InputError: if the device is not there, or the arrays do not fit the net.
        """
        self._start()
        given = [np.ascontiguousarray(array, np.float32) for array in inputs]
        try:
            answers = run_session(self._session, given) if self._session is not None else self._run(given)
        except InputError:
            raise
        except Exception as error:
            if "out of memory" in str(error).lower():
                raise InputError(
                    f"there is not enough memory on {self._device} for {given[0].shape}; use smaller tiles or the cpu"
                ) from None
            shapes = ", ".join(str(array.shape) for array in given)
            words = " ".join(str(error).split())[:200]
            raise InputError(f"the net does not take arrays of {shapes}: {words}") from None
        return answers[0] if len(answers) == 1 else tuple(answers)

    def _start(self) -> None:
        if self._started:
            return
        with self._lock:
            if not self._started:
                self._begin()

    def _begin(self) -> None:
        self._device = choose_device(self._asked)
        if self._device == "cpu" and self._compiled:
            self._session = self._compile()
        if self._session is None and self._net is None:
            self._net = self._place(self._built())
        self._started = True

    def _compile(self) -> Any:
        """Start the compiled net; None where that does not work, whatever the reason: torch does."""
        model = kept.find(self._name, self._folder)
        if model is not None:
            try:
                return open_session(model, self._threads)
            except Exception:
                kept.drop(self._name, self._folder)
        net = self._built()
        try:
            shapes = self._shapes(net)
            model = export(net, shapes)
            session = open_session(model, self._threads)
            if not agree(session, net, shapes):
                raise ArithmeticError("ONNX Runtime and torch do not agree")
        except Exception:
            self._net = self._place(net)
            return None
        kept.keep(self._name, model, self._folder)
        return session

    def _built(self) -> nn.Module:
        net = self._make().eval().requires_grad_(False)
        return net if self._part == "forward" else _part_of(net, self._part)

    def _shapes(self, net: nn.Module) -> Sequence[Shape]:
        own: Any = getattr(net, "inputs", None) or {}
        return tuple(own.get(self._part, self._inputs))

    def _place(self, net: nn.Module) -> nn.Module:
        import torch

        return net.to(self._device).to(memory_format=torch.channels_last)

    def _run(self, given: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        import torch

        with torch.inference_mode():
            tensors = [torch.from_numpy(array).to(self._device) for array in given]
            answers = self._net(*tensors)
            found = answers if isinstance(answers, tuple) else (answers,)
            return [answer.float().cpu().contiguous().numpy() for answer in found]


def _part_of(net: nn.Module, part: str) -> nn.Module:
    """Give a net whose forward is a method of another."""
    from torch import nn

    class Part(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net
            self.inputs = getattr(net, "inputs", None)

        def forward(self, *given: Any) -> Any:
            return getattr(self.net, part)(*given)

    return Part().eval()


def choose_device(name: str) -> str:
    """Find a device; torch is asked only where there may be a graphics card.

    Args:
        name: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"mps"``, ...

    Returns:
        The device's name for torch.

    Raises:
        InputError: if it is not there.
    """
    if name == "cpu" or (name == "auto" and "torch" not in sys.modules and not _may_have_card()):
        return "cpu"
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise InputError(f"the device {name!r} is not there; choose auto or cpu") from None
    return name


def count_threads() -> int:
    """Say how many threads a net may use: ``OMP_NUM_THREADS``, or the processors of this process, up to four."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    if told.isdigit() and int(told) > 0:
        return int(told)
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(there, MOST_THREADS)


def _may_have_card() -> bool:
    if os.environ.get("CUDA_VISIBLE_DEVICES") == "":
        return False
    return sys.platform == "win32" or Path("/dev/nvidiactl").exists() or Path("/dev/kfd").exists()

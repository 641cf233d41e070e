"""From a torch net to one that ONNX Runtime runs, checked against torch before anybody trusts it."""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import nn

Shape = tuple[int, ...]
AGREEMENT = 1e-3
"""Most that the two may differ, for answers of the order of 1."""
OPSET = 17
_EXPORTING = threading.Lock()  # torch exports one net at a time


def examples(shapes: Sequence[Shape], *, larger: bool = False) -> list[NDArray[np.float32]]:
    """Make inputs of given shapes, the same ones each time.

    Pictures are waves that all planes share, and a little noise: frames of a stack are alike, and on inputs that no net
    has learned from the last digit may grow without bound.

    Args:
        shapes: (N, C, H, W) or (N, C).
        larger: another number of pictures of another size, to see that a net takes any.

    Returns:
        Values in 0..1.
    """
    luck = np.random.default_rng(0)
    if larger:
        shapes = [(2, shape[1], *(size * by for size, by in zip(shape[2:], (2, 3), strict=False))) for shape in shapes]
    return [_picture(luck, shape) if len(shape) == 4 else luck.random(shape, dtype=np.float32) for shape in shapes]


def _picture(luck: np.random.Generator, shape: Shape) -> NDArray[np.float32]:
    down, right = np.mgrid[: shape[2], : shape[3]].astype(np.float32)
    waves = np.zeros(shape[2:], np.float32)
    for _ in range(8):
        a, b, phase = luck.uniform(-0.4, 0.4), luck.uniform(-0.4, 0.4), luck.uniform(0, 2 * np.pi)
        waves += np.sin(a * down + b * right + phase, dtype=np.float32)
    noise = luck.standard_normal(shape, dtype=np.float32)
    picture: NDArray[np.float32] = np.clip(0.5 + 0.06 * waves + 0.02 * noise, 0, 1, dtype=np.float32)
    return picture


def export(net: nn.Module, shapes: Sequence[Shape]) -> bytes:
    """Write a net as ONNX; the number of pictures and their height and width stay open.

    Args:
        net: on the CPU, in float32, ready to judge.
        shapes: of its inputs.

    Returns:
        The ONNX file.

    Raises:
        Exception: whatever torch raises where a net cannot be exported.
    """
    import torch

    given = tuple(torch.from_numpy(example) for example in examples(shapes))
    with _EXPORTING, warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        answers = net(*given)
        count = len(answers) if isinstance(answers, tuple) else 1
        axes = {f"in{i}": _open_axes(len(shape)) for i, shape in enumerate(shapes)}
        found = answers if isinstance(answers, tuple) else (answers,)
        axes |= {f"out{i}": _open_axes(answer.ndim) for i, answer in enumerate(found)}
        written: Any = io.BytesIO()  # torch's types know files alone
        torch.onnx.export(
            net, given, written, dynamo=False, opset_version=OPSET, dynamic_axes=axes,
            input_names=[f"in{i}" for i in range(len(shapes))], output_names=[f"out{i}" for i in range(count)],
        )  # fmt: skip
    return bytes(written.getvalue())


def open_session(model: bytes, threads: int) -> Any:
    """Start ONNX Runtime on a model.

    Args:
        model: an ONNX file.
        threads: how many it may use.

    Returns:
        A session; it may be used by several threads at once.

    Raises:
        Exception: whatever ONNX Runtime raises where it is not installed or cannot read the model.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting threads use no processor
    options.enable_mem_pattern = False  # tiles at the edges have sizes of their own
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run_session(session: Any, inputs: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Run a session.

    Args:
        session: from `open_session`.
        inputs: one array an input.

    Returns:
        One array an output.
    """
    names = [given.name for given in session.get_inputs()]
    answers: list[NDArray[np.float32]] = session.run(None, dict(zip(names, inputs, strict=True)))
    return answers


def agree(session: Any, net: nn.Module, shapes: Sequence[Shape]) -> bool:
    """Say whether a session answers as torch does, at another size than it was exported at.

    Args:
        session: from `open_session`.
        net: the same net.
        shapes: as it was exported with.

    Returns:
        True where no value differs by more than `AGREEMENT`, or that share of the largest.
    """
    import torch

    given = examples(shapes, larger=True)
    with torch.inference_mode():
        answers = net(*(torch.from_numpy(example) for example in given))
    wanted = [answer.numpy() for answer in (answers if isinstance(answers, tuple) else (answers,))]
    found = run_session(session, given)
    return all(
        one.shape == other.shape
        and np.allclose(one, other, rtol=0, atol=AGREEMENT * max(1.0, float(np.abs(other).max())))
        for one, other in zip(found, wanted, strict=True)
    )


def _open_axes(count: int) -> dict[int, str]:
    """Name the axes that may have any length: pictures, rows, columns."""
    names = {0: "n", 2: "h", 3: "w"}
    return {axis: name for axis, name in names.items() if axis < count}

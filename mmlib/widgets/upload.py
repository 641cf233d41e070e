"""The upload of files in pieces, with progress, from a picker or by drag and drop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from mmlib.widgets.intake import PIECE_BYTES, Intake, amount
from mmlib.widgets.modules import join_modules, join_styles


class ChunkedUpload(anywidget.AnyWidget):
    """Files from the user's machine into a folder of the server's, of any size that the limit allows.

    Pieces are acknowledged one by one and checked by SHA-256 where the browser can; a line that breaks costs nothing
    but time. A file stands in the folder only once it is whole.

    Attributes:
        busy: whether a file is on its way.
        label: what the button says.
        hint: a few words beneath it.
    """

    _esm = join_modules("upload")
    _css = join_styles("theme", "upload")

    busy = traitlets.Bool(False).tag(sync=True)
    label = traitlets.Unicode("Choose files").tag(sync=True)
    hint = traitlets.Unicode("").tag(sync=True)
    _accept = traitlets.Unicode("").tag(sync=True)
    _several = traitlets.Bool(True).tag(sync=True)
    _piece_bytes = traitlets.Int(PIECE_BYTES).tag(sync=True)

    def __init__(
        self,
        folder: Path | str,
        *,
        suffixes: Sequence[str] = (),
        limit_bytes: int = 2 * 10**9,
        several: bool = True,
        **traits: Any,
    ) -> None:
        """Offer an upload into a folder.

        Args:
            folder: where files go; made when the first comes.
            suffixes: the endings taken, such as ``(".mp4", ".tif")``; none takes all.
            limit_bytes: the largest file taken.
            several: whether more than one file may be chosen at once.
            **traits: any attribute of the class.
        """
        self._intake = Intake(Path(folder), limit_bytes=limit_bytes, suffixes=suffixes)
        self._on_done: list[Callable[[Path], None]] = []
        traits.setdefault("hint", f"or drop them here, up to {amount(limit_bytes)} each")
        super().__init__(_accept=",".join(suffixes), _several=several, **traits)
        self.on_msg(self._receive)

    def on_done(self, callback: Callable[[Path], None]) -> None:
        """Call something whenever a file is whole.

        Args:
            callback: called with the path.
        """
        self._on_done.append(callback)

    def close(self) -> None:
        """Take the widget off the page and forget files that are not whole."""
        self._intake.close()
        super().close()

    def _receive(self, _: object, message: dict[str, Any], buffers: Sequence[Any]) -> None:
        answer, path = self._intake.handle(message, buffers or ())
        self.send(answer)
        if path is not None:
            for callback in self._on_done:
                callback(path)

"""A plot of curves over the planes of a stack, on which a plane can be chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import anywidget
import numpy as np
import traitlets

from mmlib.errors import InputError
from mmlib.widgets.modules import join_modules, join_styles


class CurvePlot(anywidget.AnyWidget):
    """Named curves over the planes of a stack; a click, a drag or an arrow key chooses the plane.

    Every curve is drawn between its own least and greatest value, because measures of focus have units of their own;
    the pointer reads the values as they are. To tie it to a view in the browser:
    ``ipywidgets.jslink((view, "index"), (plot, "index"))``; the first of the two is the one whose plane is kept.

    Attributes:
        index: the chosen plane.
        height: height of the plot, CSS.
        label: what the plot is called by a screen reader.
        hidden: names of the curves that the user switched off.
    """

    _esm = join_modules("curve_plot")
    _css = join_styles("theme", "curve_plot")

    index = traitlets.Int(0, min=0).tag(sync=True)
    height = traitlets.Unicode("220px").tag(sync=True)
    label = traitlets.Unicode("Focus curves").tag(sync=True)
    hidden: traitlets.List[str] = traitlets.List(traitlets.Unicode()).tag(sync=True)
    _curves: traitlets.List[Any] = traitlets.List().tag(sync=True)
    _z_um: traitlets.List[Any] = traitlets.List().tag(sync=True)

    def __init__(self, curves: Mapping[str, Any] | None = None, **traits: Any) -> None:
        """Make a plot, and show curves if there are any.

        Args:
            curves: name -> (K,) values.
            **traits: any attribute of the class, and ``z_um`` as for `show`.
        """
        z_um = traits.pop("z_um", None)
        super().__init__(**traits)
        if curves:
            self.show(curves, z_um=z_um)

    def show(
        self,
        curves: Mapping[str, Any],
        *,
        best: Mapping[str, int] | None = None,
        z_um: Sequence[float] | None = None,
    ) -> None:
        """Show other curves.

        Args:
            curves: name -> (K,) values, one for each plane; values that are not finite leave a gap.
            best: name -> the plane to mark; where not given, the plane of the greatest value.
            z_um: height of each plane in micrometres, if known.

        Raises:
            InputError: if curves are missing, empty or of unlike length.
        """
        values = {name: np.asarray(curve, dtype=float).ravel() for name, curve in curves.items()}
        lengths = {len(curve) for curve in values.values()}
        if len(lengths) != 1 or 0 in lengths:
            raise InputError(f"curves to plot must have one value for each plane; their lengths are {sorted(lengths)}")
        told = []
        for name, curve in values.items():
            known = np.isfinite(curve)
            top = int(np.argmax(np.where(known, curve, -np.inf))) if known.any() else None
            told.append(
                {
                    "name": name,
                    "values": [float(f"{v:.6g}") if ok else None for v, ok in zip(curve, known, strict=True)],
                    "best": (best or {}).get(name, top),
                }
            )
        with self.hold_sync():
            self._z_um = [] if z_um is None else [float(z) for z in z_um]
            self._curves = told
            self.index = min(self.index, lengths.pop() - 1)

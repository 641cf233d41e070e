"""Numbers of the net that weighs frames: training, which needs torch, and use, which does without, share them."""

from __future__ import annotations

FEATURES = 11
"""What the net is told of a frame at one scale: the first of what `mmlib.nets.stack_looks.look` lists."""

MOST = 24.0
"""Logarithms of weights stay within this of 0: sums of their exponentials fit float32, and a frame can be silent."""

ROUNDING = 1 / 12
"""Variance of rounding to one byte, in grey levels squared: what the net takes for the least noise."""

AROUND = 25
"""What lies around is averaged twice over squares with edges of so many places, at each level."""

AS_MUCH = 0.5
"""Logarithm of how far the energy around may be from that here to count in part; beyond, not at all or wholly."""

REAL = 1.0
"""Energy around e to the so much of the noise's does not count yet; e times that, all."""

NEARLY = 0.5
"""Frames of which the energy around is e to the minus so much of the highest are about as sharp there."""

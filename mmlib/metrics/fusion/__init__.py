"""Measures of fusion against the source frames, where no true picture is known: Q_AB/F, Q_MI, Q_Y, Q_CB and VIFF.

They tell how much of the sources is in the fused picture, not whether it is right: a halo that keeps every edge scores
well. Where there is a true picture, `mmlib.metrics.reference` comes first. All work on the luma in 0..255 and on any
number of sources; with two they are the published ones.
"""

from mmlib.metrics.fusion.contrast import q_cb
from mmlib.metrics.fusion.edges import q_abf
from mmlib.metrics.fusion.fidelity import viff
from mmlib.metrics.fusion.mutual import q_mi
from mmlib.metrics.fusion.similarity import q_y

__all__ = ["q_abf", "q_cb", "q_mi", "q_y", "viff"]

"""Measures that need nothing but the picture: BRISQUE, CNNIQA and CNNIQA++.

Those of sharpness are in `mmlib.sharpness`; a floor above adds them to these.
"""

from mmlib.metrics.natural_scenes import brisque, brisque_features
from mmlib.metrics.patch_nets import cnniqa, cnniqa_plus, load_cnniqa, load_cnniqa_plus

__all__ = ["brisque", "brisque_features", "cnniqa", "cnniqa_plus", "load_cnniqa", "load_cnniqa_plus"]

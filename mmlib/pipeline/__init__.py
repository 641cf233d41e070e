"""From a source to results on disk, by named stages: one verb, or the whole way."""

from mmlib.pipeline.deblurred import deblur_frame, deblur_source, write_all_deblurred, write_deblurred
from mmlib.pipeline.measured import measure_source
from mmlib.pipeline.plan import Plan
from mmlib.pipeline.retouched import retouch, retouch_source
from mmlib.pipeline.running import Outcome, run, run_source
from mmlib.pipeline.sources import depth_unit, open_frames, provenance
from mmlib.pipeline.targets import check_targets
from mmlib.pipeline.verbs import VERBS, focus_source, fuse_source, run_verb, select_source
from mmlib.pipeline.writing import write_curve, write_depth, write_frames, write_fused

__all__ = [
    "VERBS",
    "Outcome",
    "Plan",
    "check_targets",
    "deblur_frame",
    "deblur_source",
    "depth_unit",
    "focus_source",
    "fuse_source",
    "measure_source",
    "open_frames",
    "provenance",
    "retouch",
    "retouch_source",
    "run",
    "run_source",
    "run_verb",
    "select_source",
    "write_all_deblurred",
    "write_curve",
    "write_deblurred",
    "write_depth",
    "write_frames",
    "write_fused",
]

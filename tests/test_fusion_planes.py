"""Fusion by the number of frames: rows that agree with each other and with what is measured directly."""

from dataclasses import replace

import numpy as np
import pytest

from mmlib.experiments.fusion_planes import BEST_FRAME, measure_planes, table
from mmlib.experiments.recipes import scene


@pytest.mark.slow
def test_every_method_is_held_against_both_pictures_and_the_best_frame() -> None:
    recipe = replace(scene("tissue_section-92", "tissue_section", "test", height=96, width=96), eyepiece=None)
    rows = measure_planes([recipe], ["mean", "pyramid"], counts=(2, 4))
    assert [(row.count, row.method) for row in rows] == [
        (count, method) for count in (2, 4) for method in ("mean", "pyramid", BEST_FRAME)
    ]
    assert all(10 < number < 60 for row in rows for number in (row.focused, row.psnr))
    assert [np.isnan(row.depth) for row in rows] == [row.method == BEST_FRAME for row in rows]
    by = {(row.count, row.method): row for row in rows}
    assert by[4, BEST_FRAME].focused >= by[2, BEST_FRAME].focused - 0.5  # more frames, one nearer to focus
    words = table(rows)
    assert f"{by[4, 'pyramid'].focused:.2f} / {by[4, 'pyramid'].psnr:.2f}" in words
    assert len(words.splitlines()) == 2 + 3

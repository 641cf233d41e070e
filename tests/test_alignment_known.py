"""Drift that is known: what the experiment on alignment shakes, measures and sums up."""

import numpy as np
import pytest

from mmlib.errors import InputError
from mmlib.experiments.alignment import Aligned, measure, measure_stacks, shaken, table
from mmlib.io import write_picture
from mmlib.simulation import simulate
from mmlib.stacks import from_array


def test_frames_are_moved_by_the_steps_it_names_and_no_border_is_made_up() -> None:
    y, x = np.mgrid[:120, :160].astype(float)
    ramp = np.clip(np.stack([x, y, x + y], -1) / 2 + 20, 0, 255).astype(np.uint8)
    moved, steps = shaken(from_array(np.stack([ramp] * 4)), 3.0, 5)
    assert steps[0].tolist() == [0, 0]
    assert np.abs(steps).max() <= 9
    assert moved.shape == (120 - 2 * 11, 160 - 2 * 11, 3)
    for frame, (right, down) in zip(moved, steps, strict=True):
        away = moved[0].astype(float) - frame  # what has moved right shows what lay to the left of it
        assert away[..., 0].mean() == pytest.approx(right / 2, abs=0.5)
        assert away[..., 1].mean() == pytest.approx(down / 2, abs=0.5)


def test_a_fast_scan_that_jumps_is_laid_together_and_a_still_one_is_left_alone() -> None:
    scan = simulate("onion_skin", seed=71, planes=16, speed=4, height=300, width=400, shake=0.0)
    still = np.zeros((len(scan.stack), 2))
    assert measure("speed 4", "onion", scan.stack, still, 0.0, 3).decided is False
    jumped = measure("speed 4", "onion", scan.stack, still, 8.0, 3)
    assert jumped.before_px > 5
    assert jumped.after_px < 0.1 * jumped.before_px


def test_transparent_cells_that_turn_over_are_still_found() -> None:
    scan = simulate("living_cells", seed=41, planes=14, speed=3, height=300, width=400, shake=0.0)
    jumped = measure("speed 3", "cells", scan.stack, np.zeros((len(scan.stack), 2)), 8.0, 1)
    assert jumped.before_px > 5
    assert jumped.after_px < 0.5 * jumped.before_px


def test_the_table_counts_what_was_moved_and_what_lost() -> None:
    rows = [
        Aligned("speed 1", "a", 2.0, 3.0, 0.5, decided=True),
        Aligned("speed 1", "b", 2.0, 1.0, 1.5, decided=True),
        Aligned("speed 1", "c", 2.0, 2.0, 2.0, decided=False),
        Aligned("real", "d", 0.0, 0.0, 0.0, decided=False),
    ]
    told = table(rows).splitlines()
    assert "lower is better" in told[0]
    assert told[2].split()[:5] == ["speed", "1", "2", "2.00", "1.33"]
    assert told[2].endswith("2 of 3, 1")
    assert told[3].endswith("0 of 1, 0")


def test_real_stacks_that_lie_still_are_shaken_and_others_left_out(tmp_path) -> None:
    scan = simulate("tissue_section", seed=3, planes=4, height=200, width=260, shake=0.0)
    drifting, _ = shaken(scan.stack, 6.0, 2)
    for name, stack in (("still", scan.stack), ("drifting", drifting)):
        for number, frame in enumerate(stack):
            (tmp_path / name).mkdir(exist_ok=True)
            write_picture(tmp_path / name / f"z{number}.png", frame)
    rows = list(measure_stacks(tmp_path, (0.0, 4.0)))
    assert [(row.source, row.shake_px) for row in rows] == [("still", 0.0), ("still", 4.0)]
    assert rows[1].after_px < 0.3 * rows[1].before_px
    with pytest.raises(InputError, match="holds no stack"):
        list(measure_stacks(tmp_path / "still" / "nothing", (0.0,)))

"""The pipeline against fusing alone: rows that agree with what is measured directly, and gains that are paired."""

from dataclasses import replace
from pathlib import Path

import pytest

from mmlib.errors import InputError
from mmlib.experiments.pipeline_parts import ALONE, WHOLE, Measured, measure_parts, summary, table
from mmlib.experiments.recipes import scene


def test_gains_are_paired_and_their_interval_is_over_specimens() -> None:
    rows = []
    for number, gain in enumerate((0.1, 0.3, -0.1)):
        for speed in (1, 4):
            rows += [Measured(f"s{number}", speed, way, 30 + 5 * number + (way == WHOLE) * gain * speed)
                     for way in (ALONE, WHOLE)]  # fmt: skip
    told = {(row["speed"], row["way"]): row for row in summary(rows)}
    assert told[1, WHOLE]["gain"] == pytest.approx(0.1)
    assert told[4, WHOLE]["gain"] == pytest.approx(0.4)
    over_all = told[None, WHOLE]
    assert over_all["gain"] == pytest.approx(0.25)
    assert over_all["specimens"] == 3  # two scans of a specimen are one draw
    assert over_all["low"] < 0 < over_all["gain"] < over_all["high"]
    assert (over_all["worse"], over_all["scans"]) == (2, 6)
    assert told[None, ALONE]["gain"] == told[None, ALONE]["high"] == 0
    assert "+0.10" in table(rows)
    assert "higher is better" in table(rows)


def test_a_way_that_is_not_known_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMLIB_TABLES", str(tmp_path))
    recipe = replace(scene("tissue_section-93", "tissue_section", "test", height=96, width=96), planes=6)
    with pytest.raises(InputError, match="unknown way"):
        measure_parts([recipe], tmp_path, (1,), ["without light"])


@pytest.mark.slow
def test_without_what_it_adds_the_pipeline_is_fusing_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMLIB_TABLES", str(tmp_path))
    recipe = replace(scene("tissue_section-93", "tissue_section", "test", height=96, width=96), planes=6, eyepiece=None)
    rows = measure_parts([recipe], tmp_path, (1, 4), [WHOLE, "without selection"])
    found = {(row.speed, row.way): row.psnr for row in rows}
    assert set(found) == {(speed, way) for speed in (1, 4) for way in (ALONE, WHOLE, "without selection")}
    assert found[1, "without selection"] == pytest.approx(found[1, ALONE], abs=0.05)  # slow: nothing is deblurred
    assert all(10 < psnr < 60 for psnr in found.values())

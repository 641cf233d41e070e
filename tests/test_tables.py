"""The paper's tables on a tiny benchmark set: honest about what is missing, kept, resumed, and written whole."""

import csv
import io
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import pytest
from processes import below

from mmlib.__main__ import main
from mmlib.errors import Cancelled, InputError
from mmlib.experiments.recipes import Recipe, scene
from mmlib.experiments.tables import NUMBERS, make_table, read_table, write_table
from mmlib.experiments.tables.focus_crops import choose_crops
from mmlib.experiments.tables.keeping import home
from mmlib.experiments.tables.paper import TABLE_1, TABLE_2, TABLE_3
from mmlib.experiments.tables.scans import Scan, open_scans
from mmlib.experiments.tables.table import Table, Value
from mmlib.pages.results import table_html
from mmlib.pictures import to_grey
from mmlib.sharpness import MEASURES

pytest.importorskip("torch")

PRINTED = {1: TABLE_1, 2: TABLE_2, 3: TABLE_3}


def tiny(name: str, split: str, relief: str | None = None) -> Recipe:
    made = scene(name, name.rsplit("-", 1)[0], split, height=128, width=128)
    return replace(made, planes=6, eyepiece=None, relief=relief)


RECIPES = [
    tiny("tissue_section-90", "train"),
    tiny("stem_section-91", "train"),
    tiny("tissue_section-92", "test"),
    tiny("insect_wing-93", "test", "flat"),
]


def kept_files() -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in home().rglob("*") if path.is_file()}


def write_real(folder: Path) -> Path:
    """Two real-looking cases: planes around a sharp one, and planes with a reference."""
    rng = np.random.default_rng(5)
    sharp = cv2.GaussianBlur(rng.random((168, 168)), (0, 0), 1.0)
    sharp = cv2.normalize(sharp, None, 60, 200, cv2.NORM_MINMAX)
    known, referenced = folder / "stacks_known_z" / "a", folder / "stacks_ref" / "b"
    known.mkdir(parents=True)
    referenced.mkdir(parents=True)
    for i, sigma in enumerate((3.0, 0.1, 3.0)):
        plane = cv2.GaussianBlur(sharp, (0, 0), sigma).astype(np.uint8)
        cv2.imwrite(str(known / f"z{i}.png"), plane)
        cv2.imwrite(str(referenced / f"z{i}.png"), cv2.merge([plane] * 3))
    cv2.imwrite(str(referenced / "REF_edf.png"), cv2.merge([sharp.astype(np.uint8)] * 3))
    return folder


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, Table]]:
    folder = tmp_path_factory.mktemp("tables")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MMLIB_TABLES", str(folder / "kept"))
        patch.setenv("MMLIB_CACHE", str(folder / "cache"))
        real = write_real(folder / "real")
        yield {n: made(n, recipes=chosen(n), real=real, processes=1) for n in NUMBERS}


def made(number: int, **choices: Any) -> Table:
    """Make a table; Table 2 without weights, for what a net is worth is no question here, and large nets take long."""
    with pytest.MonkeyPatch.context() as patch:
        if number == 2:
            patch.setenv("MMLIB_WEIGHTS", str(home() / "no_weights"))
        return make_table(number, **choices)


def measured(table: Table) -> dict[str, dict[str, Value]]:
    """Give the values of each row that hang on the set alone."""
    return {row.name: {k: v for k, v in row.values.items() if not k.startswith("real")} for row in table.rows}


def chosen(number: int) -> list[Recipe]:
    return RECIPES if number == 1 else RECIPES[2:]


def scans() -> list[Scan]:
    (place,) = (home() / "set").iterdir()
    return [scan for recipe in RECIPES[2:] for scan in open_scans(recipe, place)]


def test_what_is_not_there_is_missing_and_what_is_printed_is_shown(tables: dict[int, Table]) -> None:
    for number, table in tables.items():
        rows = {row.name: row for row in table.rows}
        for printed in PRINTED[number]:
            row = rows[printed.name]
            assert row.printed == printed.values
            assert (row.values == {}) == row.note.startswith("missing")
        text = table.to_text()
        missing = [row for row in table.rows if not row.values]
        assert missing or number != 2  # that one is made without weights
        for row in missing:
            line = next(line for line in text.splitlines() if line.startswith(row.title))
            assert "missing" in line
        assert "↑" in text
    assert {row.name for row in tables[1].rows} >= {*MEASURES, "best", "tenengrad_stack"}
    assert "95.6 ± 2.8 %" in tables[1].to_markdown()
    assert "Against doing nothing" in tables[2].to_text()
    assert "missing" in table_html(tables[3])
    assert "31.83 ± 3.12" in table_html(tables[3])


def test_every_interval_holds_its_number(tables: dict[int, Table]) -> None:
    for table in tables.values():
        for row in table.rows:
            for value in row.values.values():
                assert math.isfinite(value.estimate)
                if value.low is not None and value.high is not None:
                    assert value.low <= value.estimate + 1e-9
                    assert value.estimate <= value.high + 1e-9


def test_numbers_are_sane(tables: dict[int, Table]) -> None:
    focus, deblurring, fusion = ({row.name: row.values for row in tables[n].rows} for n in NUMBERS)
    assert focus["best"]["real"].estimate == 100  # blurred by hand on either side: nobody may miss that
    assert 0 <= focus["best"]["level"].estimate <= 9
    assert "level" not in focus["laplacian"]
    assert deblurring["none"]["psnr_1"].estimate > 20
    assert {f"{key}_{speed}" for key in ("psnr", "ssim") for speed in (1, 2, 3, 4)} <= set(deblurring["none"])
    assert "cnniqa" in fusion["the truth"]
    assert set(fusion["the truth"]) <= {"brisque", "cnniqa"}  # nothing to compare it with
    assert fusion["blend"]["real"].estimate > fusion["mean"]["real"].estimate
    assert "depth" not in fusion["sharpest frame"]


def test_the_second_run_works_nothing_out(tables: dict[int, Table]) -> None:
    before = kept_files()
    for number, table in tables.items():
        again = made(number, recipes=chosen(number), processes=1)
        assert {row.name: row.values for row in again.rows} == measured(table)
    assert kept_files() == before


def test_a_stopped_run_goes_on(tables: dict[int, Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place,) = (home() / "set").iterdir()
    monkeypatch.setenv("MMLIB_TABLES", str(tmp_path))

    def stop(share: float, stage: str) -> None:
        if stage == RECIPES[3].name:
            raise Cancelled

    with pytest.raises(Cancelled):
        made(2, recipes=RECIPES[2:], folder=place, processes=1, progress=stop)
    first = {path: stamp for path, stamp in kept_files().items() if path.suffix == ".json"}
    assert len(first) == 3 * 4  # nothing, Wiener and Richardson-Lucy on one specimen at four speeds
    table = made(2, recipes=RECIPES[2:], folder=place, processes=1)
    assert first.items() <= kept_files().items()
    assert {row.name: row.values for row in table.rows} == measured(tables[2])


def test_two_processes_give_what_one_gives(
    tables: dict[int, Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place,) = (home() / "set").iterdir()
    monkeypatch.setenv("MMLIB_TABLES", str(tmp_path))
    told: list[str] = []
    table = made(2, recipes=RECIPES[2:], folder=place, processes=2, progress=lambda share, stage: told.append(stage))
    assert {row.name: row.values for row in table.rows} == measured(tables[2])
    assert {recipe.name for recipe in RECIPES[2:]} <= set(told)


def test_files_say_the_same_in_every_form(tables: dict[int, Table], tmp_path: Path) -> None:
    for number, table in tables.items():
        files = write_table(table, tmp_path)
        assert {file.suffix for file in files} == {".txt", ".md", ".csv", ".json", ".png", ".svg"}
        assert read_table(number, tmp_path) == table
        sheet = list(csv.DictReader(io.StringIO((tmp_path / f"table{number}.csv").read_text())))
        assert len(sheet) == len(table.rows) * len(table.columns)
        for line in sheet:
            row = next(row for row in table.rows if row.name == line["method"])
            value = row.values.get(line["measure"])
            assert line["estimate"] == ("" if value is None else f"{value.estimate:.6g}")
            assert line["paper"] == row.printed.get(line["measure"], "")
        body = [line for line in (tmp_path / f"table{number}.md").read_text().splitlines() if line.startswith("|")]
        assert len(body) == len(table.rows) + 2
        assert cv2.imread(str(tmp_path / f"table{number}.png")).std() > 5
        assert table.made["command"] in (tmp_path / f"table{number}.txt").read_text()
    assert read_table(1, tmp_path / "nowhere") is None


def test_crops_follow_the_truth(tables: dict[int, Table]) -> None:
    found = {"in": [], "out": []}
    for scan in scans():
        grey = to_grey(scan.truth)
        detail = (cv2.GaussianBlur(grey, (0, 0), 1) - cv2.GaussianBlur(grey, (0, 0), 4)) ** 2
        for crop in choose_crops(scan):
            if crop["kind"] in found:
                box = np.s_[crop["row"] * 42 : crop["row"] * 42 + 84, crop["column"] * 42 : crop["column"] * 42 + 84]
                away, weight = np.abs(scan.defocus_dof(crop["frame"])[box]), detail[box]
                true = away <= 0.5 if crop["kind"] == "in" else away >= 2
                found[crop["kind"]].append(float((weight * true).sum() / weight.sum()))
    assert found["in"]
    assert found["out"]
    assert min(found["in"] + found["out"]) > 0.7  # of the detail in sight
    assert choose_crops(scans()[0]) == choose_crops(scans()[0])


def test_still_frames_are_those_of_the_recipe(tables: dict[int, Table]) -> None:
    scan = scans()[1]
    made = RECIPES[2].make(scan.speed)
    for frame, still in scan.still().items():
        assert np.array_equal(still, made.static[frame])
    np.testing.assert_allclose(scan.defocus_dof(2), made.defocus_dof(2), atol=1e-3)
    assert np.array_equal(scan.field, made.masks["field"])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["table", "4"], "there are tables 1, 2 and 3; 4 was asked for"),
        (["table", "2", "--limit", "0"], "needs at least one specimen; --limit was 0"),
        (["table", "2", "--real", "nowhere"], "holds no real stacks"),
        (["table", "3", "--cnniqa", "nothing.safetensors"], "there is no file nothing.safetensors"),
    ],
)
def test_what_a_user_can_mend_is_one_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MMLIB_TABLES", str(tmp_path))
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 1
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1


def test_a_folder_of_another_set_is_refused(tables: dict[int, Table], tmp_path: Path) -> None:
    (place,) = (home() / "set").iterdir()
    stranger = tmp_path / RECIPES[3].name
    stranger.mkdir()
    for file in (place / RECIPES[2].name).iterdir():
        (stranger / file.name).write_bytes(file.read_bytes())
    (stranger / "more.txt").write_text("another content")
    with pytest.raises(InputError, match="is not the specimen insect_wing-93"):
        made(2, recipes=RECIPES[3:], folder=tmp_path, processes=1)


@pytest.mark.slow
def test_a_table_that_is_asked_to_end_leaves_no_worker(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mmlib", "table", "2", "--limit", "2"]
    with subprocess.Popen(
        command, env={**os.environ, "MMLIB_TABLES": str(tmp_path)}, stderr=subprocess.DEVNULL
    ) as table:
        try:
            end = time.monotonic() + 120
            while len(workers := below(psutil.Process(table.pid), "spawn_main")) < 2:
                assert time.monotonic() < end
                time.sleep(0.1)
            table.terminate()
            assert table.wait(30) == 128 + signal.SIGTERM
        finally:
            table.kill()
    _, left = psutil.wait_procs(workers, timeout=10)
    assert left == []


def test_the_tables_that_ship_show_the_paper_as_it_is_printed() -> None:
    for number in NUMBERS:
        table = read_table(number)
        assert table is not None
        assert {row.name: row.printed for row in table.rows if row.printed} == {
            printed.name: printed.values for printed in PRINTED[number] if printed.values
        }
        assert table.made["specimens"] > 5


def test_the_page_shows_code_as_code() -> None:
    for number in NUMBERS:
        table = read_table(number)
        assert table is not None
        shown = table_html(table)
        assert "`" not in shown
        assert f"<code>{table.made['command']}</code>" in shown

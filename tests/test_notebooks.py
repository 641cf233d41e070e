"""Every notebook of the dashboard runs from top to bottom in a fresh kernel, as it does inside JupyterLab."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
PAGES = {"index", "explore", "fuse", "blind_test", "results", "about", "pipeline", "deblur", "focus"}


def test_every_page_has_a_notebook() -> None:
    assert {path.stem for path in NOTEBOOKS} >= PAGES


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_a_page_not_a_program(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    words = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    assert 1 <= len(code) <= 2
    assert words[0].source.startswith("# ")
    assert notebook.metadata["title"]
    for cell in code:
        assert cell.outputs == []
        assert cell.execution_count is None
        assert len(cell.source.splitlines()) <= 6


@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path.stem in PAGES], ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_its_page(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATA", "CACHE", "RESULTS", "VOTES"):
        monkeypatch.setenv(f"MMLIB_{name}", str(tmp_path / name))
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    ).execute()
    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [output.output_type for output in shown] == ["execute_result"]
    assert "application/vnd.jupyter.widget-view+json" in shown[0].data
    states = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    classes = [name for state in states.values() for name in state["state"].get("_dom_classes", [])]
    assert "mmp-page" in classes
    styles = [state["state"]["value"] for state in states.values() if "<style>" in str(state["state"].get("value"))]
    assert len(styles) == 1  # outside the dashboard a page brings its style along

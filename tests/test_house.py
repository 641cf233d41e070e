"""The plan of the house: floors, twins that must agree, and what an import may load."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = [
    {"errors", "version", "progress", "pictures", "stacks", "filters", "optics", "inference", "nets"},
    {"io", "field", "sharpness", "registration", "metrics", "simulation", "zoo"},
    {"focusing", "deblurring", "fusing", "specimens", "measuring", "edition"},
    {"pipeline"},
    {"jobs"},
    {"__init__", "__main__", "server", "pages", "widgets", "train", "experiments"},
]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
ROOF = len(FLOORS) - 1
MODULES = sorted((ROOT / "mmlib").rglob("*.py"))


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT / "mmlib").with_suffix("").parts
    return parts[0]


def imported(path: Path) -> set[str]:
    """Every module that a file names in an import, at its top or inside a function."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_down(path: Path) -> None:
    room = room_of(path)
    assert room in FLOOR, f"{room} has no floor: give it one"
    names = imported(path)
    for name in names:
        if not name.startswith("mmlib.") or name.split(".")[1] not in FLOOR:
            continue
        other = name.split(".")[1]
        if other == room:
            continue
        ground = FLOOR[room] == FLOOR[other] == 0
        roof = FLOOR[room] == ROOF and FLOOR[other] == ROOF
        assert FLOOR[other] < FLOOR[room] or ground or roof, f"{room} imports {other}: not a floor below"
        assert {room, other} != {"train", "widgets"}, "train and widgets are kept apart"
    tops = {name.split(".")[0] for name in names}
    if room in {"widgets", "pages"}:
        assert "torch" not in tops
    if FLOOR[room] < ROOF:
        assert not tops & {"matplotlib", "ipywidgets", "anywidget", "pickle"}
    if room == "nets":
        assert not {n for n in names if n.startswith("mmlib.") and not n.startswith("mmlib.nets")}


def test_importing_mmlib_is_light() -> None:
    heavy = {"torch", "ipywidgets", "matplotlib", "distributed", "skimage", "sklearn", "pywt"}
    code = f"import mmlib, sys; print(sorted({heavy!r} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def requirement(text: str) -> tuple[str, str]:
    name, bound = re.fullmatch(r"([A-Za-z0-9_.-]+)\s*(.*)", text.strip()).groups()  # type: ignore[union-attr]
    return name.lower(), bound.replace(" ", "")


def test_environment_and_lock_follow_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = dict(map(requirement, project["dependencies"] + project["optional-dependencies"]["test"]))
    lines = (ROOT / "environment.yml").read_text().splitlines()
    listed = dict(requirement(line.strip()[2:].strip('"')) for line in lines if line.strip().startswith("- "))
    conda_names = {"pytorch": "torch", "python-playwright": "playwright"}
    listed = {conda_names.get(name, name): bound for name, bound in listed.items()}
    assert listed.pop("python") == project["requires-python"]
    for extra in ("pip", "pip:", "conda-forge", "-e"):
        listed.pop(extra, None)
    assert listed == wanted
    locked = {line.split("==")[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text().split()}
    assert {name.replace("_", "-") for name in wanted} <= locked


def test_no_file_is_too_long() -> None:
    long = {str(p.relative_to(ROOT)): n for p in MODULES if (n := len(p.read_text().splitlines())) > 400}
    assert long == {}

"""Nothing stands in the README that does not run."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


@pytest.mark.slow
def test_commands_run_as_written(tmp_path):
    lines = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines() if line]
    assert len(lines) >= 5
    for line in lines:
        words = shlex.split(line)
        assert words[0] == "mmlib"
        done = subprocess.run(
            [sys.executable, "-m", "mmlib", *words[1:]], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), line


def test_python_runs_as_written(capsys):
    texts = [text for kind, text in BLOCKS if kind == "python"]
    assert texts
    for text in texts:
        exec(compile(text, "README.md", "exec"), {})
    assert "(" in capsys.readouterr().out


def test_the_two_commands_are_targets_of_the_makefile():
    plain = [line for kind, text in BLOCKS if not kind for line in text.split("\n") if line]
    makefile = (ROOT / "Makefile").read_text()
    assert plain == ["make app", "make test"]
    assert all(f"\n{line.split()[1]}:" in makefile for line in plain)

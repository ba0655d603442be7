"""Test what a user gets who installs the wheel into a clean environment, away from the checkout."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*command: str | Path, cwd: Path) -> None:
    """Run a command, and show its output if it fails."""
    environment = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    result = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"


@pytest.mark.slow
def test_wheel(tmp_path: Path) -> None:
    """The wheel alone makes a working plugin, which leaves nothing behind."""
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", tmp_path, ROOT, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    run(python, "-m", "pip", "install", "--constraint", ROOT / "constraints.txt", wheel, cwd=tmp_path)
    run(python, ROOT / "tests" / "check_wheel.py", cwd=tmp_path)
    run(python, "-m", "pip", "uninstall", "--yes", "pykeen-dhns", cwd=tmp_path)
    left = [path for path in (tmp_path / "venv").rglob("*pykeen_dhns*") if "__pycache__" not in path.parts]
    assert not left
    run(python, "-c", "import pykeen.pipeline", cwd=tmp_path)

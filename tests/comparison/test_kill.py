"""Test that a comparison that is killed goes on where it was."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pykeen_dhns.comparison.configuration import merge

from ..helpers.comparisons import CONTENT

ROOT = Path(__file__).parents[2]


def children(pid: int) -> list[int]:
    """Get the processes that a process has started, by any of its threads."""
    files = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(text) for file in files for text in file.read_text(encoding="utf8").split()]


def is_alive(pid: int) -> bool:
    """Return whether a process is there, and not only waits to be noticed."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text(encoding="utf8")
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.skipif(not list(Path("/proc/self/task").glob("*/children")), reason="children are found by /proc")
@pytest.mark.parametrize("is_short", [False, True])
def test_kill(tmp_path: Path, is_short: bool) -> None:
    """Killed in its first run, a comparison leaves nothing behind. Killed after it, it does only the rest."""
    num_epochs = 2 if is_short else 100_000
    epochs = {"training_kwargs": {"num_epochs": num_epochs}, "stopper_kwargs": {"frequency": num_epochs}}
    config, folder = tmp_path / "tiny.json", tmp_path / "results" / "tiny"
    config.write_text(json.dumps(merge(CONTENT, {"search": [], "seeds": [0], "pipeline": epochs})), encoding="utf8")
    command = [sys.executable, str(ROOT / "benchmarks" / "compare.py"), str(config), "--output", str(folder.parent)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait(lambda: list(folder.glob("*.jsonl.gz")) if is_short else children(process.pid))
        runs = children(process.pid)
        process.kill()
    wait(lambda: not any(map(is_alive, runs)))
    files = {path: path.stat().st_mtime_ns for path in folder.glob("*")}
    assert len(files) == is_short
    listing = subprocess.run([*command, "--list"], env=environment, capture_output=True, text=True, check=True).stdout
    assert listing == f"basic: {len(files)} of 1 trials, {len(files)} of 1 seeds\ndhns: 0 of 1 trials, 0 of 1 seeds\n"
    if is_short:
        subprocess.run(command, env=environment, capture_output=True, check=True)
        assert len(list(folder.iterdir())) == 2
        assert all(path.stat().st_mtime_ns == modified for path, modified in files.items())

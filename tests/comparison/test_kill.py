"""Test that a comparison that is killed goes on where it was."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pykeen_dhns.comparison.configuration import merge

from ..helpers.comparisons import CONTENT, make

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


@pytest.mark.slow
@pytest.mark.skipif(not list(Path("/proc/self/task").glob("*/children")), reason="children are found by /proc")
def test_kill_at_once(tmp_path: Path) -> None:
    """Killed before its first run has even started to train, a comparison leaves no process behind."""
    epochs = {"training_kwargs": {"num_epochs": 100_000}, "stopper_kwargs": {"frequency": 100_000}}
    config = tmp_path / "tiny.json"
    config.write_text(json.dumps(merge(CONTENT, {"search": [], "pipeline": epochs})), encoding="utf8")
    command = [sys.executable, str(ROOT / "benchmarks" / "compare.py"), str(config), "--output", str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while not (runs := children(process.pid)):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.kill()
    assert all(map(is_alive, runs))
    while any(map(is_alive, runs)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert not list(tmp_path.glob("out/*/*"))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL")
def test_kill(tmp_path: Path) -> None:
    """Killed after its first result, a comparison does only the rest."""
    content = merge(CONTENT, {"seeds": [0], "search": [], "title": "Killed"})
    config = tmp_path / "tiny.json"
    config.write_text(json.dumps(content), encoding="utf8")
    comparison = make(**content)
    expected = {comparison.trials(cell)[0].key for cell in comparison.cells}
    script, results = ROOT / "benchmarks" / "compare.py", tmp_path / "results"
    command = [sys.executable, str(script), str(config), "--output", str(results)]
    folder = results / "tiny"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while not list(folder.glob("*.jsonl.gz")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.kill()
    (first,) = folder.glob("*.jsonl.gz")
    before = first.read_bytes(), first.stat().st_mtime_ns
    listing = subprocess.run([*command, "--list"], env=environment, capture_output=True, text=True, check=True)
    assert "basic: 1 of 1 trials, 1 of 1 seeds" in listing.stdout
    assert "dhns: 0 of 1 trials, 0 of 1 seeds" in listing.stdout
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert (first.read_bytes(), first.stat().st_mtime_ns) == before
    assert {path.name for path in folder.iterdir()} == {f"{key}.jsonl.gz" for key in expected}

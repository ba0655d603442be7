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

from .small import CONTENT, make

ROOT = Path(__file__).parents[2]


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
        while not list(folder.glob("*.json")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.kill()
    (first,) = folder.glob("*.json")
    before = first.read_bytes(), first.stat().st_mtime_ns
    listing = subprocess.run([*command, "--list"], env=environment, capture_output=True, text=True, check=True)
    assert "basic: 1 of 1 trials, 1 of 1 seeds" in listing.stdout
    assert "dhns: 0 of 1 trials, 0 of 1 seeds" in listing.stdout
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert {path.stem for path in folder.glob("*.json")} == expected
    assert (first.read_bytes(), first.stat().st_mtime_ns) == before
    assert not [path for path in folder.iterdir() if path.suffix not in {".json", ".npz"}]

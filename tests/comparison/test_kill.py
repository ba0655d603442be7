"""Test that a comparison that is killed goes on where it was, and that one that is interrupted ends."""

import contextlib
import json
import os
import signal
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


def find_runs(pid: int) -> list[int]:
    """Get the processes of a comparison's runs, which are forked from one that it has started."""
    return [run for child in children(pid) for run in children(child)]


def find_group(pid: int) -> list[str]:
    """Get the processes of a group that are there, and do not only wait to be noticed."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            state, _, group = path.read_text(encoding="utf8").rpartition(") ")[2].split()[:3]
            if state != "Z" and int(group) == pid:
                found.append(path.parent.name)
    return found


def wait(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not list(Path("/proc/self/task").glob("*/children")), reason="children are found by /proc"),
]


def make_command(tmp_path: Path, num_epochs: int) -> list[str]:
    """Write a comparison, and return the command that does it."""
    epochs = {
        # workers are slow to start
        "training_kwargs": {"num_epochs": num_epochs, "num_workers": int(num_epochs > 2)},
        "stopper_kwargs": {"frequency": num_epochs},
    }
    config = tmp_path / "tiny.json"
    config.write_text(json.dumps(merge(CONTENT, {"search": [], "seeds": [0], "pipeline": epochs})), encoding="utf8")
    script = str(ROOT / "benchmarks" / "compare.py")
    return [sys.executable, script, str(config), "--output", str(tmp_path / "results")]


def make_environment(tmp_path: Path) -> dict[str, str]:
    """Get the variables of the command: temporary files are in a folder of its own."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    return {**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(temporary)}


def listen_to_interrupts() -> None:
    """Undo what a shell may have told its background processes, which is to ignore interrupts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_interrupt(tmp_path: Path) -> None:
    """Interrupted in its first run, a comparison ends this run, its workers, and itself, and leaves nothing behind."""
    with subprocess.Popen(
        make_command(tmp_path, num_epochs=100_000),
        env=make_environment(tmp_path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=listen_to_interrupts,  # noqa: PLW1509
    ) as process:
        wait(lambda: find_runs(process.pid))
        (run,) = find_runs(process.pid)
        wait(lambda: len(find_group(run)) > 1)
        # Python may miss a signal at the moment at which it begins to wait
        time.sleep(1)
        # to the comparison only, not to its run
        process.send_signal(signal.SIGINT)
        try:
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 1
    # what keeps track of shared resources says, too, that it cleans up after the run
    assert "Aborted!" in errors.splitlines()
    wait(lambda: not find_group(run))
    assert not list((tmp_path / "temporary").glob("tmp*"))
    assert not list((tmp_path / "results").rglob("*.jsonl.gz"))


@pytest.mark.parametrize("is_short", [False, True])
def test_kill(tmp_path: Path, is_short: bool) -> None:
    """Killed in its first run, a comparison leaves nothing behind. Killed after it, it does only the rest."""
    command = make_command(tmp_path, num_epochs=2 if is_short else 100_000)
    folder = tmp_path / "results" / "tiny"
    environment = make_environment(tmp_path)
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait(lambda: list(folder.glob("*.jsonl.gz")) if is_short else find_runs(process.pid))
        runs = find_runs(process.pid)
        process.kill()
    wait(lambda: not any(map(find_group, runs)))
    # a next run, which may have just been started, cannot delete anything yet
    assert is_short or not list((tmp_path / "temporary").glob("tmp*"))
    files = {path: path.stat().st_mtime_ns for path in folder.glob("*")}
    assert len(files) == is_short
    listing = subprocess.run([*command, "--list"], env=environment, capture_output=True, text=True, check=True).stdout
    hints = ["  The best epoch is the last one, 2, with every seed: train longer."] if is_short else []
    basic, dhns = f"basic: {len(files)} of 1 trials, {len(files)} of 1 seeds", "dhns: 0 of 1 trials, 0 of 1 seeds"
    assert listing.splitlines() == [basic, *hints, dhns]
    if is_short:
        subprocess.run(command, env=environment, capture_output=True, check=True)
        assert len(list(folder.iterdir())) == 2
        assert all(path.stat().st_mtime_ns == modified for path, modified in files.items())

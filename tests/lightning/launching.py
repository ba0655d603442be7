"""Scripts that start a second process, as Lightning does for a second device."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

#: Lightning tells the second process by these, which are not to come from elsewhere
OWN = ("MASTER_", "LOCAL_", "NODE_")
needs_groups = pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs process groups, to leave no process behind")


def launch(*arguments: str | Path, cwd: Path) -> str:
    """Run Python, leave no process behind, and return what they print."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(OWN)}
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environment | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=900)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    assert process.returncode == 0, output
    return output

"""Test that the examples of the documentation run."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "lightning.md"
SNIPPETS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf8"), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs process groups, to leave no process behind")
@pytest.mark.parametrize("number", range(2))
def test_snippets(number: int, tmp_path: Path) -> None:
    """The examples run, as scripts, one of which starts a second process."""
    script = tmp_path / "train.py"
    script.write_text(SNIPPETS[number], encoding="utf8")
    own = ("MASTER_", "LOCAL_", "NODE_")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(own)}
    with subprocess.Popen(
        [sys.executable, script],
        cwd=tmp_path,
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
    assert ["'train_loss'" in output, "MEMBER: 2/2" in output][number]


def test_number_of_snippets() -> None:
    """None is left out."""
    assert len(SNIPPETS) == 2

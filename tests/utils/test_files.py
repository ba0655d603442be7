"""Test that files are written whole, or not at all."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pykeen_dhns.utils.files import write_atomically


def test_new_file(tmp_path: Path) -> None:
    """The content is there, in a folder that is new, and nothing else is left."""
    path = tmp_path / "new" / "file.txt"
    with write_atomically(path) as file:
        file.write(b"content")
        assert not path.exists()
    assert path.read_bytes() == b"content"
    assert list(path.parent.iterdir()) == [path]


def test_failure(tmp_path: Path) -> None:
    """If writing fails, the old file stays as it was."""
    path = tmp_path / "file.txt"
    path.write_bytes(b"old")
    with contextlib.suppress(KeyboardInterrupt), write_atomically(path) as file:
        file.write(b"new")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


KILL = """
import os, signal, sys
from pathlib import Path
from pykeen_dhns.utils.files import write_atomically
with write_atomically(Path(sys.argv[1])) as file:
    file.write(b"new")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL")
def test_kill(tmp_path: Path) -> None:
    """If the process is killed, the old file stays as it was, and the next one can write."""
    path = tmp_path / "file.txt"
    path.write_bytes(b"old")
    process = subprocess.run([sys.executable, "-c", KILL, str(path)], env=os.environ, check=False)
    assert process.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    with write_atomically(path) as file:
        file.write(b"newer")
    assert path.read_bytes() == b"newer"

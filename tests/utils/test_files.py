"""Test that files are written whole, or not at all."""

import contextlib
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
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


def test_symbolic_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A symbolic link with the name of the temporary file is not followed."""
    victim = tmp_path / "victim.txt"
    victim.write_bytes(b"content")
    monkeypatch.setattr("secrets.token_hex", lambda _: str(os.getpid()))
    monkeypatch.setattr("pykeen_dhns.utils.files._remove_left_overs", lambda _: None)
    (tmp_path / f".new.{os.getpid()}.tmp").symlink_to(victim)
    with pytest.raises(FileExistsError), write_atomically(tmp_path / "new") as file:
        file.write(b"overwritten")
    assert victim.read_bytes() == b"content"


def test_at_the_same_time(tmp_path: Path) -> None:
    """Several writers of one file do not disturb each other. The last one wins."""

    def write(index: int) -> None:
        for _ in range(100):
            with write_atomically(tmp_path / "file") as file:
                file.write(bytes([index]) * 100)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert len(set((tmp_path / "file").read_bytes())) == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


KILL = """
import os, signal, sys
from pathlib import Path
from pykeen_dhns.utils.files import write_atomically
path = Path(sys.argv[1])
with write_atomically(path) as file:
    file.write(b"new")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL")
def test_kill(tmp_path: Path) -> None:
    """If the process is killed, the old file stays as it was, and the next one can write, and removes what is left."""
    path = tmp_path / "file.txt"
    path.write_bytes(b"old")
    process = subprocess.run([sys.executable, "-c", KILL, str(path)], env=os.environ, check=False)
    assert process.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    with write_atomically(path) as file:
        # another writer leaves this one's file alone
        with write_atomically(path) as other:
            other.write(b"other")
        file.write(b"newer")
    assert path.read_bytes() == b"newer"
    assert set(tmp_path.iterdir()) == {path}

"""Test that the examples about features run, in a short form."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(script: str, *arguments: str, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run an example."""
    result = subprocess.run(
        [sys.executable, ROOT / "examples" / script, *arguments],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYKEEN_DHNS_DATA": str(cwd / "nothing")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == code, result.stderr
    return result


@pytest.mark.slow
def test_multimodal(tmp_path: Path) -> None:
    """The whole method, on a dataset that PyKEEN brings along; features and results are saved."""
    output = run("multimodal_mkgy.py", "--dataset", "umls", "--epochs", "1", cwd=tmp_path).stdout
    assert 0 < float(output.splitlines()[-2].split()[0]) < 100
    assert (tmp_path / "multimodal_mkgy" / "textual.npy").is_file()
    assert (tmp_path / "multimodal_mkgy" / "with_text" / "trained_model.pkl").is_file()


@pytest.mark.slow
def test_multimodal_published(published: Path, tmp_path: Path) -> None:
    """The dataset of the paper, from local files."""
    arguments = ("--epochs", "1", "--embedding-dim", "4", "--num-negs", "1", "--cache-root", str(published / "MKG-Y"))
    assert "mkgy: 15000 entities, 21310 training triples" in run("multimodal_mkgy.py", *arguments, cwd=tmp_path).stdout


@pytest.mark.slow
def test_own_graph(tmp_path: Path) -> None:
    """A graph of one's own, with descriptions, compared with itself without."""
    output = run("own_graph.py", "--epochs", "1", cwd=tmp_path).stdout
    assert "textual" in output
    assert list((tmp_path / "own_graph").glob("*.npy"))


@pytest.mark.slow
def test_numeric(tmp_path: Path) -> None:
    """Numeric literals as a modality."""
    output = run("numeric.py", "--epochs", "1", cwd=tmp_path).stdout
    assert "numeric + textual" in output

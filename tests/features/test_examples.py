"""Test short runs of the examples with features."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ..helpers.fresh import run_script
from ..test_scripts import ROOT, run

SHORT = ("--epochs", "1", "--embedding-dim", "4")


def rows(output: str) -> dict[str, list[float]]:
    """Return the rows of the table at the end, with three numbers each, by name."""
    lines = [line.split() for line in output.partition("\nmodalities")[2].splitlines()[1:]]
    return {" ".join(line[:-3]): list(map(float, line[-3:])) for line in lines}


@pytest.mark.slow
def test_multimodal_mkgy(tmp_path: Path) -> None:
    """The example encodes the names of a dataset, and trains."""
    arguments = ("--dataset", "nations", "--num-negs", "2", *SHORT)
    output = run("examples/multimodal_mkgy.py", *arguments, cwd=tmp_path)
    features = np.load(tmp_path / "multimodal_mkgy" / "textual.npy")
    assert np.isfinite(features).all()
    assert "256 features, 0 entities without" in output
    header, metrics = output.splitlines()[-3:-1]
    assert header.split() == ["MRR", "Hits@1", "Hits@3", "Hits@10"]
    assert all(0 < float(value) <= 100 for value in metrics.split())
    assert (tmp_path / "multimodal_mkgy" / "with_text" / "results.json").is_file()
    run("examples/multimodal_mkgy.py", *arguments, "--without-text", cwd=tmp_path)
    assert (tmp_path / "multimodal_mkgy" / "without_text" / "results.json").is_file()


@pytest.mark.slow
def test_multimodal_mkgy_without_dataset(tmp_path: Path) -> None:
    """If the dataset cannot be loaded, the example says what to do."""
    tmp_path.joinpath("entity2id.txt").write_text("not what it should be", encoding="utf8")
    process = run_script(ROOT / "examples" / "multimodal_mkgy.py", "--cache-root", tmp_path, cwd=tmp_path)
    assert process.returncode == 1
    assert "'mkgy' cannot be loaded." in process.stderr
    assert "--cache-root FOLDER" in process.stderr
    assert "--dataset umls" in process.stderr
    assert "Traceback" not in process.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["entity2id.txt"]


@pytest.mark.slow
def test_own_graph(tmp_path: Path) -> None:
    """The example writes its files, brings descriptions in order, and takes the files as arguments, too."""
    output = run("examples/own_graph.py", *SHORT, cwd=tmp_path)
    assert "87 entities, 285 triples" in output
    table = rows(output)
    assert list(table) == ["none", "textual"]
    assert all(0 <= value <= 100 for values in table.values() for value in values)
    assert table["none"] != table["textual"]
    folder = tmp_path / "own_graph"
    features = np.load(folder / "textual.npy")
    assert features.shape == (87, 256)
    assert np.isnan(features).all(axis=1).sum() == 15

    # the same descriptions in another order are the same features
    shuffled = tmp_path / "shuffled.csv"
    pd.read_csv(folder / "descriptions.csv").sample(frac=1.0, random_state=0).to_csv(shuffled, index=False)
    files = ("--triples", str(folder / "triples.tsv"), "--descriptions", str(shuffled))
    again = run("examples/own_graph.py", *SHORT, *files, "--output", "again", cwd=tmp_path)
    assert np.array_equal(np.load(tmp_path / "again" / "textual.npy"), features, equal_nan=True)
    assert rows(again) == table

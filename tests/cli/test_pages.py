"""Test that everything in the pages about commands runs, in the order in which it is there."""

import shlex
from pathlib import Path

import pytest
import torch
from pykeen.training import TrainingLoop

from pykeen_dhns.comparison import execution

from .running import run, run_pykeen
from ..helpers.comparisons import run_here
from ..helpers.pages import run_page


def run_commands(text: str, folder: Path) -> str:  # noqa: ARG001
    """Run commands in this process, which saves the time of imports, and return what they print."""
    printed = []
    for line in text.replace("\\\n", " ").splitlines():
        program, *arguments = shlex.split(line)
        printed.append({"pykeen": run_pykeen, "pykeen-dhns": run}[program](*arguments))
    return "".join(printed)


# PyKEEN warns of itself, and PyTorch of how PyKEEN filters predictions
@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable:UserWarning")
@pytest.mark.filterwarnings("ignore:Please explicitly provide a metric result class:DeprecationWarning")
@pytest.mark.slow
@pytest.mark.parametrize("name", ["command_line", "comparing", "inspection", "own_graph"])
def test_page(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are written, snippets and commands run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    # a process for each run would take most of the time
    monkeypatch.setattr(execution, "run_in_process", run_here)
    # PyKEEN has no option for it
    monkeypatch.setitem(TrainingLoop.hpo_default, "num_epochs", dict(type=int, low=1, high=1))
    run_page(name, tmp_path, shell=run_commands)

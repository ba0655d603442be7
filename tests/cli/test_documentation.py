"""Test that everything in the pages about commands runs, in the order in which it is there."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch
from pykeen.training import TrainingLoop

from pykeen_dhns.comparison import execution

from .running import run, run_pykeen
from ..comparison.test_execution import run_here

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(
    r"(?:^<!-- file: (?P<file>\S+) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)


def commands(text: str) -> list[list[str]]:
    """Split a block into commands."""
    return [shlex.split(line) for line in text.replace("\\\n", " ").splitlines()]


# PyKEEN warns of itself
@pytest.mark.filterwarnings("ignore:Please explicitly provide a metric result class:DeprecationWarning")
@pytest.mark.slow
@pytest.mark.parametrize("name", ["command_line", "inspection", "ablation"])
def test_page(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are written, snippets and commands run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    # a process for each run would take most of the time
    monkeypatch.setattr(execution, "run_in_process", run_here)
    # PyKEEN has no option for it
    monkeypatch.setitem(TrainingLoop.hpo_default, "num_epochs", dict(type=int, low=1, high=1))
    page = (DOCS / f"{name}.md").read_text(encoding="utf8")
    blocks = list(BLOCK.finditer(page))
    assert 2 * len(blocks) == len(re.findall("^```", page, flags=re.MULTILINE))
    variables: dict[str, Any] = {}
    for block in blocks:
        text = block["text"]
        if block["file"]:
            (tmp_path / block["file"]).write_text(text, encoding="utf8")
        elif block["language"] == "python":
            exec(compile(text, f"{name}.md", "exec"), variables)  # noqa: S102
        else:
            assert block["language"] == "shell", text
            for program, *arguments in commands(text):
                {"pykeen": run_pykeen, "pykeen-dhns": run}[program](*arguments)

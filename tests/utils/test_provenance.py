"""Test that results say what they were obtained with."""

import subprocess
from typing import Any

import pytest
import torch

from pykeen_dhns.utils.provenance import describe_commit, describe_machine, describe_versions, peak_memory
from pykeen_dhns.version import VERSION


def test_versions() -> None:
    """Results say which Python, and which packages they depend on."""
    versions = describe_versions()
    assert {"python", "pykeen", "torch"} <= versions.keys()
    assert versions["pykeen-dhns"] == VERSION


@pytest.mark.parametrize(("outputs", "expected"), [(["abc", ""], "abc"), (["abc", " M file.py"], "abc+"), ([""], "")])
def test_commit(outputs: list[str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a mark if files differ from the commit. Outside of a checkout, there is no commit."""
    answers = iter(outputs)

    def answer(*_: Any, **__: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 0, stdout=next(answers))

    monkeypatch.setattr(subprocess, "run", answer)
    monkeypatch.setattr("shutil.which", str)
    assert describe_commit() == expected


def test_no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without git, there is no commit."""
    monkeypatch.setenv("PATH", "")
    assert describe_commit() == ""


def test_machine() -> None:
    """The machine has a processor, cores, and memory."""
    machine = describe_machine(torch.device("cpu"))
    assert machine["device"] == "cpu"
    assert machine["processor"]
    assert machine["cores"] >= 1
    assert peak_memory(torch.device("cpu"))["process"] > 10

"""Test that results say what they were obtained with."""

import re
import subprocess
from typing import Any

import pytest
import torch

from pykeen_dhns.utils.provenance import describe_commit, describe_machine, describe_versions, peak_memory, today


def test_versions() -> None:
    """Packages that are not installed are left out."""
    versions = describe_versions(["torch", "no-such-package"])
    assert versions.keys() == {"python", "torch"}
    assert {"pykeen", "pykeen-dhns"} <= describe_versions().keys()


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [(["__init__.py", "abc", ""], "abc"), (["__init__.py", "abc", " M file.py"], "abc+"), ([""], None)],
)
def test_commit(outputs: list[str], expected: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a mark if files differ from the commit. Outside of a checkout, there is none."""
    answers = iter(outputs)

    def answer(*_: Any, **__: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 0, stdout=next(answers))

    monkeypatch.setattr(subprocess, "run", answer)
    assert describe_commit() == expected


def test_no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without git, there is no commit."""
    monkeypatch.setenv("PATH", "")
    assert describe_commit() is None


def test_machine() -> None:
    """The machine has cores, memory, and a date."""
    machine = describe_machine(torch.device("cpu"))
    assert machine["device"] == "cpu"
    assert machine["processor"]
    assert machine["cores"] >= 1
    assert peak_memory(torch.device("cpu"))["process"] > 10
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", today())

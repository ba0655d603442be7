"""Test that the notebooks run, and print what they show."""

import matplotlib as mpl
import pytest
import torch

from .helpers.notebooks import read_notebook, run_notebook, texts_of
from .helpers.pages import is_similar


@pytest.mark.slow
@pytest.mark.parametrize("name", ["drop_in", "multimodal"])
def test_notebook(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cells run from top to bottom, and the outputs that are shown are theirs."""
    mpl.use("agg")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    shown, printed = texts_of(read_notebook(name)), texts_of(run_notebook(name))
    assert len(shown) == len(printed) > 0
    for before, now in zip(shown, printed, strict=True):
        assert is_similar(before, now), f"To update it: python -m tests.helpers.notebooks {name}\n{now}"

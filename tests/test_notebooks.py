"""Test that the notebooks run, and print what they show."""

import re

import matplotlib as mpl
import pytest
import torch

from pykeen_dhns.inspection.plots import choose_color

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


def test_colors() -> None:
    """A notebook that imports nothing of the package names the colors of its samplers, which are those everywhere."""
    source = "".join(line for cell in read_notebook("drop_in")["cells"] for line in cell["source"])
    colors = dict(re.findall(r'(\w+)="(0\.\d+|#\w{6})"', source))
    assert colors.keys() == {"bernoulli", "dhns", "shared"}
    assert colors == {name: choose_color(name) for name in colors}

"""Test that the examples of the documentation run."""

import re
from pathlib import Path

import pytest

from .launching import launch, needs_groups

PAGE = Path(__file__).parents[2] / "docs" / "lightning.md"
SNIPPETS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf8"), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.slow
@needs_groups
@pytest.mark.parametrize("number", range(2))
def test_snippets(number: int, tmp_path: Path) -> None:
    """The examples run as scripts. One of them starts a second process."""
    script = tmp_path / "train.py"
    script.write_text(SNIPPETS[number], encoding="utf8")
    output = launch(script, cwd=tmp_path)
    assert ["'train_loss'" in output, "MEMBER: 2/2" in output][number]


def test_number_of_snippets() -> None:
    """None is left out."""
    assert len(SNIPPETS) == 2

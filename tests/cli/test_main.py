"""Test what all commands have in common."""

import json
from pathlib import Path

from click.testing import CliRunner

from pykeen_dhns.cli import main

from ..helpers.comparisons import CONTENT


def test_console_without_all_letters(tmp_path: Path) -> None:
    """A console, e.g., that of Windows, shows the codes of letters that it does not have."""
    path = tmp_path / "tiny.json"
    content = json.loads(json.dumps(CONTENT).replace('"dhns":', '"dhns ± →":', 1))
    path.write_text(json.dumps(content), encoding="utf8")
    result = CliRunner(charset="cp1252").invoke(main, ["compare", str(path), "--output", str(tmp_path), "--list"])
    assert result.exit_code == 0, result.exception
    assert "dhns ± \\u2192: 0 of 2 trials" in result.stdout_bytes.decode("cp1252")

"""Pages of the documentation which are run from top to bottom."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(
    r"(?:^<!-- file: (?P<file>\S+) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)


def read_page(name: str) -> str:
    """Read a page."""
    return (DOCS / f"{name}.md").read_text(encoding="utf8")


def run_page(name: str, folder: Path, shell: Callable[[str, Path], None] | None = None) -> dict[str, Any]:
    """Write the page's files into a folder, run its snippets and commands there, and return the snippets' variables."""
    shell = run_shell if shell is None else shell
    page = read_page(name)
    blocks = list(BLOCK.finditer(page))
    assert 2 * len(blocks) == len(re.findall("^```", page, flags=re.MULTILINE))
    variables: dict[str, Any] = {}
    for block in blocks:
        if block["file"]:
            (folder / block["file"]).write_text(block["text"], encoding="utf8")
        elif block["language"] == "python":
            exec(compile(block["text"], f"{name}.md", "exec"), variables)  # noqa: S102
        else:
            assert block["language"] == "shell", block["text"]
            shell(block["text"], folder)
    return variables


def run_shell(text: str, folder: Path) -> None:
    """Run commands, with those of this environment first, as if it were activated."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    result = subprocess.run(
        ["bash", "-e", "-c", text],  # noqa: S607
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr, result.stderr

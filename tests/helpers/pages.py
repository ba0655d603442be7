"""Pages of the documentation which are run from top to bottom.

A block of text below a snippet, or below a command, is what it prints. As a script (``python -m tests.helpers.pages
NAME``), this writes these blocks. A block of language ``none``, such as pseudocode, is only shown.
"""

import contextlib
import io
import itertools
import os
import re
import subprocess
import sys
import tempfile
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


def run_blocks(name: str, folder: Path, shell: Callable[[str, Path], str]) -> tuple[dict[str, Any], list[str]]:
    """Write a page's files into a folder, and run its snippets and commands there.

    :returns: the snippets' variables, and for each block what it printed
    """
    page = read_page(name)
    blocks = list(BLOCK.finditer(page))
    assert 2 * len(blocks) == len(re.findall("^```", page, flags=re.MULTILINE))
    variables: dict[str, Any] = {}
    printed: list[str] = []
    for block in blocks:
        output = io.StringIO()
        if block["file"]:
            (folder / block["file"]).write_text(block["text"], encoding="utf8")
        elif block["language"] == "python":
            with contextlib.redirect_stdout(output):
                exec(compile(block["text"], f"{name}.md", "exec"), variables)  # noqa: S102
        elif block["language"] == "shell":
            output.write(shell(block["text"], folder))
        elif block["language"] != "none":
            assert block["language"] == "text", block["text"]
            assert printed[-1], f"Nothing was printed above: {block['text']}"
        printed.append(output.getvalue())
    return variables, printed


def run_page(name: str, folder: Path, shell: Callable[[str, Path], str] | None = None) -> dict[str, Any]:
    """Run a page, check that the output which it shows is about what is printed, and return the snippets' variables."""
    variables, printed = run_blocks(name, folder, run_shell if shell is None else shell)
    for i, block in enumerate(BLOCK.finditer(read_page(name))):
        if block["language"] == "text":
            message = f"{name}.md shows another output. To update it: python -m tests.helpers.pages {name}"
            assert is_similar(block["text"], printed[i - 1]), f"{message}\n{printed[i - 1]}"
    return variables


def is_similar(shown: str, printed: str) -> bool:
    """Compare outputs, apart from what rounding changes: two in three numbers, roughly, and four in five words."""
    if len(shown.split()) != len(printed.split()):
        return False
    pairs = list(zip(shown.split(), printed.split(), strict=True))
    numbers = [is_close(a, b) for a, b in pairs if is_number(a)]
    words = [a == b for a, b in pairs if not is_number(a)]
    return sum(numbers) >= len(numbers) * 2 / 3 and sum(words) >= len(words) * 4 / 5


def is_number(text: str) -> bool:
    """Return whether a word is a number."""
    return is_close(text, text)


def is_close(shown: str, printed: str) -> bool:
    """Return whether both are numbers, and nearly the same."""
    try:
        a, b = (float(text.strip("(),:%{}[]")) for text in (shown, printed))
    except ValueError:
        return False
    return abs(a - b) <= 0.03 + 0.1 * abs(a)


def update_page(name: str, folder: Path) -> None:
    """Replace the output that a page shows by what is printed."""
    _, printed = run_blocks(name, folder, run_shell)
    numbers = itertools.count()

    def replace(block: re.Match[str]) -> str:
        i = next(numbers)
        return f"```text\n{printed[i - 1].rstrip()}\n```" if block["language"] == "text" else block[0]

    (DOCS / f"{name}.md").write_text(BLOCK.sub(replace, read_page(name)), encoding="utf8")


def run_shell(text: str, folder: Path) -> str:
    """Run commands, with those of this environment first, as if it were activated, and return what they print."""
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
    return result.stdout


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        os.chdir(temporary)
        # a page may import a file that it has
        sys.path.insert(0, temporary)
        for page_name in sys.argv[1:]:
            update_page(page_name, Path(temporary))

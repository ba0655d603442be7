"""Notebooks of the documentation, run without Jupyter.

As a script (``python -m tests.helpers.notebooks NAME``), this writes the outputs of a notebook.
"""

import base64
import contextlib
import io
import json
import sys
from typing import Any

from .pages import DOCS


def read_notebook(name: str) -> dict[str, Any]:
    """Read a notebook."""
    notebook: dict[str, Any] = json.loads((DOCS / "notebooks" / f"{name}.ipynb").read_text(encoding="utf8"))
    return notebook


def run_notebook(name: str) -> dict[str, Any]:
    """Run the cells of a notebook, and return it with their outputs: what they print, and a new ``figure``."""
    notebook = read_notebook(name)
    variables: dict[str, Any] = {}
    for count, cell in enumerate((cell for cell in notebook["cells"] if cell["cell_type"] == "code"), start=1):
        before, printed = variables.get("figure"), io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("".join(cell["source"]), f"{name}.ipynb", "exec"), variables)  # noqa: S102
        cell["execution_count"] = count
        cell["outputs"] = []
        if printed.getvalue():
            text = printed.getvalue().splitlines(keepends=True)
            cell["outputs"].append(dict(output_type="stream", name="stdout", text=text))
        figure = variables.get("figure")
        if figure is not None and figure is not before:
            image = io.BytesIO()
            figure.savefig(image, format="png", dpi=80)
            data = {"image/png": base64.b64encode(image.getvalue()).decode()}
            cell["outputs"].append(dict(output_type="display_data", data=data, metadata={}))
    return notebook


def texts_of(notebook: dict[str, Any]) -> list[str]:
    """Return what the cells of a notebook print."""
    outputs = (output for cell in notebook["cells"] for output in cell.get("outputs", ()))
    return ["".join(output["text"]) for output in outputs if output["output_type"] == "stream"]


if __name__ == "__main__":
    for notebook_name in sys.argv[1:]:
        content = json.dumps(run_notebook(notebook_name), indent=1, ensure_ascii=False)
        (DOCS / "notebooks" / f"{notebook_name}.ipynb").write_text(content + "\n", encoding="utf8")

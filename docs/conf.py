"""Configuration of the documentation's site, which Sphinx builds from these pages and from the docstrings."""

import json
import os
import re
from pathlib import Path

from sphinx.application import Sphinx

from pykeen_dhns import __version__

project = "pykeen-dhns"
author = "The pykeen-dhns developers"
project_copyright = author
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx_automodapi.automodapi",
    "sphinx_click",
    "sphinx_copybutton",
    "texext.math_dollar",
]
exclude_patterns = ["_build"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown", ".ipynb": "markdown"}

# -- Markdown --------------------------------------------------------------

myst_enable_extensions = ["dollarmath", "colon_fence"]
# links to sections, as on GitHub
myst_heading_anchors = 4

# -- API -------------------------------------------------------------------

add_module_names = False
modindex_common_prefix = ["pykeen_dhns."]
autoclass_content = "both"
autodoc_typehints = "both"
# one page for each class and function, made anew by each build
automodapi_toctreedirnm = "reference/api"
# these would need Graphviz
automodapi_inheritance_diagram = False

# -- Links -----------------------------------------------------------------

# The inventories of other projects need a network. Without them, their names are text instead of links.
intersphinx_mapping = (
    {
        "class_resolver": ("https://class-resolver.readthedocs.io/en/latest", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "pykeen": ("https://pykeen.readthedocs.io/en/stable", None),
        "python": ("https://docs.python.org/3", None),
        "pytorch_lightning": ("https://lightning.ai/docs/pytorch/stable", None),
        "torch": ("https://docs.pytorch.org/docs/stable", None),
    }
    if os.environ.get("READTHEDOCS") == "True"
    else {}
)
# names of our own must exist; those of others are only known with their inventories
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r"(?!pykeen_dhns).*")]

# -- Theme -----------------------------------------------------------------

html_theme = "sphinx_rtd_theme"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_title = f"{project} {release}"

# -- Pages from outside of this folder -------------------------------------

#: Where files of the repository are for readers of the site
PAGES = {
    "README.md": "https://github.com/pykeen-dhns/pykeen-dhns/blob/main/README.md",
    "CHANGELOG.md": "docs/changelog.md",
    "CONTRIBUTING.md": "docs/contributing.md",
}
LINK = re.compile(r"(?<=\]\()(?![a-z]+:)([^)#\s]+)")


def adapt_links(text: str, folder: str) -> str:
    """Make links work on the site that work in the repository.

    :param text: the text of a page
    :param folder: the folder in which it is, relative to the repository

    :returns: the text, with links as if the page were in this folder
    """

    def adapt(match: re.Match[str]) -> str:
        path = os.path.normpath(f"{folder}/{match[0]}")
        target = PAGES.get(path, path)
        return target if "://" in target else os.path.relpath(target, "docs")

    return LINK.sub(adapt, text)


def notebook_to_markdown(text: str) -> str:
    """Write a notebook as Markdown, with the outputs that are stored in it.

    :param text: the content of its file

    :returns: Markdown
    """
    parts = []
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        for output in cell.get("outputs", ()):
            if "text" in output:
                parts.append(f"```text\n{''.join(output['text'])}```")
            else:
                parts.append(f'<img alt="the plot" src="data:image/png;base64,{output["data"]["image/png"]}">')
    return "\n\n".join(parts)


def read_page(app: Sphinx, name: str, source: list[str]) -> None:
    """Adapt the links of a page in this folder, and convert notebooks."""
    suffix = Path(app.env.doc2path(name)).suffix
    if suffix == ".md":
        source[0] = adapt_links(source[0], folder="docs")
    elif suffix == ".ipynb":
        source[0] = notebook_to_markdown(source[0])


def read_included(app: Sphinx, path: Path, name: str, source: list[str]) -> None:
    """Adapt the links of a page in the repository's root."""
    source[0] = adapt_links(source[0], folder=".")


def setup(app: Sphinx) -> None:
    """Register what is above."""
    app.connect("source-read", read_page)
    app.connect("include-read", read_included)

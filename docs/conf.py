"""Configuration of the documentation's site, which Sphinx builds from these pages and from the docstrings."""

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
]
exclude_patterns = ["_build"]

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

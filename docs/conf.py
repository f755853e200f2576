"""Settings of Sphinx for `make docs`, which treats warnings as errors."""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")
sys.path[:0] = [str(Path(__file__).parent / "_ext"), str(Path(__file__).parents[1])]

import keras_recur

project = "keras_recur"
version = release = keras_recur.__version__
html_title = f"{project} {version}"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "keras_docstrings",
    "generated",
]
exclude_patterns = ["_build", "_generated"]
html_theme = "furo"
html_show_copyright = False

# Single backticks mark code, and become a link if they name something public.
default_role = "name"
myst_heading_anchors = 3

autodoc_default_options = {"member-order": "bysource"}
autodoc_inherit_docstrings = False  # Those of Keras are in Markdown.
autosummary_generate = False
maximum_signature_line_length = 80
napoleon_numpy_docstring = False
toc_object_entries = False  # The headings suffice.
napoleon_custom_sections = [
    ("Attributes", "params_style"),
    ("Call arguments", "params_style"),
    "Input shape",
    "Output shape",
    "Reference",
]

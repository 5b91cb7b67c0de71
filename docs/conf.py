"""How Sphinx builds these pages: ``make docs``, warnings are errors."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "puffpy"
author = "The puffpy authors"
copyright = "2026, The puffpy authors"
version = release = "0.1.0"

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "tables"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "puffpy"
html_static_path = ["_static"]
html_css_files = ["puffpy.css"]
html_copy_source = False
html_show_sphinx = False
python_maximum_signature_line_length = 88
modindex_common_prefix = ["puffpy."]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
napoleon_google_docstring = True
napoleon_numpy_docstring = False

"""Sphinx's settings."""

from importlib.metadata import version as _installed

project = "tocsin"
author = "The tocsin authors"
copyright = "The tocsin authors"  # noqa: A001 - Sphinx's own name
version = release = _installed("tocsin")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "diagrams/tables"]

myst_enable_extensions = ["attrs_block", "colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "member-order": "bysource", "show-inheritance": True}
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = "tocsin"
html_static_path = ["_static"]
html_css_files = ["tocsin.css"]
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#b3261e", "color-brand-content": "#b3261e"},
    "dark_css_variables": {"color-brand-primary": "#ff8a80", "color-brand-content": "#ff8a80"},
}

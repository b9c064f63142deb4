"""How Sphinx makes the documentation site of this folder.

``pip install -e '.[docs]'``, then ``sphinx-build -W docs build/site``; ``ci/test.sh`` does so. A
page that index.rst does not name, one that it names and is missing, and a link within the site that
leads nowhere are warnings, and so errors there.
"""

from typing import Any

from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder

import embedlayer

project = "embedlayer"
author = "the embedlayer authors"
copyright = "2026, the embedlayer authors"
release = version = embedlayer.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
root_doc = "index"

# Pages: Markdown as GitHub shows it, with its anchors of headings.
myst_heading_anchors = 4
nb_execution_mode = "off"  # tests/test_tutorial.py executes the notebooks: they have their outputs

# The reference: docstrings, in the order of the source.
autodoc_member_order = "bysource"

# The look. Fonts are the system's, scripts and styles lie in the site: it asks nothing of others.
html_theme = "furo"
html_title = "embedlayer"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/favicon.svg"
html_show_sphinx = False
html_copy_source = False

SEARCH_RESULTS = "find"  # the page of results, as search.md is a page of ours


class Site(StandaloneHTMLBuilder):
    """Pages of HTML, of which none takes the place of another."""

    def handle_page(
        self, pagename: str, addctx: dict[str, Any], templatename: str = "page.html", **options: Any
    ) -> None:
        if templatename == "search.html":
            pagename = SEARCH_RESULTS
        super().handle_page(pagename, addctx, templatename, **options)


def search_elsewhere(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Templates that lead to the search lead to its page."""
    path_to = context["pathto"]
    context["pathto"] = lambda name, *more: path_to(
        SEARCH_RESULTS if name == "search" else name, *more
    )


def setup(app: Sphinx) -> None:
    app.add_builder(Site, override=True)
    app.connect("html-page-context", search_elsewhere)

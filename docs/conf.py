"""How Sphinx makes the documentation site of this folder.

``pip install -e '.[docs]'``, then ``sphinx-build -W docs build/site``; ``ci/test.sh`` does so. A page
that index.rst does not name, one that it names and is missing, a link within the site that leads
nowhere and a name that no code has are warnings, and so errors there.
"""

import embedlayer

project = "embedlayer"
author = "the embedlayer authors"
copyright = "2026, the embedlayer authors"
release = version = embedlayer.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
root_doc = "index"

# Pages: Markdown as GitHub shows it, with its anchors of headings.
myst_heading_anchors = 4
myst_links_external_new_tab = False
suppress_warnings: list[str] = []
nb_execution_mode = (
    "off"  # tests/test_tutorial.py executes the notebooks and compares what they print
)

# The reference: docstrings, where they are read in the source.
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
napoleon_use_rtype = False

# The look. Fonts are the system's, scripts and styles lie in the site: nothing is asked of other hosts.
html_theme = "furo"
html_title = "embedlayer"
html_show_sphinx = False
html_copy_source = False
copybutton_exclude = ".linenos, .gp, .go"

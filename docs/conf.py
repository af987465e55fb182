"""Sphinx configuration. Build the site with ``sphinx-build -W docs docs/_build/html``."""

import hashlib
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import replaychart

project = "ReplayChart"
author = "The ReplayChart developers"
copyright = "2026, The ReplayChart developers"
version = release = replaychart.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "myst_nb",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "api_reference",
    "executed_code",
    "gallery_pages",
    "generated_pages",
    "replaychart.sphinx",
]
nitpicky = True
default_role = "name"
exclude_patterns = ["_build", "_ext", "_templates", "**.ipynb_checkpoints"]
templates_path = ["_templates"]
html_static_path = ["_static"]

# Recordings of the training runs, kept between builds.
recordings_folder = str(HERE / "_build" / "recordings")
gallery_scripts_folder = str(HERE.parent / "gallery")


def _digest(folder: Path) -> str:
    """Return a digest of the package's sources. If it changes, pages with charts are rebuilt."""
    sources = sorted(folder.rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:20]


library_digest = _digest(Path(replaychart.__file__).parent)

# Notebooks run when the package or their code has changed, each in an empty folder.
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "_build" / "notebooks" / library_digest)
nb_execution_in_temp = True
nb_execution_timeout = 300
nb_execution_raise_on_error = True

# sphinx-build -t quick: some of the gallery's charts, and only one notebook runs.
if tags.has("quick"):  # noqa: F821
    gallery_drawn = ["asking", "penguins"]
    nb_execution_excludepatterns = ["notebooks/*"]

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
copybutton_exclude = ".linenos, .gp, .go"
copybutton_selector = "div:not(.output) > div.highlight > pre"

html_theme = "pydata_sphinx_theme"
html_title = "ReplayChart"
html_logo = "_static/logo.svg"
html_favicon = "_static/logo.svg"
html_css_files = ["site.css"]
html_context = {"default_mode": "auto"}
html_show_sourcelink = False
html_copy_source = False
# Only the user guide and the reference have subpages to list in the left sidebar.
_alone = [
    "index",
    "install",
    "tutorial",
    "how_it_works",
    "adding_a_chart",
    "from_deepreplay",
    "coming_from",
    "glossary",
    "notebooks/*",
]
html_sidebars = {page: [] for page in [*_alone, "gallery/*"]}
html_theme_options = {
    "logo": {"text": "ReplayChart", "alt_text": "ReplayChart home page"},
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_prev_next": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}

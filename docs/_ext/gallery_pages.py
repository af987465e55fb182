"""The gallery: an index page of cards by category, and a page for each script.

The pages are generated from the scripts before the build starts. A script runs when its page is
read, unless its output files exist from an earlier build. Their names contain a digest of the
script's code and the package's sources.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docutils import nodes
from gallery_cards import HEIGHT, WIDTH, draw_card
from gallery_scripts import GalleryScript, names_used, run_script, scripts
from generated_pages import write_if_changed
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.osutil import relative_uri

import replaychart as rc
from replaychart.export.specs import ChartSpec
from replaychart.sphinx.chart_files import ChartFiles, digest, epochs_of, playing
from replaychart.sphinx.charts import chart_node, folder

# The images of cards, in the site.
CARDS = "_static/cards"
# Of charts that the scripts do not animate.
FPS = 10

# Raised by an example whose data must be downloaded, or that needs PyTorch. The build continues
# without it where there is no network, or no PyTorch.
MISSING = (rc.DatasetError, ModuleNotFoundError)

_log = logging.getLogger(__name__)

_HEAD = """\
Gallery
=======

Every picture leads to an example: a training run, its script, and charts that play.
"""

_PAGE = """\
:html_theme.sidebar_secondary.remove: true

{title}
{line}

{prose}

.. gallery-example:: {name}

.. code-block:: python

{code}

In the reference: {names}.

:download:`Download this script <{file}>`, or go back to :doc:`all examples <index>`.
"""


def gallery(config: Config) -> Sequence[GalleryScript]:
    """Return the gallery's scripts, or none if the folder is missing."""
    folder = Path(config.gallery_scripts_folder)
    return scripts(folder) if folder.is_dir() else []


class GalleryExample(SphinxDirective):
    """The playing chart of one script. Also creates the images for its card."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the chart's node."""
        script = _script(self.config, self.arguments[0])
        self.env.note_dependency(str(script.path.resolve()))
        files = _files(self.env, script)
        drawn = self.config.gallery_drawn
        if drawn and script.name not in drawn:
            return [_missing("gallery_drawn leaves it out")]
        try:
            self._write(script, files)
        except MISSING as error:
            return [_missing(str(error))]
        return [chart_node(self.env, files, alt=script.title)]

    def _write(self, script: GalleryScript, files: ChartFiles) -> None:
        """Run the script and write the files of its chart and card, unless they all exist."""
        pictures = _pictures(self.env.app, files)
        if files.exist() and all(path.exists() for path in pictures):
            return
        chart = run_script(script, Path(self.config.recordings_folder) / "gallery")
        still, loop = pictures
        still.parent.mkdir(parents=True, exist_ok=True)
        draw_card(
            chart,
            still,
            loop,
            view=script.card_view,
            epoch=script.thumbnail_epoch,
            epochs=epochs_of(chart),
        )
        files.write(ChartSpec.of(playing(chart, fps=FPS)), epoch=script.thumbnail_epoch)


def _missing(reason: str) -> nodes.Node:
    """Return the note that replaces a chart that was left out, or lacks its data or a package."""
    _log.info("A chart is missing: %s", reason)
    text = "This chart is missing: the site was built without it, its data or a package it needs."
    return nodes.note("", nodes.paragraph("", text), classes=["missing-chart"])


class GalleryCards(nodes.General, nodes.Element):
    """The cards of one category. The attribute ``names`` contains the names of the scripts."""


class Cards(SphinxDirective):
    """The cards of the scripts named in the directive's content."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the node of the cards."""
        for name in self.content:
            # The file names of a card's images depend on the script.
            self.env.note_dependency(str(_script(self.config, name).path.resolve()))
        return [GalleryCards("", names=list(self.content))]


def _script(config: Config, name: str) -> GalleryScript:
    return next(script for script in gallery(config) if script.name == name)


def _files(env: BuildEnvironment, script: GalleryScript) -> ChartFiles:
    name = digest(env.config.library_digest, script.thumbnail_epoch, script.card_view, script.code)
    return ChartFiles(folder(env), f"{script.name}-{name}")


def _pictures(app: Sphinx, files: ChartFiles) -> tuple[Path, Path]:
    """Return the paths of a card's still and its looping animation."""
    cards = Path(app.outdir) / CARDS
    return cards / f"{files.name}.webp", cards / f"{files.name}-loop.webp"


def _visit_cards(translator: Any, node: GalleryCards) -> None:
    builder = translator.builder
    here = builder.get_target_uri(builder.current_docname)
    static = relative_uri(here, CARDS)
    cards = []
    for name in node["names"]:
        script = _script(builder.config, name)
        still, loop = _pictures(builder.app, _files(builder.env, script))
        link = translator.starttag(
            {},
            "a",
            "",
            CLASS="gallery-card",
            href=relative_uri(here, builder.get_target_uri(f"gallery/{name}")),
        )
        options = {
            "src": f"{static}/{still.name}",
            "alt": "",
            "loading": "lazy",
            "width": str(WIDTH),
            "height": str(HEIGHT),
            "data-loop": f"{static}/{loop.name}",
        }
        image = translator.emptytag({}, "img", "", **options) if still.exists() else ""
        cards.append(
            f"{link}<span>{image}</span><strong>{translator.encode(script.title)}</strong></a>"
        )
    translator.body.append('<div class="gallery-cards">' + "\n".join(cards) + "</div>\n")
    raise nodes.SkipNode


def _visit_cards_text(translator: Any, node: GalleryCards) -> None:  # noqa: ARG001
    raise nodes.SkipNode


def _remove_cards(app: Sphinx, error: Exception | None) -> None:
    """Remove the images of cards that have changed or no longer exist."""
    if error is not None or app.builder.format != "html":
        return
    used = {_files(app.env, script).name for script in gallery(app.config)}
    for path in (Path(app.outdir) / CARDS).glob("*"):
        if path.stem.removesuffix("-loop") not in used:
            path.unlink()


def _write(app: Sphinx, config: Config) -> None:
    """Write the pages, and remove those of scripts that no longer exist."""
    folder = Path(app.srcdir) / "gallery"
    examples = gallery(config)
    pages = {script.name: _page(folder, script) for script in examples}
    pages["index"] = _index(examples)
    for name, text in pages.items():
        write_if_changed(folder / f"{name}.rst", text)
    for path in folder.glob("*.rst"):
        if path.stem not in pages:
            path.unlink()


def with_epochs_linked(prose: str) -> str:
    """Return prose in which phrases such as "epoch 30" are links that move the chart there."""
    return re.sub(r"\b(epoch\s+(\d+(?:\.\d+)?))", r"`\1 <#epoch=\2>`__", prose)


def _page(folder: Path, script: GalleryScript) -> str:
    return _PAGE.format(
        title=script.title,
        line="=" * len(script.title),
        prose=with_epochs_linked(script.prose),
        name=script.name,
        names=", ".join(f"`{name}`" for name in names_used(script)),
        code=re.sub("^(?=.)", "   ", script.code.strip(), flags=re.MULTILINE),
        file=Path(os.path.relpath(script.path, folder)).as_posix(),
    )


def _index(examples: Sequence[GalleryScript]) -> str:
    parts = [_HEAD]
    for category in dict.fromkeys(script.category for script in examples):
        names = [script.name for script in examples if script.category == category]
        listed = "\n".join(f"   {name}" for name in names)
        parts.append(f"{category}\n{'-' * len(category)}\n\n.. gallery-cards::\n\n{listed}\n")
    if examples:
        listed = "\n".join(f"   {script.name}" for script in examples)
        parts.append(f".. toctree::\n   :hidden:\n\n{listed}\n")
    return "\n".join(parts)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_config_value("gallery_scripts_folder", "", "env", str)
    # The names of the scripts whose charts are drawn, for a quick build. Default: all.
    app.add_config_value("gallery_drawn", [], "env", list)
    app.add_config_value("library_digest", "", "env", str)
    app.add_directive("gallery-example", GalleryExample)
    app.add_directive("gallery-cards", Cards)
    app.add_node(GalleryCards, html=(_visit_cards, None), text=(_visit_cards_text, None))
    app.add_js_file("gallery.js")
    app.connect("config-inited", _write)
    app.connect("build-finished", _remove_cards)
    return {"version": rc.__version__, "parallel_read_safe": False}

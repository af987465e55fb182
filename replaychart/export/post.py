"""The story of a chart as a post: Markdown, with one image for each step."""

import re
from pathlib import Path
from urllib.parse import quote

from replaychart.errors import ArgumentError
from replaychart.export.files import written_beside
from replaychart.export.sequence import file_names, write_sequence
from replaychart.export.specs import ChartSpec, Spec
from replaychart.playback.story_steps import Step, story_datasets, story_steps

# What Markdown, also with GitHub's tables, notes and formulas, does not read as it is written.
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#|~$&])")
# These have a meaning at the start of a line only.
_MARKER = re.compile(r"^(?:([-+=])|(\d+)(?=\.))")


def write_post(
    chart: ChartSpec, path: Path, *, scale: float, description: str | None, bar: str | None
) -> None:
    """Write a Markdown file with the captions of a story, and an image for each beside it.

    The images are in a directory named after the file: ``post_files/`` for ``post.md``.

    Parameters
    ----------
    chart : ChartSpec
        A chart with a story.
    path : pathlib.Path
        The file.
    scale : float
        Pixels per pixel of the chart.
    description : str or None
        The paragraphs before the first step.
    bar : str or None
        Title of the progress bar; None for no bar.

    Raises
    ------
    ArgumentError
        The chart has no story.
    RunFileError
        The file or an image cannot be written.
    """
    steps = story_steps(chart.spec, chart.slider)
    if not steps:
        message = "path must end in .md only for a chart with captions, see story. Got none."
        raise ArgumentError(message)
    epochs = [step.epoch for step in steps]
    images = path.with_name(f"{path.stem}_files")
    # The captions are in the text.
    bare = ChartSpec(_without_views(chart.spec, story_datasets(chart.spec)), chart.parameter)
    write_sequence(bare, images, epochs=epochs, scale=scale, bar=bar)
    paragraphs = [_escaped(one) for one in re.split(r"\n\s*\n", (description or "").strip()) if one]
    for step, name in zip(steps, file_names(epochs), strict=True):
        paragraphs += _paragraphs(step, f"{quote(images.name)}/{name}")
    with written_beside(path) as temporary:
        temporary.write_text("\n\n".join(paragraphs) + "\n", encoding="utf-8")


def _paragraphs(step: Step, image: str) -> list[str]:
    """Return the caption of a step, and its image, whose description is the caption in one line."""
    when = f"Epoch {step.epoch:g}"
    alternative = _escaped(" ".join([f"{when}:", *step.text.split()]))
    return [f"**{when}.** {_escaped(step.text)}", f"![{alternative}]({image})"]


def _escaped(text: str) -> str:
    """Return Markdown that is read as a text, in which each line break starts a new line."""
    lines = [_SPECIAL.sub(r"\\\1", line.strip()) for line in text.splitlines()]
    return "\\\n".join(_MARKER.sub(_unlisted, line) for line in lines if line)


def _unlisted(marker: re.Match[str]) -> str:
    """Return the start of a line such that it is not read as an item of a list."""
    return f"\\{marker[1]}" if marker[1] else f"{marker[2]}\\"


def _without_views(view: Spec, datasets: list[str]) -> Spec:
    """Return a chart without the views of some datasets."""
    view = dict(view)
    for kind in ("hconcat", "vconcat", "concat"):
        parts = view.get(kind, [])
        kept = [part for part in parts if part.get("data", {}).get("name") not in datasets]
        if parts:
            view[kind] = [_without_views(part, datasets) for part in kept]
    return view

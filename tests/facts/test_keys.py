"""Keys of evaluations, and what they stand for in words."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

import replaychart as rc
from replaychart.facts.keys import described, described_key, evaluation_key
from replaychart.planes.tracer import Rectangle
from replaychart.storage import reader

PLACE: dict[str, Any] = {"xlim": (-1.0, 1.25), "ylim": (0.0, 2.0)}
HASH = "0123456789abcdef" * 2


def _contours(layer: str | None = None, plane: str = "inputs", view: Any = None) -> list[str]:
    """Return the keys of a surface and its boundary."""
    where = Rectangle(layer, plane, **PLACE, resolution=100, bands=10).key() | {"view": view}
    return [evaluation_key(quantity, **where) for quantity in ("surface", "boundary")]


def _distributions(kind: str, *layers: str, **variable: str) -> list[str]:
    return [evaluation_key("distribution", layer=one, kind=kind, **variable) for one in layers]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (evaluation_key("outputs", layer="hidden"), "outputs of layer 'hidden'"),
        (evaluation_key("predictions"), "predictions"),
        (evaluation_key("losses"), "losses"),
        (evaluation_key("metric", name="auc"), "metric 'auc'"),
        (
            evaluation_key("continues", layer="hidden"),
            "whether the output depends only on layer 'hidden'",
        ),
        (
            _contours()[0],
            "the surface over the inputs (xlim=(-1, 1.25), ylim=(0, 2), resolution=100, bands=10)",
        ),
        (
            _contours("hidden")[1],
            "the boundary over the inputs, seen in layer 'hidden' "
            "(xlim=(-1, 1.25), ylim=(0, 2), resolution=100, bands=10)",
        ),
        (
            _contours("six", "layer", "pca, flattened")[0],
            "the surface in layer 'six' "
            "(pca-pooled, flattened, xlim=(-1, 1.25), ylim=(0, 2), resolution=100, bands=10)",
        ),
        (
            _contours(view=f"features 0 and 1 at {HASH}")[0],
            "the surface over the inputs "
            "(features 0 and 1, xlim=(-1, 1.25), ylim=(0, 2), resolution=100, bands=10)",
        ),
        (
            # A projection that only this session knows has a number for a key.
            evaluation_key("grid", layer="six", view=140234, lines=11, **PLACE),
            "grid lines in layer 'six' (xlim=(-1, 1.25), ylim=(0, 2), lines=11)",
        ),
        (
            evaluation_key("grid", layer="six", view=f"matrix {HASH}, averaged", lines=11, **PLACE),
            "grid lines in layer 'six' (matrix, averaged, xlim=(-1, 1.25), ylim=(0, 2), lines=11)",
        ),
        (
            evaluation_key("grid in space", layer="three", lines=11, **PLACE),
            "grid lines in layer 'three' (xlim=(-1, 1.25), ylim=(0, 2), lines=11)",
        ),
        (
            _distributions("weights", "a", variable="kernel")[0],
            "distributions of weights of layer 'a'",
        ),
        (
            _distributions("weights", "a", variable="bias")[0],
            "distributions of biases of layer 'a'",
        ),
        (
            _distributions("gradients", "a", variable="kernel")[0],
            "distributions of gradients of layer 'a'",
        ),
        (
            _distributions("gradients", "a", variable="bias")[0],
            "distributions of gradients of biases of layer 'a'",
        ),
        (_distributions("activations", "a")[0], "distributions of activations of layer 'a'"),
        (
            _distributions("pre_activations", "a")[0],
            "distributions of pre-activations of layer 'a'",
        ),
        (evaluation_key("saliency", layer="a"), "'saliency' of layer 'a'"),
        (evaluation_key("outputs", layer="a" * 1000), f"outputs of layer '{'a' * 37}...'"),
    ],
)
def test_a_key_in_words(key: str, expected: str) -> None:
    assert described_key(key) == expected


@pytest.mark.parametrize("key", ["", "losses", "[]", "{}", '{"quantity": 3}'])
def test_what_is_not_a_key(key: str) -> None:
    with pytest.raises(ValueError, match=r"key of an evaluation|'quantity'"):
        described_key(key)


EVERYTHING = [
    *(evaluation_key("outputs", layer=layer) for layer in ("second", "first")),
    *(evaluation_key(quantity) for quantity in ("predictions", "losses")),
    *(evaluation_key("metric", name=name) for name in ("auc", "acc")),
    *_contours(),
    *_contours("first"),
    evaluation_key("continues", layer="first"),
    evaluation_key("grid", layer=None, view=None, lines=11, **PLACE),
    *_distributions("weights", "first", "second", variable="kernel"),
    *_distributions("activations", "second", "first"),
]


def test_keys_are_grouped_and_sorted() -> None:
    expected = (
        "outputs of layers 'first', 'second'; losses and predictions; metrics 'acc', 'auc'; "
        "the surface and boundary over the inputs and seen in layer 'first'; "
        "grid lines over the inputs; "
        "distributions of weights and activations of layers 'first', 'second'"
    )
    assert described(EVERYTHING) == expected
    assert described(EVERYTHING[::-1]) == expected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ([], "nothing"),
        ([evaluation_key("continues", layer="a")], "nothing"),
        ([evaluation_key("outputs", layer=f"dense_{n}") for n in range(4)], "outputs of 4 layers"),
        (
            _contours("six", "layer", "pca, flattened")
            + _contours("six", "layer", "pca within epochs, flattened")
            + _contours("six", "layer", "aligned, flattened"),
            "the surface and boundary in layer 'six' (aligned, pca, pca-pooled)",
        ),
        (
            _contours("six", "layer") + _contours("two"),
            "the surface and boundary in layer 'six' and over the inputs, seen in layer 'two'",
        ),
        (
            _distributions("weights", "a", variable="bias") + _distributions("activations", "b"),
            "distributions of activations of layer 'b'; distributions of biases of layer 'a'",
        ),
    ],
)
def test_groups_of_keys(keys: list[str], expected: str) -> None:
    assert described(keys) == expected


def test_descriptions_are_short() -> None:
    names = [f"{number} {'long ' * 20}" for number in range(30)]
    short = "long " * 7 + "..."
    keys = [
        *(evaluation_key("outputs", layer=name) for name in names[:3]),
        *_contours(names[0]),
        *_contours(names[1], "layer"),
        *_distributions("weights", *names, variable="kernel"),
    ]
    assert described(keys) == (
        f"outputs of 3 layers; the surface and boundary in layer '1 {short}' and over the inputs, "
        f"seen in layer '0 {short}'; distributions of weights of 30 layers"
    )
    keys += [evaluation_key("metric", name=name) for name in names[:1]]
    keys += _distributions("activations", names[0]) + _distributions("pre_activations", names[1])
    assert described(keys) == (
        "outputs of 3 layers; 1 metric; the surface and boundary in 1 layer and over the inputs, "
        "seen in 1 layer; distributions of activations of 1 layer; distributions of "
        "pre-activations of 1 layer; distributions of weights of 30 layers"
    )
    strange = described([evaluation_key(name) for name in names])
    assert len(strange) == 300
    assert strange.endswith("...")


def test_descriptions_of_a_recording_contain_no_json() -> None:
    stored = reader.read_run(rc.datasets.parabola_recording(), "parabola").evaluations()
    text = described(stored)
    assert text.startswith("outputs of layer 'hidden'; losses and predictions; the surface and")
    assert not set(text) & set('{}":')
    for key in stored:
        assert not set(described_key(key)) & set('{}":')


def _quantities() -> list[str]:
    """Return the quantities that the package makes keys of."""
    found = set()
    for path in Path(rc.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            named = isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
            if (
                named
                and call.func.id == "evaluation_key"
                and isinstance(call.args[0], ast.Constant)
            ):
                found.add(call.args[0].value)
    return sorted(found)


def test_every_quantity_of_the_package_has_words() -> None:
    quantities = _quantities()
    assert {"outputs", "predictions", "losses", "metric", "grid", "distribution"} <= {*quantities}
    for quantity in quantities:
        arguments = json.dumps({"quantity": quantity, "layer": "a", "name": "b", "kind": "weights"})
        assert not described_key(arguments).startswith("'"), quantity

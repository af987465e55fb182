"""The layers of a PyTorch module: its submodules in the order in which they run.

A module says nothing about its graph, so its submodules are watched while it runs. Hooks see what
each returns, and PyTorch's function mode sees the activation functions applied to it, as modules or
as functions. Both apply in one call only and leave the module as it is.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from replaychart.facts.layers import RecordedLayer, RecordedVariable
from replaychart.network.torch_state import StateEntry, kernel_name, owner_of

# By the names that charts and the task know.
_ACTIVATION_NAMES = (
    *("celu", "elu", "gelu", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "log_softmax"),
    *("logsigmoid", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "softmax", "softmin"),
    *("softplus", "softsign", "tanh", "tanhshrink", "hardshrink", "softshrink", "threshold"),
)
_OTHER_NAMES = {"hardsigmoid": "hard_sigmoid", "hardtanh": "hard_tanh"}
_ACTIVATIONS: dict[Any, str] = {
    function: _OTHER_NAMES.get(name, name)
    for name in _ACTIVATION_NAMES
    for holder in (torch, torch.nn.functional, torch.Tensor, torch.special)
    for spelled in (name, f"{name}_")
    if (function := getattr(holder, spelled, None)) is not None
}
# What may lie between a layer and its activation function.
_IN_BETWEEN = (
    torch.nn.modules.batchnorm._NormBase,
    torch.nn.LayerNorm,
    torch.nn.GroupNorm,
    torch.nn.modules.dropout._DropoutNd,
    torch.nn.Identity,
)

# Of these, an output of two axes is (channels, positions); any output of more axes is an image.
_CHANNELS_FIRST = (
    torch.nn.modules.conv._ConvNd,
    torch.nn.modules.batchnorm._NormBase,
    torch.nn.modules.pooling._MaxPoolNd,
    torch.nn.modules.pooling._AvgPoolNd,
    torch.nn.modules.pooling._AdaptiveAvgPoolNd,
    torch.nn.modules.pooling._AdaptiveMaxPoolNd,
    torch.nn.GroupNorm,
    torch.nn.Upsample,
)

# A tensor at one moment: its identity, and how often it was changed in place by then.
Moment = tuple[int, int]


@dataclasses.dataclass
class Seen:
    """What was seen of a submodule in its first call.

    Attributes
    ----------
    output : torch.Tensor
        A copy of what it returned.
    returned : tuple of int
        The tensor that it returned.
    tail : tuple of int
        The same after what may lie between it and its activation function.
    before, after : torch.Tensor or None
        Copies of what goes into its activation function, and of what comes out.
    result : tuple of int or None
        The tensor that comes out of it.
    activation : str or None
        The name of that function.
    direct : bool
        Whether nothing lies in between.
    other_uses : bool
        Whether any other function uses what the submodule returned.
    """

    output: torch.Tensor
    returned: Moment
    tail: Moment
    before: torch.Tensor | None = None
    after: torch.Tensor | None = None
    result: Moment | None = None
    activation: str | None = None
    direct: bool = True
    other_uses: bool = False

    @property
    def is_activated(self) -> bool:
        """Whether an activation function is all that its output is used for."""
        return self.activation is not None and not self.other_uses


class Watch(TorchFunctionMode):
    """Sees the outputs of submodules while a module runs.

    Parameters
    ----------
    modules : mapping of str to torch.nn.Module
        The submodules to watch, by path.
    replaced : tuple of (str, torch.Tensor, bool), optional
        A submodule, the output to take instead of its own, and whether this is the output of its
        activation function.
    """

    def __init__(
        self,
        modules: Mapping[str, torch.nn.Module],
        *,
        replaced: tuple[str, torch.Tensor, bool] | None = None,
    ) -> None:
        super().__init__()
        self.seen: dict[str, Seen] = {}
        self._modules = modules
        self._replaced = replaced
        # The layers that depend on a tensor, by its identity. It is kept, so that no other tensor
        # gets the same identity.
        self._followed: dict[int, tuple[torch.Tensor, list[str]]] = {}
        self._blind = 0

    @contextmanager
    def of(self, module: torch.nn.Module) -> Iterator["Watch"]:
        """Return a context in which a module's submodules are watched."""
        with ExitStack() as stack:
            for one in module.modules():
                if isinstance(one, _IN_BETWEEN):
                    stack.callback(one.register_forward_pre_hook(self._enter).remove)
                    stack.callback(one.register_forward_hook(self._leave).remove)
            for path, one in self._modules.items():
                stack.callback(one.register_forward_hook(self._hook(path)).remove)
            stack.enter_context(self)
            yield self

    def output(self, path: str, *, activated: bool) -> torch.Tensor:
        """Return a submodule's output, or that of its activation function."""
        one = self.seen[path]
        return one.after if activated and one.after is not None else one.output

    def _hook(self, path: str) -> Any:
        def hook(module: torch.nn.Module, inputs: Any, output: Any) -> Any:  # noqa: ARG001
            tensor = first_tensor(output)
            if tensor is None or path in self.seen:
                return None
            if self._replaced is not None and self._replaced[0] == path and not self._replaced[2]:
                tensor = self._replaced[1]
                output = _with_first(output, tensor)
            self._blind += 1
            copied = tensor.clone()  # because an operation in place may follow
            self._blind -= 1
            self.seen[path] = Seen(copied, _moment(tensor), _moment(tensor))
            self._follow(tensor, path)
            return output

        return hook

    def _follow(self, tensor: torch.Tensor, path: str) -> None:
        self._followed.setdefault(id(tensor), (tensor, []))[1].append(path)

    def _enter(self, module: torch.nn.Module, inputs: Any) -> None:  # noqa: ARG002
        self._blind += 1

    def _leave(self, module: torch.nn.Module, inputs: Any, output: Any) -> None:  # noqa: ARG002
        self._blind -= 1
        given, returned = first_tensor(inputs), first_tensor(output)
        if self._blind or given is None or returned is None or returned is given:
            return
        for path in self._depending_on(given):
            one = self.seen[path]
            if one.tail == _moment(given) and one.activation is None:
                one.tail, one.direct = _moment(returned), False
                self._follow(returned, path)
            else:
                one.other_uses = True

    def _depending_on(self, tensor: torch.Tensor) -> list[str]:
        return list(self._followed.get(id(tensor), (tensor, []))[1])

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """See every function of PyTorch that is called."""
        kwargs = kwargs or {}
        if self._blind:
            return func(*args, **kwargs)
        activated = self._activated_by(func, args, kwargs)
        used = [
            (tensor, _moment(tensor), self._depending_on(tensor))
            for tensor in _tensors_in((args, kwargs))
        ]
        before = args[0].clone() if activated else None
        result = func(*args, **kwargs)
        for path in activated:
            result = self._activate(path, _ACTIVATIONS[func], before, result)
        if next(_tensors_in(result), None) is None:
            return result  # about the tensor, such as its shape
        for tensor, moment, paths in used:
            if result is not tensor or moment != _moment(tensor):
                for path in paths:
                    self.seen[path].other_uses |= path not in activated
        return result

    def _activated_by(self, func: Any, args: tuple[Any, ...], kwargs: Any) -> list[str]:
        """Return the layers to whose output this function is applied, if it is an activation."""
        given = args[0] if args else kwargs.get("input")
        if func not in _ACTIVATIONS or not args or not isinstance(given, torch.Tensor):
            return []
        return [
            path
            for path in self._depending_on(given)
            if self.seen[path].tail == _moment(given) and self.seen[path].activation is None
        ]

    def _activate(
        self, path: str, name: str, before: torch.Tensor | None, result: torch.Tensor
    ) -> torch.Tensor:
        """Note the activation of a layer, and return its output."""
        if self._replaced is not None and self._replaced[0] == path and self._replaced[2]:
            result = self._replaced[1]
        one = self.seen[path]
        one.activation, one.before, one.after = name, before, result.clone()
        one.result = _moment(result)
        # One that works in place returns the tensor that was followed until now.
        self._followed.pop(id(result), None)
        self._followed[id(result)] = (result, [])
        return result


def _moment(tensor: torch.Tensor) -> Moment:
    try:
        return id(tensor), tensor._version
    except RuntimeError:  # a tensor that was made in inference mode
        return id(tensor), 0


def first_tensor(output: Any) -> torch.Tensor | None:
    """Return a tensor, or the first item of a list or tuple, which recurrent layers return."""
    if isinstance(output, (list, tuple)) and output:
        output = output[0]
    return output if isinstance(output, torch.Tensor) else None


def _with_first(output: Any, values: torch.Tensor) -> Any:
    if isinstance(output, torch.Tensor):
        return values
    return type(output)([values, *output[1:]])


def _tensors_in(arguments: Any) -> Iterator[torch.Tensor]:
    if isinstance(arguments, torch.Tensor):
        yield arguments
    elif isinstance(arguments, (list, tuple)):
        for one in arguments:
            yield from _tensors_in(one)
    elif isinstance(arguments, dict):
        yield from _tensors_in(list(arguments.values()))


@dataclasses.dataclass(frozen=True)
class TorchLayer:
    """A submodule as a layer.

    Attributes
    ----------
    path : str
        Its name in the module.
    name : str
        Its name without what ``torch.compile`` adds.
    kind : str
        Its class.
    output_shape : tuple of int
        The shape of its output for one point.
    activation : str or None
        The name of the activation function that is applied to its output and to nothing else.
    activated_later : bool
        Whether an activation function follows after a normalization or dropout.
    is_output : bool
        Whether its output is that of the whole module.
    channels_first : bool
        Whether the first axis of its output for one point is that of the channels. As in Keras, it
        comes last in `output_shape` and in the values that charts show.
    """

    path: str
    name: str
    kind: str
    output_shape: tuple[int, ...]
    activation: str | None
    activated_later: bool
    is_output: bool
    channels_first: bool

    def as_shown(self, values: torch.Tensor) -> torch.Tensor:
        """Return outputs of the submodule, shape (points, ...), with the channels last."""
        return values.movedim(1, -1) if self.channels_first else values

    def as_computed(self, values: torch.Tensor) -> torch.Tensor:
        """Return the same with the channels where the module has them."""
        return values.movedim(-1, 1) if self.channels_first else values


def submodules(module: torch.nn.Module) -> dict[str, torch.nn.Module]:
    """Return the submodules by path."""
    return {path: one for path, one in module.named_modules() if path}


def layers_seen(
    watch: Watch, modules: Mapping[str, torch.nn.Module], output: torch.Tensor, points: int
) -> list[TorchLayer]:
    """Return the layers of a module that was watched, in the order in which they ran.

    A submodule that only passes on what another one returns is not a layer of its own, such as a
    ``Sequential``, an activation function that belongs to the layer before, and a dropout, which
    does nothing in inference.

    Parameters
    ----------
    watch : Watch
        It has watched all `submodules` in one call.
    modules : mapping of str to torch.nn.Module
        The `submodules`.
    output : torch.Tensor
        What the whole module returned.
    points : int
        The number of points that it was called with.
    """
    layers: list[TorchLayer] = []
    known = {one.result for one in watch.seen.values() if one.is_activated}
    for path, one in watch.seen.items():
        if one.returned in known or len(one.output.shape) < 1 or one.output.is_complex():
            continue
        known.add(one.returned)
        if len(one.output) != points:
            continue
        direct = one.is_activated and one.direct
        shape = tuple(one.output.shape[1:])
        first = len(shape) > 2 or (len(shape) == 2 and isinstance(modules[path], _CHANNELS_FIRST))
        layers.append(
            TorchLayer(
                path=path,
                name=path.replace("_orig_mod.", "").removesuffix("._orig_mod"),
                kind=type(modules[path]).__name__,
                output_shape=(*shape[1:], shape[0]) if first else shape,
                activation=one.activation if direct else None,
                activated_later=one.is_activated and not one.direct,
                is_output=_moment(output) == (one.result if direct else one.returned),
                channels_first=first,
            )
        )
    return layers


def recorded_layers(
    module: torch.nn.Module, layers: Iterable[TorchLayer], entries: Iterable[StateEntry]
) -> tuple[tuple[RecordedLayer, ...], dict[str, str]]:
    """Return layers as they are recorded, and the layer of each parameter and buffer by name.

    A parameter belongs to the innermost layer around it.
    """
    layers, entries = list(layers), list(entries)
    names = {layer.name: layer for layer in layers}
    owners: dict[str, str] = {}
    variables: dict[str, list[RecordedVariable]] = {name: [] for name in names}
    for position, one in enumerate(entries):
        owner = _innermost(one.name, names)
        if owner is None:
            continue
        owners[one.name] = owner
        within = kernel_name(owner_of(module, one.path), one.name[len(owner) + 1 :], one.tensor)
        variables[owner].append(RecordedVariable(within, position))
    return (
        tuple(
            RecordedLayer(
                name=layer.name,
                kind=layer.kind,
                output_shape=layer.output_shape,
                activation=layer.activation,
                variables=tuple(variables[layer.name]),
            )
            for layer in layers
        ),
        owners,
    )


def _innermost(name: str, layers: Mapping[str, TorchLayer]) -> str | None:
    prefix = name
    while "." in prefix:
        prefix = prefix.rpartition(".")[0]
        if prefix in layers:
            return prefix
    return None

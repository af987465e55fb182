"""Small PyTorch modules of many kinds, with points, targets and a loss for each."""

import dataclasses
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import replaychart as rc

EPOCHS = 3


class ConvNet(nn.Module):
    """A residual network with operations in place."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(self.norm(self.first(x)))
        out = self.second(x)
        out += x
        return self.head(self.relu(out).mean(dim=(2, 3)))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 5, batch_first=True)
        self.head = nn.Linear(5, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.head(self.lstm(x)[0][:, -1])).squeeze(-1)


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(10, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 3)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        return torch.log_softmax(self.head(self.encoder(self.tokens(words)).mean(dim=1)), dim=-1)


class Shared(nn.Module):
    """A layer that runs twice, and a tied weight."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = nn.Linear(4, 4)
        self.tied = nn.Linear(4, 4, bias=False)
        self.tied.weight = self.shared.weight
        self.head = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(self.tied(torch.tanh(self.shared(self.shared(x))))))


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(9, 3)
        self.mixed = nn.Linear(5, 2)
        self.head = nn.Linear(2, 1)

    def forward(self, words: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        both = torch.cat([self.words(words).mean(dim=1), features], dim=1)
        return self.head(nn.functional.relu(self.mixed(both)))


def mlp(*, hidden: int = 2, outputs: int = 1) -> nn.Sequential:
    layers: Any = OrderedDict(
        hidden=nn.Linear(2, hidden), tanh=nn.Tanh(), output=nn.Linear(hidden, outputs)
    )
    return nn.Sequential(layers)


@dataclasses.dataclass
class Kept:
    """A training that was recorded, and what PyTorch itself computed."""

    path: Path
    group: str
    module: nn.Module
    loss: Callable[..., Any]
    X: Any
    y: np.ndarray
    states: list[dict[str, torch.Tensor]]
    outputs: list[np.ndarray]
    losses: list[float]
    gradients: list[dict[str, np.ndarray]]

    def open(self, **options: Any) -> rc.Run:
        return rc.open_run(self.path, self.group, **{"model": self.module, **options})


def arguments(X: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return points as the arguments of ``forward``."""
    if isinstance(X, dict):
        return (), {name: torch.as_tensor(one) for name, one in X.items()}
    arrays = X if isinstance(X, list) else [X]
    return tuple(torch.as_tensor(one) for one in arrays), {}


def train(
    path: Path,
    module: nn.Module,
    X: Any,
    y: np.ndarray,
    loss: Callable[..., Any],
    *,
    group: str = "torch",
    targets: torch.Tensor | None = None,
    epochs: int = EPOCHS,
    optimizer: torch.optim.Optimizer | None = None,
    **options: Any,
) -> Kept:
    """Train and record, and keep what PyTorch computes after each epoch."""
    args, named = arguments(X)
    targets = torch.as_tensor(y) if targets is None else targets
    optimizer = optimizer or torch.optim.SGD(module.parameters(), lr=0.1)
    kept = Kept(path, group, module, loss, X, y, [], [], [], [])

    def keep() -> None:
        kept.states.append({name: one.clone() for name, one in module.state_dict().items()})
        module.eval()
        before = {name: one.grad for name, one in module.named_parameters()}
        for one in module.parameters():
            one.grad = None
        output = module(*args, **named)
        value = loss(output, targets)
        value.backward()
        kept.outputs.append(output.detach().float().numpy().copy())
        kept.losses.append(value.item())
        kept.gradients.append(
            {
                name: one.grad.numpy().copy()
                for name, one in module.named_parameters()
                if one.grad is not None
            }
        )
        for name, one in module.named_parameters():
            one.grad = before[name]
        module.train()

    recorder = rc.TorchRecorder(
        module, X, y, path, group, loss=loss, optimizer=optimizer, **options
    )
    keep()
    with recorder:
        for epoch in range(1, epochs + 1):
            optimizer.zero_grad()
            value = loss(module(*args, **named), targets)
            value.backward()
            optimizer.step()
            keep()
            recorder.snapshot(epoch, {"loss": value})
    return kept

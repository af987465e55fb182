"""PyTorch: two parabolas, five views

The network of :doc:`parabola`, trained by PyTorch in a plain loop. ``TorchRecorder`` records all
parameters at every epoch, and `open_run` takes the module that was trained, so the charts are the
same as for Keras, with the grid, the surface and the boundary of every epoch. The last layer
returns logits, as ``BCEWithLogitsLoss`` expects; the charts show their probabilities. Watch the
chart on the left: the hidden layer folds the plane until one straight line separates the curves.

With ``store=True``, the recording also charts without PyTorch.
"""
# category: Feature spaces
# thumbnail-epoch: 30

from collections import OrderedDict
from pathlib import Path

import torch

import replaychart as rc

recording = Path("pytorch.h5")

torch.manual_seed(8)
module = torch.nn.Sequential(
    OrderedDict(
        hidden=torch.nn.Linear(2, 2),
        activation=torch.nn.Sigmoid(),
        output=torch.nn.Linear(2, 1),
    )
)

if not recording.exists():
    X, y = rc.datasets.parabola()
    points = torch.tensor(X, dtype=torch.float32)
    targets = torch.tensor(y, dtype=torch.float32)[:, None]
    loss_of = torch.nn.BCEWithLogitsLoss()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    recorder = rc.TorchRecorder(
        module, X, y, recording, "parabola", loss=loss_of, optimizer=optimizer, store=True
    )
    with recorder:
        for epoch in range(1, 151):
            for rows in torch.randperm(len(points)).split(16):
                optimizer.zero_grad()
                loss = loss_of(module(points[rows]), targets[rows])
                loss.backward()
                optimizer.step()
            recorder.snapshot(epoch, {"loss": loss})

run = rc.open_run(recording, "parabola", model=module)
epochs = slice(None, None, 3)  # every third one

space = rc.feature_space(run, "hidden", epochs=epochs, width=380, height=380)
probabilities = rc.probability_histogram(run, epochs=epochs)
curves = rc.loss_and_metric(run, epochs=epochs)
losses = rc.loss_histogram(run, epochs=epochs)

space | probabilities | (curves & losses)

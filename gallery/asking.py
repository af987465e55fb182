"""Follow single points

Where do the points come from that are learned last? `link` connects the views: drag over points, or
click the bars of the largest losses, and the same points stay highlighted in all views while the
epoch moves. Click a point to see its path through the hidden layer, and its own loss. Here, two
points of class 0 are picked from Python. Point 12, high on the arm of its parabola, is right from
epoch 6 on. Point 1305, close to the vertex, needs four more epochs, and its loss falls later.

Type other numbers into the box, click a class in the legend, or double click to start over.
"""
# category: Your own charts
# thumbnail-epoch: 60

import replaychart as rc

run = rc.open_run(rc.datasets.parabola_recording())
options = {"epochs": [*range(0, 60, 3), *range(60, 151, 6)], "width": 320}

inputs = rc.decision_boundary(run, height=320, **options)
hidden = rc.feature_space(run, height=320, **options)
curves = rc.loss_and_metric(run, **options)
losses = rc.loss_histogram(run, **options)

rc.link((inputs | hidden) & (curves | losses), find=[12, 1305])

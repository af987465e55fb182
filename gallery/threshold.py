"""Move the threshold

From which probability on does a point count as class 1? The network decides at 0.5. The second
slider moves this threshold, and all three charts follow: the boundary, the dot on both curves, and
the counts of the confusion matrix. At epoch 40, everything that is predicted as class 1 is class 1,
but a quarter of the class is missed. At a threshold of 0.3, only 7 % are missed, and in return a
quarter of what is predicted as class 1 is wrong. The curves themselves do not move: they show all
thresholds at once. Only training makes them better.
"""
# category: Decision boundaries
# thumbnail-epoch: 40

import replaychart as rc

run = rc.open_run(rc.datasets.parabola_recording())
threshold = rc.threshold_param(0.3)
options = {"threshold": threshold, "epochs": slice(None, None, 5), "epoch": 40}

boundary = rc.decision_boundary(run, width=300, height=300, **options)
matrix = rc.confusion(run, width=300, height=300, **options)
curves = rc.roc(run, width=300, height=200, **options)

(boundary | matrix) & curves

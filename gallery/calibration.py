"""Right, but not sure

Do predictions come true as often as their probabilities say? In the diagram on the left, points of
a well calibrated network are on the diagonal. At epoch 60, only 17 of 2,000 points are wrong, and
yet the network is calibrated worse than at epoch 40: it says 0.7 or 0.8 where it is always right.
The histogram shows why, with most of its bars between the two ends. The epochs after that hardly
change a prediction. They only make the network more sure of it, until the expected calibration
error (ECE) is below 0.03.
"""
# category: Inside the network
# thumbnail-epoch: 60

import replaychart as rc

run = rc.open_run(rc.datasets.parabola_recording())
options = {"epochs": slice(None, None, 2), "epoch": 60}

diagram = rc.calibration(run, width=320, height=320, **options)
sureness = rc.probability_histogram(run, layout="combined", width=320, height=130, **options)
curves = rc.loss_and_metric(run, width=320, height=130, **options)

diagram | (sureness & curves)

"""Two parabolas, five views

A hidden layer of two sigmoid units learns to separate two parabolas. The chart on the left shows
the plane as this layer sees it. At epoch 15 the curves still run side by side, and the straight
boundary cuts through both. By epoch 69 the layer has turned and stretched the grid so far that one
straight line separates them. In the middle, watch the red bars, the points on the wrong side: they
shrink until none are left. The loss keeps falling after that, because correct predictions can still
become more certain.

The recording is included in ReplayChart, so this example does not need Keras. It is the first
example of `Hyper-parameters in Action!
<https://towardsdatascience.com/hyper-parameters-in-action-a524bf5bf1c>`_.
"""
# category: Feature spaces
# thumbnail-epoch: 69

import replaychart as rc

run = rc.open_run(rc.datasets.parabola_recording())
epochs = slice(None, None, 3)  # every third one

space = rc.feature_space(run, epochs=epochs, width=380, height=380)
probabilities = rc.probability_histogram(run, epochs=epochs)
curves = rc.loss_and_metric(run, epochs=epochs)
losses = rc.loss_histogram(run, epochs=epochs)

space | probabilities | (curves & losses)

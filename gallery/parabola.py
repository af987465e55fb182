"""Two parabolas, five views

A hidden layer of two sigmoid units learns to tell two parabolas apart. On the left is the plane as
the layer sees it. At epoch 15 the curves still run beside each other, and the straight boundary
cuts through both; by epoch 60 the layer has turned and stretched the grid until one straight line
parts them. In the middle, watch the dark bars: these are the points on the wrong side, and they
are gone by epoch 60. The loss keeps falling all the same, because a network that is right can
still become surer.

The recording comes with ReplayChart, so this example needs no Keras. It is the first example of
`Hyper-parameters in Action!
<https://towardsdatascience.com/hyper-parameters-in-action-a524bf5bf1c>`_.
"""
# category: Feature spaces
# thumbnail-epoch: 60

import replaychart as rc

run = rc.open_run(rc.datasets.parabola_recording())
epochs = slice(None, None, 3)  # every third one

space = rc.feature_space(run, epochs=epochs, width=380, height=380)
probabilities = rc.probability_histogram(run, epochs=epochs)
curves = rc.loss_and_metric(run, epochs=epochs)
losses = rc.loss_histogram(run, epochs=epochs)

space | probabilities | (curves & losses)

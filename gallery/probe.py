"""Point at a place

What does the network make of a point that it never saw? Move the pointer over the plane of the
inputs: the cross follows it, a second cross shows where the hidden layer puts the same place, and
the text says how probable class 1 is there. The page computes this from the recorded weights, at
any epoch. Cross the boundary slowly: in the hidden layer, the image crosses a straight line. Then
stay where you are and move the slider: at (0, -0.2), between the two parabolas, the network changes
its mind.
"""
# category: Inside the network
# thumbnail-epoch: 40

import replaychart as rc

run = rc.open_run(rc.datasets.parabola_recording())
options = {"epochs": slice(None, None, 3), "width": 360}

planes = rc.probe(run, place=(0, -0.2), height=360, **options)

planes & rc.loss_and_metric(run, height=130, **options)

"""A GAN runs after a ring, and catches it

A generator turns random points of a plane into new points, and a discriminator learns to tell these
from the real ones, the gray ring. The background is the discriminator's opinion: in the orange
parts, it takes points for real. The colored points are what the generator makes; those in a crimson
frame do not fool the discriminator. The thin lines are the plane that the generator started from,
as it folds it.

For the first fifteen epochs, all generated points run around the ring in one clump. Wherever they
go, the discriminator follows and turns the place blue, so they are driven on: at epoch 4 the clump
is on the left, at epoch 8 at the top right, and at epoch 12 at the bottom. Around epoch 16 it tears
apart, at epoch 20 it has a part on every side, and at epoch 40 it lies on the ring. From then on,
the discriminator can only guess, so the accuracy stays near one half and the loss near 0.69, the
logarithm of 2. A few points are left inside: the generator is continuous, and somewhere it must
cross from one side to the other.

The recorded model is the generator followed by the discriminator. `feature_space` draws the layer
between them, and evaluates the discriminator all over its plane.
"""
# category: Trainings
# thumbnail-epoch: 40

from pathlib import Path

import altair as alt
import keras
import numpy as np
import pandas as pd
import tensorflow as tf

import replaychart as rc

recording = Path("gan.h5")

random = np.random.default_rng(0)
angle = random.uniform(0, 2 * np.pi, 1000)
ring = np.column_stack([np.cos(angle), np.sin(angle)]) + random.normal(0, 0.05, (1000, 2))

if not recording.exists():
    keras.utils.set_random_seed(1)
    noise = keras.Input((2,), name="noise")
    generated = keras.layers.Dense(32, "relu")(noise)
    generated = keras.layers.Dense(32, "relu")(generated)
    generated = keras.layers.Dense(2, name="generated")(generated)
    generator = keras.Model(noise, generated)
    discriminator = keras.Sequential(
        [
            keras.layers.Dense(32, "relu"),
            keras.layers.Dense(32, "relu"),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    output = generated
    for layer in discriminator.layers:
        output = layer(output)
    both = keras.Model(noise, output)

    loss = keras.losses.BinaryCrossentropy()
    optimizers = [keras.optimizers.Adam(0.002, beta_1=0.5) for _ in range(2)]

    @tf.function
    def step(real, noise):
        with tf.GradientTape(persistent=True) as tape:
            fake = generator(noise)
            of_real, of_fake = discriminator(real), discriminator(fake)
            yes, no = tf.ones_like(of_fake), tf.zeros_like(of_fake)
            losses = [loss(yes, of_real) + loss(no, of_fake), loss(yes, of_fake)]
        for model, value, optimizer in zip(
            [discriminator, generator], losses, optimizers, strict=True
        ):
            gradients = tape.gradient(value, model.trainable_variables)
            optimizer.apply(gradients, model.trainable_variables)
        return losses

    X, real = random.normal(size=(500, 2)), ring.astype("float32")
    names = ["generated", "real"]
    with rc.Recorder(
        X, np.ones(500), recording, "gan", loss="binary_crossentropy", class_names=names
    ) as recorder:
        recorder.snapshot(both, 0)
        for epoch in range(1, 101):
            for _ in range(30):
                rows = random.integers(0, 1000, 128)
                noise = random.normal(size=(128, 2)).astype("float32")
                losses = step(real[rows], noise)
            recorder.snapshot(both, epoch, {"discriminator": losses[0], "generator": losses[1]})

run = rc.open_run(recording, "gan")

limits = (-2.1, 2.1)
some = {"epochs": slice(None, None, 2)}
space = rc.feature_space(run, "generated", surface="layer", xlim=limits, ylim=limits, **some)
real = (
    alt.Chart(pd.DataFrame(ring, columns=["x", "y"]))
    .mark_circle(color="gray", size=12, opacity=0.4)
    .encode(x="x", y="y")
)

(space + real).properties(width=440, height=440) | rc.loss_and_metric(
    run, width=300, height=440, **some
)

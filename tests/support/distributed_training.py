"""Trains under a ``tf.distribute`` strategy; run as a script, because devices are set up once.

With ``mirrored`` one process has two replicas. With ``worker`` it is one of the two workers of
``TF_CONFIG``, each of which is started by the tests.
"""

import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import replaychart as rc
from replaychart.storage import writer


def compiled_model() -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(2, activation="tanh", name="hidden"),
            keras.layers.BatchNormalization(name="normal"),
            keras.layers.Dense(1, activation="sigmoid", name="output"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.5), "binary_crossentropy", metrics=["accuracy"])
    return model


class CountedWriter(writer.RunWriter):
    """Counts how often the file is written."""

    writes = 0

    def append(self, *snapshots: writer.Snapshot, **options: Any) -> None:
        CountedWriter.writes += 1
        super().append(*snapshots, **options)


def mirrored(directory: Path) -> None:
    from replaychart.recording import recorder as recording

    recording.RunWriter = CountedWriter
    keras.utils.set_random_seed(1)
    strategy = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
    assert strategy.num_replicas_in_sync == 2
    X, y = rc.datasets.parabola(32)
    with strategy.scope():
        model = compiled_model()
    recorder = rc.Recorder(X, y, directory / "runs.h5", "mirrored")
    model.fit(X, y, epochs=3, batch_size=16, verbose=0, callbacks=[recorder])
    assert CountedWriter.writes == 5, "four snapshots, and that it is finished"
    run = rc.open_run(directory / "runs.h5", "mirrored")
    assert run.epochs.tolist() == [0, 1, 2, 3]
    plain = compiled_model()
    plain.set_weights(model.get_weights())
    expected = plain.predict(X, verbose=0)[:, 0]
    np.testing.assert_allclose(run.probabilities()[-1, :, 1], expected, atol=1e-6)


def worker(directory: Path) -> None:
    """Train in a loop of its own, because ``fit`` of Keras 3 does not run with several workers."""
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    keras.utils.set_random_seed(1)
    X, y = rc.datasets.parabola(32)
    with strategy.scope():
        model = compiled_model()
    data = tf.data.Dataset.from_tensor_slices((X, y[:, None])).batch(32)
    data = strategy.experimental_distribute_dataset(data)

    @tf.function
    def step(points: tf.Tensor, targets: tf.Tensor) -> None:
        def replica_step(points: tf.Tensor, targets: tf.Tensor) -> None:
            with tf.GradientTape() as tape:
                losses = keras.losses.binary_crossentropy(targets, model(points))
                loss = tf.reduce_sum(losses) / 32
            variables = model.trainable_variables
            for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
                context = tf.distribute.get_replica_context()
                total = context.all_reduce(tf.distribute.ReduceOp.SUM, gradient)
                variable.value.assign_sub(0.5 * total)

        strategy.run(replica_step, (points, targets))

    # Both workers name the same file, as the same program does on every machine.
    with rc.Recorder(X, y, directory / "runs.h5", "workers") as recorder:
        recorder.snapshot(model, 0)
        for epoch in (1, 2):
            for points, targets in data:
                step(points, targets)
            recorder.snapshot(model, epoch)
    task = strategy.cluster_resolver.task_id
    np.savez(directory / f"worker-{task}.npz", *model.get_weights())


if __name__ == "__main__":
    cpu = tf.config.list_physical_devices("CPU")[0]
    if sys.argv[1] == "mirrored":
        devices = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(cpu, devices)
    {"mirrored": mirrored, "worker": worker}[sys.argv[1]](Path(sys.argv[2]))
    print(sys.argv[1], "passed")

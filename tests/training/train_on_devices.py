"""Train a small network on one device or several, for test_devices.py.

Usage: train_on_devices.py OUTPUT WAY CASE [INDEX PORT]. Processes with an index train
together. The losses and the weights are written to OUTPUT.
"""

import contextlib
import os
import sys

output, way, case = sys.argv[1:4]
index, port = sys.argv[4:6] if len(sys.argv) > 4 else (None, None)
backend = os.environ["KERAS_BACKEND"]
if backend == "jax" and index is None:
    flags = os.environ.get("XLA_FLAGS", "")
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count=2 {flags}"
if backend == "tensorflow":
    import tensorflow as tf

    (cpu,) = tf.config.list_physical_devices("CPU")
    halves = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, halves)

import keras  # noqa: E402  Devices are made first.
import numpy as np  # noqa: E402

if index is not None and backend == "jax":
    keras.distribution.initialize(f"127.0.0.1:{port},127.0.0.1", 2, int(index))

from keras_recur import data, layers, training  # noqa: E402


class Interrupt(keras.callbacks.Callback):
    """End a run at the start of its second epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            raise InterruptedError


def network():
    """Return a recurrent network; in one case it has batch statistics."""
    keras.utils.set_random_seed(0)
    parts = [keras.layers.Dense(8, kernel_initializer="he_normal", name="inner")]
    if case == "statistics":
        synchronized = way.startswith("mirrored")
        parts += [layers.TimeSpecificBatchNormalization(synchronized=synchronized)]
    block = keras.Sequential([*parts, keras.layers.ReLU()])
    inputs = keras.Input((64,))
    state = keras.layers.Dense(8)(inputs)
    loop = layers.SharedRecurrentBlock(block, iterations=3, injection="concat")
    return keras.Model(inputs, keras.layers.Dense(10)(loop(state)))


def digits(shard=None):
    """Return 5 batches of 20 digits."""
    whole = data.load("digits", num_examples=100)
    x = whole.x.reshape(100, 64).astype("float32") / 16
    y = whole.y[:100]
    return data.ArrayDataset(
        x, y, batch_size=20, shuffle=True, shard=shard, num_classes=10
    )


def train(model, batches, **options):
    """Train two epochs and return the losses."""
    progressive = 0.5 if case == "progressive" else 0.0
    recipe = training.Recipe(
        "sgd", 0.1, epochs=2, batch_size=20, progressive=progressive
    )
    return training.fit(model, recipe, batches, verbose=0, **options)["loss"]


def distribution(across):
    """Return a distribution of `keras.distribution` that divides batches or weights."""
    devices = keras.distribution.list_devices()
    if across == "batch":
        return keras.distribution.DataParallel(
            devices=devices, auto_shard_dataset=False
        )
    mesh = keras.distribution.DeviceMesh((1, 2), ("batch", "model"), devices)
    layout = keras.distribution.LayoutMap(mesh)
    layout[".*inner.*kernel"] = (None, "model")
    return keras.distribution.ModelParallel(
        layout_map=layout, batch_dim_name="batch", auto_shard_dataset=False
    )


def train_wrapped(model, batches):
    """Train like `train`, in PyTorch's own loop over processes."""
    import torch

    torch.distributed.init_process_group(
        "gloo", f"tcp://127.0.0.1:{port}", rank=int(index), world_size=2
    )
    wrapped = torch.nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.SGD(wrapped.parameters(), lr=0.1, momentum=0.9)
    score, losses = torch.nn.CrossEntropyLoss(), []
    for batches.epoch in range(2):
        found = []
        for x, y in (batches[i] for i in range(len(batches))):
            loss = score(wrapped(torch.tensor(x)), torch.tensor(y).long())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            found.append(loss.detach())
            torch.distributed.all_reduce(found[-1])
        losses.append(np.mean([loss.item() / 2 for loss in found]))
    torch.distributed.barrier()  # The first process serves the others.
    # On return, the wrapper would join the threads of the group and keep Python's lock,
    # for which these threads may wait.
    del wrapped
    torch.distributed.destroy_process_group()
    return losses


def run():
    """Train in the given way and return the model and the losses."""
    if way == "one":
        model = network()
        return model, train(model, digits())
    if way.startswith("mirrored"):
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        assert strategy.num_replicas_in_sync == 2
        with strategy.scope():
            model = network()
        inside = way == "mirrored inside"
        with strategy.scope() if inside else contextlib.nullcontext():
            batches = digits().as_dataset() if way.endswith("dataset") else digits()
            return model, train(model, batches)
    if way == "wrapped together":
        model = network()
        return model, train_wrapped(model, digits((int(index), 2)))
    across, _, together = way.partition(" ")
    keras.distribution.set_distribution(distribution(across))
    if not together:
        model = network()
        return model, train(model, digits())
    # Processes that divide the weights take the same batches.
    batches = digits((int(index), 2) if across == "batch" else None)
    options = {"directory": os.path.join(os.path.dirname(output), across)}
    with contextlib.suppress(InterruptedError):
        train(network(), batches, callbacks=[Interrupt()], **options)
    model = network()
    losses = train(model, batches, **options)
    assert train(network(), batches, **options) == losses  # It is finished.
    return model, losses


def whole(weight):
    """Return a weight as an array, from all processes."""
    from keras_recur.training._devices import gathered

    return keras.ops.convert_to_numpy(gathered(weight))


model, losses = run()
np.savez(output, losses, *map(whole, model.weights))

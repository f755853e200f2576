"""Checks of training on several devices or processes, before the first step."""

from typing import Any

import keras
from keras import tree


def process_index() -> int:
    """Return the number of this process, from 0, among those that train together."""
    if keras.backend.backend() != "jax":
        return 0
    import jax

    return jax.process_index()


def gathered(variable: Any) -> Any:
    """Return a variable, from all processes if it is divided among them."""
    value = variable.value
    if keras.backend.backend() != "jax" or value.is_fully_addressable:
        return variable
    if value.is_fully_replicated:
        return value.addressable_data(0)
    from jax.experimental import multihost_utils

    return multihost_utils.process_allgather(value, tiled=True)


def check_devices(model: keras.Model) -> None:
    """Refuse devices on which `fit` would fail or train separate copies.

    Raises:
        ValueError: If the model belongs to another strategy than the current one.
        RuntimeError: If processes of PyTorch train together.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        _check_strategy(model)
    elif backend == "torch":
        import torch

        here = torch.distributed.is_available() and torch.distributed.is_initialized()
        if here and torch.distributed.get_world_size() > 1:
            raise RuntimeError(
                "On PyTorch, `fit` trains on one device. Received: "
                f"{torch.distributed.get_world_size()} processes, which would train "
                "separate models. Wrap the model in DistributedDataParallel in a loop "
                "of your own, as the guide on many devices shows."
            )


def check_divisible(name: str, data: Any, batch: Any) -> None:
    """Check that the devices of `keras.distribution` can divide the batches.

    Args:
        name: Name of the argument, for the error.
        data: The data. The last batch is known for data sets of this library.
        batch: The first batch of this process.
    """
    devices = _batch_devices()
    if devices == 1:
        return
    sizes = {len(tree.flatten(batch)[0])}
    for part in getattr(data, "phases", (data,)):
        if hasattr(part, "drop_remainder") and not part.drop_remainder:
            count = part.shard[1] if part.shard else 1
            sizes.add(part.num_examples % part.batch_size // count)
    for size in sorted(sizes):
        if size % devices:
            raise ValueError(
                f"Batches of `{name}` must be divisible by the {devices} devices of "
                f"keras.distribution in this process. Received: a batch of {size} "
                "examples. Choose another batch size, or data without an incomplete "
                "last batch."
            )


def _batch_devices():
    """Return the number of parts into which this process divides its batches."""
    found: Any = keras.distribution.distribution()
    if found is None:
        return 1
    mesh, name = found.device_mesh, found.batch_dim_name
    parts = mesh.shape[mesh.axis_names.index(name)] if name in mesh.axis_names else 1
    if keras.backend.backend() != "jax":
        return parts
    import jax

    return max(1, parts // jax.process_count())


def _check_strategy(model):
    import tensorflow as tf

    own = getattr(model, "_distribute_strategy", None)
    if tf.distribute.has_strategy() and tf.distribute.get_strategy() is not own:
        where = "outside any" if own is None else "in another"
        raise ValueError(
            "`model` must be built in the scope of the tf.distribute strategy that "
            f"trains it. Received: a model built {where} strategy's scope. Build it "
            "inside `with strategy.scope():`; fit may be called inside or outside."
        )

"""The branches between two states, as in Liao and Poggio 2016 (arXiv:1604.03640)."""

import keras

from keras_recur.layers._seeds import derived_seed
from keras_recur.layers.time_specific_batch_normalization import (
    TimeSpecificBatchNormalization,
)

_CONVOLUTIONS = {
    1: (keras.layers.Conv1D, keras.layers.Conv1DTranspose, keras.layers.ZeroPadding1D),
    2: (keras.layers.Conv2D, keras.layers.Conv2DTranspose, keras.layers.ZeroPadding2D),
}


def levels(source: tuple, target: tuple) -> int:
    """Return the number of times that the size halves, negative if it doubles."""
    found = set()
    for a, b in zip(source[:-1], target[:-1], strict=True):
        if a == b:
            found.add(0)
            continue
        ratio = max(a, b) // min(a, b) if a and b else 0
        if not ratio or ratio * min(a, b) != max(a, b) or ratio & (ratio - 1):
            return _refuse(source, target)
        found.add((ratio.bit_length() - 1) * (1 if a > b else -1))
    if not found:
        return 0
    return found.pop() if len(found) == 1 else _refuse(source, target)


def _refuse(source, target):
    raise ValueError(
        "The sizes of states with a transition between them must be equal, or halve "
        "or double the same number of times on every axis. Received: "
        f"{source[:-1]} and {target[:-1]}. Choose sizes such as 32, 16, 8, 4, or give "
        "the transition its own layer."
    )


def branch(
    source, target, layer, *, affine, kernel_size, initializer, seed, dtype, name
):
    """Return a Sequential from a state of shape `source` to one of shape `target`."""
    times = levels(source, target)
    count = max(int(layer[-1]), abs(times))
    middle = (source[-1] + target[-1]) // 2
    widths = [middle] * (count - 1) + [target[-1]]
    # Halve first and double last, because small maps are cheap.
    strides = [2 if i < times or i >= count + times else 1 for i in range(count)]
    parts = []
    for i, (width, stride) in enumerate(zip(widths, strides, strict=True)):
        part = "abcdefghijklmnop"[i]
        parts.append(
            TimeSpecificBatchNormalization(
                affine=affine,
                momentum=0.9,
                epsilon=1e-5,
                dtype=dtype,
                name=f"norm_{part}",
            )
        )
        parts.append(keras.layers.ReLU(dtype=dtype, name=f"relu_{part}"))
        arguments = {
            "use_bias": False,
            "kernel_initializer": reseeded(initializer, seed, part),
            "dtype": dtype,
            "name": f"conv_{part}",
        }
        if len(source) == 1:
            arguments["name"] = f"dense_{part}"
            parts.append(keras.layers.Dense(width, **arguments))
            continue
        down, up, padding = _CONVOLUTIONS[len(source) - 1]
        arguments |= {"kernel_size": kernel_size, "strides": stride, "padding": "same"}
        if times < 0:
            parts.append(up(width, **arguments))
            continue
        # Pad equally on every side, as PyTorch does.
        if stride > 1 and kernel_size > 1:
            parts.append(padding(kernel_size // 2, dtype=dtype, name=f"padding_{part}"))
            arguments["padding"] = "valid"
        parts.append(down(width, **arguments))
    return keras.Sequential(parts, name=name)


def reseeded(initializer, seed, part):
    """Return the initializer with a seed for this part."""
    initializer = keras.initializers.get(initializer)
    config = initializer.get_config()
    if "seed" in config and seed is not None:
        config["seed"] = derived_seed(seed, part)
    return type(initializer).from_config(config)

"""Weights of a loop with template banks, which replace those of its block."""

import math

from keras import ops

from keras_recur.layers._each_row import EachRow
from keras_recur.layers._seeds import derived_seed


def sized_bank(spec, shape, num_layers, variable):
    """Return the bank of one shape, from a specification without sizes."""
    for name, found in (("kernel_shape", shape), ("num_layers", num_layers)):
        given = getattr(spec, name)
        if given is not None and given != found:
            raise ValueError(
                f"The bank's `{name}` does not fit the block. Received: {name}="
                f"{given} where the block has {found}. Leave it out: the loop knows it."
            )
    config = {**spec.get_config(), "kernel_shape": shape, "num_layers": num_layers}
    size = "x".join(map(str, shape))
    config["name"] = f"bank_{size}"
    if spec.seed is not None:  # One specification serves several shapes.
        config["seed"] = derived_seed(spec.seed, size)
    config["dtype"] = variable.dtype
    bank = type(spec).from_config(config)
    if bank.templates_regularizer is None and variable.regularizer is not None:
        bank.templates_regularizer = EachRow(variable.regularizer)
    return bank


def add_rows(loop, name, variable, values):
    """Add a weight to the loop, with these values and the settings of `variable`."""
    return loop.add_weight(
        name=name,
        shape=values.shape,
        initializer=lambda shape, dtype=None: ops.convert_to_tensor(values, dtype),
        dtype=variable.dtype,
        trainable=variable.trainable,
        regularizer=_per_row(variable.regularizer, values),
        constraint=_per_row(variable.constraint, values),
        aggregation=variable.aggregation,
    )


def _per_row(function, values):
    return function and EachRow(function) if math.prod(values.shape) else None


def check_not_written(written):
    """Refuse a block that writes variables of which iterations have no rows."""
    if written:
        raise ValueError(
            "With a template bank, trainable weights and untracked variables cannot be "
            "written when the block is called. Received: a block that writes "
            f"{[v.path for v in written]}, as SpectralNormalization and stateful RNNs "
            "do. Use sharing='all', 'none' or groups."
        )


def check_kernels(variables):
    """Refuse kernels that one bank cannot mix."""
    for variable in variables:
        if variable.constraint is not None:
            raise ValueError(
                "Kernels that are mixed from templates cannot be constrained. "
                f"Received: {variable.path} with {type(variable.constraint).__name__}. "
                "Use a regularizer, or sharing='all', 'none' or groups."
            )
    first = variables[0]
    for other in variables[1:]:
        same = _config(first.regularizer) == _config(other.regularizer)
        if not same or first.dtype != other.dtype:
            raise ValueError(
                "Kernels of one shape are mixed from one bank and must have the same "
                f"dtype and regularizer. Received: {first.path} with {first.dtype}, "
                f"{first.regularizer} and {other.path} with {other.dtype}, "
                f"{other.regularizer}."
            )


def _config(regularizer):
    """Return a value that is equal for equal regularizers."""
    try:
        return type(regularizer), regularizer.get_config()
    except (AttributeError, NotImplementedError):
        return regularizer

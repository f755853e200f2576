"""A training step of a recurrent network against the same one written by hand.

The zoo's recurrent network and the same layers in a plain Python loop have equal
weights (checked by their outputs first), are compiled alike, and run in one process.
Their steps alternate, so that other load on the machine affects both. The rows are both
medians, their ratio (target: at most 1.03), and the median of the paired ratios.

    KERAS_BACKEND=jax python benchmarks/step.py --network deep_thinking_2d \\
        --width 32 --size 24 --batch 16 --iterations 8 --jit true --repeats 30

Each takes 30 to 60 seconds on 2 CPU cores. On a GPU, the networks have the papers'
widths.
"""

import environment
from setting import Asked, Job, Setting, network_jobs, parse_setting
from worker import OPTIONS, at, compare, compiled, data, timed_step

NETWORKS = (
    Setting("deep_thinking_2d", width=32, size=24, batch=16, iterations=8),
    Setting("deep_thinking_1d", width=120, size=16, batch=100, iterations=10),
)
ON_GPU = (
    Setting("deep_thinking_2d", width=128, size=24, batch=50, iterations=10),
    Setting("deep_thinking_1d", width=400, size=32, batch=500, iterations=10),
)
TINY = (
    Setting("deep_thinking_2d", width=4, size=8, batch=2, iterations=2),
    Setting("deep_thinking_1d", width=4, size=8, batch=2, iterations=2),
)
WARM_UP = 3


def jobs(backend: str, asked: Asked) -> list[Job]:
    return network_jobs("step", backend, asked, NETWORKS, ON_GPU, TINY)


def measure(setting: Setting) -> None:
    from keras_recur import zoo

    ours = zoo.build(
        setting.network,
        width=setting.width,
        iterations=setting.iterations,
        seed=0,
        **OPTIONS[setting.network],
    ).recurrent
    plain = by_hand(setting)
    x, y = data(setting)
    make_equal(ours, plain, x)
    for model in (plain, ours):
        at("first steps")
        compiled(model, setting)
        for _ in range(WARM_UP):
            timed_step(model, x, y)
    compare(
        "step",
        setting.repeats,
        {
            "by hand": lambda: timed_step(plain, x, y),
            "zoo": lambda: timed_step(ours, x, y),
        },
    )


def by_hand(setting: Setting):
    """Build the network in plain Keras, without a layer of this library."""
    import keras
    from keras import layers

    one_d = setting.network == "deep_thinking_1d"
    Conv = layers.Conv1D if one_d else layers.Conv2D

    def conv(filters, activation=None):
        return Conv(filters, 3, padding="same", use_bias=False, activation=activation)

    width = setting.width
    projection = conv(width, "relu")
    recall = conv(width, "relu") if one_d else None
    residual = [(conv(width), conv(width)) for _ in range(2)]
    concatenate, add, relu = layers.Concatenate(), layers.Add(), layers.ReLU()
    sizes = (width, width // 2) if one_d else (32, 8)

    inputs = keras.Input((None, 1) if one_d else (None, None, 3))
    x = projection(inputs)
    for _ in range(setting.iterations):
        if recall:
            x = recall(concatenate([x, inputs]))
        for first, second in residual:
            x = relu(add([second(relu(first(x))), x]))
    for filters in sizes:
        x = conv(filters, "relu")(x)
    return keras.Model(inputs, conv(2)(x))


def make_equal(ours, plain, x) -> None:
    """Copy the weights and check that the outputs are equal."""
    import keras

    weights = zip(ours.trainable_variables, plain.trainable_variables, strict=True)
    for source, target in weights:
        target.assign(keras.ops.convert_to_numpy(source))
    make_sure_equal(ours, plain, x)


def make_sure_equal(ours, plain, x) -> None:
    """End this process if two networks do not compute the same."""
    import keras
    import numpy as np

    outputs = [model.predict_on_batch(x) for model in (ours, plain)]
    close = {"rtol": 1e-4, "atol": 1e-5}
    if environment.device(keras.backend.backend())[0] == "gpu":
        # Convolutions have ten bits there (TF32), added in an order of the compiler's.
        close = {"rtol": 0.02, "atol": 0.02 * np.abs(outputs[1]).max()}
    if not np.allclose(*outputs, **close):
        difference = np.abs(outputs[0] - outputs[1]).max()
        raise SystemExit(f"The two networks differ by {difference}: not comparable.")


if __name__ == "__main__":
    measure(parse_setting(__doc__))

"""The fully recurrent network of three states against three alternatives.

`by-hand`: a training step of the zoo's network at 9 steps, against the same unrolled
network in plain Keras, with a BatchNormalization for every step and equal weights
(checked by their outputs first). The target is a ratio of at most 1.03.

`simulated`: a forward pass of the network at 4 steps, against one that also runs the
transitions that cannot reach the readout. The ratio of MACs is a row too. Compilers
(TensorFlow's graph, XLA) drop unused transitions themselves, so they save nothing.

`shared`: a training step of the untied twin at 9 steps, against the shared network. The
operations are the same; the twin has eight times the weights to read and update.

    KERAS_BACKEND=torch python benchmarks/graph.py --network frnn --width 64 \\
        --size 32 --batch 4 --iterations 9 --jit false --repeats 9 --variant by-hand

Each takes one to four minutes on one CPU core.
"""

import functools

from setting import Asked, Job, Setting, jits, parse_setting
from step import make_sure_equal
from worker import at, compare, compiled, data, report, timed_run, timed_step

WARM_UP = 2
# Iterations of each comparison.
VARIANTS = {"by-hand": 9, "simulated": 4, "shared": 9}


def jobs(backend: str, asked: Asked) -> list[Job]:
    quick = asked.quick
    return [
        Job(
            "graph",
            backend,
            Setting(
                "frnn",
                width=4 if quick else 64,
                size=8 if quick else 32,
                batch=2 if quick else (4 if asked.device == "cpu" else 64),
                iterations=3 if quick else steps,
                jit=jit,
                variant=variant,
                repeats=asked.repeats or (2 if quick else 9),
            ),
        )
        for jit in jits(backend, asked.device)
        for variant, steps in VARIANTS.items()
    ]


def measure(setting: Setting) -> None:
    {"by-hand": against_by_hand, "simulated": against_simulated}.get(
        setting.variant, against_shared
    )(setting)


def against_by_hand(setting: Setting) -> None:
    ours, (plain, convolutions) = pair(setting).recurrent, by_hand(setting)
    make_equal(ours, plain, convolutions)
    x, y = data(setting)
    make_sure_equal(ours, plain, x)
    _compare_steps("step", setting, {"by hand": plain, "zoo": ours})


def against_shared(setting: Setting) -> None:
    both = pair(setting)
    models = {"shared": both.recurrent, "untied": both.feedforward}
    _compare_steps("untied step", setting, models)


def against_simulated(setting: Setting) -> None:
    import keras

    from keras_recur import zoo
    from keras_recur.layers import RecurrentGraph

    states = {
        name: (setting.size >> i, setting.size >> i, setting.width << i)
        for i, name in enumerate(("V1", "V2", "V4"))
    }
    x = data(setting)[0]
    x = x[..., :1].repeat(setting.width, axis=-1)
    timed, macs = {}, {}
    for name in ("simulated", "pruned"):
        graph = RecurrentGraph(
            states, "full", setting.iterations, seed=0, prune=name == "pruned"
        )
        inputs = keras.Input(x.shape[1:])
        model = compiled(keras.Model(inputs, graph(inputs)), setting)
        macs[name] = zoo.costs(model).macs
        at(f"first runs, {name}")
        for _ in range(WARM_UP):
            model.predict_on_batch(x)
        timed[name] = functools.partial(timed_run, model, x)
    promised = macs["pruned"] / macs["simulated"]
    report("MACs", promised, "ratio", variant="pruned")
    found = compare("forward pass", setting.repeats, timed)
    report("forward pass over MACs", found / promised, "ratio", variant="pruned")


def _compare_steps(what: str, setting: Setting, models: dict) -> None:
    x, y = data(setting)
    timed = {}
    for name, model in models.items():
        at(f"first steps, {name}")
        compiled(model, setting)
        for _ in range(WARM_UP):
            timed_step(model, x, y)
        timed[name] = functools.partial(timed_step, model, x, y)
    compare(what, setting.repeats, timed)


def pair(setting: Setting):
    """Build the zoo's pair."""
    from keras_recur import zoo

    return zoo.build(
        setting.network,
        input_shape=(setting.size, setting.size, 3),
        width=setting.width,
        iterations=setting.iterations,
        seed=0,
    )


def by_hand(setting: Setting):
    """Build the network in plain Keras, and its convolutions by pair of states."""
    import keras
    from keras import layers

    names = ("V1", "V2", "V4")
    widths = {name: setting.width << i for i, name in enumerate(names)}
    convolutions = {}

    def norm(x):
        one = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-5, center=False, scale=False
        )
        return layers.ReLU()(one(x))

    def padded(x):
        return layers.ZeroPadding2D(1)(x)

    def edge(source, target):
        """Apply two convolutions, which halve or double the size if states differ."""
        if (source, target) not in convolutions:
            middle = (widths[source] + widths[target]) // 2
            levels = names.index(target) - names.index(source)
            made = []
            for i, width in enumerate((middle, widths[target])):
                common = {"kernel_size": 3, "use_bias": False}
                if levels < 0:
                    stride = 2 if i >= 2 + levels else 1
                    layer = layers.Conv2DTranspose(
                        width, strides=stride, padding="same", **common
                    )
                elif i < levels:
                    layer = layers.Conv2D(width, strides=2, padding="valid", **common)
                else:
                    layer = layers.Conv2D(width, padding="same", **common)
                made.append(layer)
            convolutions[source, target] = made
        return convolutions[source, target]

    def run(source, target, x):
        value = x
        for layer in edge(source, target):
            value = norm(value)
            value = layer(padded(value) if layer.padding == "valid" else value)
        return layers.Add()([value, x]) if source == target else value

    inputs = keras.Input((setting.size, setting.size, 3))
    before = layers.Conv2D(setting.width, 3, padding="same", use_bias=False)
    convolutions["before"] = [before]
    values = {"V1": before(inputs)}
    for step in range(1, setting.iterations + 1):
        arrived = {}
        for target in names if step < setting.iterations else names[-1:]:
            parts = [run(source, target, x) for source, x in values.items()]
            arrived[target] = layers.Average()(parts) if len(parts) > 1 else parts[0]
        values = arrived
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(values["V4"])
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(x))
    head = layers.Dense(10)
    convolutions["head"] = [head]
    return keras.Model(inputs, head(x)), convolutions


def make_equal(ours, plain, convolutions) -> None:
    """Copy the kernels. All other weights start equal."""
    import keras

    graph = ours.get_layer("graph")
    sources = {tuple(block.name.split("_to_")): block for block in graph.blocks}
    sources["before"] = ours.get_layer("pre_net")
    sources["head"] = ours.get_layer("readout").head.get_layer("classes")
    for name, targets in convolutions.items():
        kernels = [v for v in sources[name].trainable_variables if v.name == "kernel"]
        for layer, kernel in zip(targets, kernels, strict=True):
            # Copy through NumPy: a JAX step deletes arrays that two variables share.
            layer.kernel.assign(keras.ops.convert_to_numpy(kernel))


if __name__ == "__main__":
    measure(parse_setting(__doc__))

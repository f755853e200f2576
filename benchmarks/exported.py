"""Time of exported networks, and what early exit saves and costs in them.

Published networks, exported as SavedModels and served by TensorFlow, on test examples
of the size they were trained on. `exported` is the time of `serve` against the Keras
model's `predict_on_batch`; `function`, `onnx` and `torch` are those of the model as a
compiled function of the backend, of ONNX Runtime and of PyTorch's exported program;
`twin`, that of the exported feed-forward twin against the recurrent one's; `until-C`
and `agreed-P`, that of `serve_until` with confidence C and of `serve_until_agreed` with
patience P against `serve`, which runs all iterations, with the share of examples that
each answers right and the iterations that are run. Batch 1 is the latency of a request,
64 the throughput.

    KERAS_BACKEND=tensorflow python benchmarks/exported.py --network deep_thinking_1d \\
        --width 48 --size 16 --batch 64 --iterations 8 --jit false --repeats 100 \\
        --variant until-0.99

Each takes half a minute on one CPU core.
"""

import functools
import itertools
import tempfile
import time
import warnings

from setting import JITS, Asked, Job, Setting, parse_setting
from worker import at, compare, report

# Entry, width and iterations by family and size of the examples.
ENTRIES = {
    ("deep_thinking_1d", 16): ("deep_thinking_1d-prefix_sums", "prefix_sums", 32, 20),
    ("deep_thinking_1d", 32): (
        "deep_thinking_1d-prefix_sums-32-bits",
        "prefix_sums",
        48,
        10,
    ),
    ("deep_thinking_2d", 9): ("deep_thinking_2d-mazes", "mazes", 32, 16),
}
OTHERS = ("function", "onnx", "torch")
STOPPING = ("until-0.9", "until-0.99", "until-0.999", "agreed-1", "agreed-2")


def jobs(backend: str, asked: Asked) -> list[Job]:
    variants = ["exported", *OTHERS]
    if backend == "tensorflow":  # TensorFlow serves it, whichever backend exported it.
        variants += ["twin", *STOPPING]
    entries = list(ENTRIES.items())[: 1 if asked.quick else None]
    first = entries[0][0]
    return [
        Job(
            "exported",
            backend,
            Setting(
                family,
                width=width,
                size=size,
                batch=batch,
                iterations=iterations,
                jit=JITS[backend][0],
                variant=variant,
                repeats=asked.repeats or (2 if asked.quick else 100),
            ),
        )
        for (family, size), (_, _, width, iterations) in entries
        for batch in (1, 64)
        for variant in variants
        if (family, size) == first or variant not in OTHERS
    ]


def measure(setting: Setting) -> None:
    import numpy as np

    from keras_recur import data, zoo

    name, task, *_ = ENTRIES[setting.network, setting.size]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The twin's weights are not needed.
        pair = zoo.load(name)
    at("exporting")
    keras_model = pair.recurrent
    keras_model.compile(jit_compile=setting.jit)
    # Walls are not trained, so a maze's least confident position means nothing.
    reduction = "mean" if task == "mazes" else "min"
    other = setting.variant in OTHERS
    runner = _runner(setting.variant, keras_model) if other else None
    served = None if other else exported(keras_model, reduction)
    test = data.load(task, "test", setting.batch, size=setting.size, num_examples=512)
    batches = [test[i] for i in range(len(test) if setting.batch > 1 else 128)]
    rounds = {}

    def timed(function):
        """Time each variant over all batches in turn."""
        turn = rounds.setdefault(function, itertools.cycle(batches))
        x, _ = next(turn)
        start = time.perf_counter()
        np.asarray(function(x))
        return time.perf_counter() - start

    def against(reference, variant, first, second):
        at("first runs")
        for function in (first, second):
            function(batches[0][0])
        compare(
            "exported",
            setting.repeats,
            {
                reference: functools.partial(timed, first),
                variant: functools.partial(timed, second),
            },
        )

    if runner is not None:
        against("keras", setting.variant, keras_model.predict_on_batch, runner)
        return
    if setting.variant == "exported":
        against("keras", "exported", keras_model.predict_on_batch, served.serve)
        return
    if setting.variant == "twin":
        twin = exported(pair.feedforward, reduction)
        against("exported", "twin", served.serve, twin.serve)
        return
    rule, _, strictness = setting.variant.partition("-")
    stopping = {
        "until": lambda x: served.serve_until(x, float(strictness)),
        "agreed": lambda x: served.serve_until_agreed(x, int(strictness)),
    }[rule]
    against("exported", setting.variant, served.serve, lambda x: stopping(x)["logits"])
    right, run = {"exported": [], setting.variant: []}, []
    for x, y in batches:
        found = stopping(x)
        run.append(found["iterations"].numpy())
        for variant, logits in (
            ("exported", served.serve(x)),
            (setting.variant, found["logits"]),
        ):
            hits = (logits.numpy().argmax(-1) == y) | (y < 0)
            right[variant].append(hits.reshape(len(y), -1).all(-1))
    iterations = float(np.concatenate(run).mean())
    report("exported, iterations run", iterations, "", variant=setting.variant)
    for variant, hits in right.items():
        share = float(np.concatenate(hits).mean())
        report("exported, accuracy", share, "share", variant=variant)


def _runner(variant, model):
    """Return a function of a batch that runs the network without `predict`."""
    import keras

    import keras_recur

    if variant == "function":
        return _function(model, keras.backend.backend())
    with tempfile.TemporaryDirectory() as place:
        if variant == "onnx":
            import onnxruntime

            path = keras_recur.export(model, f"{place}/model.onnx", "onnx")
            session = onnxruntime.InferenceSession(path)
            name = session.get_inputs()[0].name
            return lambda x: session.run(None, {name: x})[0]
        import torch

        path = keras_recur.export(model, f"{place}/model.pt2", "torch")
        program = torch.export.load(path).module()
    return torch.no_grad()(lambda x: program(torch.from_numpy(x)))


def _function(model, backend):
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(lambda x: model(x, training=False))
    if backend == "jax":
        import jax

        # `predict_on_batch` gives its arrays away.
        values = [
            [v.value.copy() for v in variables]
            for variables in (model.trainable_variables, model.non_trainable_variables)
        ]
        return jax.jit(lambda x: model.stateless_call(*values, x, training=False)[0])
    import torch

    call = torch.no_grad()(lambda x: model(torch.from_numpy(x), training=False))
    return lambda x: call(x).numpy()


def exported(model, reduction):
    import tensorflow as tf

    import keras_recur

    with tempfile.TemporaryDirectory() as place:
        path = keras_recur.export(model, f"{place}/model", reduction=reduction)
        return tf.saved_model.load(str(path))


if __name__ == "__main__":
    measure(parse_setting(__doc__))

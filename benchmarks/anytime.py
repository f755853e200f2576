"""Early exit against a fixed number of iterations, and memory of long runs.

`agreement`, `confidence`: the published recurrent network on prefix sums of 32 bits.
`analysis.select_stop_rule` chooses the rule on validation strings. The rows are the
time of a batch of test strings against that of all iterations (compiled as one rolled
loop), the mean number of iterations, and the accuracy of both.

`streamed`, `stored`: peak memory of an accuracy curve over many iterations of one batch
of 59x59 inputs, run iteration by iteration, or with all outputs stored.

    KERAS_BACKEND=jax python benchmarks/anytime.py --network deep_thinking_1d \\
        --width 32 --size 32 --batch 64 --iterations 64 --jit true --repeats 20 \\
        --variant agreement

On a GPU, only `agreement` runs, also in batches of 1024. Each takes half a minute on
one CPU core; a thousand iterations take two minutes.
"""

import functools
import time

from memory_meter import memory_meter
from setting import JITS, Asked, Job, Setting, parse_setting
from worker import at, compare, compiled, data, recurrent, report

MIB = 2**20
ENTRY = "deep_thinking_1d-prefix_sums"
ITERATIONS = 64  # of all examples that do not stop earlier


def jobs(backend: str, asked: Asked) -> list[Job]:
    jit = JITS[backend][0]
    quick, gpu = asked.quick, asked.device == "gpu"
    settings = [
        Setting(
            "deep_thinking_1d",
            width=32,
            size=32,
            batch=batch,
            iterations=8 if quick else ITERATIONS,
            jit=jit,
            variant=rule,
            repeats=asked.repeats or (2 if quick else 20),
        )
        for batch in ((1, 64, 1024) if gpu else (1, 64))
        for rule in (("agreement",) if gpu else ("agreement", "confidence"))
    ]
    curves = [
        Setting(
            "deep_thinking_2d",
            width=8,
            size=9 if quick else 59,
            batch=2 if quick else 25,
            iterations=iterations,
            jit=jit,
            variant=variant,
        )
        for variant, iterations in (
            ("stored", 4 if quick else 100),
            ("streamed", 4 if quick else 100),
            ("streamed", 8 if quick else 1000),
        )
    ]
    if not gpu:  # There, memory.py measures the memory of a loop.
        settings += curves
    return [Job("anytime", backend, setting) for setting in settings]


def measure(setting: Setting) -> None:
    if setting.variant in ("stored", "streamed"):
        return measure_memory(setting)
    import numpy as np

    from keras_recur import analysis, data, inference, zoo

    model = zoo.load(ENTRY).recurrent
    load = functools.partial(data.load, "prefix_sums", size=setting.size)
    at("calibrating")
    held_out = load("validation", batch_size=100, num_examples=500)
    max_iterations = setting.iterations
    found = analysis.select_stop_rule(
        model, setting.variant, held_out, max_iterations=max_iterations
    )
    predictor = inference.EarlyExitPredictor(model, found.rule, max_iterations)
    test = load("test", batch_size=setting.batch, num_examples=max(512, setting.batch))
    fixed = inference.with_iterations(model, max_iterations, unroll=False)
    fixed.compile(jit_compile=setting.jit)
    batches = [test[i] for i in range(len(test) if setting.batch > 1 else 64)]
    at("first runs")
    right = {"all iterations": [], setting.variant: []}
    run = []
    for x, y in batches:
        stopped = predictor(x)
        run.append(stopped.iterations)
        answers = fixed.predict_on_batch(x).argmax(-1)
        right["all iterations"].append((answers == y).all(-1))
        right[setting.variant].append((stopped.classes == y).all(-1))
    turn = {name: iter(_again(batches)) for name in right}

    def timed(name, function):
        x, _ = next(turn[name])
        start = time.perf_counter()
        function(x)
        return time.perf_counter() - start

    compare(
        "early exit",
        setting.repeats * (4 if setting.batch == 1 else 1),
        {
            "all iterations": lambda: timed("all iterations", fixed.predict_on_batch),
            setting.variant: lambda: timed(setting.variant, predictor),
        },
    )
    iterations = np.concatenate(run).mean()
    report("iterations run", float(iterations), "", variant=setting.variant)
    for name, hits in right.items():
        share = float(np.concatenate(hits).mean())
        report("early exit, accuracy", share, "share", variant=name)


def _again(batches):
    while True:
        yield from batches


def measure_memory(setting: Setting) -> None:
    from keras_recur import analysis, inference

    model = recurrent(setting)
    x, y = data(setting)
    small = [(x[:1, :9, :9], y[:1, :9, :9])]
    at("warm-up")
    if setting.variant == "streamed":

        def curve(batches):
            analysis.iteration_curve(model, batches)

    else:
        every = compiled(
            inference.with_iterations(model, readout="all", unroll=False), setting
        )

        def curve(batches):
            (every.predict_on_batch(batches[0][0]).argmax(-1) == 0).sum()

    curve(small)
    meter = memory_meter()
    meter.restart()
    before = meter.in_use()
    at(f"{setting.iterations} iterations")
    start = time.perf_counter()
    curve([(x, y)])
    report("curve", time.perf_counter() - start, "s", repeats=1)
    report("peak memory of a curve", (meter.peak() - before) / MIB, "MiB", repeats=1)


if __name__ == "__main__":
    measure(parse_setting(__doc__))

"""(d) `import keras_recur` against `import keras`, each in a fresh interpreter.

The two alternate, after one uncounted run of each that fills the disk's cache. The rows
are both medians and the median of the paired differences. The target is a difference of
at most 0.3 s. No GPU is used.

    KERAS_BACKEND=jax python benchmarks/import_time.py --repeats 7

It takes half a minute (JAX, PyTorch) to two minutes (TensorFlow) on 2 CPU cores.
"""

import statistics
import subprocess
import sys

from setting import Asked, Job, Setting, parse_setting
from worker import at, report

TIMED = (
    "import time; start = time.perf_counter(); import {}; "
    "print(time.perf_counter() - start)"
)


def jobs(backend: str, asked: Asked) -> list[Job]:
    repeats = asked.repeats or (1 if asked.quick else 7)
    return [Job("import", backend, Setting(repeats=repeats))]


def measure(setting: Setting) -> None:
    if setting.repeats > 1:
        at("warm-up")
        seconds("keras"), seconds("keras_recur")
    pairs = []
    for pair in range(setting.repeats):
        at(f"pair {pair + 1} of {setting.repeats}")
        pairs.append((seconds("keras"), seconds("keras_recur")))
    keras, ours = (statistics.median(times) for times in zip(*pairs, strict=True))
    more = statistics.median(ours - keras for keras, ours in pairs)
    report("import", keras, "s", variant="keras")
    report("import", ours, "s", variant="keras_recur", ratio_to="keras")
    report("import, difference", more, "s", variant="keras_recur")


def seconds(package: str) -> float:
    command = [sys.executable, "-c", TIMED.format(package)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.split()[-1])


if __name__ == "__main__":
    measure(parse_setting(__doc__))

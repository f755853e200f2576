"""`import keras_recur` against `import keras`, and the start of the command line.

The imports run in a fresh interpreter each. `keras-recur --help` is timed as a whole
process. The three alternate, after one uncounted run of each that fills the disk's
cache. The rows are the medians and the median of the paired differences of the imports.
The targets are a difference of at most 0.3 s, and 0.5 s for the help. No GPU is used.

    KERAS_BACKEND=jax python benchmarks/import_time.py --repeats 7

It takes half a minute (JAX, PyTorch) to two minutes (TensorFlow) on 2 CPU cores.
"""

import statistics
import subprocess
import sys
import time

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
        seconds("keras"), seconds("keras_recur"), help_seconds()
    runs = []
    for pair in range(setting.repeats):
        at(f"pair {pair + 1} of {setting.repeats}")
        runs.append((seconds("keras"), seconds("keras_recur"), help_seconds()))
    keras, ours, shown = (statistics.median(t) for t in zip(*runs, strict=True))
    more = statistics.median(ours - keras for keras, ours, _ in runs)
    report("import", keras, "s", variant="keras")
    report("import", ours, "s", variant="keras_recur", ratio_to="keras")
    report("import, difference", more, "s", variant="keras_recur")
    report("help", shown, "s", variant="keras_recur")


def seconds(package: str) -> float:
    command = [sys.executable, "-c", TIMED.format(package)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.split()[-1])


def help_seconds() -> float:
    command = [sys.executable, "-m", "keras_recur", "--help"]
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    measure(parse_setting(__doc__))

"""A worker process: it trains networks of a run and reports on standard output."""

import gc
import importlib
import json
import os
import pickle
import signal
import sys
import traceback
from typing import Any, BinaryIO

import keras

from keras_recur._child import ENOUGH, NETWORKS_PER_PROCESS, end_with
from keras_recur._interrupts import interruptible
from keras_recur._memory import out_of_memory
from keras_recur.runs._work import take_jobs
from keras_recur.runs.progress import EpochCallback
from keras_recur.runs.run_folder import RunFolder

# Kinds of errors that the process that started the worker raises again.
KINDS = {kind.__name__: kind for kind in (ValueError, OSError, ImportError)}


def keras_settings() -> dict[str, Any]:
    """Return the settings of Keras that change what networks compute."""
    return {
        "dtype_policy": keras.config.dtype_policy().name,
        "floatx": keras.config.floatx(),
        "epsilon": keras.config.epsilon(),
        "image_data_format": keras.config.image_data_format(),
    }


def task(work: Any, folder: str, jobs: list, modules: list[str]) -> bytes:
    """Return what a worker reads from its standard input."""
    return pickle.dumps([modules, keras_settings(), pickle.dumps((work, folder, jobs))])


class _Enough(Exception):
    """This process has trained its share of networks."""


class _Reports:
    """Reports of a worker, as lines of JSON."""

    def __init__(self, file: BinaryIO):
        self.file, self.begun = file, 0

    def __call__(self, kind: str, *values: Any) -> None:
        self.file.write(json.dumps([kind, *values]).encode() + b"\n")
        self.file.flush()

    def callback(self, seed, network, total):
        self.begun += 1
        return EpochCallback(
            lambda epoch, logs: self("epoch", seed, network, epoch, total, logs)
        )

    def done(self, seed, network, result):
        self("done", seed, network)
        if self.begun >= NETWORKS_PER_PROCESS:
            raise _Enough

    def wait(self, jobs):
        self("wait", jobs)


def _load():
    modules, settings, content = pickle.load(sys.stdin.buffer)
    for name, value in settings.items():
        getattr(keras.config, f"set_{name}")(value)
    for module in modules:
        importlib.import_module(module)
    work, folder, jobs = pickle.loads(content)
    work.check()
    return work, RunFolder(folder), jobs


def _stop(signum, frame):
    """Interrupt the training once, for the signal of the parent or for Ctrl-C."""
    handler: Any = signal.getsignal(signal.SIGINT)
    if not getattr(handler, "asked", True):  # False within `interruptible`.
        handler(signum, frame)


def _error(error):
    name = "MemoryError" if out_of_memory(error) else ""
    for kind in KINDS if not name else ():
        if isinstance(error, KINDS[kind]):
            name = kind
    text = str(error) if name else f"{type(error).__name__}: {error}"
    return name, text, "".join(traceback.format_exception(error))


def main() -> int:
    """Train networks until all have results, and return the exit status."""
    end_with(int(sys.argv[1]))
    # Lines that others print must not be taken for reports.
    reports = _Reports(os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)
    gc.freeze()  # Skip imported modules in garbage collection.
    try:
        with interruptible():
            signal.signal(signal.SIGTERM, _stop)
            return _train(reports)
    except KeyboardInterrupt:
        return 130


def _train(reports):
    try:
        work, run, jobs = _load()
    except Exception as error:
        reports("unknown", *_error(error))
        return 1
    try:
        take_jobs(work, run, jobs, reports.callback, reports.done, reports.wait)
    except _Enough:
        return ENOUGH
    except Exception as error:
        reports("error", *_error(error))
        return 1
    return 0


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    os._exit(status)  # JAX may crash during shutdown.

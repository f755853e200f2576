"""Hardware, versions and commit of a measurement. As a script, it prints them as JSON.

KERAS_BACKEND=jax python benchmarks/environment.py
"""

import datetime
import importlib.metadata
import json
import os
import platform
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def environment() -> dict[str, str]:
    """Return the CSV columns that all measurements of one backend share."""
    import keras
    import numpy as np

    import keras_recur

    backend = keras.backend.backend()
    kind, name = device(backend)
    return {
        "device": kind,
        "hardware": name if kind == "cpu" else f"{name} (host: {cpu()})",
        "os": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "keras": keras.__version__,
        "backend_version": backend_version(backend),
        "numpy": np.__version__,
        "keras_recur": keras_recur.__version__,
        "dtype": keras.config.dtype_policy().name,
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "commit": commit(),
    }


def device(backend: str) -> tuple[str, str]:
    """Return "cpu" or "gpu", and the name of the device that the backend uses."""
    if backend == "jax":
        import jax

        first = jax.devices()[0]
        return ("cpu", cpu()) if first.platform == "cpu" else ("gpu", first.device_kind)
    if backend == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        if not gpus:
            return "cpu", cpu()
        details = tf.config.experimental.get_device_details(gpus[0])
        return "gpu", details.get("device_name", gpus[0].name)
    import keras
    import torch

    kind = keras.ops.convert_to_tensor(0.0).device.type
    if kind == "cuda":
        return "gpu", torch.cuda.get_device_name(0)
    return ("cpu", cpu()) if kind == "cpu" else ("gpu", f"{cpu()} {kind}")


def cpu() -> str:
    """Return the CPU model and the number of cores that this process may use."""
    model = platform.processor() or platform.machine()
    if platform.system() == "Linux":
        text = Path("/proc/cpuinfo").read_text()
        found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
        model = found.group(1).strip() if found else model
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count()
        if platform.system() == "Darwin":
            model = output("sysctl", "-n", "machdep.cpu.brand_string") or model
    return f"{model}, {cores} cores"


def backend_version(backend: str) -> str:
    names = {"tensorflow": ("tensorflow", "tensorflow-cpu"), "jax": ("jax",)}
    for name in names.get(backend, (backend,)):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "unknown"


def commit() -> str:
    """Return the short hash, with "+" if the package was changed; "" without git."""
    head = output("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD")
    changed = output(
        "git", "-C", str(ROOT), "status", "--porcelain", "--", "keras_recur"
    )
    return head + ("+" if head and changed else "")


def output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def slug(hardware: str) -> str:
    """Return a file name: "amd-epyc-2-cores" for "AMD EPYC, 2 cores"."""
    device_only = hardware.partition(" (host:")[0].lower()
    return re.sub(r"[^a-z0-9]+", "-", device_only).strip("-")


if __name__ == "__main__":
    print(json.dumps(environment()))

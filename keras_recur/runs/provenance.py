"""Provenance of a result: versions, backend, device, commit and date."""

import datetime
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_recur.version import __version__


def provenance() -> dict[str, Any]:
    """Return versions, machine, commit and date as plain data."""
    backend = keras.backend.backend()
    return {
        "keras_recur": __version__,
        "commit": _commit(),
        "keras": keras.__version__,
        "backend": backend,
        "backend_version": _version(backend),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "devices": devices(),
        "dtype": keras.config.dtype_policy().name,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def devices() -> list[str]:
    """Return the names of the devices that the backend can use."""
    if keras.backend.backend() != "torch":
        return [str(device) for device in keras.distribution.list_devices()]
    import torch

    count = torch.cuda.device_count()
    return [torch.cuda.get_device_name(i) for i in range(count)] or ["cpu:0"]


def _version(package):
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return metadata.version(f"{package}-cpu")


def _processor():
    with_names = Path("/proc/cpuinfo")
    if with_names.exists():
        for line in with_names.read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _commit():
    """Return the commit of a source checkout, else `None`."""
    source = Path(__file__).resolve().parents[2]
    if not (source / ".git").exists():
        return None
    try:
        return subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=source,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None

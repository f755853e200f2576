"""Child processes that find the same modules as this process."""

import os
import sys
import threading
import time

# A worker ends after this number of networks with this exit status, and is replaced,
# because TensorFlow's memory grows with each.
NETWORKS_PER_PROCESS, ENOUGH = 20, 75
# Processes that share a GPU take memory as they need it.
SHARED_MEMORY = {
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
}


def child_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module in a new process."""
    # With -P, a file such as json.py in the current folder is not imported.
    return [sys.executable, "-P", "-m", module, *arguments]


def child_environment(**changes: str) -> dict[str, str]:
    """Return the environment with `changes` and the module search path."""
    places = [os.path.abspath(place) for place in sys.path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(places), **changes}


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def thread_limits(threads: int) -> dict[str, str]:
    """Return the environment of a process with this number of threads."""
    limits = {
        "OMP_NUM_THREADS": str(threads),
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": str(threads),
        "NPROC": str(threads),  # The size of JAX's thread pools.
    }
    if threads > 1:
        return limits
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen=false"
    return {**limits, "XLA_FLAGS": flags.strip()}


def own_device(environment: dict[str, str], number: int) -> dict[str, str]:
    """Return the environment with one of the visible GPUs for process `number`."""
    devices = environment.get("CUDA_VISIBLE_DEVICES", "").split(",")
    if len(devices) < 2:
        return environment
    return {**environment, "CUDA_VISIBLE_DEVICES": devices[number % len(devices)]}


def end_with(parent: int) -> None:
    """End this process when process `parent` ends."""

    # `parent` is an argument, because the parent may have ended before this call.
    def watch():
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

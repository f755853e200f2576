"""Memory in use and its peak: of the process on a CPU, of the allocator on a GPU."""

import ctypes
import gc
import resource
import sys
from pathlib import Path

import environment


def memory_meter():
    """Return the meter for the device that this process's backend uses."""
    import keras

    backend = keras.backend.backend()
    if environment.device(backend)[0] == "cpu":
        return Process()
    return {"tensorflow": TensorFlow, "jax": Jax, "torch": Torch}[backend]()


class Process:
    """Resident memory. Only Linux can reset the peak."""

    def in_use(self) -> int:
        return self._status("VmRSS") or self.peak()

    def peak(self) -> int:
        scale = 1 if sys.platform == "darwin" else 1024
        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
        return self._status("VmHWM") or largest

    def restart(self) -> bool:
        gc.collect()
        try:
            ctypes.CDLL(None).malloc_trim(0)  # returns freed memory (glibc)
            Path("/proc/self/clear_refs").write_text("5")
        except (AttributeError, OSError):
            return False
        return True

    def _status(self, name) -> int:
        try:
            lines = Path("/proc/self/status").read_text().splitlines()
        except OSError:
            return 0
        found = [line.split()[1] for line in lines if line.startswith(name + ":")]
        return int(found[0]) * 1024 if found else 0


class Torch:
    def __init__(self):
        import torch

        if not torch.cuda.is_available():
            raise SystemExit("PyTorch reports peak memory on CUDA devices only.")
        self.cuda = torch.cuda

    def in_use(self) -> int:
        return self.cuda.memory_allocated()

    def peak(self) -> int:
        return self.cuda.max_memory_allocated()

    def restart(self) -> bool:
        self.cuda.reset_peak_memory_stats()
        return True


class TensorFlow:
    def __init__(self):
        import tensorflow as tf

        self.experimental = tf.config.experimental

    def in_use(self) -> int:
        return self.experimental.get_memory_info("GPU:0")["current"]

    def peak(self) -> int:
        return self.experimental.get_memory_info("GPU:0")["peak"]

    def restart(self) -> bool:
        self.experimental.reset_memory_stats("GPU:0")
        return True


class Jax:
    """JAX's allocator. Its peak is that of the whole process."""

    def __init__(self):
        import jax

        self.device = jax.devices()[0]

    def in_use(self) -> int:
        return self.device.memory_stats()["bytes_in_use"]

    def peak(self) -> int:
        return self.device.memory_stats()["peak_bytes_in_use"]

    def restart(self) -> bool:
        return True

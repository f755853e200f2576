"""The most memory that was in use since some moment."""

from pathlib import Path

import keras


class PeakMemory:
    """Starts to watch when it is made.

    On a GPU it is what the backend says of its own allocator. On a CPU it is what the
    resident memory of the process has grown by, where the system lets a process start
    that count anew: what earlier runs have left behind is not this one's.
    """

    def __init__(self):
        self._device = _device()
        self._before = 0
        if self._device == "torch":
            import torch

            torch.cuda.reset_peak_memory_stats()
        elif self._device == "tensorflow":
            import tensorflow as tf

            tf.config.experimental.reset_memory_stats("GPU:0")
        elif self._device is None:
            try:
                Path("/proc/self/clear_refs").write_text("5", "utf-8")
                self._before = _resident("VmRSS")
            except OSError:
                self._device = "unknown"

    def read(self) -> int | None:
        """Bytes, or `None` where it is not known."""
        if self._device == "torch":
            import torch

            return int(torch.cuda.max_memory_allocated())
        if self._device == "tensorflow":
            import tensorflow as tf

            return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
        if self._device == "jax":
            import jax

            found = jax.devices()[0].memory_stats() or {}
            return found.get("peak_bytes_in_use")
        if self._device == "unknown":
            return None
        grown = _resident("VmHWM") - self._before
        # A run that fits into what earlier ones have left free tells nothing.
        return grown if grown > 0 else None


def _resident(name):
    for line in Path("/proc/self/status").read_text("utf-8", "replace").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status says nothing of {name}")


def _device():
    """The backend, where it computes on a GPU; else `None`."""
    backend = keras.backend.backend()
    if backend == "torch":
        import torch

        return backend if torch.cuda.is_available() else None
    found = keras.distribution.list_devices()
    return (
        backend
        if any("gpu" in d.lower() or "cuda" in d.lower() for d in found)
        else None
    )

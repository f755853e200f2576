"""Peak memory of a run."""

from pathlib import Path

import keras


class PeakMemory:
    """Peak since creation: of the allocator on a GPU, of resident memory on a CPU."""

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
            # Only some systems can reset the peak.
            try:
                Path("/proc/self/clear_refs").write_text("5", "utf-8")
                self._before = _resident("VmRSS")
            except OSError:
                self._device = "unknown"

    def read(self) -> int | None:
        """Return the peak in bytes, or `None` if it is unknown."""
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
        # A run that fits into memory freed by earlier runs shows no growth.
        return grown if grown > 0 else None


def _resident(name):
    for line in Path("/proc/self/status").read_text("utf-8", "replace").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no entry {name}")


def _device():
    """Return the backend if it computes on a GPU, else `None`."""
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

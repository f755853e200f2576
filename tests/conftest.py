"""Every test starts from the same seed, the same dtype policy and an empty session."""

import gc
import importlib.util
import os

gc.disable()  # until all is imported
os.environ.setdefault("MPLBACKEND", "Agg")
# Tests run side by side: more threads than cores would spend their time waiting.
for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(name, "1")
# The programs here are tiny: compiling them well would take longer than running them.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
if importlib.util.find_spec("torch"):
    import torch  # noqa: F401  Behind TensorFlow it would crash (Keras does the same).

import keras
import pytest

# What was imported stays: looking for garbage in it took a fifth of the time.
gc.freeze()
gc.set_threshold(50_000, 20, 20)
gc.enable()
BACKEND = keras.backend.backend()
JIT = {"tensorflow": [False, True]}.get(BACKEND, ["auto"])


def pytest_collection_modifyitems(config, items):
    """Leaves out `once` tests, which no backend changes, on all but TensorFlow."""
    if BACKEND == "tensorflow":
        return
    once = [item for item in items if item.get_closest_marker("once")]
    config.hook.pytest_deselected(items=once)
    items[:] = [item for item in items if not item.get_closest_marker("once")]


@pytest.fixture(autouse=True)
def fresh_session():
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(0)
    policy = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(policy)


@pytest.fixture(params=JIT, ids=lambda jit: f"jit={jit}")
def jit(request):
    """For `compile(jit_compile=...)`: on a GPU, TensorFlow defaults to True."""
    return request.param


@pytest.fixture
def backend():
    return BACKEND

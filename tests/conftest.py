"""Every test starts from the same seed, the same dtype policy and an empty session."""

import gc
import importlib.util
import os
import shutil
import sys
import tempfile

gc.disable()  # until all is imported
os.environ.setdefault("MPLBACKEND", "Agg")
# Tests run side by side: more threads than cores would spend their time waiting.
for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(name, "1")
# The programs here are tiny: compiling them well would take longer than running them.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false",
)
# Keras compiles every model anew: programs that are equal come from the disk. JAX
# writes there without a lock, so each process has its own, and leaves none behind.
COMPILED = tempfile.mkdtemp(prefix="compiled-")
os.environ["JAX_COMPILATION_CACHE_DIR"] = COMPILED
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
if importlib.util.find_spec("torch"):
    import torch  # noqa: F401  Behind TensorFlow it would crash (Keras does the same).

import keras
import pytest

keras.utils.set_random_seed(0)  # It imports TensorFlow, whatever the backend.
# What was imported stays: looking for garbage in it took a fifth of the time.
gc.freeze()
gc.set_threshold(50_000, 20, 20)
gc.enable()
BACKEND = keras.backend.backend()
JIT = {"tensorflow": [False, True]}.get(BACKEND, ["auto"])


def pytest_collection_modifyitems(config, items):
    """Leaves out the tests that one backend is enough for, and is not this one."""
    kept, others = [], []
    for item in items:
        once = item.get_closest_marker("once")
        # PyTorch starts quickest: nothing to trace, nothing to compile.
        at = BACKEND if once is None else (*once.args, "torch")[0]
        (kept if at == BACKEND else others).append(item)
    config.hook.pytest_deselected(items=others)
    items[:] = kept


def pytest_unconfigure():
    shutil.rmtree(COMPILED, ignore_errors=True)


@pytest.fixture(autouse=True)
def fresh_session():
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(0)
    policy = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(policy)


@pytest.fixture(autouse=True, scope="module")
def little_kept():
    """Networks that the tests of one file share are garbage to look through for all."""
    yield
    if "families" in sys.modules:
        sys.modules["families"].forget()


@pytest.fixture(params=JIT, ids=lambda jit: f"jit={jit}")
def jit(request):
    """For `compile(jit_compile=...)`: on a GPU, TensorFlow defaults to True."""
    return request.param


@pytest.fixture
def backend():
    return BACKEND

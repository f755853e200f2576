"""Every test starts from the same seed, the same dtype policy and an empty session."""

import importlib.util
import os

os.environ.setdefault("MPLBACKEND", "Agg")
# Tests run side by side: more threads than cores would spend their time waiting.
for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(name, "1")
# The programs here are tiny: compiling them well would take longer than running them.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
if importlib.util.find_spec("torch"):
    import torch  # noqa: F401  Behind TensorFlow it would crash (Keras does the same).

import keras
import pytest

JIT = {"tensorflow": [False, True]}.get(keras.backend.backend(), ["auto"])


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
    return keras.backend.backend()

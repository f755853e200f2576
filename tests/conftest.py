"""Every test starts from the same seed, the same dtype policy and an empty session."""

import collections
import gc
import importlib.metadata
import importlib.util
import os
import shutil
import sys
import tempfile

import pytest

pytest_plugins = ["finished_run", "postgresql_server"]

os.environ.setdefault("MPLBACKEND", "Agg")
# Tests run side by side: more threads than cores would spend their time waiting.
for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(name, "1")
# The programs here are tiny: compiling them well would take longer than running them.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
flags = [
    "--xla_backend_optimization_level=0",
    # What `remat` needs on a CPU.
    "--xla_disable_hlo_passes=cse_barrier_expander",
]
if importlib.util.find_spec("jaxlib"):
    version = importlib.metadata.version("jaxlib").split(".")
    if tuple(map(int, version[:2])) < (0, 11):  # Later ones end at an unknown flag.
        flags.append("--xla_cpu_use_fusion_emitters=false")
os.environ.setdefault("XLA_FLAGS", " ".join(flags))
# Keras compiles every model anew: programs that are equal come from the disk, also
# those of xdist's other processes, whose conftest finds the folder named.
compiled = None
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    compiled = tempfile.mkdtemp(prefix="compiled-")
    os.environ["JAX_COMPILATION_CACHE_DIR"] = compiled
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


def pytest_configure(config):
    """Imports what all tests need; not in xdist's own process, which runs none."""
    if config.getoption("numprocesses", None):
        return
    gc.disable()  # until all is imported
    if importlib.util.find_spec("torch"):
        import torch  # noqa: F401  Behind TensorFlow it would crash (Keras does the same).
    import keras

    keras.utils.set_random_seed(0)  # It imports TensorFlow, whatever the backend.
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # As above: what runs once is not worth improving.
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    # What was imported stays: looking for garbage in it took a fifth of the time.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()


def pytest_collection_modifyitems(config, items):
    """Leaves out the tests that one backend is enough for, and is not this one.

    What takes long comes first, by file, so that no process waits for the other's last.
    """
    import keras

    kept, others, backend = [], [], keras.backend.backend()
    for item in items:
        once = item.get_closest_marker("once")
        # Nothing to trace, nothing to compile; but processes start quickest on JAX.
        at = backend if once is None else (*once.args, "torch")[0]
        (kept if at == backend else others).append(item)
    config.hook.pytest_deselected(items=others)
    tests = collections.Counter(item.path for item in kept)
    slow = ("colab", "exporting")  # Few tests, of seconds each.
    kept.sort(key=lambda i: (i.path.parent.name not in slow, -tests[i.path]))
    items[:] = kept


def pytest_generate_tests(metafunc):
    """`jit`, for `compile(jit_compile=...)`: TensorFlow's default on a GPU is True."""
    marks = metafunc.definition.iter_markers("parametrize")
    if "jit" in metafunc.fixturenames and all("jit" not in m.args[0] for m in marks):
        import keras

        tensorflow = keras.backend.backend() == "tensorflow"
        values = [False, True] if tensorflow else ["auto"]
        metafunc.parametrize("jit", values, ids=lambda jit: f"jit={jit}")


def pytest_unconfigure():
    if compiled:
        shutil.rmtree(compiled, ignore_errors=True)


@pytest.fixture(autouse=True)
def fresh_session():
    import keras

    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(0)
    policy = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(policy)


@pytest.fixture(autouse=True, scope="module")
def little_kept(backend):
    """Networks that one file's tests share are garbage to look through for all others.

    And JAX would keep every program that it has compiled, gigabytes of them.
    """
    yield
    if "families" in sys.modules:
        sys.modules["families"].forget()
    if backend == "jax":
        import jax

        jax.clear_caches()


@pytest.fixture(scope="session")
def backend():
    import keras

    return keras.backend.backend()

"""Load on one backend what another has saved, and compare outputs.

TensorFlow to PyTorch, PyTorch to JAX: all three compute the same.
"""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from compare import output
from families import SOFT, VARIANTS, loop_of, small
from saved_models import UNTIED

OTHER = {"torch": "tensorflow", "jax": "torch"}
BACKEND = keras.backend.backend()
pytestmark = pytest.mark.skipif(BACKEND not in OTHER, reason="PyTorch reads its files")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    here = Path(__file__).parent
    path = [str(here.parent), str(here.parents[1]), os.environ.get("PYTHONPATH", "")]
    other = OTHER[BACKEND]
    done = subprocess.run(
        [sys.executable, here / "saved_models.py", folder],
        env={
            **os.environ,
            "KERAS_BACKEND": other,
            "PYTHONPATH": os.pathsep.join(path),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "backend").read_text() == other
    return folder


@pytest.mark.parametrize(
    ("variant", "twin"),
    [(v, "recurrent") for v in VARIANTS] + [(v, "feedforward") for v in UNTIED],
)
def test_model_gives_the_same_output_on_another_backend(variant, twin, folder):
    model = keras.models.load_model(folder / f"{variant}-{twin}.keras")
    sharing = loop_of(model).sharing
    assert sharing[:3] == [0, 1, 0] if twin == "recurrent" else sharing == "none"
    check(model, folder / f"{variant}-{twin}.npz")


@pytest.mark.parametrize("variant", ["1d recall", "soft mlp", "soft resnet_bn"])
def test_weights_give_the_same_output_on_another_backend(variant, folder):
    """Load them into a network that starts with other weights."""
    name = variant.removeprefix("soft ")
    if name == variant:
        pair = small(**VARIANTS[name], readout="all", sharing=[0, 1, 0])
    else:
        pair = small(**SOFT[name], readout="all", templates=2)
    file = folder / f"{variant}-recurrent"
    pair.recurrent.load_weights(f"{file}.weights.h5")
    check(pair.recurrent, f"{file}.npz")


@pytest.mark.parametrize("variant", SOFT)
def test_template_banks_give_the_same_output_on_another_backend(variant, folder):
    model = keras.models.load_model(folder / f"soft {variant}-recurrent.keras")
    assert all(bank.num_templates == 2 for bank in loop_of(model).banks)
    check(model, folder / f"soft {variant}-recurrent.npz")


def check(model, file):
    with np.load(file) as saved:
        x, expected = saved["x"], saved["y"]
    assert np.ptp(expected) > 1e-2
    np.testing.assert_allclose(
        output(model, x), expected, 1e-5, 1e-5 * np.abs(expected).max()
    )

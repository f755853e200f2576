"""Test that this release loads the files of earlier ones on every backend."""

import json
from pathlib import Path

import numpy as np
import pytest
from compare import output

import keras_recur
from keras_recur import analysis, zoo

KEPT = Path(__file__).parent / "kept"
FILES = sorted(KEPT.glob("*/*.keras"))


def check(model, file):
    with np.load(file.with_suffix(".npz")) as saved:
        x, expected = saved["x"], saved["y"]
    assert np.ptp(expected) > 1e-3
    scale = np.abs(expected).max()
    np.testing.assert_allclose(output(model, x), expected, 1e-5, 1e-5 * scale)


def test_kept_files_include_this_release():
    assert KEPT / keras_recur.__version__ in {file.parent for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}-{f.stem}")
def test_kept_models_and_weights_load(file):
    check(keras_recur.exporting.load_model(file), file)
    arguments = json.loads((file.parent / "models.json").read_text())[file.stem]
    model = zoo.build(**arguments, seed=1).recurrent
    if file.stem == "folded":
        model = analysis.fold(model, 1.0)
    model.load_weights(file.with_suffix(".weights.h5"))
    check(model, file)

"""Analyses of states change no weight, statistic or state of the optimizer."""

import keras
import numpy as np
import pytest

from keras_recur import analysis
from tests.analysis.small_pairs import images_of, small_pair

ANALYSES = {
    "dynamics": analysis.dynamics,
    "filter_reuse": analysis.filter_reuse,
    "lesions": analysis.lesions,
    "preferred_images": lambda model, data: analysis.preferred_images(
        model, data, channels=1, steps=2
    ),
    "separability": lambda model, data: analysis.separability(model, data, data),
    "state_similarity": lambda model, data: analysis.state_similarity(
        model, model, data
    ),
    "trajectories": analysis.trajectories,
}
# Twins cannot run on.
SETTLING = {"settling": analysis.settling}
CASES = [(name, twin) for name in ANALYSES for twin in ("recurrent", "feedforward")]


@pytest.mark.parametrize(("name", "network"), [*CASES, ("settling", "recurrent")])
def test_analyses_change_nothing(name, network):
    model = getattr(small_pair("resnet_bn"), network)
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = images_of(model, 12), np.arange(12) % 3
    model.train_on_batch(x[:4], y[:4])
    variables = [*model.variables, *model.optimizer.variables]
    before = [np.array(keras.ops.convert_to_numpy(v)) for v in variables]
    flags = [v.trainable for v in model.variables]
    (ANALYSES | SETTLING)[name](model, (x, y))
    for variable, value in zip(variables, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)
    assert [v.trainable for v in model.variables] == flags


@pytest.mark.once
@pytest.mark.parametrize("name", ANALYSES)
def test_analyses_name_the_argument_whose_images_have_another_size(name):
    model = small_pair("resnet_bn").recurrent
    x, y = images_of(model, 12)[:, :9], np.arange(12) % 3
    wanted = r"`(data|train)` must have examples of the shape \(20, 20, 1\)"
    with pytest.raises(ValueError, match=wanted):
        ANALYSES[name](model, (x, y))

"""Configs, files, clones and policies keep sharing."""

import json

import keras
import numpy as np
import pytest
from compare import array, close, weights
from harness import LOOPS, GatedCell, Nested, dense, model_of, normal, train
from keras import layers

import keras_recur
from keras_recur.layers import (
    Readout,
    RecurrentGraph,
    SharedRecurrentBlock,
    TemplateBank,
    TimeSpecificBatchNormalization,
    Transition,
)
from keras_recur.regularizers import RecurrenceRegularizer


def sequential():
    inner = keras.Sequential([dense(), layers.BatchNormalization()])
    return keras.Sequential([inner, layers.Dropout(0.1, seed=1)])


def functional():
    return model_of(dense(), TimeSpecificBatchNormalization(affine="per_iteration"))


def custom():
    return Nested(keras.Sequential([dense(), TimeSpecificBatchNormalization()]))


LAYERS = {
    "dense": lambda: SharedRecurrentBlock(dense(), 3),
    "untied": lambda: SharedRecurrentBlock(sequential(), 2, sharing="none"),
    "groups": lambda: SharedRecurrentBlock(functional(), 3, sharing=(0, 1, 0)),
    "numpy groups": lambda: SharedRecurrentBlock(dense(), 3, np.array([0, 1, 0])),
    "rolled": lambda: SharedRecurrentBlock(custom(), 3, unroll=False, remat=True),
    "recall": lambda: SharedRecurrentBlock(
        dense(), 2, injection="concat", seed=5, name="recall", trainable=False
    ),
    "sequence": lambda: SharedRecurrentBlock(functional(), 2, return_sequences=True),
    "bfloat16": lambda: SharedRecurrentBlock(dense(dtype="mixed_bfloat16"), 2),
    "soft": lambda: SharedRecurrentBlock(functional(), 3, TemplateBank(2, seed=1)),
    "soft, banks": lambda: SharedRecurrentBlock(
        sequential(), 2, [TemplateBank(None, labels=[0, 0], num_layers=2)]
    ),
    "bank": lambda: TemplateBank(
        2,
        (3, 4),
        3,
        coefficients_initializer="identity",
        templates_regularizer="l2",
        coefficients_regularizer=RecurrenceRegularizer(0.5),
    ),
    "folded bank": lambda: TemplateBank(
        3, [3, 4], 3, (0, 1, 0), coefficients_initializer="he_normal", seed=1
    ),
    "norm": lambda: TimeSpecificBatchNormalization(
        iterations=2, affine=None, axis=1, momentum=0.5, epsilon=0.1
    ),
    "readout": lambda: Readout(keras.Sequential([layers.Dense(3)]), readout="last"),
}


@pytest.mark.parametrize("built", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_layer_configs_survive_json(name, built):
    layer = LAYERS[name]()
    if built:
        layer(normal(2, 4))
    config = layer.get_config()
    copy = type(layer).from_config(json.loads(json.dumps(config)))
    if built:
        copy(normal(2, 4))
    assert json.dumps(copy.get_config()) == json.dumps(config)
    assert sorted(vars(copy)) == sorted(vars(layer))
    assert [w.shape for w in copy.weights] == [w.shape for w in layer.weights]


def whole_model():
    """Return a model with loops: one called twice, one with recall, one nested."""
    x = keras.Input((4,))
    tied = SharedRecurrentBlock(dense(), 3, name="tied")
    h = tied(tied(x), iterations=2)
    h = SharedRecurrentBlock(functional(), 3, sharing=[0, 1, 0], unroll=False)(h)
    h = SharedRecurrentBlock(sequential(), 2, sharing="none", remat=True)(h)
    h = SharedRecurrentBlock(custom(), 2)(h)
    h = SharedRecurrentBlock(functional(), 2, TemplateBank(1), name="soft")(h)
    recall = SharedRecurrentBlock(dense(), 2, injection="concat", return_sequences=True)
    h, _ = SharedRecurrentBlock(GatedCell(), 2)((h, x))
    return keras.Model(x, Readout(layers.Dense(2), "all")(recall(h, injected=x)))


def by_file(model, path):
    model.save(path / "model.keras")
    return keras.saving.load_model(path / "model.keras")


def by_clone(model, path):
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    return clone


def by_weights(model, path):
    model.save_weights(path / "model.weights.h5")
    fresh = whole_model()
    fresh.load_weights(path / "model.weights.h5")
    return fresh


def by_config(model, path):
    config = json.loads(json.dumps(model.get_config()))
    copy = keras.Model.from_config(config)
    copy.set_weights(model.get_weights())
    return copy


@pytest.mark.parametrize("way", [by_file, by_clone, by_weights, by_config])
def test_model_file_keeps_sharing(way, tmp_path):
    model = whole_model()
    for seed, weight in enumerate(model.weights):  # Nothing is as it started.
        weight.assign(0.2 * np.abs(normal(*weight.shape, seed=seed)) + 0.1)
    copy = way(model, tmp_path)
    assert copy is not model
    assert copy.count_params() == model.count_params()
    assert [w.shape for w in copy.weights] == [w.shape for w in model.weights]
    assert not {id(w) for w in copy.weights} & {id(w) for w in model.weights}
    x = normal(8, 4)
    close(array(copy(x)), array(model(x)), 1e-6)
    _same_seeds(copy, model)
    close(train(copy, x, epochs=3), train(model, x, epochs=3), 1e-4)  # Still tied.


def graph_of(layer):
    change = Transition("a", "a", layer=layer)
    return RecurrentGraph({"a": (4,)}, [change], steps=3)


USES = {
    "loop": lambda layer: SharedRecurrentBlock(layer, 3),
    "loop of a loop": lambda layer: SharedRecurrentBlock(USES["loop"](layer), 2),
    "loop of a readout": lambda layer: SharedRecurrentBlock(Readout(layer), 2),
    "readout": Readout,
    "graph": graph_of,
}


@pytest.mark.once
@pytest.mark.parametrize("calls", [3, 4])
@pytest.mark.parametrize("make", [dense, lambda: model_of(dense()), sequential])
@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_model_file_keeps_a_layer_that_is_also_called_in_the_graph(
    use, make, calls, tmp_path
):
    plain = make()
    model = model_of(*[plain, use(plain), plain, use(plain)][:calls])
    loaded = by_file(model, tmp_path)
    x = normal(8, 4)
    close(array(loaded(x)), array(model(x)), 1e-6)
    assert len(loaded.weights) == len(model.weights)


@pytest.mark.once
@pytest.mark.parametrize("make", [dense, sequential, functional])
@pytest.mark.parametrize("second", [3, 2])
def test_model_file_keeps_a_block_that_two_loops_share(make, second, tmp_path):
    block = make()
    model = model_of(*[SharedRecurrentBlock(block, n) for n in (3, second)])
    loaded = by_file(model, tmp_path)
    for one in (model, loaded):
        assert one.layers[1].block is one.layers[2].block
    x = normal(8, 4)
    close(array(loaded(x)), array(model(x)), 1e-6)


def bank_loop():
    return SharedRecurrentBlock(sequential(), 3, TemplateBank(2))


def untied_loop():
    return SharedRecurrentBlock(sequential(), 3, "none")


def untied_graph():
    parts = [Transition("a", name, layer=dense()) for name in "ab"]
    return RecurrentGraph({"a": (4,), "b": (4,)}, parts, 3, sharing="none")


def freeze(layer):
    layer.trainable = False


def thaw_second(loop):
    freeze(loop)
    loop.blocks[1].trainable = True


FROZEN = {
    "loop with banks": (bank_loop, freeze),
    "bank": (bank_loop, lambda loop: freeze(loop.banks[0])),
    "first block": (untied_loop, lambda loop: freeze(loop.blocks[0])),
    "second block": (untied_loop, lambda loop: freeze(loop.blocks[1])),
    "layer of a block": (untied_loop, lambda loop: freeze(loop.blocks[1].layers[0])),
    "all but one block": (untied_loop, thaw_second),
    "block of a graph": (untied_graph, lambda graph: freeze(graph.blocks[-1])),
    "nested bank": (
        lambda: SharedRecurrentBlock(bank_loop(), 2, "none"),
        lambda loop: freeze(loop.blocks[1].banks[0]),
    ),
    "thawed bank": (
        lambda: SharedRecurrentBlock(dense(), 2, TemplateBank(1, trainable=False)),
        lambda loop: setattr(loop.banks[0], "trainable", True),
    ),
}


@pytest.mark.once
@pytest.mark.parametrize("way", [by_file, by_clone, by_config])
@pytest.mark.parametrize(("make", "change"), FROZEN.values(), ids=FROZEN.keys())
def test_files_and_copies_keep_what_is_frozen(make, change, way, tmp_path):
    model = model_of(make())
    change(model.layers[1])
    flags = [v.trainable for v in model.weights]
    assert flags != [v.trainable for v in model_of(make()).weights]
    copy = way(model, tmp_path)
    assert [v.trainable for v in copy.weights] == flags
    again = way(copy, tmp_path)
    assert [v.trainable for v in again.weights] == flags


def _same_seeds(copy, model):
    """Copy the seeds of dropout, which Keras does not save."""
    for new, old in zip(copy.variables, model.variables, strict=True):
        if "seed_generator_state" in new.path:
            new.assign(array(old))


def test_model_file_resumes_training(tmp_path):
    """The optimizer's state is saved too, so training equals an uninterrupted run."""
    model = whole_model()
    train(model, epochs=2)
    copy = by_file(model, tmp_path)
    _same_seeds(copy, model)
    x, y = normal(8, 4), np.ones((8, 2, 2))
    histories = [
        m.fit(x, y, epochs=2, verbose=0, shuffle=False).history["loss"]
        for m in (model, copy)
    ]
    close(*histories)
    close(weights(copy), weights(model))


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS.keys())
@pytest.mark.parametrize("where", ["global", "layer"])
def test_dtype_policy_reaches_every_layer(where, loop):
    if where == "global":
        keras.config.set_dtype_policy("mixed_bfloat16")
        block = sequential()
    else:
        block = keras.Sequential([dense(dtype="mixed_bfloat16")])
    layer = SharedRecurrentBlock(block, 2, sharing="none", **loop)
    out = layer(normal(2, 4))
    assert keras.backend.standardize_dtype(out.dtype) == "bfloat16"
    for part in layer._flatten_layers():
        if isinstance(part, keras.Sequential | layers.InputLayer):
            continue  # They compute nothing themselves.
        assert part.compute_dtype == "bfloat16", part.name
    assert {w.dtype for w in layer.trainable_weights} == {"float32"}


@pytest.mark.parametrize("name", LOOPS)
def test_layers_pass_masks_on(name):
    tokens = np.array([[1, 2, 0, 0], [3, 0, 0, 0]])
    loop = SharedRecurrentBlock(layers.Dense(4), 2, **LOOPS[name])
    embed, pool = (
        layers.Embedding(5, 4, mask_zero=True),
        layers.GlobalAveragePooling1D(),
    )
    model = model_of(embed, loop, pool, shape=(4,))
    states = array(loop(array(embed(tokens))))
    expected = np.stack([states[0, :2].mean(0), states[1, 0]])
    close(model.predict(tokens, verbose=0), expected)


def test_public_layers_are_registered():
    public = [getattr(keras_recur.layers, n) for n in keras_recur.layers.__all__]
    classes = [cls for cls in public if hasattr(cls, "get_config")]
    assert len(classes) == 14
    for cls in classes:
        name = keras.saving.get_registered_name(cls)
        assert name == f"keras_recur>{cls.__name__}"

"""Training from states in which the loop ended before."""

import dataclasses

import keras
import numpy as np
import pytest
from compare import array, close
from training_networks import RECIPE, Stop, deep_thinking, strings, train

from keras_recur import zoo
from keras_recur.layers import Readout, SharedRecurrentBlock
from keras_recur.losses import IterationLoss
from keras_recur.training import Recipe, ReplayedData, with_state_replay

REPLAYED = dataclasses.replace(
    RECIPE, loss_weights="window", window=2, replay=0.7, replay_from=1
)


def recall(**arguments):
    return deep_thinking(injection="concat", **arguments)


class Counted(keras.utils.PyDataset):
    """Batches whose example i of batch b is the number 100 b + i."""

    def __init__(self, sizes=(4, 4, 4, 3)):
        super().__init__()
        self.sizes = sizes

    def __len__(self):
        return len(self.sizes)

    def __getitem__(self, index):
        numbers = 100 * index + np.arange(self.sizes[index])
        return numbers[:, None].astype("float32"), numbers


class Listed(keras.utils.PyDataset):
    """A list of batches."""

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]


def epoch_of(replayed, epoch=0):
    replayed.epoch = epoch
    return [replayed[i] for i in range(len(replayed))]


def test_rows_keep_their_example_or_get_a_new_one():
    batches = epoch_of(ReplayedData(Counted([500] * 3), 0.8, 0.25, first_step=1))
    (_, carried), _ = batches[0]
    assert not carried.any()
    for number in (1, 2):
        (x, carried), y = batches[number]
        np.testing.assert_array_equal(x[:, 0], y)
        old = y == batches[number - 1][1]
        np.testing.assert_array_equal(y[~old], 100 * number + np.flatnonzero(~old))
        assert carried[old].all()
        # Four standard errors of 500 draws.
        assert abs(carried.mean() - 0.8) < 0.08
        assert abs(old.mean() - 0.2) < 0.08


def test_rows_go_on_from_the_first_step_alone():
    replayed = ReplayedData(Counted(), 1.0, 1.0, first_step=6)
    seen = [b[0][1].all() for epoch in (0, 1) for b in epoch_of(replayed, epoch)]
    assert seen == [False] * 6 + [True] * 2


def test_rows_are_kept_for_the_largest_number_of_steps():
    replayed = ReplayedData(Counted([2] * 7), 1.0, 1.0, first_step=0, max_steps=3)
    shown = [int(y[0]) for _, y in epoch_of(replayed)]
    assert shown == [0, 0, 0, 300, 300, 300, 600]


def test_smaller_batches_keep_the_other_rows():
    replayed = ReplayedData(Counted([4, 2, 4]), 1.0, 1.0, first_step=0)
    assert [y.tolist() for _, y in epoch_of(replayed)] == [
        [0, 1, 2, 3],
        [0, 1],
        [0, 1, 2, 3],
    ]


def test_an_epoch_does_not_depend_on_earlier_ones():
    replayed = ReplayedData(Counted(), first_step=0)
    epoch_of(replayed, 0)
    after_another = epoch_of(replayed, 1)
    again = epoch_of(ReplayedData(Counted(), first_step=0), 1)
    for one, other in zip(after_another, again, strict=True):
        keras.tree.map_structure(np.testing.assert_array_equal, one, other)
    first = np.concatenate([b[0][1] for b in epoch_of(replayed, 0)])
    second = np.concatenate([b[0][1] for b in after_another])
    assert (first != second).any()


def generator():
    while True:
        yield from (Counted()[i] for i in range(4))


@pytest.mark.parametrize("steps", [4, 3])
def test_generators_lose_no_batch_when_keras_reads_ahead(steps):
    replayed = ReplayedData(generator(), 0.0, steps_per_epoch=steps)
    for epoch in range(2):
        replayed[0], replayed[1]  # As Keras does to learn the shapes.
        replayed.on_epoch_begin()
        seen = [int(replayed[i][1][0]) for i in range(steps)]
        replayed.on_epoch_end()
        start = epoch * steps
        assert seen == [100 * ((start + i) % 4) for i in range(steps)]


def test_training_starts_from_the_state_in_which_a_row_ended():
    """Compare a training step with the same steps by hand."""
    model = recall()
    trained = with_state_replay(model, 8, window=2, input_shapes=[(6, 1)])
    trained.compile(keras.optimizers.SGD(0.0), IterationLoss("uniform"))
    x, y = strings(batch_size=8)[0]
    trained.train_on_batch([x, np.zeros(8, bool)], y)
    loop = model.get_layer("recurrent")
    states = keras.Model(model.input, loop.output)
    carried = np.arange(8) % 2 == 0
    start = np.where(
        carried[:, None, None],
        array(states(x)),
        array(model.get_layer("projection")(x)),
    )
    later = loop(start, injected=x, return_sequences=True)
    expected = array(model.get_layer("readout")(later, readout="all"))[:, -2:]
    close(array(trained([x, carried], training=False)), expected, 1e-5)


def test_fit_replays_and_leaves_the_model_as_it_was(jit):
    model = recall()
    before = [v.path for v in model.variables]
    history = train(model, REPLAYED, validation_data=strings(), jit_compile=jit)
    assert [v.path for v in model.variables] == before
    assert set(history) >= {"loss", "val_loss", "val_accuracy"}
    other = recall()
    train(other, dataclasses.replace(REPLAYED, replay=0.2), jit_compile=jit)
    assert any(
        np.abs(array(a) - array(b)).max() > 1e-4
        for a, b in zip(model.weights, other.weights, strict=True)
    )


def test_named_inputs_are_not_exchanged():
    """The names are sorted in another way than the inputs of the model."""
    rng = np.random.default_rng(0)
    z, a = (rng.normal(size=(32, 4)).astype("float32") for _ in range(2))
    y = (z[:, 0] > 0).astype("int32")

    def losses(named):
        keras.utils.set_random_seed(0)
        inputs = [keras.Input((4,), name="z"), keras.Input((4,), name="a")]
        first, seen = keras.layers.Dense(4)(inputs[0]), keras.layers.Dense(4)(inputs[1])
        block = keras.layers.Dense(4, activation="tanh")
        states = SharedRecurrentBlock(block, 2, injection="add")(first, seen)
        model = keras.Model(inputs, Readout(keras.layers.Dense(2))(states))
        batches = [
            ({"a": a[i], "z": z[i]} if named else (z[i], a[i]), y[i])
            for i in np.split(np.arange(32), 4)
        ]
        recipe = dataclasses.replace(REPLAYED, batch_size=8)
        return train(model, recipe, Listed(batches))["loss"]

    np.testing.assert_allclose(losses(True), losses(False), rtol=1e-6)


@pytest.mark.parametrize(
    "stop",
    [
        Stop(KeyboardInterrupt(), 1, batch=1),
        pytest.param(Stop(RuntimeError("power cut"), 1), marks=pytest.mark.once),
    ],
    ids=["within epoch 2", "after epoch 2"],
)
def test_resumed_run_has_the_stored_states(stop, tmp_path):
    whole = recall()
    expected = train(whole, REPLAYED)
    with pytest.raises(type(stop.error)):
        train(recall(), REPLAYED, directory=tmp_path, callbacks=[stop])
    resumed = recall(seed=2)
    history = train(resumed, REPLAYED, directory=tmp_path)
    for ours, theirs in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-7)
    np.testing.assert_allclose(history["loss"], expected["loss"], 1e-6)


@pytest.mark.once
def test_a_window_scores_all_iterations_of_a_shorter_loop():
    history = train(recall(iterations=1), dataclasses.replace(REPLAYED, window=4))
    assert np.isfinite(history["loss"]).all()


def test_evaluation_stores_no_state():
    model = recall()
    trained = with_state_replay(model, 16, input_shapes=[(6, 1)])
    trained.compile("sgd", IterationLoss())
    x, y = strings()[0]
    trained.evaluate([x, np.zeros(16, bool)], y, verbose=0)
    trained.predict([x, np.zeros(16, bool)], verbose=0)
    assert not array(trained.get_layer("replay").stored[0]).any()


def test_the_input_in_a_state_is_not_replayed():
    """`feedback` shows the image as a tensor of the state that it passes on."""
    pair = zoo.build(
        "feedback", width=4, iterations=2, input_shape=(8, 8, 1), num_classes=3
    )
    trained = with_state_replay(pair.recurrent, 2)
    trained.compile(keras.optimizers.SGD(0.0), IterationLoss())
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 1)).astype("float32")
    y, fresh, old = np.array([0, 1]), np.zeros(2, bool), np.ones(2, bool)
    first = array(trained([x, fresh]))
    trained.train_on_batch([x, fresh], y)
    assert (array(trained([x, fresh])) != array(trained([x, old]))).any()
    # With empty stored states, a row starts as a fresh one does.
    for variable in trained.get_layer("replay").stored:
        variable.assign(np.zeros(variable.shape))
    for a, b in zip(array(trained([x, old])), array(trained([x, fresh])), strict=True):
        close(a, b)
    assert first.shape == (2, 1, 3)


def test_replay_works_with_every_kind_of_sharing_and_loop():
    x, y = strings(batch_size=8)[0]
    for options in ({"sharing": "none"}, {"unroll": False}, {"remat": True}):
        block = keras.Sequential([keras.Input((6, 5)), keras.layers.Dense(4, "tanh")])
        loop = SharedRecurrentBlock(block, 3, injection="concat", **options)
        inputs = keras.Input((6, 1))
        state = loop(keras.layers.Dense(4)(inputs), injected=inputs)
        model = keras.Model(inputs, Readout(keras.layers.Dense(2))(state))
        trained = with_state_replay(model, 8, window=None)
        trained.compile("sgd", IterationLoss("uniform"))
        for mask in (np.zeros(8, bool), np.ones(8, bool)):
            assert np.isfinite(trained.train_on_batch([x, mask], y))
        assert trained.output_shape == (None, 3, 6, 2)


@pytest.mark.parametrize("start", ["zeros", "normal", "fixed_normal"])
def test_fresh_rows_start_from_the_first_state_of_the_loop(start):
    model = recall(initial_state=start)
    trained = with_state_replay(model, 4, input_shapes=[(6, 1)])
    x, _ = strings(batch_size=4)[0]
    fresh, old = np.zeros(4, bool), np.ones(4, bool)
    # Nothing is stored yet, so rows that go on start from zeros.
    same = np.abs(array(trained([x, fresh])) - array(trained([x, old]))).max() < 1e-6
    assert same == (start == "zeros")
    if start != "normal":
        expected = array(model(x, training=False))[:, None]
        close(array(trained([x, fresh], training=False)), expected)


def test_window_weights_score_the_last_readouts():
    y = np.array([1, 0])
    logits = np.random.default_rng(0).normal(size=(2, 5, 2)).astype("float32")
    windowed = IterationLoss("window", window=2)
    assert windowed.weights_for(5) == [0, 0, 0, 0.5, 0.5]
    assert windowed.weights_for(1) == [1]
    expected = IterationLoss("uniform")(y, logits[:, -2:])
    close(array(windowed(y, logits)), array(expected))
    again = IterationLoss.from_config(windowed.get_config())
    assert again.weights_for(3) == [0, 0.5, 0.5]


def _graph():
    return zoo.build("frnn", input_shape=(8, 8, 1), width=2, states=2).recurrent


@pytest.mark.once
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: with_state_replay(deep_thinking(), 4), "sees its input at every"),
        (lambda: with_state_replay(_graph(), 4), "a RecurrentGraph"),
        (lambda: with_state_replay(recall(), 4), "`input_shapes`"),
        (lambda: with_state_replay(recall(), 4, window=4), "at most the number"),
        (lambda: train(deep_thinking(), REPLAYED), "injection='concat'"),
        (lambda: ReplayedData(generator()), "`steps_per_epoch` is needed"),
        (lambda: ReplayedData(Counted(), share=1.2), "`share`"),
        (lambda: ReplayedData(Counted(), same=-0.1), "`same`"),
        (lambda: train(recall(), REPLAYED, ReplayedData(strings())), "ReplayedData"),
        (lambda: _recipe(replay=0.5, progressive=0.5), "Set one of them to 0"),
        (lambda: _recipe(replay_same=0.3), "needs `replay`"),
        (lambda: _recipe(replay_limit=4), "needs `replay`"),
        (lambda: _recipe(loss_weights="window"), "must be given together"),
        (lambda: _recipe(window=2), "must be given together"),
        (lambda: IterationLoss("window"), "needs `window`"),
    ],
)
def test_bad_settings_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def _recipe(**fields):
    return Recipe("adam", 0.01, epochs=1, batch_size=4, **fields)


def test_a_batch_with_more_rows_than_the_first_is_refused():
    class Growing(Counted):
        def __getitem__(self, index):
            x, y = strings(batch_size=16 if index else 8)[0]
            return x, y

    with pytest.raises(ValueError, match="at most as many rows as the first one, 8"):
        train(recall(), REPLAYED, Growing())

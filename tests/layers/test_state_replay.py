"""`StateReplay` stores the last states of a step and starts rows from them."""

import keras
import numpy as np
import pytest
from compare import array, close
from keras import ops

from keras_recur.layers import StateReplay


def carried(*rows):
    return np.array(rows, bool)


def values(*rows, shape=(2, 3)):
    """Return a batch in which all numbers of a row are equal."""
    return np.stack([np.full(shape, row, "float32") for row in rows])


def rows(state):
    """Return the number in each row, and check that the row holds no other."""
    state = array(state)
    close(state, np.broadcast_to(state[:, :1, :1], state.shape), 0)
    return state[:, 0, 0].tolist()


def stored(**arguments):
    replay = StateReplay(3, **arguments)
    replay(values(0, 0, 0), carried(0, 0, 0))
    replay(values(1, 2, 3), training=True)
    return replay


def test_replay_starts_marked_rows_from_their_stored_state():
    replay = stored()
    assert rows(replay(values(7, 8, 9), carried(1, 0, 1))) == [1, 8, 3]


def test_replay_stores_in_training_only():
    replay = stored()
    assert rows(replay(values(4, 5, 6), training=False)) == [4, 5, 6]
    assert rows(replay(values(7, 8, 9), carried(1, 1, 1))) == [1, 2, 3]


def test_replay_stores_the_last_state_of_a_sequence():
    replay = StateReplay(2)
    replay(values(0, 0), carried(0, 0))
    sequence = np.stack([values(1, 2), values(3, 4)], axis=1)
    assert array(replay(sequence, sequence=True, training=True)).shape == (2, 2, 2, 3)
    assert rows(replay(values(0, 0), carried(1, 1))) == [3, 4]


def test_replay_of_a_smaller_batch_leaves_the_other_rows():
    replay = stored()
    replay(values(5, 6), training=True)
    assert rows(replay(values(7, 8), carried(0, 1))) == [7, 6]
    assert rows(replay(values(0, 0, 0), carried(1, 1, 1))) == [5, 6, 3]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_replay_does_not_use_states_that_are_not_finite(bad):
    replay = stored()
    state = values(1, 2, 3)
    state[1, 1, 2] = bad
    replay(state, training=True)
    assert rows(replay(values(7, 8, 9), carried(1, 1, 1))) == [1, 8, 3]


def test_replay_takes_nests_of_states_of_several_dtypes():
    replay = StateReplay(2)
    state = {"a": values(0, 0), "n": np.zeros((2, 4), "int32")}
    replay(state, carried(0, 0))
    ended = {"a": values(1, 2), "n": np.full((2, 4), 5, "int32")}
    replay(ended, training=True)
    found = replay(state, carried(0, 1))
    assert rows(found["a"]) == [0, 2]
    assert array(found["n"])[:, 0].tolist() == [0, 5]
    assert "int32" in str(found["n"].dtype)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float16"])
def test_replay_stores_states_in_the_compute_dtype(policy):
    replay = StateReplay(2, dtype=policy)
    replay(values(0, 0), carried(0, 0))
    replay(values(1, 2), training=True)
    found = replay(values(0, 0), carried(1, 1))
    assert keras.backend.standardize_dtype(found.dtype) == replay.compute_dtype
    assert keras.backend.standardize_dtype(replay.stored[0].dtype) == (
        replay.compute_dtype
    )
    assert rows(found) == [1, 2]


class Sizes(keras.utils.PyDataset):
    """Batches of two sizes in turn, the last one of two rows; inputs are 0."""

    def __len__(self):
        return 5

    def __getitem__(self, index):
        x = np.zeros((2 if index == 4 else 3, 4 + index % 2, 2), "float32")
        return (x, np.arange(len(x)) > 0), x


def test_replay_stores_states_of_every_size_in_compiled_steps(jit):
    x, mask = keras.Input((None, 2)), keras.Input((), dtype="bool")
    replay = StateReplay(3, state_shapes=[(4, 2), (5, 2)])
    # A layer that is trained at rate 0 adds 1.
    one = keras.layers.Dense(2, bias_initializer="ones", kernel_initializer="identity")
    model = keras.Model([x, mask], replay(one(replay(x, mask))))
    model.compile(keras.optimizers.SGD(0.0), "mse", jit_compile=jit)
    model.fit(Sizes(), shuffle=False, verbose=0)
    # Row 0 always starts afresh; sizes 4 and 5 have three and two steps.
    assert array(replay.stored[0])[:, 0].tolist() == [1, 3, 2]
    assert array(replay.stored[0])[:, -1].tolist() == [1, 2, 2]


def test_replay_passes_no_gradient_into_earlier_steps():
    replay, dense = StateReplay(2), keras.layers.Dense(3, use_bias=False)
    x, mask = keras.Input((3,)), keras.Input((), dtype="bool")
    model = keras.Model([x, mask], replay(dense(replay(x, mask))))
    model.compile(keras.optimizers.SGD(1.0), "mean_absolute_error")
    dense.kernel.assign(np.eye(3))
    batch = [np.full((2, 3), 2.0, "float32"), carried(0, 0)], np.zeros((2, 3))
    model.train_on_batch(*batch)
    # d|y|/dk = x/6 for each row; without stopping, a second step would add to it.
    close(array(dense.kernel), np.eye(3) - 4 / 6)


class StoresThenStarts(keras.layers.Layer):
    """Store a trained state, and return the stored one in the same step."""

    def __init__(self):
        super().__init__()
        self.replay = StateReplay(2)
        self.dense = keras.layers.Dense(3, kernel_initializer="ones")

    def build(self, shape):
        self.dense.build(shape)
        self.replay.build(shape)

    def call(self, x, training=None):
        state = self.dense(x)
        self.replay(state, training=training)
        every = ops.ones_like(state[:, 0], dtype="bool")
        return self.replay(0.0 * state, every)

    def compute_output_shape(self, shape):
        return shape


def test_replay_passes_no_gradient_within_a_step():
    layer = StoresThenStarts()
    model = keras.Sequential([keras.Input((3,), batch_size=2), layer])
    model.compile(keras.optimizers.SGD(1.0), "mean_absolute_error")
    found = model.train_on_batch(np.ones((2, 3)), np.zeros((2, 3)))
    close(found, 3)  # The output is the stored state.
    close(array(layer.dense.kernel), np.ones((3, 3)), 0)


def test_replay_survives_saving_with_its_states(tmp_path):
    x, mask = keras.Input((2, 3)), keras.Input((), dtype="bool")
    replay = StateReplay(3, name="replay")
    model = keras.Model([x, mask], replay(replay(x, mask)))
    replay(values(1, 2, 3), training=True)
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    found = loaded([values(0, 0, 0), carried(1, 0, 1)])
    assert rows(found) == [1, 0, 3]


@pytest.mark.once
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: r(values(1, 2, 3, 4), carried(0, 0, 0, 0)), "Use a larger"),
        (lambda r: r(values(1, 2, shape=(5, 3)), carried(0, 0)), "all sizes"),
        (lambda r: r(values(1, 2, shape=(2, 4)), training=True), "Received: 2 states"),
    ],
    ids=["more rows", "another size", "other channels"],
)
def test_replay_refuses_states_without_a_place(call, message):
    with pytest.raises(ValueError, match=message):
        call(stored())


@pytest.mark.once
def test_replay_refuses_a_state_of_unknown_size():
    with pytest.raises(ValueError, match="sizes must be known"):
        StateReplay(3)(keras.Input((None, 2)), keras.Input((), dtype="bool"))

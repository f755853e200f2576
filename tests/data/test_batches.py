"""Data in every form that `fit` takes are read as the same batches."""

import itertools

import keras
import numpy as np
import pytest

from keras_recur import data
from keras_recur.data import _batches

X = np.arange(20, dtype="float32").reshape(10, 2)
Y = np.arange(10) % 3
PARTS = [(X[i : i + 4], Y[i : i + 4]) for i in range(0, 10, 4)]


class Dataset(keras.utils.PyDataset):
    def __init__(self, length=3):
        super().__init__()
        self.length = length

    def __len__(self):
        if self.length is None:
            raise NotImplementedError
        return self.length

    def __getitem__(self, index):
        return PARTS[index % 3]


class Endless(keras.utils.PyDataset):
    @property
    def num_batches(self):
        return None

    def __getitem__(self, index):
        return PARTS[index % 3]


def tf_data():
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(4)


def loader(**arguments):
    import torch

    pairs = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y))
    return torch.utils.data.DataLoader(pairs, batch_size=4, **arguments)


FORMS = {
    "ArrayDataset": lambda: data.ArrayDataset(X, Y, 4),
    "PyDataset": Dataset,
    "list": lambda: list(PARTS),
    "tuple": lambda: tuple(PARTS),
    "generator": lambda: (part for part in PARTS),
    "iterator": lambda: iter(PARTS),
    "islice": lambda: itertools.islice(itertools.cycle(PARTS), 3),
    "arrays": lambda: (X, Y),
    "tensors": lambda: tuple(map(keras.ops.convert_to_tensor, (X, Y))),
    "tf.data": tf_data,
    "tf.data of known end": lambda: tf_data().repeat().take(3),
    "DataLoader": loader,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_yields_the_same_examples(form):
    found = list(_batches.batches(FORMS[form]()))
    assert all(isinstance(part, np.ndarray) for batch in found for part in batch)
    for part, expected in zip(zip(*found, strict=True), (X, Y), strict=True):
        np.testing.assert_array_equal(np.concatenate(part), expected)


@pytest.mark.parametrize("form", FORMS)
def test_the_first_batch_is_read_without_losing_it(form):
    numbers = np.random.get_state()[1].tolist()
    first, left = _batches.first_batch(FORMS[form]())
    assert len(_batches.to_numpy(first[1])) in (4, 10)
    assert np.random.get_state()[1].tolist() == numbers
    found = np.concatenate([y for _, y in _batches.batches(left)])
    np.testing.assert_array_equal(found, Y)


@pytest.mark.once
def test_the_first_batch_of_a_shuffled_loader_leaves_its_order():
    import torch

    def order(look):
        torch.manual_seed(3)
        shuffled = loader(shuffle=True)
        if look:
            _batches.first_batch(shuffled)
        return np.concatenate([y for _, y in _batches.batches(shuffled)]).tolist()

    assert order(True) == order(False)


@pytest.mark.once
def test_inputs_may_be_a_nest_and_arrays_are_cut_into_batches(monkeypatch):
    monkeypatch.setattr(_batches, "BATCH_SIZE", 4)
    nest = {"a": X, "b": (X, Y)}
    (first, _), *rest = _batches.batches((nest, Y))
    assert len(rest) == 2
    np.testing.assert_array_equal(first["b"][0], X[:4])


ENDLESS = {
    "PyDataset": Endless,
    "tf.data": lambda: tf_data().repeat(),
    "cycle": lambda: itertools.cycle(PARTS),
    "generator": lambda: (part for _ in itertools.count() for part in PARTS),
}


@pytest.mark.once
@pytest.mark.parametrize("form", ENDLESS)
def test_endless_data_are_refused(form, monkeypatch):
    monkeypatch.setattr(_batches, "MOST_BATCHES", 50)
    with pytest.raises(ValueError, match="`data` must end"):
        list(_batches.batches(ENDLESS[form]()))
    assert len(list(itertools.islice(_batches.inputs(ENDLESS[form]()), 60))) == 60


NO_DATA = {
    "None": (None, "must be an ArrayDataset"),
    "text": ("train", "must be an ArrayDataset"),
    "number": (3, "must be an ArrayDataset"),
    "function": (FORMS["generator"], "Call it first"),
    "dictionary": ({"x": X, "y": Y}, "must be an ArrayDataset"),
    "empty": ([], "no examples to score"),
    "empty batches": ([(X[:0], Y[:0])], "no examples to score"),
    "inputs alone": (X, r"batches \(x, y\)"),
    "list of two arrays": ([X, Y], r"tuple, data=\(x, y\)"),
    "without labels": ([(X, None)], "y is None"),
    "several labels": ([(X, {"a": Y, "b": Y})], "y is a dictionary"),
    "weights": ([(X, Y, np.ones(10))], "weigh all examples equally"),
    "fewer labels": ([(X, Y[:3])], "as many labels as examples"),
    "examples": ([(X[0], 1), (X[1], 0)], "as many labels as examples"),
    "arrays of other lengths": ((X, Y[:3]), "same number of examples"),
}


@pytest.mark.once
@pytest.mark.parametrize("case", NO_DATA)
def test_what_is_no_data_is_refused(case):
    given, message = NO_DATA[case]
    with pytest.raises(ValueError, match=message):
        list(_batches.batches(given))

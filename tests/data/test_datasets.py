"""The descriptions of the data sets, and that they agree with what is loaded."""

import dataclasses

import pytest

from keras_recur import data

pytestmark = pytest.mark.once


def test_list_datasets_lists_all_names():
    assert data.list_datasets() == [
        "mazes",
        "prefix_sums",
        "shortest_paths",
        "mnist1d",
        "digits",
        "python_docs",
        "cifar10",
        "cifar100",
        "svhn",
        "emnist_balanced",
        "mnist",
        "fashion_mnist",
        "imagenet",
    ]
    assert data.list_datasets("*mnist*") == [
        "mnist1d",
        "emnist_balanced",
        "mnist",
        "fashion_mnist",
    ]
    assert data.list_datasets("nothing") == []


@pytest.mark.parametrize("name", data.list_datasets())
def test_describe_returns_complete_frozen_specs(name):
    spec = data.describe(name)
    assert spec.name == name
    assert set(spec.num_examples) == set(spec.splits)
    assert spec.procedural == (spec.size is not None)
    sources = [spec.procedural, spec.package is not None, spec.tfds_name is not None]
    assert sum(sources) == 1
    assert (spec.download_size is None) == (spec.tfds_name is None)
    assert (spec.mean is None) == (spec.std is None) == spec.procedural
    assert data.input_shape(name) == spec.input_shape
    if spec.mean and spec.std:
        assert len(spec.mean) == len(spec.std) == spec.input_shape[-1]
    assert spec.summary in str(spec)
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.name = "other"


@pytest.mark.parametrize("size", [3, 9, 13, 33])
def test_input_shape_of_mazes(size):
    loaded = data.load("mazes", num_examples=2, size=size)
    cells = (size + 1) // 2
    shape = (4 * cells + 4, 4 * cells + 4, 3)
    assert data.input_shape("mazes", size) == shape == loaded.input_shape


@pytest.mark.parametrize("size", [3, 16, 50])
def test_input_shape_of_prefix_sums(size):
    loaded = data.load("prefix_sums", num_examples=2, size=size)
    assert data.input_shape("prefix_sums", size) == (size, 1) == loaded.input_shape


@pytest.mark.parametrize("size", [2, 16, 50])
def test_input_shape_of_shortest_paths(size):
    loaded = data.load("shortest_paths", num_examples=2, size=size)
    shape = (size, size, 2)
    assert data.input_shape("shortest_paths", size) == shape == loaded.input_shape


def test_describe_and_input_shape_refuse_bad_arguments():
    with pytest.raises(ValueError, match="Did you mean 'cifar10'"):
        data.describe("cifar_10")
    with pytest.raises(ValueError, match="Did you mean 'mazes'"):
        data.input_shape("maze")
    with pytest.raises(ValueError, match="The nearest are 9 and 11"):
        data.input_shape("mazes", 10)
    with pytest.raises(ValueError, match="nearest allowed value is 2"):
        data.input_shape("shortest_paths", 1)
    with pytest.raises(ValueError, match="'mnist' has no `size`.* mazes, prefix_sums"):
        data.input_shape("mnist", 28)

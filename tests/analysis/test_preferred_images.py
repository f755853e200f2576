"""Images that excite filters most: known optima, and networks that stay as they are."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_recur import analysis, zoo
from keras_recur.analysis._fourier_images import FourierImages, coefficients_of
from keras_recur.layers import Readout, SharedRecurrentBlock
from tests.analysis.small_pairs import images_of, small_pair

QUICK = {"channels": 2, "steps": 12, "starts": 2, "copies": 2}


def linear(kernel, activation=None):
    """Return a model whose state after one iteration is a convolution of the input."""
    block = layers.Conv2D(1, kernel.shape, padding="same", activation=activation)
    block.build((None, 6, 6, 1))
    block.set_weights([kernel[..., None, None].astype("float32"), np.zeros(1)])
    x = keras.Input((6, 6, 1))
    loop = SharedRecurrentBlock(block, 1)
    head = keras.Sequential([layers.Flatten(), layers.Dense(2)])
    return keras.Model(x, Readout(head)(loop(x)))


def pixels(count=20, size=6):
    return np.random.default_rng(0).uniform(size=(count, size, size, 1)).astype("f4")


@pytest.mark.parametrize("size", [5, 6])
def test_waves_are_orthonormal_and_shift(size):
    layer = FourierImages(np.ones((1, size, size, 1), "f4"), (0.0, 1.0), 0.0)
    rows, _ = layer.bases(np.array([[0, 0]]))
    np.testing.assert_allclose(rows[0].T @ rows[0], np.eye(size), atol=1e-6)
    image = layer.images()[0]
    bases = [keras.ops.convert_to_tensor(b) for b in layer.bases(np.array([[1, 2]]))]
    moved = keras.ops.convert_to_numpy(layer(bases))[0]
    np.testing.assert_allclose(moved, np.roll(image, (1, 2), (0, 1)), atol=1e-5)


@pytest.mark.parametrize("decay", [0, 1, 1.5])
def test_the_best_image_of_a_linear_filter_is_its_kernel(decay):
    kernel = np.array([[1.0, -1, 1], [-1, 1, -1], [1, 1, -1]])
    found = analysis.preferred_images(
        linear(kernel),
        pixels(),
        [0],
        objective="neuron",
        jitter=0,
        steps=300,
        decay=decay,
    )
    patch = found.images[0, 0, 2:5, 2:5, 0]
    limits = pixels().min(), pixels().max()
    np.testing.assert_array_equal(patch > 0.5, kernel > 0)
    largest = (np.where(kernel > 0, limits[1], limits[0]) * kernel).sum()
    assert found.activations[0, 0, 0] == pytest.approx(largest, abs=0.4)
    assert found.activations[0, 0, 0] > found.natural[0, 0]
    assert found.relative[0, 0, 0] > 1 and not found.silent.any()


def test_coefficients_give_the_image():
    images = np.random.default_rng(0).uniform(0.1, 0.9, size=(2, 5, 6, 3))
    limits = np.zeros(3), np.array([1.0, 2.0, 3.0])
    layer = FourierImages(coefficients_of(images, limits, 1.0), limits, 1.0)
    np.testing.assert_allclose(layer.images(), images, atol=1e-5)


def test_each_color_stays_in_its_own_range():
    x = np.random.default_rng(0).uniform(size=(10, 20, 20, 3)) * [0.1, 5, 1]
    model = zoo.build(
        "convnet", input_shape=(20, 20, 3), width=4, iterations=2, num_classes=3, seed=0
    ).recurrent
    found = analysis.preferred_images(model, x.astype("float32"), **QUICK)
    largest = found.images.max(axis=(0, 1, 2, 3))
    assert (largest <= x.max(axis=(0, 1, 2)) + 1e-6).all()
    assert (largest > 0.5 * x.max(axis=(0, 1, 2))).all()


def test_silent_filters_are_marked():
    kernel = -np.ones((3, 3))
    found = analysis.preferred_images(
        linear(kernel, "relu"), pixels() + 1, [0], steps=5
    )
    figure = analysis.plot_preferred_images(found)
    # Beside the image are its table and the best image of the data.
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["silent", "", "", ""]
    assert found.silent.all() and np.isnan(found.relative).all()
    assert np.isnan(found.low_frequencies).all()


@pytest.mark.parametrize("name", ["mlp", "convnet", "resnet_bn", "swrn", "frnn"])
@pytest.mark.parametrize("network", ["recurrent", "feedforward"])
def test_preferred_images_of_families(name, network):
    model = getattr(small_pair(name), network)
    before = [np.array(w) for w in model.get_weights()]
    flags = [layer.trainable for layer in model.layers]
    x = images_of(model, 12)
    found = analysis.preferred_images(model, x, **QUICK)
    times = len(found.iterations)
    assert found.images.shape == (2, times, 20, 20, 1)
    assert found.activations.shape == (2, times, times)
    assert found.natural.shape == found.examples.shape == (2, times)
    np.testing.assert_array_equal(found.natural_images, x[found.examples])
    assert found.images.min() >= x.min() and found.images.max() <= x.max()
    for weight, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)
    assert [layer.trainable for layer in model.layers] == flags


def test_training_makes_activations_larger_and_is_repeatable():
    model = small_pair("resnet_bn").recurrent
    x = images_of(model, 12)
    options = {**QUICK, "channels": [0, 3]}
    short = analysis.preferred_images(model, x, **{**options, "steps": 1})
    found = analysis.preferred_images(model, x, **{**options, "steps": 40})
    again = analysis.preferred_images(model, x, **{**options, "steps": 40})
    own = [f.activations.diagonal(axis1=1, axis2=2) for f in (short, found)]
    assert (own[1] > own[0]).all()
    np.testing.assert_allclose(again.images, found.images, atol=1e-4)


@pytest.mark.once
def test_preferred_images_refuse():
    model = small_pair("convnet").recurrent
    x = images_of(model, 5)
    with pytest.raises(ValueError, match="from 0 to 3"):
        analysis.preferred_images(model, x, [4])
    with pytest.raises(ValueError, match="must be images of shape"):
        analysis.preferred_images(model, x[..., 0], 1)

"""MNIST-1D: the templates and distortions of the paper, and examples made alone."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from keras_recur import data
from keras_recur.data.sets import mnist1d as made

pytestmark = pytest.mark.once
NO_NOISE = np.zeros((1, 2, 72))


def curve(digit, padding=0.999, scale=0.5, shift=0.0, shear=0.5, noise=NO_NOISE):
    """Return a curve from four uniform numbers and noise."""
    uniform = np.array([[padding, scale, shift, shear]])
    return made._curves(np.array([digit]), uniform, noise)[0]


def test_mnist1d_has_curves_of_all_digits():
    x, y = data.mnist1d(57)
    assert x.shape == (57, 1, 40, 1) and x.dtype == np.float32
    assert y.shape == (57,) and y.dtype == np.int32
    assert np.isfinite(x).all()
    for start in range(0, 50, 10):
        assert sorted(y[start : start + 10].tolist()) == list(range(10))
    assert len({tuple(y[start : start + 10]) for start in range(0, 50, 10)}) == 5


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_mnist1d_rows_do_not_depend_on_the_number_of_examples(split, monkeypatch):
    x, y = data.mnist1d(40, split, 3)
    monkeypatch.setattr(made, "_EXAMPLES_AT_ONCE", 7)
    few_x, few_y = data.mnist1d(12, split, 3)
    np.testing.assert_allclose(few_x, x[:12], atol=1e-6)
    np.testing.assert_array_equal(few_y, y[:12])


def test_mnist1d_depends_on_seed_and_split():
    sets = [
        data.mnist1d(300, split, seed)
        for split in ("train", "validation", "test")
        for seed in (0, 1)
    ]
    curves = {x.tobytes() for one, _ in sets for x in one}
    assert len(curves) == 6 * 300
    orders = {y.tobytes() for _, y in sets}
    assert len(orders) == 6
    again, _ = data.mnist1d(300, "train", 0)
    np.testing.assert_array_equal(again, sets[0][0])


@pytest.mark.parametrize("digit", range(10))
def test_a_curve_without_distortion_is_the_template(digit):
    template = made._templates()[digit]
    assert template[0] == 0 == pytest.approx(template[-1])
    assert template.std() == pytest.approx(1 / 6)
    padded = np.concatenate([template, np.zeros(60)])
    expected = np.interp(np.linspace(0, 71, 40), np.arange(72), padded)
    np.testing.assert_allclose(curve(digit), expected, atol=1e-12)


def test_distortions_have_the_sizes_of_the_paper():
    plain = curve(3)
    np.testing.assert_allclose(curve(3, scale=0), 0.8 * plain, atol=1e-12)
    ramp = 0.75 * 0.5 * np.linspace(-0.5, 0.5, 40)
    np.testing.assert_allclose(curve(3, shear=0), plain + ramp, atol=1e-12)
    # With 36 zeros, the template fills a quarter of the curve.
    quarter = np.concatenate([made._templates()[3], np.zeros(36)])
    stretched = np.interp(np.linspace(0, 47, 72), np.arange(48), quarter)
    expected = np.interp(np.linspace(0, 71, 40), np.arange(72), stretched)
    np.testing.assert_allclose(curve(3, padding=0), expected, atol=1e-12)
    shifted = np.roll(np.concatenate([made._templates()[3], np.zeros(60)]), 24)
    expected = np.interp(np.linspace(0, 71, 40), np.arange(72), shifted)
    np.testing.assert_allclose(curve(3, shift=0.5), expected, atol=1e-12)


def test_smooth_noise_covers_the_padding_only():
    noise = np.concatenate([np.ones((1, 1, 72)), np.zeros((1, 1, 72))], axis=1)
    change = curve(5, noise=noise) - curve(5)
    # A filter keeps constant noise, and 12 of 72 points belong to the template.
    np.testing.assert_allclose(change[:6], 0, atol=1e-12)
    np.testing.assert_allclose(change[8:], 0.25, atol=1e-12)
    white = curve(5, noise=noise[:, ::-1]) - curve(5)
    np.testing.assert_allclose(white, 0.02, atol=1e-12)


def test_smoothing_is_that_of_scipy():
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(0).normal(size=72)
    np.testing.assert_allclose(
        made._smoothing() @ noise, gaussian_filter(noise, 2), atol=1e-12
    )


def test_noise_is_normal_and_uniform():
    stream = np.array([7], "uint64")
    uniform, noise = made._drawn(slice(0, 4_000), stream)
    assert 0 <= uniform.min() and uniform.max() < 1
    np.testing.assert_allclose(uniform.mean(axis=0), 0.5, atol=0.03)
    flat = noise.reshape(4_000, -1)
    assert abs(flat.mean()) < 0.01 and abs(flat.std() - 1) < 0.01
    assert abs((flat**4).mean() - 3) < 0.05
    correlation = np.corrcoef(flat, rowvar=False) - np.eye(144)
    assert abs(correlation).max() < 0.09


def test_loaded_curves_are_normalized():
    train = data.load("mnist1d", "train", 4_000, shuffle=False)
    x, y = train[0]
    assert x.shape == (4_000, 1, 40, 1) and np.bincount(y).tolist() == 10 * [400]
    assert abs(x.mean()) < 0.02 and abs(x.std() - 1) < 0.02
    raw, _ = data.mnist1d(4_000)
    np.testing.assert_allclose(x, (raw + 0.0061) / 0.1547, atol=1e-5)


def test_logistic_regression_is_as_good_as_reported():
    """The paper reports 32 % on its own 1,000 test examples."""
    (x, y), (test_x, test_y) = data.mnist1d(4_000), data.mnist1d(1_000, "test")
    probe = LogisticRegression(max_iter=1_000)
    probe.fit(x.reshape(4_000, -1) / 0.1547, y)
    score = probe.score(test_x.reshape(1_000, -1) / 0.1547, test_y)
    assert 0.27 < score < 0.37


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(num_examples=0), "`num_examples` must be"),
        (dict(split="Train"), "Did you mean 'train'"),
        (dict(seed=-1), "Received: seed=-1"),
        (dict(seed=2**64), "`seed` must be below 2"),
        (dict(num_examples=10**9), "memory.*num_examples=1000000000"),
    ],
)
def test_mnist1d_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        data.mnist1d(**{"num_examples": 5, **arguments})

import numpy as np
import pytest

from keras_recur.analysis._cka import alignment, centered_gram


def debiased(first, second):
    return alignment(centered_gram(first), centered_gram(second))


def test_published_example():
    rng = np.random.RandomState(1337)
    x = rng.randn(100, 10)
    y = rng.randn(100, 10) + x
    assert debiased(x, y) == pytest.approx(0.51346, abs=1e-5)


def test_rows_sum_to_zero():
    gram = centered_gram(np.random.RandomState(0).randn(12, 5))
    np.testing.assert_allclose(gram.sum(0), 0, atol=1e-12)


def test_rotation_scale_and_shift_change_nothing():
    rng = np.random.RandomState(0)
    x, y = rng.randn(40, 6), rng.randn(40, 6)
    y += x
    rotation = np.linalg.qr(rng.randn(6, 6))[0]
    assert debiased(x, 3 * x @ rotation + 1000) == pytest.approx(1)
    expected = debiased(x, y)
    assert debiased(x + 1000, y @ rotation) == pytest.approx(expected)


def test_independent_wide_features_are_near_zero():
    rng = np.random.RandomState(0)
    assert abs(debiased(rng.randn(128, 2048), rng.randn(128, 2048))) < 0.03


def test_joined_features_have_the_share_of_the_first():
    rng = np.random.RandomState(0)
    x, z = rng.randn(1500, 8), rng.randn(1500, 12)
    expected = np.sqrt(8 / 20)
    assert debiased(np.hstack([x, z]), x) == pytest.approx(expected, abs=0.01)


def test_products_of_examples_and_of_features_agree():
    rng = np.random.RandomState(0)
    x = rng.randn(40, 6)
    y = x @ rng.randn(6, 9) + rng.randn(40, 9)
    x, y = (part - part.mean(0) for part in (x, y))
    n = len(x)

    def dot(one, two):
        # The debiased product without matrices of examples.
        a, b = (one**2).sum(1), (two**2).sum(1)
        found = (one.T @ two) ** 2
        corrected = found.sum() - n / (n - 2) * a @ b
        return corrected + a.sum() * b.sum() / ((n - 1) * (n - 2))

    expected = dot(x, y) / np.sqrt(dot(x, x) * dot(y, y))
    assert debiased(x, y) == pytest.approx(expected, abs=1e-12)


def test_constant_features_have_no_alignment():
    x = np.random.RandomState(0).randn(8, 3)
    assert np.isnan(debiased(x, np.ones((8, 3))))

"""Prefix sums: right targets, disjoint splits, and examples made alone."""

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_recur import data

pytestmark = pytest.mark.once
SPLITS = st.sampled_from(["train", "validation", "test"])


@settings(deadline=None, max_examples=80)
@given(st.integers(1, 20), st.integers(4, 200), SPLITS, st.integers(0, 2**64 - 1))
def test_prefix_sums_targets_are_parities_of_prefixes(count, size, split, seed):
    x, y = data.prefix_sums(count, size, split, seed)
    assert x.shape == (count, size, 1) and x.dtype == np.float32
    assert y.shape == (count, size) and y.dtype == np.int32
    assert set(np.unique(x)) <= {-0.5, 0.5}
    for string, target in zip(x[..., 0], y, strict=True):
        total = 0
        for bit, parity in zip(string, target, strict=True):
            total += int(bit > 0)
            assert parity == total % 2


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 300), st.integers(4, 200), SPLITS, st.integers(0, 2**64 - 1))
def test_strings_do_not_depend_on_the_number_of_examples(more, size, split, seed):
    x, y = data.prefix_sums(5, size, split, seed)
    all_x, all_y = data.prefix_sums(5 + more, size, split, seed)
    np.testing.assert_array_equal(x, all_x[:5])
    np.testing.assert_array_equal(y, all_y[:5])


@pytest.mark.parametrize("size", [4, 5, 8, 16, 20, 64, 65])
def test_prefix_sums_splits_share_no_string_over_seeds(size):
    sets = {
        split: {x.tobytes() for x in data.prefix_sums(2000, size, split, seed)[0]}
        for seed, split in enumerate(["train", "validation", "test"])
    }
    assert not sets["train"] & sets["test"]
    assert not sets["train"] & sets["validation"]
    assert not sets["validation"] & sets["test"]
    if size <= 8:
        assert sum(map(len, sets.values())) == 2**size  # all there are


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_prefix_sums_bits_are_fair_and_independent(split):
    x = data.prefix_sums(20_000, 64, split)[0][..., 0] * 2
    assert np.abs(x.mean(axis=0)).max() < 0.035  # five standard errors
    correlation = x.T @ x / len(x) - np.eye(64)
    assert np.abs(correlation).max() < 0.04


@pytest.mark.parametrize("split", ["validation", "test"])
def test_prefix_sums_splits_satisfy_no_parity_equation(split):
    """With a linear hash some subset of bits would have one parity throughout."""
    x = data.prefix_sums(4000, 10, split)[0][..., 0] > 0
    packed = x @ (1 << np.arange(10))
    for subset in range(1, 1 << 10):
        parity = [bin(int(string) & subset).count("1") % 2 for string in packed[:400]]
        assert 0.2 < np.mean(parity) < 0.8


def test_prefix_sums_depend_on_seed_and_size():
    x = data.prefix_sums(50, 64)[0]
    assert not np.array_equal(x, data.prefix_sums(50, 64, seed=1)[0])
    assert not np.array_equal(x[:, :40], data.prefix_sums(50, 40)[0])
    assert len({string.tobytes() for string in x}) == 50


@pytest.mark.parametrize("size, split", [(1, "test"), (2, "test"), (1, "validation")])
def test_prefix_sums_refuses_an_empty_split(size, split):
    with pytest.raises(ValueError, match=r"is empty for strings of .* nearest larger"):
        data.prefix_sums(10, size, split)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(size=0), "Received: size=0. The nearest allowed value is 1"),
        (dict(size=16.5), "of type float"),
        (dict(size=16.0), "Did you mean `size=16`"),
        (dict(size="16"), "of type str"),
        (dict(split="Train"), "Did you mean 'train'"),
        (dict(seed=-1), "Received: seed=-1"),
        (dict(seed=2**64), "below 2"),
        (dict(num_examples=0), "`num_examples` must be"),
    ],
)
def test_prefix_sums_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        data.prefix_sums(**{"num_examples": 5, **arguments})


def test_prefix_sums_are_the_published_ones():
    """A published result rests on these strings: another stream is another set."""
    x, y = data.prefix_sums(100, 70, "test", seed=0)
    assert zlib.crc32((x > 0).tobytes()) == BITS
    assert zlib.crc32(y.astype("uint8").tobytes()) == PARITIES


BITS, PARITIES = 2621616315, 4123437951

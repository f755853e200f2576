"""Shortest paths: the marked cells are right, and no two splits share a grid."""

import itertools
import sys
import zlib
from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_recur import data

pytestmark = pytest.mark.once
MODULE = sys.modules["keras_recur.data.sets.shortest_paths"]
SPLITS = st.sampled_from(["train", "validation", "test"])
SEEDS = st.integers(0, 2**64 - 1)
STEPS = {
    4: [(1, 0), (-1, 0), (0, 1), (0, -1)],
    8: [step for step in itertools.product((-1, 0, 1), repeat=2) if any(step)],
}


@st.composite
def tasks(draw):
    """Arguments of a grid that exists: windows from tight to the whole grid."""
    size = draw(st.integers(5, 24))
    return {
        "size": size,
        "split": draw(SPLITS),
        "seed": draw(SEEDS),
        "window": 2 * draw(st.integers(1, size - 1)) + 1,
        "density": draw(st.floats(0.05, 0.6)),
        "connectivity": draw(st.sampled_from([4, 8])),
    }


def distances(blocked, source, connectivity):
    """Breadth-first distances from one cell over all cells without an obstacle."""
    found = {source: 0}
    queue = deque([source])
    while queue:
        row, column = here = queue.popleft()
        for step in STEPS[connectivity]:
            near = (row + step[0], column + step[1])
            inside = all(0 <= place < len(blocked) for place in near)
            if inside and not blocked[near] and near not in found:
                found[near] = found[here] + 1
                queue.append(near)
    return found


def cells(mask):
    return [tuple(map(int, cell)) for cell in np.argwhere(mask)]


@settings(deadline=None, max_examples=150)
@given(tasks())
def test_shortest_paths_marks_all_cells_on_shortest_paths(task):
    x, y = (part[0] for part in data.shortest_paths(1, **task))
    size = task["size"]
    assert x.shape == (size, size, 2) and x.dtype == np.float32
    assert y.shape == (size, size) and y.dtype == np.int32
    assert set(np.unique(x)) <= {0, 1} and set(np.unique(y)) <= {0, 1}
    first, second = cells(x[..., 0])
    blocked = x[..., 1] == 1
    assert not blocked[first] and not blocked[second]
    assert max(abs(a - b) for a, b in zip(first, second, strict=True)) <= (
        task["window"] // 2
    )
    to_first, to_second = (
        distances(blocked, end, task["connectivity"]) for end in (first, second)
    )
    length = to_first[second]
    on_path = {v for v in to_first if to_first[v] + to_second[v] == length}
    assert set(cells(y)) == on_path
    assert y[first] == y[second] == 1
    assert not y[blocked].any()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 200), tasks())
def test_grids_do_not_depend_on_the_number_of_examples(more, task):
    x, y = data.shortest_paths(3, **task)
    all_x, all_y = data.shortest_paths(3 + more, **task)
    np.testing.assert_array_equal(x, all_x[:3])
    np.testing.assert_array_equal(y, all_y[:3])


def test_shortest_paths_chunk_size_changes_nothing(monkeypatch):
    arguments = {"size": 9, "window": 5, "density": 0.4, "split": "test"}
    x, y = data.shortest_paths(100, **arguments)
    monkeypatch.setattr(MODULE, "_CELLS_AT_ONCE", 7 * 81)
    few_x, few_y = data.shortest_paths(90, **arguments)
    np.testing.assert_array_equal(few_x, x[:90])
    np.testing.assert_array_equal(few_y, y[:90])


@pytest.mark.parametrize("size", [3, 4, 8, 32])
def test_shortest_paths_splits_share_no_grid_over_seeds_and_windows(size):
    variants = [
        {"window": window, "density": density, "connectivity": connectivity}
        for window in (3, 2 * size - 1)
        for density in (0.1, 0.5)
        for connectivity in (4, 8)
    ]
    sets = {
        split: {
            x.tobytes()
            for variant in variants
            for x in data.shortest_paths(100, size, split, seed, **variant)[0]
        }
        for seed, split in enumerate(["train", "validation", "test"])
    }
    for one, other in itertools.combinations(sets.values(), 2):
        assert not one & other


@pytest.mark.parametrize("connectivity, count", [(4, 22), (8, 24)])
def test_shortest_paths_draws_all_smallest_grids(connectivity, count):
    """Of 2 x 2 cells: 6 pairs with 4 choices of obstacles, which cut 2 diagonals."""
    task = {"size": 2, "density": 0.5, "connectivity": connectivity}
    sets = [
        {x.tobytes() for x in data.shortest_paths(1000, split=split, **task)[0]}
        for split in ("train", "validation", "test")
    ]
    assert [len(set.union(*sets)), sum(map(len, sets))] == [count, count]


@pytest.mark.parametrize(
    "connectivity, shares",
    [(4, (0.46, 0.90, 1.52, 1.99, 2.84)), (8, (0.31, 0.58, 0.94, 1.60, 2.06))],
)
def test_share_of_marked_cells_is_that_of_another_generator(connectivity, shares):
    """Measured on 150 grids a phase: some standard errors are allowed for."""
    for window, share in zip((5, 9, 13, 17, 21), shares, strict=True):
        y = data.shortest_paths(1000, window=window, connectivity=connectivity)[1]
        assert 100 * y.mean() == pytest.approx(share, rel=0.15)


def test_obstacles_are_independent_and_as_dense_as_asked():
    for density in (0.0, 0.1, 0.3):
        x = data.shortest_paths(2000, 16, window=5, density=density)[0]
        free = 1 - x[..., 0]
        share = (x[..., 1].sum(axis=0) / free.sum(axis=0)).ravel()
        error = 5 * np.sqrt(density * (1 - density) / 2000)
        assert np.abs(share - density).max() <= error
    flat = x[..., 1].reshape(2000, -1)
    correlation = np.corrcoef(flat.T) - np.eye(256)
    assert np.abs(correlation).max() < 0.12


def test_points_are_uniform_over_the_pairs_of_a_window():
    pairs = [
        (a, b)
        for a, b in itertools.combinations(itertools.product(range(4), repeat=2), 2)
        if max(abs(a[0] - b[0]), abs(a[1] - b[1])) <= 1
    ]
    x = data.shortest_paths(20_000, 4, window=3, density=0.3, connectivity=8)[0]
    points = [tuple(cells(queries)) for queries in x[..., 0]]
    counts = np.array([points.count(pair) for pair in pairs])
    assert counts.sum() == len(points)
    assert counts.min() > 0.75 * counts.mean() and counts.max() < 1.25 * counts.mean()


def test_points_far_apart_are_as_frequent_as_there_are_pairs():
    x = data.shortest_paths(5000, 32, window=9)[0]
    ends = np.array([np.argwhere(queries) for queries in x[..., 0]])
    apart = np.abs(ends[:, 0] - ends[:, 1])
    assert apart.max() == 4
    expected = np.array([32, *(2 * (32 - d) for d in range(1, 5))]) / 32**2
    for axis in range(2):
        found = np.bincount(apart[:, axis], minlength=5) / 5000
        np.testing.assert_allclose(found, expected / expected.sum(), atol=0.03)


def test_seed_index_size_and_window_all_matter():
    x = data.shortest_paths(20, 16, window=9)[0]
    assert len({grid.tobytes() for grid in x}) == 20
    assert not np.array_equal(x, data.shortest_paths(20, 16, seed=1, window=9)[0])
    assert not np.array_equal(x, data.shortest_paths(20, 16, window=11)[0])
    other = data.shortest_paths(20, 17, window=9)[0]
    assert not np.array_equal(x, other[:, :16, :16])


def test_shortest_paths_default_window_is_21_or_the_largest():
    for size, window in ((32, 21), (11, 21), (10, 19), (2, 3)):
        for got, expected in zip(
            data.shortest_paths(5, size),
            data.shortest_paths(5, size, window=window),
            strict=True,
        ):
            np.testing.assert_array_equal(got, expected)


def test_progress_bar_changes_nothing(capsys):
    shown = data.shortest_paths(5, 8, progress=True)
    np.testing.assert_array_equal(shown[0], data.shortest_paths(5, 8)[0])
    assert "Shortest paths of size 8" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(window=10), "from 3 to 63 .* Received: 10. The nearest are 9 and 11"),
        (dict(window=2), "Received: 2. The nearest allowed window is 3"),
        (dict(window=1), "The nearest allowed window is 3"),
        (dict(window=-7), "The nearest allowed window is 3"),
        (dict(window=64), "Received: 64. The nearest allowed window is 63"),
        (dict(window=9, size=4), "from 3 to 7 .* The nearest allowed window is 7"),
        (dict(window=9.0), r"Received: 9.0 \(of type float\)"),
        (dict(window=True), "of type bool"),
        (dict(density=1), "The paper's is 0.1"),
        (dict(density=10), "at least 0 and below 1. Received: 10. The paper's"),
        (dict(density=-0.1), "The nearest allowed value is 0"),
        (dict(density=float("nan")), "Received: nan"),
        (dict(density="0.1"), "of type str"),
        (dict(density=False), "of type bool"),
        (dict(connectivity=6), "must be the integer 4 .* or 8 .* Received: 6"),
        (dict(connectivity=4.0), "Received: 4.0"),
        (dict(connectivity=None), "Received: None"),
        (dict(size=1), "Received: size=1. The nearest allowed value is 2"),
        (dict(size=-32), "Received: size=-32. The nearest allowed value is 2"),
        (dict(size=32.0), "Did you mean `size=32`"),
        (dict(split="tset"), "Did you mean 'test'"),
        (dict(seed=-1), "Received: seed=-1"),
        (dict(seed=2**64), "below 2"),
    ],
)
def test_shortest_paths_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        data.shortest_paths(5, **arguments)


def test_shortest_paths_refuses_bad_counts():
    with pytest.raises(ValueError, match="`num_examples` must be a positive integer"):
        data.shortest_paths(0)


def test_shortest_paths_refuses_too_many_obstacles(monkeypatch):
    monkeypatch.setattr(MODULE, "MAX_ATTEMPTS", 100)
    with pytest.raises(ValueError, match="has its two points connected.* lower dens"):
        data.shortest_paths(10, window=63, density=0.99)


def test_shortest_paths_refuses_an_empty_split():
    """Without obstacles there are 6 grids of 2 x 2 cells, for 8 buckets."""
    empty = []
    for split in ("train", "validation", "test"):
        try:
            data.shortest_paths(3, 2, split, density=0)
        except ValueError as error:
            assert "seems to be empty for window=3 and density=0" in str(error)
            empty.append(split)
    assert empty


def test_shortest_paths_accepts_numpy_numbers():
    x, _ = data.shortest_paths(
        np.int64(1),
        np.int32(16),
        seed=np.uint8(0),
        window=np.int16(9),
        density=np.float64(0.1),
        connectivity=np.int8(4),
    )
    np.testing.assert_array_equal(x, data.shortest_paths(1, 16, window=9)[0])


def test_shortest_paths_are_the_published_ones():
    """A published result rests on these grids: another stream is another set."""
    x, y = data.shortest_paths(100, 32, "test", seed=0, window=13)
    assert zlib.crc32(x.astype("uint8").tobytes()) == GRIDS
    assert zlib.crc32(y.astype("uint8").tobytes()) == PATHS
    y = data.shortest_paths(100, 32, "test", seed=0, window=13, connectivity=8)[1]
    assert zlib.crc32(y.astype("uint8").tobytes()) == DIAGONAL_PATHS


GRIDS, PATHS, DIAGONAL_PATHS = 4053243182, 1283816296, 4244319787

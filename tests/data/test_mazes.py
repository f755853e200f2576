"""Mazes: the solution is the one shortest path, and no two splits share a maze."""

from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_recur import data

SIZES = st.integers(1, 12).map(lambda n: 2 * n + 1)
pytestmark = pytest.mark.once
SPLITS = st.sampled_from(["train", "validation", "test"])
SEEDS = st.integers(0, 2**40)


def distances(codes, source):
    """Breadth-first distances from one grid point over all that is not wall."""
    found = {source: 0}
    queue = deque([source])
    while queue:
        row, column = here = queue.popleft()
        for step in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            near = (row + step[0], column + step[1])
            if codes[near] and near not in found:
                found[near] = found[here] + 1
                queue.append(near)
    return found


def only_maze(*arguments):
    codes, solutions = data.mazes(1, *arguments)
    return codes[0], solutions[0]


def only(codes, code):
    points = [tuple(map(int, point)) for point in np.argwhere(codes == code)]
    assert len(points) == 1
    return points[0]


@settings(deadline=None, max_examples=60)
@given(SIZES, SPLITS, SEEDS)
def test_mazes_solution_is_the_unique_shortest_path(size, split, seed):
    codes, solution = only_maze(size, split, seed)
    start, end = only(codes, 2), only(codes, 3)
    from_start, from_end = distances(codes, start), distances(codes, end)
    length = from_start[end]
    # A grid point lies on a shortest path if the detour over it is none. That
    # there are length + 1 of them means that the shortest path is unique.
    on_path = {p for p in from_start if from_start[p] + from_end[p] == length}
    assert len(on_path) == length + 1
    assert {tuple(map(int, point)) for point in np.argwhere(solution)} == on_path


@settings(deadline=None, max_examples=60)
@given(SIZES, SPLITS, SEEDS)
def test_mazes_corridors_are_a_tree_over_all_cells(size, split, seed):
    codes, _ = only_maze(size, split, seed)
    is_open = codes > 0
    cells = (size + 1) // 2
    assert codes.shape == (size + 2, size + 2)
    assert is_open[1::2, 1::2].all()
    assert not is_open[::2, ::2].any()
    border = np.concatenate([is_open[0], is_open[-1], is_open[:, 0], is_open[:, -1]])
    assert not border.any()
    assert is_open.sum() == 2 * cells**2 - 1  # a tree: one passage less than cells
    assert len(distances(codes, only(codes, 2))) == is_open.sum()


@pytest.mark.parametrize("size", [3, 5, 9])
def test_mazes_splits_share_no_maze_over_seeds(size):
    sets = {
        split: {codes.tobytes() for codes in data.mazes(300, size, split, seed)[0]}
        for seed, split in enumerate(["train", "validation", "test"])
    }
    assert not sets["train"] & sets["test"]
    assert not sets["train"] & sets["validation"]
    assert not sets["validation"] & sets["test"]
    if size == 3:
        assert sum(map(len, sets.values())) == 24  # all there are


def test_mazes_do_not_depend_on_the_number_of_examples():
    codes, solutions = data.mazes(50, 7, "test", seed=3)
    more, more_solutions = data.mazes(60, 7, "test", seed=3)
    np.testing.assert_array_equal(more[:50], codes)
    np.testing.assert_array_equal(more_solutions[:50], solutions)
    assert len({maze.tobytes() for maze in codes}) > 40


def test_mazes_depend_on_seed_and_index():
    first = data.mazes(20, 9, seed=0)[0]
    assert not np.array_equal(first, data.mazes(20, 9, seed=1)[0])
    assert not np.array_equal(first[0], first[1])


def test_mazes_start_and_end_are_uniform_over_cells():
    codes, _ = data.mazes(4000, 5)
    for code in (2, 3):
        counts = (codes == code).sum(axis=0)[1::2, 1::2]
        assert counts.min() > 0.75 * 4000 / 9
        assert counts.max() < 1.25 * 4000 / 9


@pytest.mark.parametrize("size, side", [(9, 24), (11, 28), (13, 32), (33, 72)])
def test_render_mazes_has_the_side_of_the_easy_to_hard_data(size, side):
    images, targets = data.render_mazes(*data.mazes(2, size))
    assert images.shape == (2, side, side, 3)
    assert images.dtype == np.float32
    assert targets.shape == (2, side, side)
    assert targets.dtype == np.int32


def test_render_mazes_colors_and_targets():
    codes, solutions = data.mazes(3, 5)
    images, targets = data.render_mazes(codes, solutions)
    colors = {0: (0, 0, 0), 1: (1, 1, 1), 2: (0, 1, 0), 3: (1, 0, 0)}
    for row in range(images.shape[1]):
        for column in range(images.shape[2]):
            r, c = (row - 1) // 2, (column - 1) // 2
            inside = 0 <= r < 7 and 0 <= c < 7
            for i in range(3):
                code = int(codes[i, r, c]) if inside else 0
                expected = int(solutions[i, r, c]) if code else -1
                assert tuple(images[i, row, column]) == colors[code]
                assert targets[i, row, column] == expected


def test_mazes_progress_bar_changes_nothing(capsys):
    shown = data.mazes(5, 5, progress=True)
    np.testing.assert_array_equal(shown[0], data.mazes(5, 5)[0])
    assert "Mazes of size 5" in capsys.readouterr().out


@pytest.mark.parametrize(
    "size, message",
    [
        (8, "Received: 8. The nearest are 7 and 9"),
        (1, "nearest allowed size is 3"),
        (2, "nearest allowed size is 3"),
        (-5, "nearest allowed size is 3"),
        (9.0, r"Received: 9.0 \(of type float\)"),
        ("9", "of type str"),
        (True, "of type bool"),
    ],
)
def test_mazes_refuses_bad_sizes(size, message):
    with pytest.raises(ValueError, match=message):
        data.mazes(1, size)


def test_mazes_refuses_other_bad_arguments():
    with pytest.raises(ValueError, match="Did you mean 'train'"):
        data.mazes(1, 9, "trian")
    with pytest.raises(ValueError, match="`num_examples` must be a positive integer"):
        data.mazes(0)
    with pytest.raises(ValueError, match=r"seed=1.0 .* Did you mean `seed=1`"):
        data.mazes(1, seed=1.0)
    with pytest.raises(ValueError, match=r"pass `codes\[None\]"):
        data.render_mazes(*only_maze())
    with pytest.raises(ValueError, match="the same shape"):
        data.render_mazes(data.mazes(2)[0], data.mazes(1)[1])


def test_mazes_refuses_an_empty_split(monkeypatch):
    from keras_recur.data import _splits

    monkeypatch.setitem(_splits.BUCKETS, "test", ())
    with pytest.raises(ValueError, match="seems to be empty for this size"):
        data.mazes(1, 3, "test")


def test_mazes_accepts_numpy_integers():
    codes, _ = data.mazes(np.int64(1), np.int32(9), seed=np.uint8(0))
    np.testing.assert_array_equal(codes, data.mazes(1)[0])


def test_mazes_are_the_published_ones():
    """A published result rests on these mazes: another stream is another set."""
    import zlib

    codes, solutions = data.mazes(100, 9, "test", seed=0)
    assert zlib.crc32(codes.tobytes()) == CODES
    assert zlib.crc32(solutions.tobytes()) == SOLUTIONS


CODES, SOLUTIONS = 4141572457, 1915744652

"""Shortest paths between two points of a grid with obstacles."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from keras_recur._limits import MAX_SIZE
from keras_recur._memory import check_memory
from keras_recur._validation import check_flag, check_integer, check_name
from keras_recur.data._hashing import belongs_to_split, hash_words
from keras_recur.data._splits import SPLITS
from keras_recur.data.data_spec import multiples, register
from keras_recur.data.sets._grid_options import (
    DEFAULT_CONNECTIVITY,
    DEFAULT_DENSITY,
    check_connectivity,
    check_connectivity_option,
    check_density,
    check_density_option,
    check_window,
)
from keras_recur.data.sets._grid_search import OBSTACLE, QUERY, search

MAX_ATTEMPTS = 4096
_CELLS_AT_ONCE = 2**20


def shortest_paths(
    num_examples: int,
    size: int = 32,
    split: str = "train",
    seed: int = 0,
    *,
    window: int | None = None,
    density: float = DEFAULT_DENSITY,
    connectivity: int = DEFAULT_CONNECTIVITY,
    progress: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Make the first `num_examples` grids of a split and their shortest paths.

    Every cell is independently an obstacle with probability `density`. The query points
    are drawn uniformly from all pairs of distinct free cells that lie in each other's
    window, a centered square of `window` x `window` cells. The target marks every cell
    on any shortest path between them. Paths may leave the window. Grids without a path
    are drawn again.

    Row `i` does not depend on `num_examples`. Splits share no grid, whatever the other
    arguments. Within a split, small or empty grids may repeat.

    Args:
        num_examples: Number of grids, 1 or more.
        size: Side of the grids in cells, 2 or more. Defaults to `32`.
        split: "train", "validation" or "test". Defaults to `"train"`.
        seed: Integer of at least 0 and below 2**64. Defaults to `0`.
        window: Side of the window: an odd integer from 3 to `2 * size - 1`, which
            allows all pairs. The phases of the paper are 5, 9, 13, 17 and 21. Defaults
            to `None`: 21, or the largest that the grid allows.
        density: Probability of an obstacle, at least 0 and below 1. Defaults to `0.1`,
            as in the paper.
        connectivity: 4, or 8 to allow diagonal steps, which also have length 1 and may
            pass between two obstacles. The paper does not specify it. Defaults to `4`.
        progress: Whether to show a progress bar. Defaults to `False`.

    Returns:
        `(x, y)`: `x` is `float32` in {0, 1} of shape `(num_examples, size, size, 2)`,
        with the query points in channel 0 and the obstacles in channel 1. `y` is
        `int32` of shape `(num_examples, size, size)`, 1 on the shortest paths including
        their ends, and 0 elsewhere.

    Raises:
        ValueError: If an argument is invalid, or no such grid with connected points is
            found for the split.

    Reference: Savarese & Maire, "Learning Implicitly Recurrent CNNs Through Parameter
    Sharing", ICLR 2019, section on shortest paths.

    Example:

    >>> x, y = shortest_paths(100, size=16, window=9)
    >>> x.shape, y.shape, int(x[0, ..., 0].sum())
    ((100, 16, 16, 2), (100, 16, 16), 2)
    """
    return render_grids(
        *grids_with_paths(
            num_examples,
            size,
            split,
            seed,
            window=window,
            density=density,
            connectivity=connectivity,
            progress=progress,
        )
    )


def grids_with_paths(
    num_examples: int,
    size: int,
    split: str,
    seed: int,
    *,
    window: int | None,
    density: float,
    connectivity: int,
    progress: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Make codes (0 free, 1 obstacle, 2 query point) and marked paths, both `uint8`."""
    num_examples = check_integer("num_examples", num_examples, 1)
    check_flag("progress", progress)
    task = _check(size, split, seed, window, density, connectivity)
    needed = 2 * num_examples * task.size**2
    received = f"num_examples={num_examples}, size={task.size}"
    check_memory("Examples", needed, received)
    codes = np.empty((num_examples, task.size, task.size), dtype="uint8")
    marked = np.empty_like(codes)
    step = min(max(_CELLS_AT_ONCE // task.size**2, 1), 4096)
    starts: Iterable[int] = range(0, num_examples, step)
    if progress:
        from rich.progress import track

        label = f"Shortest paths of size {task.size} ({split})"
        starts = track(starts, description=label)
    for start in starts:
        rows = slice(start, min(start + step, num_examples))
        indices = np.arange(rows.start, rows.stop, dtype="uint64")
        codes[rows], marked[rows] = _draw(indices, task)
    return codes, marked


def render_grids(
    codes: np.ndarray, marked: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Expand a batch of `grids_with_paths` to the arrays of `shortest_paths`."""
    x = np.stack([codes == QUERY, codes == OBSTACLE], axis=-1)
    return x.astype("float32"), marked.astype("int32")


class _Task(NamedTuple):
    """Checked arguments, and the stream of random words that they select."""

    size: int
    split: str
    window: int
    density: float
    connectivity: int
    stream: np.ndarray


def _check(
    size: Any, split: Any, seed: Any, window: Any, density: Any, connectivity: Any
) -> _Task:
    size = check_integer(
        "size", size, 2, "It is the side of the grid in cells.", MAX_SIZE
    )
    check_memory("A grid", 40 * size**2, f"size={size}")  # Drawing one grid.
    split = check_name("split", split, SPLITS)
    seed = check_integer("seed", seed, 0)
    if seed >= 2**64:
        raise ValueError(f"`seed` must be below 2**64. Received: {seed}.")
    window = check_window(window, size)
    stream = hash_words(np.zeros(1, "uint64"), seed, size, window)
    density, connectivity = check_density(density), check_connectivity(connectivity)
    return _Task(size, split, window, density, connectivity, stream)


def _draw(indices: np.ndarray, task: _Task) -> tuple[np.ndarray, np.ndarray]:
    """Return codes and marked cells of the first suitable draw of each example."""
    keys = hash_words(task.stream, indices)
    pairs = _pairs(task.size, task.window)
    codes = np.empty((len(keys), task.size, task.size), dtype="uint8")
    marked = np.empty_like(codes)
    attempts = np.zeros(len(keys), dtype="int64")
    pending = np.arange(len(keys))
    in_split = np.zeros(len(keys), dtype=bool)
    while len(pending):
        seeking = pending
        while len(seeking):
            last = seeking[attempts[seeking].argmax()]
            if attempts[last] >= MAX_ATTEMPTS:
                raise _nothing_found(task, int(indices[last]), bool(in_split[last]))
            tries = _sample(hash_words(keys[seeking], attempts[seeking]), pairs, task)
            attempts[seeking] += 1
            belongs = _belongs(tries, task.split)
            codes[seeking[belongs]] = tries[belongs]
            in_split[seeking[belongs]] = True
            seeking = seeking[~belongs]
        marked[pending], connected = search(codes[pending], task.connectivity)
        pending = pending[~connected]
    return codes, marked


def _sample(keys: np.ndarray, pairs: np.ndarray, task: _Task) -> np.ndarray:
    """Return one grid per key."""
    # Drawing the points before the obstacles keeps all pairs equally likely.
    cells = task.size**2
    words = np.arange(1 + -(-cells // 2), dtype="uint64")
    drawn = hash_words(keys[:, None], words[None, :])
    coins = drawn[:, 1:].astype("<u8", copy=False).view("<u4")[:, :cells]
    codes = (coins < np.uint32(task.density * 2**32)).astype("uint8")
    unequal = len(pairs) - task.size
    number = (drawn[:, 0] % np.uint64(len(pairs) ** 2 - task.size**2)).astype("int64")
    # Rows and columns come from one table, equal pairs last; both equal is excluded.
    rest = number - unequal * len(pairs)
    rows = np.where(rest < 0, number // len(pairs), unequal + rest // unequal)
    columns = np.where(rest < 0, number % len(pairs), rest % unequal)
    points = pairs[rows] * task.size + pairs[columns]
    np.put_along_axis(codes, points, QUERY, axis=1)
    return codes.reshape(-1, task.size, task.size)


def _pairs(size: int, window: int) -> np.ndarray:
    """Return pairs of coordinates at most half a window apart, the equal ones last."""
    first, second = np.indices((size, size)).reshape(2, -1)
    apart = abs(first - second)
    near = (apart > 0) & (apart <= window // 2)
    pairs = np.stack([first[near], second[near]], axis=1)
    return np.concatenate([pairs, np.repeat(np.arange(size)[:, None], 2, axis=1)])


def _belongs(codes: np.ndarray, split: str) -> np.ndarray:
    """Return which of the grids belong to the split."""
    count, size = codes.shape[:2]
    flat = codes.reshape(count, -1)
    bits = np.packbits(np.stack([flat == OBSTACLE, flat == QUERY], 1), axis=2)
    bits = bits.reshape(count, -1)
    words = np.pad(bits, ((0, 0), (0, -bits.shape[1] % 8))).view("<u8")
    return belongs_to_split(words, size, split)


def _nothing_found(task: _Task, index: int, in_split: bool) -> ValueError:
    start = (
        f"None of {MAX_ATTEMPTS:,} grids of size {task.size} drawn for example {index} "
    )
    if not in_split:
        return ValueError(
            f"{start}belongs to the split {task.split!r}; it seems to be empty for "
            f"window={task.window} and density={task.density}. Use a larger size or "
            "window."
        )
    return ValueError(
        f"{start}with density={task.density} and window={task.window} belongs to the "
        f"split {task.split!r} and has its two points connected "
        f"(connectivity={task.connectivity}). Use a lower density (the paper's is "
        f"{DEFAULT_DENSITY}) or a smaller window."
    )


def _shape(size):
    return size, size, 2


def _check_size(size):
    return check_integer("size", size, 2, maximum=MAX_SIZE)


def _transform(codes, marked, rng):
    del rng
    return render_grids(codes, marked)


def _test_sizes(size, phases):
    if not phases:
        return multiples(size, phases)
    windows = phases[-1], 2 * phases[-1] - 1
    tests = [(n, min(w, 2 * n - 1)) for n in (size, 2 * size) for w in windows]
    return tuple(dict.fromkeys(tests))


@register(
    name="shortest_paths",
    summary="Mark all cells on a shortest path between two points of a grid.",
    num_classes=2,
    input_shape=_shape(32),
    metric="f1",
    splits=SPLITS,
    num_examples={"train": 5_000, "validation": 1_000, "test": 1_000},
    source="Savarese & Maire, Learning Implicitly Recurrent CNNs Through Parameter "
    "Sharing, ICLR 2019",
    size=32,
    shape=_shape,
    check_size=_check_size,
    options={
        "window": check_window,
        "density": check_density_option,
        "connectivity": check_connectivity_option,
    },
    transform=_transform,
    curriculum="window",
    phases=(5, 9, 13, 17, 21),
    test_sizes=_test_sizes,
)
def _make(request):
    r = request
    grids = grids_with_paths(
        r.count, r.size, r.split, r.seed, **r.options, progress=r.progress
    )
    return *grids, {}
